"""Which lane a work goes out on, by the seconds that the catalogue predicts for it. Pure."""

from schemas.events import Lane
from schemas.operation import Operation


def lane_for(operation: Operation, predicted_s: float, *, request_limit_s: float, job_lane: bool) -> Lane | None:
    """The lane for one attempt of so many seconds, or None where no lane is long enough.

    Args:
        request_limit_s: what is predicted to take longer goes to the lane `job`, if there is one.
        job_lane: this system runs jobs of this operation.
    """
    if predicted_s <= min(request_limit_s, operation.deadline_s):
        return Lane.REQUEST
    if job_lane and predicted_s <= (operation.job_deadline_s or 0):
        return Lane.JOB
    return Lane.REQUEST if not job_lane and predicted_s <= operation.deadline_s else None


def too_long(operation: Operation, predicted_s: float, *, job_lane: bool) -> str:
    """The sentence for a client whose work no lane takes."""
    longest_s = max(operation.deadline_s, operation.job_deadline_s or 0) if job_lane else operation.deadline_s
    return f"{operation.name} is predicted to take {predicted_s:,.0f} s here; at most {longest_s:,} s are allowed."
