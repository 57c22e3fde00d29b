"""Direct uploads: grants, how far they are, their completion and their end."""

from flask import Blueprint, Response, request, url_for

from gateway.service.grants import Grants
from gateway.service.queries import media_document
from gateway.web import bodies, quotas
from gateway.web.context import answer, the_gateway, the_pressure, the_tenant
from gateway.web.idempotency import idempotent
from gateway.web.routes.media import asked_for
from gateway.web.uploads import clean_name, taken_type

uploads = Blueprint("uploads", __name__)


def the_grants() -> Grants:
    gateway = the_gateway()
    return Grants(gateway.database, gateway.objects, gateway.settings, the_tenant())


@uploads.post("/uploads")
@idempotent()
def post_uploads() -> Response:
    asked = asked_for(request.args.get("operations"))
    body = bodies.read_json(request, bodies.UploadBody)
    the_pressure().check_queue()
    quotas.spend(body.bytes)
    document = the_grants().make(
        filename=clean_name(body.filename), content_type=taken_type(body.content_type), size_bytes=body.bytes, operations=asked,
        multipart=body.multipart,
    )  # fmt: skip
    return answer(document, 201, url_for("media.get_media", media_id=document.media_id))


@uploads.get("/uploads/<upload_id>")
def get_upload(upload_id: str) -> Response:
    """Needs the right to write: the URLs in it are that."""
    return answer(the_grants().get(upload_id))


@uploads.post("/uploads/<upload_id>/complete")
@idempotent(max_json_bytes=bodies.CompletionBody.MAX_BYTES)
def post_complete(upload_id: str) -> Response:
    body = bodies.read_json(request, bodies.CompletionBody)
    media = the_grants().complete(upload_id, [(part.part_number, part.etag.strip('"')) for part in body.parts])
    return answer(media_document(media), 200, url_for("media.get_media", media_id=media.id))


@uploads.delete("/uploads/<upload_id>")
def delete_upload(upload_id: str) -> Response:
    """Aborts it; aborting it again is fine."""
    the_grants().abort(upload_id)
    return Response(status=204)
