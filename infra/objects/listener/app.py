"""The application: one door for every request, where the signature is checked, errors become S3's, and the headers that disarm hostile
bytes go on every answer."""

from aiohttp import web

from infra.objects.listener.faults import Fault, answer
from infra.objects.listener.reading import read
from infra.objects.listener.target import Target, parse_target
from infra.objects.listener.writing import post, put, put_part
from infra.objects.names import BUCKETS
from infra.objects.port import ObjectStoreError
from infra.objects.served import ServedObjects
from infra.objects.signing import UPLOAD_ID

_METHODS = "GET, HEAD, POST, PUT, OPTIONS"


def create_app(store: ServedObjects, *, allowed_origin: str | None = None) -> web.Application:
    """The HTTP face of a store.

    Args:
        allowed_origin: the one origin whose pages may read and write here by script (CORS): the gateway's.
    """

    async def handle(request: web.Request) -> web.StreamResponse:
        if request.method == "OPTIONS":
            return web.Response(status=204)
        try:
            return await _dispatch(request, store)
        except ObjectStoreError as error:
            return answer(error)

    async def dress(request: web.Request, response: web.StreamResponse) -> None:
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Content-Security-Policy"] = _policy(response.content_type)
        if allowed_origin is not None:
            response.headers["Vary"] = "Origin"
            if request.headers.get("Origin") == allowed_origin:
                response.headers.update(_cors(allowed_origin))

    app = web.Application()
    app.router.add_get("/healthz", _healthz)
    app.router.add_route("*", "/{any:.*}", handle)
    app.on_response_prepare.append(dress)
    return app


def _policy(content_type: str) -> str:
    """No script runs, whatever the bytes. Chromium's player asks for its clip again by CORS, which an origin of `null` would be refused."""
    return "sandbox allow-same-origin" if content_type.startswith(("video/", "audio/")) else "sandbox"


async def _healthz(_request: web.Request) -> web.Response:
    return web.json_response({"status": "ok"})


async def _dispatch(request: web.Request, store: ServedObjects) -> web.StreamResponse:
    target = _target(request)
    if request.method == "POST" and not target.key:
        return await post(request, target.bucket, store)
    if not target.key or request.method not in ("GET", "HEAD", "PUT"):
        raise Fault(405, "MethodNotAllowed", "The specified method is not allowed against this resource.")
    signed_for = "GET" if request.method == "HEAD" else request.method
    store.signer.check_url(signed_for, target.bucket, target.key, target.query)
    if request.method == "PUT":
        return await (put_part if UPLOAD_ID in target.query else put)(request, target, store)
    return await read(request, target, store)


def _target(request: web.Request) -> Target:
    try:
        target = parse_target(request.raw_path)
    except ValueError as exc:
        raise Fault(400, "InvalidURI", "Couldn't parse the specified URI.") from exc
    if target is None or target.bucket not in BUCKETS:
        raise Fault(404, "NoSuchBucket", "The specified bucket does not exist.")
    return target


def _cors(origin: str) -> dict[str, str]:
    return {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Allow-Methods": _METHODS,
        "Access-Control-Allow-Headers": "Content-Type, Range, If-Match, If-None-Match",
        "Access-Control-Expose-Headers": "ETag, Content-Range, Accept-Ranges",
        "Access-Control-Max-Age": "600",
    }
