"""Jobs, described."""

from openapi_pydantic import Callback, DataType, MediaType, Operation, PathItem, RequestBody, Response, Schema
from openapi_pydantic.util import PydanticSchema

from gateway.domain.states import TaskState
from gateway.web.openapi import examples
from gateway.web.openapi.media import SEARCH
from gateway.web.openapi.parts import ID, LOCATION, PAGE, Answer, Call, Described, Link, document_answer, json_body, query, schema
from schemas.events import GATEWAY_SOURCE, JOB_TYPES
from schemas.jobs import JobEnded

_FOLLOW = {"job_id": "$response.body#/job_id"}
_LINKS = {
    "job": Link(endpoint="jobs.get_job", parameters=_FOLLOW),
    "cancel": Link(endpoint="jobs.delete_job", parameters=_FOLLOW),
    "retry": Link(endpoint="jobs.post_retry", parameters=_FOLLOW),
    "media": Link(endpoint="media.get_media", parameters={"media_id": "$response.body#/media_id"}),
}


def event_stream(description: str, example: str) -> Answer:
    """Server-sent events, which OpenAPI 3.1 has no schema for: text."""
    return Answer(description=description, content={"text/event-stream": MediaType(schema=schema(type="string"), example=example)})


_ENVELOPE = {
    "specversion": schema(type="string", const="1.0"),
    "id": schema(type="string", description="the same for every try; also the header `webhook-id`"),
    "source": schema(type="string", const=GATEWAY_SOURCE),
    "type": schema(type="string", enum=list(JOB_TYPES.values())),
    "subject": schema(type="string", description="the job's id"),
    "time": schema(type="string", format="date-time"),
    "datacontenttype": schema(type="string"),
}
_CALLBACK: dict[str, Callback] = {
    "jobEnded": {
        "{$request.body#/callback_url}": PathItem(
            post=Operation(
                summary="The job has ended",
                description=(
                    "A CloudEvent, signed as Standard Webhooks says (`webhook-id`, `webhook-timestamp`, `webhook-signature`). Tried for "
                    "just under a day until it is answered with 2xx, or with 410 for no more."
                ),
                requestBody=RequestBody(
                    required=True,
                    content={
                        "application/cloudevents+json": MediaType(
                            schema=Schema(
                                type=DataType.OBJECT,
                                properties={**_ENVELOPE, "data": PydanticSchema(schema_class=JobEnded)},
                                required=["specversion", "id", "source", "type", "data"],
                            )
                        )
                    },
                ),
                responses={"2XX": Response(description="Taken."), "410": Response(description="No more of this one.")},
            )
        )
    }
}

ROUTES = {
    "jobs.post_jobs": Described(
        summary="Make a job",
        description=(
            "One media, 1 to 32 operations: names, aliases, or objects with parameters (`GET /operations` lists them). Before the media is "
            "probed its tasks wait. What was done before on the same bytes is not done again: such a job is `done` at once. 422 where an "
            "operation is repeated or cannot fit the media's kind, and where the media was rejected or failed."
        ),
        body=json_body(examples.JOB_BODY),
        callbacks=_CALLBACK,
        idempotent=True,
        answers={202: document_answer(examples.QUEUED_JOB, "It is queued.", headers=LOCATION, links=_LINKS)},
        refusals=(404, 410, 429),
        call=Call(
            json={"media_id": "$MEDIA_ID", "operations": ["thumbnail", {"operation": "thumbnail", "parameters": {"longest_edge_px": 64}}]}
        ),
    ),
    "jobs.list_jobs": Described(
        summary="List jobs",
        query=(
            query("state", "only those in this state", type="string", enum=[str(one) for one in TaskState]),
            query("media_id", "only those of this media", **ID),
            SEARCH,
            *PAGE,
        ),
        refusals=(422,),
        answers={200: document_answer(examples.JOB_LIST, "Newest first.")},
        call=Call(query="?media_id=$MEDIA_ID&limit=10"),
    ),
    "jobs.get_job": Described(
        summary="One job",
        answers={200: document_answer(examples.JOB, "As it is now, with its tasks and their attempts.", links=_LINKS)},
        refusals=(410,),
    ),
    "jobs.get_job_events": Described(
        summary="Follow a job live",
        description="Server-sent events, each a whole job document, one a change; the stream ends when the job has. A comment every 15 s.",
        answers={
            200: event_stream(
                "Until it has ended.", f"retry: 2000\n\nevent: job\ndata: {examples.QUEUED_JOB.model_dump_json(by_alias=True)}\n\n"
            )
        },
        call=Call(is_stream=True),
        refusals=(410, 429),
    ),
    "jobs.delete_job": Described(
        summary="Cancel a job",
        description="Its tasks that have not ended; a job that has ended stays as it is.",
        answers={202: document_answer(examples.CANCELLED_JOB, "It is cancelled, or had ended.")},
        refusals=(410,),
    ),
    "jobs.post_retry": Described(
        summary="Try a job's failed tasks again",
        description="All of them, or the one that the body names; an empty body means all. 409 where none failed.",
        body=json_body(examples.RETRY_BODY, required=False),
        idempotent=True,
        answers={202: document_answer(examples.QUEUED_JOB, "They are queued again.", headers=LOCATION)},
        refusals=(409, 410),
    ),
}
