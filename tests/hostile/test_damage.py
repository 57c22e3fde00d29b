"""Cut and flipped files: each one a clear failure or a right result, none a dead worker, and the sound file behind them is done.

200 truncations and 1,000 flips in all, spread over the samples by what one costs; the first few of each go through every operation, and
all through the first. `sweep` takes 2,000 of each of every sample, and every operation.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.hostile.damage import CLIPS, KINDS, SOUNDS, STILLS, flips, samples, truncations
from tests.hostile.judge import CLEAR, MAX_PEAK_BYTES, Verdict, examine_apart

SHARES = {"truncations": {STILLS: 16, CLIPS: 8, SOUNDS: 8}, "flips": {STILLS: 118, CLIPS: 16, SOUNDS: 16}}
"""7 × 16 + 6 × 8 + 5 × 8 = 200; 7 × 118 + 6 × 16 + 5 × 16 = 1,002."""
FEW = 3
"""Of each share, that every operation is tried on."""
SLOWEST_S = 30


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return samples(tmp_path_factory.mktemp("samples"))


def share(way: str, kind: str) -> int:
    return next(count for kinds, count in SHARES[way].items() if kind in kinds)


@pytest.mark.parametrize(("way", "due"), [("truncations", 200), ("flips", 1000)])
def test_the_shares_make_up_the_whole(way: str, due: int) -> None:
    assert sum(share(way, kind) for kind in KINDS) >= due


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_is_damaged(tmp_path: Path, sound: dict[str, bytes], kind: str) -> None:
    ways: dict[str, Callable[[bytes, int, str], Iterator[bytes]]] = {"truncations": truncations, "flips": flips}
    damaged = [
        _written(tmp_path / f"{way}-{number}.{kind}", data)
        for way, damage in ways.items()
        for number, data in enumerate(damage(sound[kind], share(way, kind), f"{way} of {kind}"))
    ]
    few = [path for path in damaged if int(path.stem.partition("-")[2]) < FEW]
    whole = _written(tmp_path / f"sound.{kind}", sound[kind])
    *verdicts, last = examine_apart([*(path for path in damaged if path not in few), whole])
    *more, last_of_few = examine_apart([*few, whole], ("thumbnail", "transcode", "embed"))
    verdicts += more
    ended = Counter((verdict.ended, verdict.outcome) for verdict in verdicts)
    print(f"{kind}: {dict(ended)}")
    unclear = [verdict for verdict in verdicts if verdict.outcome not in ("done", *CLEAR)]
    assert unclear == []
    assert len(verdicts) == len(damaged)
    assert len(more) == FEW * len(ways)
    assert last.outcome == last_of_few.outcome == "done"
    assert max(verdicts, key=_seconds).seconds < SLOWEST_S
    assert max(last.peak_bytes, last_of_few.peak_bytes) < MAX_PEAK_BYTES


def _seconds(verdict: Verdict) -> float:
    return verdict.seconds


def _written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path
