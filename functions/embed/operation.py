"""What embed declares of itself."""

from schemas.facts import Kind
from schemas.operation import Operation, seconds
from schemas.parameters import EmbedParameters

OPERATION = Operation(
    name="embed",
    version=1,
    kinds=frozenset({Kind.IMAGE, Kind.VIDEO}),
    parameters=EmbedParameters,
    deadline_s=120,
    predict_s=seconds(10),
)
