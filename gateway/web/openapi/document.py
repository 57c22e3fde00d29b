"""Puts the OpenAPI document together: what follows from each route of the URL map, and what `ROUTES` says of it."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from openapi_pydantic import Components, Info, License, OpenAPI, Operation, Parameter, PathItem, Reference, Response, Tag
from openapi_pydantic import Link as OpenAPILink
from openapi_pydantic import SecurityScheme as Scheme
from openapi_pydantic.util import construct_open_api_with_schema_class
from werkzeug.routing import Map, Rule

from gateway.web.openapi import errors, jobs, media, operators, samples, uploads, webhooks
from gateway.web.openapi.parts import ID, Answer, Described, answer_header, parameter

ROUTES: Mapping[str, Described] = {**media.ROUTES, **jobs.ROUTES, **uploads.ROUTES, **webhooks.ROUTES, **operators.ROUTES}
"""Endpoint (blueprint.view) to its description."""
NOT_DESCRIBED = frozenset({"pages", "docs"})
"""Blueprints that are for browsers: pages and what they load."""
TAGS = {
    "media": "Originals: uploaded through the gateway, probed, and what was made of them.",
    "uploads": "Originals sent straight to the store.",
    "jobs": "Operations on media.",
    "webhooks": "What callbacks are owed.",
    "news": "Everything of a tenant, live.",
    "about": "What there is, and whether it is well.",
    "operators": "For whoever runs the house.",
    "sessions": "Browsers.",
}
KEY = parameter(
    "header",
    "Idempotency-Key",
    "kept for 24 h: the same key and request get the same answer; 409 while the first is in flight, 422 with another request",
    type="string",
    minLength=1,
    maxLength=255,
    pattern="^[ -~]+$",
)
INTRODUCTION = """\
Upload media, ask for operations, fetch the artifacts. The examples run as they are in a shell and in Python (with `requests`), with
`DARKROOM` (this gateway's origin) in the environment, {key}and the ids that an example names, such as `MEDIA_ID`.

**Keys.** {keys} Scopes: `read`, `write`, `admin`; none implies another. A key sees its tenant's rows alone.

**Lists** come newest first, `limit` at a time; give a page's `next_cursor` as `cursor` for the next. It is null at the end.
A page of a search, `q`, may be short before it.

**Idempotency.** A POST that takes `Idempotency-Key` can be sent again safely.

**Times** are RFC 3339 in UTC, ids UUIDv7, sizes bytes, pixels and milliseconds, as the names say.

**Errors**, everywhere, are `application/problem+json` (RFC 9457), one sentence for people and the fields that are wrong:

{errors}
"""
KEYS = {
    True: "Every call but those marked open needs `Authorization: Bearer dk_…`; `darkroom keys create` makes keys.",
    False: "This gateway asks for none. Where one does, a call has `Authorization: Bearer dk_…`.",
}
_RULE_ID = re.compile(r"<(\w+)>")


def build(url_map: Map, scopes: Mapping[str, str], *, keys_demanded: bool) -> dict[str, Any]:
    """The document.

    Args:
        scopes: endpoint to what it needs, as in `gateway.web.access`.
        keys_demanded: whether a caller without a key is refused.

    Raises:
        LookupError: a route that nothing describes, or a description of no route.
    """
    rules = sorted(described(url_map), key=lambda rule: rule.rule)
    if difference := {rule.endpoint for rule in rules} ^ ROUTES.keys():
        raise LookupError(f"gateway/web/openapi describes other routes than there are: {', '.join(sorted(difference))}")
    paths: dict[str, dict[str, Operation]] = {}
    for rule in rules:
        (method,) = (rule.methods or set()) - {"HEAD", "OPTIONS"}
        operation = _operation(rule, method, scopes[rule.endpoint], keys_demanded=keys_demanded)
        paths.setdefault(path(rule), {})[method.lower()] = operation
    whole = OpenAPI(
        openapi="3.1.1",
        info=Info(
            title="Darkroom",
            version="0.1.0",
            summary="Drop media in, get developed artifacts out.",
            description=INTRODUCTION.format(
                keys=KEYS[keys_demanded], errors=errors.table(), key="`DARKROOM_API_KEY` (an API key) " if keys_demanded else ""
            ),
            license=License(name="MIT", identifier="MIT"),
        ),
        tags=[Tag(name=name, description=words) for name, words in TAGS.items()],
        paths={name: PathItem(**operations) for name, operations in paths.items()},
        components=Components(
            responses=errors.responses(),
            securitySchemes={
                "key": Scheme(type="http", scheme="bearer", description="an API key, `dk_…`"),
                "session": Scheme(type="apiKey", name="darkroom_session", security_scheme_in="cookie", description="a browser's session"),
            },
        ),
    )
    found = construct_open_api_with_schema_class(whole)
    return found.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_unset=True)


def described(url_map: Map) -> Iterable[Rule]:
    """The routes that belong into the document."""
    return [rule for rule in url_map.iter_rules() if rule.endpoint.partition(".")[0] not in NOT_DESCRIBED]


def path(rule: Rule) -> str:
    """A rule's path as OpenAPI writes it."""
    return _RULE_ID.sub(r"{\1}", rule.rule)


def _operation(rule: Rule, method: str, needs: str, *, keys_demanded: bool) -> Operation:
    said = ROUTES[rule.endpoint]
    is_open = needs == "open"
    words = [said.description, "Open to everybody." if is_open else f"Needs a key with the scope `{needs}`." if needs != "any" else ""]
    words.append(samples.markdown(method, path(rule), said.call, with_key=keys_demanded and not is_open))
    responses: dict[str, Response | Reference] = {str(status): _answer(answer) for status, answer in said.answers.items()}
    for status in refusals(rule, said, is_open=is_open):
        responses.setdefault(str(status), errors.reference(status))
    return Operation(
        operationId=_operation_id(rule.endpoint),
        tags=[rule.endpoint.partition(".")[0]],
        summary=said.summary,
        description="\n\n".join(word for word in words if word),
        parameters=[*_ids(rule), *said.query, *([KEY] if said.idempotent else [])] or None,
        requestBody=said.body,
        callbacks=dict(said.callbacks) if said.callbacks else None,
        responses=dict(sorted(responses.items())),
        security=[] if is_open else [{"key": []}, {"session": []}, *([] if keys_demanded else [{}])],
    )


def refusals(rule: Rule, said: Described, *, is_open: bool) -> list[int]:
    """The statuses with which a route may refuse: those that follow from what it takes, and its own."""
    found = {400, *said.refusals}
    if not is_open:
        found |= {401, 403, 429, 503}
    if rule.arguments:
        found.add(404)
    if said.body is not None:
        found |= {408, 413, 415, 422}
    if said.idempotent:
        found |= {409, 413, 422}
    return sorted(found)


def _answer(answer: Answer) -> Response:
    return Response(
        description=answer.description,
        content=dict(answer.content) or None,
        headers={name: answer_header(words, type="string") for name, words in answer.headers.items()} or None,
        links={
            name: OpenAPILink(operationId=_operation_id(link.endpoint), parameters=dict(link.parameters) or None, requestBody=link.body)
            for name, link in answer.links.items()
        }
        or None,
    )


def _operation_id(endpoint: str) -> str:
    return endpoint.partition(".")[2]


def _ids(rule: Rule) -> list[Parameter]:
    return [parameter("path", name, **ID) for name in sorted(rule.arguments)]
