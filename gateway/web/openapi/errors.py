"""Every refusal as a response of the document: what each status means, with an example."""

from collections.abc import Mapping

from openapi_pydantic import MediaType, Reference, Response, Responses
from openapi_pydantic.util import PydanticSchema

from gateway.documents import ProblemDocument
from gateway.web import problems
from gateway.web.openapi.parts import answer_header
from schemas.errors import FieldProblem

PROBLEM = "application/problem+json"
_LIMIT = FieldProblem(field="limit", message="'500' given", allowed="1 to 200")
MEANINGS: Mapping[int, tuple[str, str, tuple[FieldProblem, ...]]] = {
    400: ("What was sent cannot be read.", "The body is not JSON.", ()),
    401: ("No key, or none that is known.", "This API key is not known here, or was revoked.", ()),
    403: ("The key does not allow it, or another site's page asked.", "This needs a key with the scope admin.", ()),
    404: ("There is no such thing of this tenant.", "There is no media 019a6c1e-7f00-7a3b-9c4d-5e6f708192a3.", ()),
    405: ("Not with this method; `Allow` says with which.", "The method is not allowed for the requested URL.", ()),
    408: ("The request came too slowly.", "Nothing of the body came for 30 seconds.", ()),
    409: ("Not in the state that it is in, or the same `Idempotency-Key` is still in flight.", "No task of this job has failed.", ()),
    410: ("It was there, and is not any more.", "The job's media was deleted.", ()),
    411: ("A body of unknown length.", "The request has no Content-Length.", ()),
    413: ("Too large: JSON above 64 KiB, a completion's above 256 KiB, an upload.", "This JSON body may have at most 65536 bytes.", ()),
    415: ("A type that is not taken.", "'text/html' is not taken; allowed are image/*, video/*, audio/*, application/octet-stream.", ()),
    422: ("Well-formed and wrong: `errors` says which fields.", "limit is out of bounds.", (_LIMIT,)),
    429: ("Too much at once; try again after `Retry-After`.", "Too many uploads are under way; try again in a moment.", ()),
    500: ("A defect of ours; it is logged.", "Something went wrong on our side; it has been logged.", ()),
    503: ("Database or store do not answer; nothing was lost.", "The database or the object store does not answer; try again.", ()),
    507: ("The store is full.", "The store has no room for this upload.", ()),
}  # fmt: skip
"""Status to what it means, then an example's sentence and fields."""


def reference(status: int) -> Reference:
    return Reference.model_validate({"$ref": f"#/components/responses/{status}"})


def responses() -> Responses:
    """All of them, by status, for the document's components."""
    return {str(status): _response(status) for status in MEANINGS}


def table() -> str:
    """All of them, as Markdown."""
    rows = [f"| {status} | {problems.TITLES[status]} | {meaning} |" for status, (meaning, _, _) in MEANINGS.items()]
    return "\n".join(["| status | title | when |", "| --- | --- | --- |", *rows])


def _response(status: int) -> Response:
    meaning, sentence, fields = MEANINGS[status]
    example = problems.document(status, sentence, fields)
    headers = {}
    if status in (429, 503):
        headers["Retry-After"] = answer_header("seconds", type="integer", minimum=0)
    if status == 401:
        headers["WWW-Authenticate"] = answer_header("how to say who asks", type="string")
    if status == 405:
        headers["Allow"] = answer_header("the methods that it takes", type="string")
    content = MediaType(schema=PydanticSchema(schema_class=ProblemDocument), example=example.model_dump(mode="json"))
    return Response(description=meaning, headers=headers or None, content={PROBLEM: content})
