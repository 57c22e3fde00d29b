"""POST by a policy, PUT of an object or a part by a signed URL: bytes from a socket into a writer, never more than a MiB in memory."""

from aiohttp import BodyPartReader, web

from infra.objects.listener.deadlines import blocks
from infra.objects.listener.faults import Fault
from infra.objects.listener.target import Target
from infra.objects.listener.threads import in_thread
from infra.objects.port import Stored
from infra.objects.served import ServedObjects, Writer
from infra.objects.signing import PART_NUMBER, UPLOAD_ID
from infra.objects.streams import BLOCK_BYTES

MAX_FIELDS = 20
MAX_FIELD_BYTES = 20 * 1024  # as S3: all that is not the file fits 20 KB


async def put(request: web.Request, target: Target, store: ServedObjects) -> web.Response:
    """Answers a PUT whose signature has been found good."""
    content_type = request.headers.get("Content-Type", "application/octet-stream")
    with store.writer(target.bucket, target.key, content_type=content_type, how="Put") as writer:
        async for block in blocks(request.content.readany):
            await in_thread(writer.write, block)
        stored = await in_thread(writer.commit)
    return web.Response(status=200, headers={"ETag": f'"{stored.etag}"'})


async def put_part(request: web.Request, target: Target, store: ServedObjects) -> web.Response:
    """Answers a PUT of one part whose signature, which covers the upload's id and the number, has been found good.

    Raises:
        NoSuchUpload, BadParts, TooLarge.
    """
    upload_id, number = target.query[UPLOAD_ID], int(target.query[PART_NUMBER])
    with await in_thread(store.part_writer, target.bucket, target.key, upload_id, number) as writer:
        async for block in blocks(request.content.readany):
            await in_thread(writer.write, block)
        etag = await in_thread(writer.keep)
    return web.Response(status=200, headers={"ETag": f'"{etag}"'})


async def post(request: web.Request, bucket: str, store: ServedObjects) -> web.Response:
    """Answers a POST: fields first, then `file`, which must have exactly the policy's length; what comes after it is not read.

    Raises:
        Refused: no policy, a bad or an expired one, or fields that break it.
        Fault: a body that is no such form, or too short a file.
        TooLarge: too long a file.
    """
    fields, file = await _fields(request)
    policy = store.signer.check_form(bucket, fields)
    with store.writer(bucket, policy.key, content_type=policy.content_type, max_bytes=policy.exact_bytes, how="Post") as writer:
        stored = await _write_exactly(file, writer, policy.exact_bytes)
    return web.Response(status=204, headers={"ETag": f'"{stored.etag}"'})


async def _write_exactly(file: BodyPartReader, writer: Writer, exact_bytes: int) -> Stored:
    written = 0
    try:
        async for block in blocks(lambda: file.read_chunk(BLOCK_BYTES)):
            await in_thread(writer.write, block)
            written += len(block)
    except ValueError as exc:
        raise _malformed() from exc
    if written < exact_bytes:
        raise Fault(400, "EntityTooSmall", "Your proposed upload is smaller than the minimum allowed object size.")
    return await in_thread(writer.commit)


async def _fields(request: web.Request) -> tuple[dict[str, str], BodyPartReader]:
    """The form's fields by their names in lower case, and the part of the file, not yet read."""
    if request.content_type != "multipart/form-data":
        raise _malformed()
    fields: dict[str, str] = {}
    try:
        parts = await request.multipart()
        while part := await parts.next():
            if not isinstance(part, BodyPartReader) or part.name is None or len(fields) == MAX_FIELDS:
                raise _malformed()
            if part.name == "file":
                return fields, part
            fields[part.name.lower()] = await _text(part)
    except (ValueError, AssertionError) as exc:  # what aiohttp's reader says of a body that it cannot follow
        raise _malformed() from exc
    raise Fault(400, "InvalidArgument", "POST requires exactly one file upload per request.")


async def _text(part: BodyPartReader) -> str:
    value = b""
    async for block in blocks(lambda: part.read_chunk(MAX_FIELD_BYTES)):
        value += block
        if len(value) > MAX_FIELD_BYTES:
            raise Fault(400, "MaxPostPreDataLengthExceeded", "Your POST request fields preceding the upload file were too large.")
    return value.decode()


def _malformed() -> Fault:
    return Fault(400, "MalformedPOSTRequest", "The body of your POST request is not well-formed multipart/form-data.")
