"""What a description of a route is made of. `document` puts them together; what follows from the route itself is not said again here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from openapi_pydantic import Callback, Example, Header, MediaType, Parameter, RequestBody, Schema, schema_validate
from openapi_pydantic.util import PydanticSchema
from pydantic import BaseModel

from gateway.web.bodies import Body

JSON = "application/json"


@dataclass(frozen=True, kw_only=True)
class Link:
    """Where an answer leads: another route by its endpoint, and that route's parameters and body as runtime expressions."""

    endpoint: str
    parameters: Mapping[str, str]
    body: Mapping[str, Any] | None = None


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One way in which a route succeeds. `headers` are names to meanings; `links` are names to where they lead."""

    description: str
    content: Mapping[str, MediaType] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    links: Mapping[str, Link] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Call:
    """How the examples call a route. `$NAME` in `query` and `json` stands for a variable of the environment, as an id in the path does.

    `save_as` is the file to write the answer's bytes to, where it is a redirect to them; `is_stream`: it has no end to wait for.
    `form_file` and `body_file` are paths of a file to send: as the form's field `file`, or as the whole body, of type `content_type`.
    """

    query: str = ""
    json: Mapping[str, Any] | None = None
    form_file: str | None = None
    body_file: str | None = None
    content_type: str = ""
    save_as: str | None = None
    is_stream: bool = False


@dataclass(frozen=True, kw_only=True)
class Described:
    """A route in words. `refusals` are statuses beyond those that follow from it: from its scope, ids, body and `Idempotency-Key`."""

    summary: str
    description: str = ""
    answers: Mapping[int, Answer]
    refusals: Sequence[int] = ()
    query: Sequence[Parameter] = ()
    body: RequestBody | None = None
    callbacks: Mapping[str, Callback] | None = None
    idempotent: bool = False
    call: Call = field(default_factory=Call)


def document_answer(example: BaseModel, description: str, **more: Any) -> Answer:
    """An answer with one of our documents."""
    return Answer(description=description, content={JSON: json_of(example)}, **more)


def json_of(example: BaseModel) -> MediaType:
    """The model's schema, with this one of it as its example; of a body only what is set, since the rest may be left out."""
    shown = example.model_dump(mode="json", by_alias=True, exclude_unset=isinstance(example, Body))
    return MediaType(schema=PydanticSchema(schema_class=type(example)), example=shown)


def either_of(*named: tuple[str, BaseModel]) -> MediaType:
    """Any of several models, with an example of each by name."""
    return MediaType(
        schema=Schema(anyOf=[PydanticSchema(schema_class=type(example)) for _, example in named]),
        examples={name: Example(value=example.model_dump(mode="json", by_alias=True)) for name, example in named},
    )


def json_body(example: BaseModel, *, required: bool = True) -> RequestBody:
    return RequestBody(content={JSON: json_of(example)}, required=required)


def schema(**keywords: Any) -> Schema:
    """A JSON Schema written out."""
    found = schema_validate(keywords)
    assert isinstance(found, Schema)
    return found


def parameter(where: Literal["path", "query", "header"], name: str, description: str | None = None, **keywords: Any) -> Parameter:
    """A parameter of this JSON Schema. In a path it is required; elsewhere it may be left out."""
    found = {"in": where, "name": name, "description": description, "required": where == "path", "schema": schema(**keywords)}
    return Parameter.model_validate(found)


def query(name: str, description: str, **keywords: Any) -> Parameter:
    return parameter("query", name, description, **keywords)


def answer_header(description: str, **keywords: Any) -> Header:
    return Header(description=description, required=True, param_schema=schema(**keywords))


ID = {"type": "string", "format": "uuid", "pattern": "^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"}
"""A UUIDv7 in its one text."""
LIMIT = query("limit", "how many at most", type="integer", minimum=1, maximum=200, default=50)
CURSOR = query("cursor", "the `next_cursor` of the page before", **ID)
PAGE = (LIMIT, CURSOR)
LOCATION = {"Location": "the path of what was made"}
