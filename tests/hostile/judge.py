"""What becomes of a hostile file: the operations run on it one after another, as a function runs them, in the real sandbox.

`examine` is in this process, so that a control can take a defence away; `examine_apart` is in a fresh one, whose children's largest
resident set the kernel counts. An exception that is no failure of ours is a dead worker, and is let through.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from PIL import Image

from functions.errors import FunctionError
from functions.probe.main import probe
from functions.runtime import Job, Outcome
from functions.sandbox import worker
from functions.thumbnail.work import thumbnail
from schemas.catalogue import CATALOGUE
from schemas.facts import MediaFacts
from schemas.parameters import EmbedParameters, Parameters, ProbeParameters, ThumbnailParameters, TranscodeParameters

DEADLINE_S = 40.0
MAX_PEAK_BYTES = 1 << 30
"""What no child may ever hold, whatever the file; its address space has a limit of its own, which mapped libraries count towards."""
CLEAR = ("bad-input", "unsupported", "limit")
"""Failures that say something about the file."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """How it ended.

    Attributes:
        name: the file's.
        outcome: `done`, or the failure's class.
        ended: the operation that was the last one.
        message: the failure's sentence.
        seconds: for all operations.
        peak_bytes: the largest resident set of any child until then; 0 where nobody measures.
    """

    name: str
    outcome: str
    ended: str
    message: str = ""
    seconds: float = 0.0
    peak_bytes: int = 0


def examine(
    source: Path, operations: Sequence[str] = ("thumbnail",), *, facts: MediaFacts | None = None, keep: Path | None = None
) -> Verdict:
    """Probes it, then does those operations that fit its kind, with what probe found, until one fails.

    Args:
        facts: what probe would have been deceived into saying, in its place.
        keep: a folder where the artifacts stay.
    """
    seconds, last = 0.0, Verdict(name=source.name, outcome="done", ended="probe")
    for last in verdicts(source, operations, facts=facts, keep=keep):
        seconds += last.seconds
        if last.outcome != "done":
            break
    return replace(last, seconds=seconds)


def verdicts(source: Path, operations: Sequence[str], *, facts: MediaFacts | None = None, keep: Path | None = None) -> Iterator[Verdict]:
    """The same, one verdict for probe and, if it lets the file through, one for each operation, whatever becomes of the others."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o711)
        if facts is None:
            judged = _attempt("probe", (probe, ProbeParameters()), None, source, Path(folder, "probe"))
            yield judged.verdict
            if judged.outcome is None:
                return
            facts = judged.outcome.facts
        assert facts
        for name in operations:
            if facts.kind in CATALOGUE[name].kinds:
                yield _attempt(name, _work(name), facts, source, (keep or Path(folder)) / name).verdict


@dataclass(frozen=True, kw_only=True)
class _Attempted:
    verdict: Verdict
    outcome: Outcome | None = None


def _attempt(name: str, work: tuple[Callable[[Job], Outcome], Parameters], facts: MediaFacts | None, source: Path, out: Path) -> _Attempted:
    began = time.monotonic()
    verdict = Verdict(name=source.name, outcome="done", ended=name)
    try:
        outcome = _run(*work, facts, source, out)
    except FunctionError as exc:
        seconds = time.monotonic() - began
        return _Attempted(verdict=replace(verdict, outcome=exc.failure, message=exc.message, seconds=seconds))
    if facts:
        _check(outcome, facts)
    return _Attempted(verdict=replace(verdict, seconds=time.monotonic() - began), outcome=outcome)


def examine_apart(sources: Iterable[Path], operations: Sequence[str] = ("thumbnail",)) -> list[Verdict]:
    """The same for many files, in one process of their own. The last one's peak is that of all of them."""
    argv = [sys.executable, "-m", "tests.hostile.judge", ",".join(operations)]
    asked = "\n".join(str(source.absolute()) for source in sources)
    done = subprocess.run(argv, input=asked, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2])
    assert done.returncode == 0, done.stderr[-3000:]
    return [Verdict(**json.loads(line)) for line in done.stdout.splitlines()]


def _work(operation: str) -> tuple[Callable[[Job], Outcome], Parameters]:
    if operation == "thumbnail":
        return thumbnail, ThumbnailParameters()
    if operation == "transcode":
        from functions.transcode.transcode import transcode

        return transcode, TranscodeParameters(short_side_px=240)
    from functions.embed.work import embed

    return embed, EmbedParameters()


def _run(work: Callable[[Job], Outcome], parameters: Parameters, facts: MediaFacts | None, source: Path, out: Path) -> Outcome:
    out.mkdir(parents=True)
    return work(
        Job(
            operation=out.name,
            parameters=parameters,
            facts=facts,
            source=source,
            filename=source.name,
            out=out,
            deadline_s=DEADLINE_S,
            progress=lambda done: None,
            stopped=lambda: False,
        )
    )


def _check(outcome: Outcome, facts: MediaFacts) -> None:
    """A right result: artifacts are there, a picture can be decoded and is as large as is said, a rendition is as long as probe said."""
    for output in outcome.outputs:
        assert output.path.stat().st_size > 0
        if output.content_type.startswith("image/"):
            with Image.open(output.path) as image:
                image.load()
                assert image.size == (output.width_px, output.height_px)
        if output.content_type.startswith("video/") and facts.duration_ms:
            assert output.duration_ms
            assert output.duration_ms >= facts.duration_ms * 0.95 - 500


def main() -> None:
    """The other side of `examine_apart`: paths in, one JSON line for each out."""
    operations = sys.argv[1].split(",")
    sources = [Path(line) for line in sys.stdin.read().splitlines()]
    for number, source in enumerate(sources):
        verdict = examine(source, operations)
        if number == len(sources) - 1:
            worker._worker.close()  # reaped: now its forks count
        peak_bytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
        print(json.dumps(asdict(verdict) | {"peak_bytes": peak_bytes}), flush=True)


if __name__ == "__main__":
    main()
