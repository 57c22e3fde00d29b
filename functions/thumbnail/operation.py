"""What thumbnail declares of itself."""

from schemas.facts import Kind
from schemas.operation import Operation, seconds
from schemas.parameters import ThumbnailParameters

OPERATION = Operation(
    name="thumbnail",
    version=1,
    kinds=frozenset({Kind.IMAGE, Kind.VIDEO}),
    parameters=ThumbnailParameters,
    deadline_s=60,
    predict_s=seconds(2),
)
