"""The checker itself: each kind of damage, done by hand to a system at rest, is seen and named."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import text

from tests.faults import invariants
from tests.faults.rig import Rig
from tests.faults.scene import Scene, picture


@contextmanager
def changed(rig: Rig, there: str, back: str) -> Iterator[None]:
    def run(statement: str) -> None:
        with rig.database() as database, database.transaction() as session:
            session.execute(text(statement))

    run(there)
    try:
        yield
    finally:
        run(back)


@contextmanager
def rewritten(path: Path, data: bytes | None) -> Iterator[None]:
    before, times = (path.read_bytes(), path.stat()) if path.exists() else (None, None)
    path.unlink(missing_ok=True)
    if data is not None:
        path.write_bytes(data)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        if before is not None and times is not None:
            path.write_bytes(before)
            os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


@contextmanager
def stranger(rig: Rig) -> Iterator[None]:
    """A process that a killed instance might have left."""
    environment = {"TMPDIR": f"{rig.data}/platform/run/tmp/gone/x"}
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], env=environment)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def test_every_kind_of_damage_is_seen(scene: Callable[[str], Scene]) -> None:
    play = scene("nothing, for the checker's own sake")
    media_id = play.surely(picture(play.name), "thumbnail")
    play.end()
    rig = play.rig
    work, prefix = (
        play.sql(
            f"select {column} from attempt a join media m on m.id = a.source_media_id where m.id = :m and operation = 'thumbnail'",
            m=media_id,
        )
        for column in ("work_id", "output_prefix")
    )
    outputs = rig.data / "objects" / "outputs" / prefix
    attempt = f"update attempt set holds_slot = {{}} where work_id = '{work}'"
    task = f"update task set state = '{{}}' where media_id = '{media_id}'"
    damages = {
        "held slots": changed(rig, attempt.format("true"), attempt.format("false")),
        "live tasks": changed(rig, task.format("running"), task.format("done")),
        "has other bytes": rewritten(outputs / "thumbnail.webp", b"RIFF"),
        "has no object": rewritten(outputs / "thumbnail.webp", None),
        "has no result.json": rewritten(outputs / "result.json", None),
        "output that nobody names": rewritten(outputs / "second.webp", b"RIFF"),
        "orphan process": stranger(rig),
    }
    for words, damage in damages.items():
        with damage:
            verdict = invariants.check(rig, play.media, play.jobs)
        assert any(words in one for one in (*verdict.broken, *verdict.lost)), f"{words}: {verdict.broken}"
    assert invariants.check(rig, ["no such media"], ["no such job"]).lost == ["media no such media", "job no such job"]
    assert not invariants.check(rig, play.media, play.jobs).broken
