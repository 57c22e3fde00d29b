"""What probe declares of itself."""

from schemas.facts import Kind
from schemas.operation import Operation, seconds
from schemas.parameters import ProbeParameters

OPERATION = Operation(
    name="probe",
    version=1,
    kinds=frozenset(Kind),
    parameters=ProbeParameters,
    deadline_s=30,
    predict_s=seconds(1),
    named_by_clients=False,
)
