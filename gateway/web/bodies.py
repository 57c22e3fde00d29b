"""What clients may send as JSON, and how query parameters are read. Wrong input becomes one Invalid with every field that is wrong."""

from enum import StrEnum
from typing import IO, Annotated, Any, ClassVar, Literal, TypeVar

from flask import Request as HttpRequest
from flask import g
from pydantic import BaseModel, ConfigDict, Field, ValidationError, WithJsonSchema
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge, UnsupportedMediaType

from gateway.documents import Id
from gateway.domain.parts import MOST_PARTS
from gateway.service.errors import Invalid
from gateway.service.queries import Page
from schemas.catalogue import CATALOGUE, names
from schemas.errors import FieldProblem
from schemas.ids import is_id
from schemas.parameters import WHOLE

MAX_JSON_BYTES = 64 * 1024
MAX_OBJECT_BYTES = 5 * 2**40
"""S3's largest object."""
CONTENT_TYPE_PATTERN = r"^ *(application/octet-stream|(image|video|audio)/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}) *(;.*)?$"
"""For the document; `gateway.web.uploads.taken_type` decides."""
MAX_SEARCH_CHARS = 200


class YesNo(StrEnum):
    """A switch in a query."""

    YES = "true"
    NO = "false"


class Body(BaseModel):
    """Frozen, exact, and of at most so many bytes."""

    MAX_BYTES: ClassVar[int] = MAX_JSON_BYTES
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class OperationItem(Body):
    operation: str
    parameters: dict[str, Any] = {}


def _item_schema() -> dict[str, Any]:
    """What an item may be, by the catalogue. Which of them is wrong, and why, `schemas.catalogue.resolve` says."""
    either: list[dict[str, Any]] = [{"type": "string", "enum": list(names()), "description": "an operation's name, or an alias"}]
    for operation in CATALOGUE.values():
        if operation.named_by_clients:
            properties = {"operation": {"type": "string", "const": operation.name}, "parameters": operation.parameters.model_json_schema()}
            either.append({"type": "object", "properties": properties, "required": ["operation"], "additionalProperties": False})
    return {"anyOf": either}


Item = Annotated[str | OperationItem, WithJsonSchema(_item_schema())]


class JobBody(Body):
    """A media and what to do with it."""

    media_id: Id
    operations: Annotated[list[Item], Field(min_length=1, max_length=32, json_schema_extra={"uniqueItems": True})]
    priority: Annotated[Literal["interactive", "bulk"], Field(description="`bulk` waits for everything else")] = "interactive"
    callback_url: Annotated[str, Field(max_length=2048, pattern=r"^https?://[!-~]+$")] | None = None


class RetryBody(Body):
    """Which task; all failed ones where it is left out."""

    task_id: Id | None = None


class SessionBody(Body):
    """A key to sign in with."""

    key: Annotated[str, Field(min_length=1, max_length=200)]


class UploadBody(Body):
    """The file that is to come."""

    filename: Annotated[str, Field(min_length=1, max_length=1024)]
    content_type: Annotated[str, Field(min_length=1, max_length=255, json_schema_extra={"pattern": CONTENT_TYPE_PATTERN})]
    bytes: Annotated[int, Field(ge=1, le=MAX_OBJECT_BYTES, description="at most what this gateway's `MAX_UPLOAD_BYTES` says"), WHOLE]
    multipart: bool = False


class NamedPart(Body):
    """A part, by the ETag that the store answered its PUT with."""

    part_number: Annotated[int, Field(ge=1, le=MOST_PARTS), WHOLE]
    etag: Annotated[str, Field(min_length=1, max_length=100, pattern="^[!-~]+$")]


class CompletionBody(Body):
    """Every part of the upload."""

    MAX_BYTES: ClassVar[int] = 256 * 1024  # of the most parts, each with the longest ETag
    parts: Annotated[list[NamedPart], Field(min_length=1, max_length=MOST_PARTS)]


Model = TypeVar("Model", bound=Body)


def read_json(request: HttpRequest, model: type[Model]) -> Model:
    """The body as this model.

    Raises:
        BadRequest: no JSON. RequestEntityTooLarge. UnsupportedMediaType: declared as something else. Invalid: JSON, and wrong.
    """
    if request.mimetype not in ("application/json", ""):
        raise UnsupportedMediaType("The body must be application/json.")
    raw = read_raw(request, model.MAX_BYTES)
    try:
        return model.model_validate_json(raw)
    except ValidationError as exc:
        errors = exc.errors(include_url=False)
        if errors[0]["type"] == "json_invalid":
            raise BadRequest("The body is not JSON.") from exc
        problems = [FieldProblem(field=".".join(map(str, e["loc"])) or "body", message=e["msg"], allowed=_allowed(e)) for e in errors]
        raise Invalid("The body does not fit: " + "; ".join(f"{p.field}: {p.message}" for p in problems)[:300], problems) from exc


def read_raw(request: HttpRequest, max_bytes: int = MAX_JSON_BYTES) -> bytes:
    """The whole body of a JSON request; asked again, with the same bound, the same.

    Raises:
        BadRequest, RequestEntityTooLarge.
    """
    if "raw_body" not in g:
        try:
            g.raw_body = _at_most(request.stream, max_bytes + 1)
        except OSError as exc:
            raise BadRequest("The body broke off.") from exc
    raw: bytes = g.raw_body
    if len(raw) > max_bytes:
        raise RequestEntityTooLarge(f"This JSON body may have at most {max_bytes} bytes.")
    return raw


def _at_most(stream: IO[bytes], size: int) -> bytes:
    """The first bytes of a stream, which may give fewer at a time than it is asked for."""
    read = b""
    while len(read) < size and (part := stream.read(size - len(read))):
        read += part
    return read


def _allowed(error: Any) -> str | None:
    """Of what pydantic knows of an error, the bounds: not what was given."""
    bounds = {key: value for key, value in error.get("ctx", {}).items() if key not in ("actual_length", "field_type")}
    return ", ".join(f"{key} {value}" for key, value in bounds.items() if isinstance(value, str | int | float)) or None


def read_page(request: HttpRequest) -> Page:
    """`limit` and `cursor`.

    Raises:
        Invalid.
    """
    limit = read_int(request, "limit", default=50, low=1, high=200)
    cursor = request.args.get("cursor")
    if cursor is not None and not is_id(cursor):
        raise Invalid(
            "cursor is not one that a list gave.", [FieldProblem(field="cursor", message="unknown", allowed="a list's next_cursor")]
        )
    return Page(limit=limit, cursor=cursor)


def read_search(request: HttpRequest) -> str | None:
    """`q`: words of a filename by their beginnings, or a whole id.

    Raises:
        Invalid.
    """
    q = request.args.get("q")
    if q is not None and not 1 <= len(q) <= MAX_SEARCH_CHARS:
        problem = FieldProblem(field="q", message=f"{len(q)} characters given", allowed=f"1 to {MAX_SEARCH_CHARS} characters")
        raise Invalid("q is empty or too long.", [problem])
    return q


def read_int(request: HttpRequest, name: str, *, default: int, low: int, high: int) -> int:
    raw = request.args.get(name)
    if raw is None:
        return default
    if not raw.isascii() or not raw.isdigit() or not low <= int(raw[:10]) <= high or len(raw) > 10:
        raise Invalid(f"{name} is out of bounds.", [FieldProblem(field=name, message=f"{raw[:40]!r} given", allowed=f"{low} to {high}")])
    return int(raw)


def read_choice(request: HttpRequest, name: str, allowed: type[Any]) -> str | None:
    """A query parameter that must be one of an enum's values."""
    raw = request.args.get(name)
    values = [str(one) for one in allowed]
    if raw is not None and raw not in values:
        raise Invalid(
            f"{name} is not one of those there are.", [FieldProblem(field=name, message=f"{raw[:40]!r} given", allowed=", ".join(values))]
        )
    return raw
