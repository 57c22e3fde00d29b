"""Errors as RFC 9457 problem details: one table from exceptions to HTTP status. Never HTML, never a stack trace."""

import logging
import math
from collections.abc import Sequence

from flask import Flask, Response
from werkzeug.exceptions import HTTPException
from werkzeug.exceptions import NotFound as NoSuchPath

from gateway.documents import ProblemDocument, ProblemField
from gateway.service.errors import Busy, Conflict, ForeignOrigin, Forged, Gone, Invalid, NoKey, NotFound, OutOfScope
from gateway.store.database import DatabaseUnavailable, Unstorable
from infra.objects.port import ObjectStoreError, StoreFull
from schemas.errors import ContractError, FieldProblem, InvalidParameters, UnknownOperation

log = logging.getLogger(__name__)

STATUS: dict[type[Exception], int] = {
    NoKey: 401,
    OutOfScope: 403,
    ForeignOrigin: 403,
    NotFound: 404,
    Gone: 410,
    Conflict: 409,
    Invalid: 422,
    Busy: 429,
    Forged: 403,
    UnknownOperation: 422,
    InvalidParameters: 422,
    ContractError: 400,
    StoreFull: 507,
    ObjectStoreError: 503,
    DatabaseUnavailable: 503,
    Unstorable: 400,
}
TITLES = {
    400: "Malformed request", 401: "Who are you", 403: "Forbidden", 404: "Not found",
    405: "Method not allowed", 408: "Too slow", 409: "Conflict", 410: "Gone",
    411: "Length required", 413: "Too large", 415: "Unsupported media type", 422: "Cannot be done", 429: "Too many requests",
    500: "Our fault", 503: "Try again later", 507: "The store is full",
}  # fmt: skip
NO_SUCH_PATH = "There is no such path here."
RETRY_AFTER_S = 2


def document(status: int, detail: str, errors: Sequence[FieldProblem] = ()) -> ProblemDocument:
    """What a refusal says."""
    fields = [ProblemField(field=one.field, message=one.message, allowed=one.allowed) for one in errors]
    return ProblemDocument(type="about:blank", title=TITLES.get(status, "Error"), status=status, detail=detail, errors=fields)


def problem(status: int, detail: str, errors: Sequence[FieldProblem] = ()) -> Response:
    """One problem document, as an answer."""
    response = Response(document(status, detail, errors).model_dump_json(), status, content_type="application/problem+json")
    if status in (429, 503):
        response.headers["Retry-After"] = str(RETRY_AFTER_S)
    if status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="darkroom"'
    return response


def install(app: Flask) -> None:
    """Every exception of every route ends here."""
    app.register_error_handler(HTTPException, _http)
    for kind in STATUS:
        app.register_error_handler(kind, _ours)
    app.register_error_handler(Exception, _unexpected)


def _http(exc: HTTPException) -> Response:
    detail = NO_SUCH_PATH if isinstance(exc, NoSuchPath) and exc.description == NoSuchPath.description else exc.description
    response = problem(exc.code or 500, detail or TITLES.get(exc.code or 500, "Error"))
    for name, value in exc.get_headers():
        if name.lower() in ("allow", "retry-after", "location"):
            response.headers[name] = value
    return response


def _ours(exc: Exception) -> Response:
    status = next(STATUS[kind] for kind in type(exc).__mro__ if kind in STATUS)
    if status == 503:
        log.warning("unavailable", extra={"reason": str(exc)})
        return problem(status, "The database or the object store does not answer; nothing was lost, try again.")
    if isinstance(exc, Unstorable):
        return problem(status, "The request holds a value that cannot be kept.")
    response = problem(status, str(exc), _problems(exc))
    if isinstance(exc, Busy) and exc.retry_after_s is not None:
        response.headers["Retry-After"] = str(max(1, math.ceil(exc.retry_after_s)))
    return response


def _problems(exc: Exception) -> tuple[FieldProblem, ...]:
    if isinstance(exc, UnknownOperation):
        return (FieldProblem(field="operations", message=f"no operation {exc.name!r}", allowed=", ".join(exc.allowed)),)
    return exc.problems if isinstance(exc, Invalid | InvalidParameters) else ()


def _unexpected(exc: Exception) -> Response:
    log.exception("a defect of ours", exc_info=exc)
    return problem(500, "Something went wrong on our side; it has been logged.")
