"""Direct uploads, described."""

from gateway.web.openapi import examples
from gateway.web.openapi.media import OPERATIONS
from gateway.web.openapi.parts import JSON, LOCATION, Answer, Call, Described, Link, document_answer, either_of, json_body

_FOLLOW = {"upload_id": "$response.body#/upload_id"}
_GRANTS = either_of(("one POST", examples.GRANT), ("in parts", examples.MULTIPART))
_LINKS = {
    "upload": Link(endpoint="uploads.get_upload", parameters=_FOLLOW),
    "complete": Link(endpoint="uploads.post_complete", parameters=_FOLLOW),
    "abort": Link(endpoint="uploads.delete_upload", parameters=_FOLLOW),
    "media": Link(endpoint="media.get_media", parameters={"media_id": "$response.body#/media_id"}),
}

ROUTES = {
    "uploads.post_uploads": Described(
        summary="Ask for a direct upload",
        description=(
            "The bytes then go to the store, not through the gateway. Up to 64 MiB by one POST of `fields` and then `file` to `url`, good "
            "for ten minutes, and nothing more is to be done. Above, or with `multipart`, in parts: PUT each to its `url`, then complete "
            "it; `GET /uploads/{upload_id}` gives fresh URLs for what is missing, for 24 h."
        ),
        query=(OPERATIONS,),
        body=json_body(examples.UPLOAD_BODY),
        idempotent=True,
        answers={201: Answer(description="A grant.", content={JSON: _GRANTS}, headers=LOCATION, links=_LINKS)},
        refusals=(429, 507),
        call=Call(json={"filename": "clip.mp4", "content_type": "video/mp4", "bytes": 1234, "multipart": True}),
    ),
    "uploads.get_upload": Described(
        summary="How far an upload is",
        description="With fresh URLs for what is missing.",
        answers={200: Answer(description="As it is now.", content={JSON: _GRANTS})},
        refusals=(410,),
    ),
    "uploads.post_complete": Described(
        summary="Complete an upload in parts",
        description="Makes the parts the media's object. Done again, it changes nothing. 422: the parts are not those that the store has.",
        body=json_body(examples.COMPLETION_BODY),
        idempotent=True,
        answers={200: document_answer(examples.UPLOADED, "The media, uploaded.", headers=LOCATION)},
        refusals=(409, 410, 507),
        call=Call(json={"parts": [{"part_number": 1, "etag": "$ETAG"}]}),
    ),
    "uploads.delete_upload": Described(
        summary="Abort an upload",
        description="With its media and parts. Aborting it again is fine; 409 once it is complete.",
        answers={204: Answer(description="It is gone.")},
        refusals=(409,),
    ),
}
