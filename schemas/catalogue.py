"""The operation catalogue: the one place that knows every operation's name, version, kinds, parameters, deadline and cost.

The gateway validates and predicts with it, the functions read deadlines from it, the documentation lists it. How an operation works
is its function's business.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from schemas.errors import FieldProblem, InvalidParameters, UnknownOperation
from schemas.events import Lane
from schemas.facts import Kind, MediaFacts
from schemas.parameters import EmbedParameters, Parameters, ProbeParameters, ThumbnailParameters, TranscodeParameters


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One operation.

    `version` changes when the same input would give other bytes on purpose; `deadline_s` is the longest that one attempt may work on the
    lane `request`, `job_deadline_s` on the lane `job` (None: it is never that long, and has no such lane); `predict_s` estimates one
    attempt's seconds of wall time from the probed facts.
    """

    name: str
    version: int
    kinds: frozenset[Kind]
    parameters: type[Parameters]
    deadline_s: int
    predict_s: Callable[[Parameters, MediaFacts], float]
    aliases: Mapping[str, Parameters] = field(default_factory=dict)
    named_by_clients: bool = True
    job_deadline_s: int | None = None

    def longest_s(self, lane: Lane) -> int | None:
        """The longest that one attempt may work on this lane; None where the operation has no such lane."""
        return self.deadline_s if lane is Lane.REQUEST else self.job_deadline_s


@dataclass(frozen=True, kw_only=True)
class Request:
    """What a client asked for, in canonical form: an operation and its complete parameters."""

    operation: Operation
    parameters: Parameters

    @property
    def identity(self) -> tuple[str, str]:
        return self.operation.name, self.parameters.canonical()


def predict_transcode_s(parameters: Parameters, facts: MediaFacts) -> float:
    """Seconds for one transcode: decoding by the source's pixels, encoding by the rendition's, plus a second to start.

    The two costs are seconds a pixel of wall time on two shared cores. Measured as processor time over two, with grainy pictures: decoding
    and scaling 3.1e-9 (H.264, 1080p) to 4.1e-9 (HEVC, 10 bits), encoding 8.8e-9, with tone mapping 1.45e-8. Here 1.4 to 2.2 times that, for
    what shares the cores.
    """
    assert isinstance(parameters, TranscodeParameters)
    decode_s_px, encode_s_px = 6e-9, 2e-8
    width, height = facts.width_px or 1920, facts.height_px or 1080
    frames = facts.frames or round((facts.duration_ms or 0) / 1000 * (facts.frame_rate or 30))
    scale = min(1.0, parameters.short_side_px / min(width, height))
    return 1.0 + frames * width * height * (decode_s_px + scale * scale * encode_s_px)


def _seconds(value: float) -> Callable[[Parameters, MediaFacts], float]:
    return lambda _parameters, _facts: value


_ALL = (
    Operation(
        name="probe",
        version=1,
        kinds=frozenset(Kind),
        parameters=ProbeParameters,
        deadline_s=30,
        predict_s=_seconds(1),
        named_by_clients=False,
    ),
    Operation(
        name="thumbnail",
        version=1,
        kinds=frozenset({Kind.IMAGE, Kind.VIDEO}),
        parameters=ThumbnailParameters,
        deadline_s=60,
        predict_s=_seconds(2),
    ),
    Operation(
        name="transcode",
        version=1,
        kinds=frozenset({Kind.VIDEO}),
        parameters=TranscodeParameters,
        aliases={f"transcode_{p}p": TranscodeParameters(short_side_px=p) for p in (240, 360, 480, 720, 1080)},
        deadline_s=570,
        job_deadline_s=6 * 3600,
        predict_s=predict_transcode_s,
    ),
    Operation(
        name="embed",
        version=1,
        kinds=frozenset({Kind.IMAGE, Kind.VIDEO}),
        parameters=EmbedParameters,
        deadline_s=120,
        predict_s=_seconds(10),
    ),
)
CATALOGUE: Mapping[str, Operation] = MappingProxyType({operation.name: operation for operation in _ALL})
DEFAULT_OPERATIONS = ("thumbnail",)


def names() -> tuple[str, ...]:
    """Every name that a client may use: operations, then aliases."""
    public = [operation for operation in _ALL if operation.named_by_clients]
    return tuple(o.name for o in public) + tuple(alias for o in public for alias in o.aliases)


def resolve(name: str, values: Mapping[str, Any] | None = None) -> Request:
    """A client's words to a complete request.

    Args:
        name: an operation's name or an alias.
        values: parameters to set; what is missing takes its default. An alias has its own and takes none.

    Raises:
        UnknownOperation: no such name.
        InvalidParameters: values out of bounds, unknown, or given to an alias.
    """
    for operation in _ALL:
        if not operation.named_by_clients:
            continue
        if name in operation.aliases:
            if values:
                problem = FieldProblem(field="parameters", message=f"{name} is an alias and takes none", allowed=operation.name)
                raise InvalidParameters(name, [problem])
            return Request(operation=operation, parameters=operation.aliases[name])
        if name == operation.name:
            return Request(operation=operation, parameters=_validated(operation, values or {}))
    raise UnknownOperation(name, names())


def _validated(operation: Operation, values: Mapping[str, Any]) -> Parameters:
    try:
        return operation.parameters.model_validate(dict(values), strict=True)
    except ValidationError as exc:
        properties = operation.parameters.model_json_schema()["properties"]
        raise InvalidParameters(operation.name, [_problem(error, properties) for error in exc.errors()]) from exc


def _problem(error: Any, properties: Mapping[str, Any]) -> FieldProblem:
    name = str(error["loc"][0]) if error["loc"] else "parameters"
    known = properties.get(name)
    if known is None:
        return FieldProblem(field=name, message="no such parameter", allowed=", ".join(properties) or "none")
    allowed = ", ".join(known["enum"]) if "enum" in known else f"{known['type']} from {known['minimum']} to {known['maximum']}"
    return FieldProblem(field=name, message=error["msg"], allowed=allowed)
