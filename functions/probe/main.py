"""The entry of the probe function: the first bytes decide what a file is, then Pillow or ffmpeg says the rest, in the sandbox."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from functions.errors import BadInput
from functions.media.formats import CONTAINERS, TAKEN, MediaLimits
from functions.media.magic import Identity, identify
from functions.media.whole import is_cut_short
from functions.probe.plan import refusal, stream_facts
from functions.probe.stream import read_stream
from functions.runtime import Job, Outcome, function
from functions.sandbox import call_worker
from schemas.facts import Kind, MediaFacts


def probe(job: Job) -> Outcome:
    """A media's facts and its real content type. It makes no outputs.

    Raises:
        BadInput: broken, or cut short.
        Unsupported: of a kind, or coded in a way, that is not taken.
        LimitExceeded: too large, too long, too much of anything.
    """
    identity = identify(job.source)
    if identity.container is None:
        raise refusal(identity, TAKEN)
    if is_cut_short(job.source, identity.container):
        raise BadInput(f"This is {identity.label} that was cut short: it ends before its own header says.")
    with ThreadPoolExecutor(1) as beside:
        digest = beside.submit(_sha256, job.source)
        facts = _examine(job, identity)
        found = MediaFacts(**facts, sha256=digest.result(), bytes=job.source.stat().st_size)
    return Outcome(facts=found, content_type=_content_type(identity, found.kind))


def _examine(job: Job, identity: Identity) -> dict[str, Any]:
    assert identity.container
    container = CONTAINERS[identity.container]
    if container.kind is Kind.IMAGE:
        still = call_worker(
            "functions.probe.still:examine", {"container": container.name}, source=job.source, out=job.out, deadline_s=job.deadline_s
        )
        return {"kind": Kind.IMAGE, "container": container.name, **still}
    limits = MediaLimits.from_environment()
    return stream_facts(*read_stream(job, identity, limits), container, limits)


def _content_type(identity: Identity, kind: Kind) -> str:
    assert identity.container
    container = CONTAINERS[identity.container]
    if kind is Kind.AUDIO:
        return container.audio_type or container.content_type
    return identity.content_type or container.content_type


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


handle = function("probe", probe, warm=("functions.probe.still",))
