"""Media: uploads through the gateway, their facts, artifacts, originals and neighbours."""

from collections.abc import Sequence
from typing import Any

from flask import Blueprint, Response, redirect, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from gateway.domain.states import MediaState
from gateway.service import gallery, queries, uploads
from gateway.service.errors import Conflict, Gone
from gateway.service.jobs import default_operations, lock_media
from gateway.service.removal import delete_media
from gateway.service.retry import original_is_there, probe_again
from gateway.web import bodies, quotas
from gateway.web.context import answer, the_gateway, the_presigner, the_pressure, the_principal, the_tenant
from gateway.web.idempotency import idempotent, kept_in_flight
from gateway.web.uploads import incoming
from schemas import keys
from schemas.catalogue import DEFAULT_OPERATIONS
from schemas.facts import Kind

media = Blueprint("media", __name__)


@media.post("/media")
@idempotent(upload=True)
def post_media() -> Response:
    gateway = the_gateway()
    asked = asked_for(request.args.get("operations"))
    found = incoming(request, max_bytes=gateway.settings.max_upload_bytes)
    with the_pressure().uploading(the_principal().key_id):
        chunks = quotas.metered(found.chunks)
        row = uploads.upload(
            gateway.database, gateway.objects, gateway.settings, the_tenant(),
            filename=found.filename, content_type=found.content_type, operations=asked,
            chunks=kept_in_flight(gateway.database, the_tenant(), chunks),
        )  # fmt: skip
    return answer(queries.media_document(row), 201, url_for("media.get_media", media_id=row.id))


def asked_for(raw: str | None) -> Sequence[Any]:
    if raw is None:
        return default_operations(DEFAULT_OPERATIONS)
    return [] if raw == "none" else default_operations([name.strip() for name in raw.split(",")])


@media.get("/media")
def list_media() -> Response:
    state, kind = bodies.read_choice(request, "state", MediaState), bodies.read_choice(request, "kind", Kind)
    page, q, developed = bodies.read_page(request), bodies.read_search(request), bodies.read_choice(request, "artifacts", bodies.YesNo)
    with the_gateway().database.transaction() as session:
        if developed == bodies.YesNo.YES:
            return answer(gallery.list_developed(session, the_tenant(), page, the_presigner(), state=state, kind=kind, q=q))
        return answer(queries.list_media(session, the_tenant(), page, state=state, kind=kind, q=q))


@media.get("/media/<media_id>")
def get_media(media_id: str) -> Response:
    with the_gateway().database.transaction() as session:
        return answer(queries.media_document(queries.media_row(session, the_tenant(), media_id)))


@media.delete("/media/<media_id>")
def remove_media(media_id: str) -> Response:
    """Deletes it for good; deleting it again is fine."""
    gateway = the_gateway()
    with gateway.database.transaction() as session:
        delete_media(session, the_tenant(), media_id, gateway.settings)
    return Response(status=204)


@media.get("/media/<media_id>/artifacts")
def get_artifacts(media_id: str) -> Response:
    with the_gateway().database.transaction() as session:
        return answer(queries.media_artifacts(session, the_tenant(), media_id, the_presigner()))


@media.get("/artifacts/<artifact_id>/download")
def get_download(artifact_id: str) -> BaseResponse:
    """302 to a URL that browsers save as a file, named after the media and the operation."""
    with the_gateway().database.transaction() as session:
        return redirect(gallery.artifact_url(session, the_tenant(), artifact_id, the_presigner()), 302)


@media.get("/media/<media_id>/original")
def get_original(media_id: str) -> BaseResponse:
    gateway = the_gateway()
    with gateway.database.transaction() as session:
        media = queries.media_row(session, the_tenant(), media_id)
    if media.etag is None and media.expired_at is None:
        raise Conflict("The media's object has not come yet.")
    info = gateway.objects.head(keys.MEDIA_BUCKET, media.object_key)
    if media.gone_at is not None or info is None or info.etag != media.etag:
        raise Gone("The original was replaced or is gone.")
    url = gateway.objects.presign_get(
        keys.MEDIA_BUCKET,
        media.object_key,
        ttl_s=gateway.settings.presign_ttl_s,
        content_type="application/octet-stream",
        download_as=media.filename,
    )
    return redirect(url, 302)


@media.get("/media/<media_id>/similar")
def get_similar(media_id: str) -> Response:
    k = bodies.read_int(request, "k", default=10, low=1, high=100)
    with the_gateway().database.transaction() as session:
        return answer(queries.similar(session, the_tenant(), media_id, k))


@media.post("/media/<media_id>/probe")
@idempotent()
def post_probe(media_id: str) -> Response:
    """A failed media is probed again, where its object is still there."""
    gateway = the_gateway()
    with gateway.database.transaction() as session:
        media = queries.media_row(session, the_tenant(), media_id)
    there = original_is_there(gateway.objects, media)
    with gateway.database.transaction() as session:
        media = lock_media(session, the_tenant(), media_id)
        if media.state != MediaState.FAILED or not there:
            raise Conflict("Only a failed media whose object is still there can be probed again.")
        probe_again(session, media, gateway.settings)
        return answer(queries.media_document(media), 202, url_for("media.get_media", media_id=media.id))
