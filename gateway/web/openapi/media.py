"""Media and their artifacts, described."""

from openapi_pydantic import MediaType, RequestBody

from gateway.domain.states import MediaState
from gateway.web.openapi import examples
from gateway.web.openapi.parts import (
    JSON,
    LOCATION,
    PAGE,
    Answer,
    Call,
    Described,
    Link,
    document_answer,
    either_of,
    query,
    schema,
)
from schemas.catalogue import names
from schemas.facts import Kind

_ONE = rf"({'|'.join(names())})"
OPERATIONS = query(
    "operations",
    "names and aliases with commas between them, or `none`, in place of the default, a thumbnail",
    examples=["thumbnail,embed"],
    type="string",
    pattern=rf"^(none|{_ONE}(,{_ONE}){{0,31}})$",
)
SEARCH = query("q", "words of a filename by their beginnings, or a whole id", examples=["beach"], type="string", minLength=1, maxLength=200)
_BINARY = schema(type="string", format="binary", minLength=1)
_FILE = MediaType(
    schema=schema(type="object", properties={"file": {"type": "string", "format": "binary", "minLength": 1}}, required=["file"])
)
_FOLLOW = {"media_id": "$response.body#/media_id"}
_LINKS = {
    "media": Link(endpoint="media.get_media", parameters=_FOLLOW),
    "artifacts": Link(endpoint="media.get_artifacts", parameters=_FOLLOW),
    "original": Link(endpoint="media.get_original", parameters=_FOLLOW),
    "similar": Link(endpoint="media.get_similar", parameters=_FOLLOW),
    "jobs": Link(endpoint="jobs.list_jobs", parameters=_FOLLOW),
    "probe": Link(endpoint="media.post_probe", parameters=_FOLLOW),
    "job": Link(endpoint="jobs.post_jobs", parameters={}, body={"media_id": "$response.body#/media_id", "operations": ["thumbnail"]}),
    "removal": Link(endpoint="media.remove_media", parameters=_FOLLOW),
}
_REDIRECT = {"Location": "a presigned URL, good for an hour unless `PRESIGN_TTL_S` says otherwise"}

ROUTES = {
    "media.post_media": Described(
        summary="Upload a media",
        description=(
            "As a form with the field `file`, or as a raw body with its `Content-Type` and `?filename=`. It is probed, and the operations "
            "are a job like any other: `GET /jobs?media_id=` finds it. With an `Idempotency-Key` the file is compared by its sha256."
        ),
        query=(
            OPERATIONS,
            query("filename", "the name of a raw body", examples=["beach.jpg"], type="string"),
        ),
        body=RequestBody(
            required=True,
            content={
                "multipart/form-data": _FILE,
                **{kind: MediaType(schema=_BINARY) for kind in ("application/octet-stream", "image/*", "video/*", "audio/*")},
            },
        ),
        idempotent=True,
        refusals=(422, 429, 507),
        answers={201: document_answer(examples.UPLOADED, "It is stored.", headers=LOCATION, links=_LINKS)},
        call=Call(query="?operations=thumbnail", form_file="sample_data/clip.mp4"),
    ),
    "media.list_media": Described(
        summary="List media",
        query=(
            query("state", "only those in this state", type="string", enum=[str(one) for one in MediaState]),
            query("kind", "only those of this kind", type="string", enum=[str(one) for one in Kind]),
            SEARCH,
            query("artifacts", "`true`: each with its artifacts", type="string", enum=["true", "false"]),
            *PAGE,
        ),
        refusals=(422,),
        answers={
            200: Answer(
                description="Newest first.",
                content={JSON: either_of(("plain", examples.MEDIA_LIST), ("with their artifacts", examples.DEVELOPED_LIST))},
            )
        },
        call=Call(query="?state=accepted&limit=10"),
    ),
    "media.get_media": Described(
        summary="One media",
        description="`state`: `awaiting_upload`, `uploaded`, then by the probe `accepted`, `rejected` or `failed`.",
        answers={200: document_answer(examples.MEDIA, "As it is now.")},
    ),
    "media.remove_media": Described(
        summary="Delete a media",
        description=(
            "With its vectors, the live tasks of its jobs, and what artifacts nothing else of the tenant needs. Deleting it again is fine; "
            "everything else then says 404, and its jobs 410."
        ),
        answers={204: Answer(description="It is gone.")},
    ),
    "media.get_artifacts": Described(
        summary="Artifacts of a media",
        answers={200: document_answer(examples.ARTIFACTS, "Everything that a done task of it made.")},
    ),
    "media.get_download": Described(
        summary="Download an artifact",
        answers={302: Answer(description="To a URL that browsers save as a file, named after media and operation.", headers=_REDIRECT)},
        refusals=(410,),
        call=Call(save_as="artifact"),
    ),
    "media.get_original": Described(
        summary="The original",
        answers={302: Answer(description="To the bytes as they were uploaded, as a download.", headers=_REDIRECT)},
        refusals=(409, 410),
        call=Call(save_as="original"),
    ),
    "media.get_similar": Described(
        summary="Similar media",
        description="By the vectors that `embed` made: best first, without itself; the score is (1 + cosine) / 2. 409 until it has one.",
        query=(query("k", "how many at most", type="integer", minimum=1, maximum=100, default=10),),
        answers={200: document_answer(examples.SIMILAR, "Its nearest neighbours.")},
        refusals=(409, 422),
        call=Call(query="?k=5"),
    ),
    "media.post_probe": Described(
        summary="Probe a failed media again",
        description="409 unless it failed and its object is still there.",
        idempotent=True,
        answers={202: document_answer(examples.UPLOADED, "It is on its way again.", headers=LOCATION)},
        refusals=(409,),
    ),
}
