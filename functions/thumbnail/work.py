"""A still picture of an image or a video, never larger than its source, with nothing in it but pixels."""

from functions.errors import Unsupported
from functions.runtime.job import Job, Outcome, Output
from functions.sandbox import call_worker
from functions.thumbnail.plan import ENCODINGS
from schemas.facts import Kind
from schemas.parameters import ThumbnailParameters


def thumbnail(job: Job) -> Outcome:
    """One thumbnail of the job's media.

    Raises:
        Unsupported: sound has no picture.
        FunctionError: as `render` and `poster`.
    """
    facts, parameters = job.facts, job.parameters
    assert facts is not None
    assert isinstance(parameters, ThumbnailParameters)
    encoding = ENCODINGS[parameters.format]
    if facts.kind is Kind.AUDIO:
        raise Unsupported("Sound has no picture to make a thumbnail of.")
    if facts.kind is Kind.VIDEO:
        from functions.thumbnail.poster import poster  # late: stills start without it

        best = poster(job, facts, parameters)
        path = best.path.rename(job.out / encoding.name)
        return Outcome(outputs=[Output(path=path, content_type=encoding.content_type, width_px=best.width_px, height_px=best.height_px)])
    size = call_worker(
        "functions.thumbnail.render:render",
        {"container": facts.container, "longest_edge_px": parameters.longest_edge_px, "format": parameters.format},
        source=job.source,
        out=job.out,
        deadline_s=job.deadline_s,
    )
    return Outcome(outputs=[Output(path=job.out / encoding.name, content_type=encoding.content_type, **size)])
