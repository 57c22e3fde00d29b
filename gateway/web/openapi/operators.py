"""What operators, browsers and probes ask, described."""

from gateway.web.openapi import examples
from gateway.web.openapi.jobs import event_stream
from gateway.web.openapi.parts import JSON, PAGE, Answer, Call, Described, document_answer, json_body, json_of

_COOKIE = {"Set-Cookie": "`darkroom_session`: HttpOnly, SameSite=Strict"}

ROUTES = {
    "about.get_operations": Described(
        summary="Operations",
        description="What a job may name, with the JSON Schema of each one's parameters.",
        answers={200: document_answer(examples.OPERATION_LIST, "All of them.")},
    ),
    "about.healthz": Described(summary="The process lives", answers={200: document_answer(examples.HEALTH, "It does.")}),
    "about.readyz": Described(
        summary="Whether it can work",
        answers={
            200: document_answer(examples.READY, "Database and store answer."),
            503: Answer(description="One does not.", content={JSON: json_of(examples.NOT_READY)}),
        },
    ),
    "news.get_events": Described(
        summary="Follow everything live",
        description="Server-sent events of the tenant: `hello`, then `job`, `media` and `deleted`; with the scope `admin` also `stats`.",
        answers={200: event_stream("Until the client goes.", "retry: 2000\n\nevent: hello\ndata: {}\n\n")},
        call=Call(is_stream=True),
        refusals=(429,),
    ),
    "operators.get_stats": Described(
        summary="Statistics",
        description="Throughput is of the last 30 minutes, failures of the last 24 hours; `instances` are null where nobody says.",
        answers={200: document_answer(examples.STATS, "As they are now.")},
    ),
    "operators.list_dead_letters": Described(
        summary="List dead letters",
        query=PAGE,
        refusals=(422,),
        answers={
            200: document_answer(
                examples.LETTER_LIST,
                "Newest first.",
            )
        },
        call=Call(query="?limit=10"),
    ),
    "operators.post_redrive": Described(
        summary="Redrive a dead letter",
        description="409 where its task is done or cancelled, or nothing is left to try.",
        idempotent=True,
        answers={202: document_answer(examples.REDRIVEN, "It is tried again.")},
        refusals=(409,),
    ),
    "sessions.get_session": Described(
        summary="Who asks", answers={200: document_answer(examples.SESSION, "The caller's tenant, scopes and key.")}
    ),
    "sessions.post_session": Described(
        summary="Sign a browser in",
        description="Sets a cookie for a key; writes with the cookie must come from this gateway's own pages.",
        body=json_body(examples.SESSION_BODY),
        answers={201: document_answer(examples.SIGNED_IN, "Signed in.", headers=_COOKIE)},
        refusals=(401, 403, 429, 503),
        call=Call(json={"key": "$DARKROOM_API_KEY"}),
    ),
    "sessions.delete_session": Described(
        summary="Sign a browser out",
        answers={204: Answer(description="Signed out, or nobody was in.", headers=_COOKIE)},
        refusals=(403, 503),
    ),
}
