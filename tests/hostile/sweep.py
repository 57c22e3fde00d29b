"""The long run behind `make hostile`: thousands of damaged files, probed, and every operation on what probe lets through.

What is tried follows from the seed, in one shuffled order, so that a run of some minutes covers a part that is spread evenly over samples
and ways; the next run goes on where it stopped. The same bytes are judged once. Each process has a warm image worker, as a function has,
and ffmpeg starts anew each time, as it does there.

    HOSTILE_MINUTES=30 make hostile        HOSTILE_EACH, HOSTILE_SEED, HOSTILE_JOBS: how many, which, how many at once

The record is build/hostile/: the samples, and one JSON line for each file. Exit status 1: something was neither done nor clearly refused.
"""

import hashlib
import json
import multiprocessing
import os
import resource
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from pathlib import Path
from typing import Any

from functions.sandbox import worker
from tests.hostile.damage import KINDS, Damage, everything, samples
from tests.hostile.judge import CLEAR, MAX_PEAK_BYTES, verdicts

OPERATIONS = ("thumbnail", "transcode", "embed")
SLOWEST_S = 30.0
"""For one operation."""
_AT_ONCE = 40
_SAY_EVERY = 500
_FOLDER = Path(__file__).parents[2] / "build" / "hostile"

Record = dict[str, Any]


def judge(damages: list[Damage], seed: str, folder: Path) -> list[Record]:
    """What became of these, in a process of the pool. A peak is that of this process's children so far."""
    sound = _samples(folder)
    records = []
    for damage in damages:
        data = damage.done_to(sound, seed)
        with tempfile.TemporaryDirectory() as place:
            Path(place).chmod(0o711)
            source = Path(place, damage.name)
            source.write_bytes(data)
            records.append(_judged(damage, source) | {"digest": _digest(data)})
    worker._worker.close()  # reaped: now its forks count
    return [record | {"peak_bytes": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024} for record in records]


def _judged(damage: Damage, source: Path) -> Record:
    record: Record = {"kind": damage.kind, "way": damage.way, "number": damage.number, "ends": {}, "seconds": 0.0, "said": {}}
    ended = "probe"
    try:
        for verdict in verdicts(source, OPERATIONS):
            ended = verdict.ended
            record["ends"][ended] = verdict.outcome
            record["seconds"] = max(record["seconds"], round(verdict.seconds, 2))
            if verdict.outcome not in ("done", *CLEAR):
                record["said"][ended] = verdict.message
    except Exception:  # noqa: BLE001 - a dead worker, or a wrong result: what this is here to find
        record["ends"][f"after {ended}"], record["said"][ended] = "crash", traceback.format_exc()[-2000:]
    return record


def faults(record: Record) -> list[str]:
    """What is wrong with how it ended; nothing, mostly."""
    wrong = [f"{operation}: {outcome}" for operation, outcome in record["ends"].items() if outcome not in ("done", *CLEAR)]
    if record["seconds"] > SLOWEST_S:
        wrong.append(f"{record['seconds']:.0f} s")
    if record["peak_bytes"] > MAX_PEAK_BYTES:
        wrong.append(f"{record['peak_bytes'] >> 20} MiB")
    return wrong


def report(records: Iterable[Record]) -> str:
    """A line for each sample and way: how many, and how they ended."""
    ended: dict[tuple[str, str], Counter[str]] = {}
    for record in records:
        told = next((f"{name} {end}" for name, end in record["ends"].items() if end != "done"), "done")
        ended.setdefault((record["kind"], record["way"]), Counter())[told] += 1
    lines = (
        f"| {kind} | {way} | {counts.total()} | {', '.join(f'{count} {end}' for end, count in counts.most_common())} |"
        for (kind, way), counts in sorted(ended.items(), key=lambda item: (KINDS.index(item[0][0]), item[0][1]))
    )
    return "\n".join(("| sample | damage | files | ended |", "| --- | --- | --- | --- |", *lines))


def main() -> None:
    """Runs until all is done or the minutes are over, then reports on the whole record."""
    each, seed = int(os.environ.get("HOSTILE_EACH", "2000")), os.environ.get("HOSTILE_SEED", "darkroom")
    ends_at = time.monotonic() + 60 * float(os.environ.get("HOSTILE_MINUTES", "inf"))
    jobs = int(os.environ.get("HOSTILE_JOBS", "0")) or len(os.sched_getaffinity(0))
    os.environ["OMP_NUM_THREADS"] = "1"  # torch's, in the pool: there is a process for each core
    sound, path = _samples(_FOLDER), _FOLDER / f"{seed}.jsonl"
    asked = everything(each, seed)
    before = _read(path)
    due = _due(asked, sound, seed, before)
    print(f"{len(before)} judged before, {len(due)} to go", flush=True)
    with path.open("a") as record:
        for number, made in enumerate(_run(due, seed, jobs, ends_at), 1):
            record.write(json.dumps(made) + "\n")
            record.flush()
            if wrong := faults(made):
                print(f"!! {made['way']}-{made['number']}.{made['kind']}: {', '.join(wrong)} {made['said']}", flush=True)
            if number % _SAY_EVERY == 0:
                print(f"{number} of {len(due)}", flush=True)
    judged = _read(path)
    whole = [record for record in judged.values() if record["number"] < each]
    bad = [record for record in whole if faults(record)]
    slowest_s, peak_bytes = (max((record[name] for record in whole), default=0) for name in ("seconds", "peak_bytes"))
    print(report(whole))
    print(f"{len(asked)} drawn; {len(whole)} different files judged, {len(_due(asked, sound, seed, judged))} left")
    print(f"slowest operation {slowest_s:.1f} s, largest child {peak_bytes >> 20} MiB; {len(bad)} with a fault")
    sys.exit(1 if bad else 0)


def _run(due: list[Damage], seed: str, jobs: int, ends_at: float) -> Iterator[Record]:
    """Judges them in so many processes, and starts no more when the time is over.

    Raises:
        BrokenProcessPool: one of the processes died, which no file may bring about.
    """
    batches = (due[at : at + _AT_ONCE] for at in range(0, len(due), _AT_ONCE))
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        under_way: set[Future[list[Record]]] = set()
        while True:
            while len(under_way) < jobs and time.monotonic() < ends_at and (batch := next(batches, None)):
                under_way.add(pool.submit(judge, batch, seed, _FOLDER))
            if not under_way:
                return
            done, under_way = wait(under_way, return_when=FIRST_COMPLETED)
            for one in done:
                yield from one.result()


def _due(asked: Iterable[Damage], sound: Mapping[str, bytes], seed: str, judged: Mapping[str, Record]) -> list[Damage]:
    """What is left of them, the same bytes once; what had a fault is tried again."""
    fresh: dict[str, Damage] = {}
    for damage in asked:
        digest = _digest(damage.done_to(sound, seed))
        if digest not in judged or faults(judged[digest]):
            fresh.setdefault(digest, damage)
    return list(fresh.values())


def _read(path: Path) -> dict[str, Record]:
    """The record, by the digests of the files."""
    lines = path.read_text().splitlines() if path.exists() else []
    return {record["digest"]: record for record in map(json.loads, lines)}


def _samples(folder: Path) -> dict[str, bytes]:
    """The samples of the record: made once, since not every encoder makes the same bytes twice."""
    place = folder / "samples"
    if not place.exists():
        with tempfile.TemporaryDirectory() as work:
            made = samples(Path(work))
        place.mkdir(parents=True)
        for kind, data in made.items():
            (place / f"sound.{kind}").write_bytes(data)
    return {kind: (place / f"sound.{kind}").read_bytes() for kind in KINDS}


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:32]


if __name__ == "__main__":
    main()
