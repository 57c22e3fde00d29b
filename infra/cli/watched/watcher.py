"""The watched folder at work: `DIR/beach.jpg` is sent once it is whole, its artifacts appear in `DIR/developed/beach.jpg/`.

What failed leaves `failed.txt` there with the reason. Originals are only ever read. A file is sent again when its bytes change, when other
operations are asked for, or when its folder of developed things is gone; the gateway makes the same thing only once. A file that goes away
leaves its developed things behind.
"""

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from infra.cli.client import Client
from infra.cli.documents import artifact_names, plain
from infra.cli.downloads import holds
from infra.cli.errors import UNREACHABLE, ApiError, CommandError, GatewayUnreachable, Refused, WorkFailed
from infra.cli.following import Stopped
from infra.cli.item import Item, in_a_word
from infra.cli.operations import Wish
from infra.cli.sending import Sender
from infra.cli.watched.memory import Memory, Record
from infra.cli.watched.scan import DEVELOPED, Settling, Stamp, scan, stamp_of

SETTLE_S = 2.0
ROUND_S = 0.5
PAUSE_PER_ROUND = 10
"""A large folder is looked at less often, so that looking costs at most a tenth of the time."""
MOST_OUT = 16
FAILED = "failed.txt"


class Watcher:
    """One folder and one gateway."""

    def __init__(
        self,
        folder: Path,
        client: Client,
        operations: Sequence[Wish],
        say: Callable[[str], None],
        *,
        skip: Path,
        settle_s: float = SETTLE_S,
    ) -> None:  # fmt: skip
        """`skip`: a folder inside that is not watched, such as the system's own."""
        self._folder = folder
        self._client = client
        self._sender = Sender(client, operations, "interactive")
        self._operations = json.dumps(list(operations), sort_keys=True)
        self._say = say
        self._skip = skip
        self._settling = Settling(settle_s)
        self._memory = Memory(folder / DEVELOPED)
        self._stop = threading.Event()
        self._said: set[str] = set()

    def stop(self) -> None:
        """Ends `run` soon; what is being sent breaks off, and is sent again the next time."""
        self._stop.set()

    def run(self) -> None:
        """Rounds until stopped. A gateway or a folder that is away is waited for, and said once."""
        while not self._stop.is_set():
            began_s = time.monotonic()
            try:
                self.round(began_s)
            except Stopped:
                return
            except (CommandError, OSError) as exc:
                self._complain(str(exc))
            took_s = time.monotonic() - began_s
            self._stop.wait(max(ROUND_S, min(took_s, 6) * PAUSE_PER_ROUND))

    def round(self, now_s: float) -> None:
        """Looks once: sends what is whole and new, fetches what is done, forgets what went away.

        Raises:
            CommandError: the gateway or the store is away. OSError: the folder is. Stopped.
        """
        found = scan(self._folder, self._skip)
        for name, stamp in self._settling.settled(found, now_s).items():
            with self._alone(name):
                if self._out() < MOST_OUT and self._is_new(name, stamp):
                    self._send(name, stamp)
        for name in [name for name, record in self._memory.items() if not record.ended]:
            with self._alone(name):
                self._follow(name)
        gone = [name for name, record in self._memory.items() if record.ended and name not in found]
        for name in gone:
            del self._memory[name]
        if gone:
            self._memory.save()

    @contextmanager
    def _alone(self, name: str) -> Iterator[None]:
        """What is wrong with one file alone holds up no other; it is tried again in the next round."""
        try:
            yield
        except (WorkFailed, OSError) as exc:
            self._complain(f"{name}: {exc}")

    def _out(self) -> int:
        return sum(not record.ended for record in self._memory.values())

    def _is_new(self, name: str, stamp: Stamp) -> bool:
        record = self._memory.get(name)
        if record is None or record.operations != self._operations:
            return True
        if record.ended and not self._place(name).is_dir():
            return True
        if record.stamp == stamp:
            return False
        if record.sha256 is None or record.stamp.bytes != stamp.bytes or not holds(self._folder / name, record.sha256):
            return True
        self._remember(name, replace(record, stamp=stamp))  # touched, not changed
        return False

    def _send(self, name: str, stamp: Stamp) -> None:
        item = self._sender.send(self._folder / name, self._heed_stop)
        if item.exit_code == UNREACHABLE:
            raise GatewayUnreachable(item.error)
        if stamp_of(self._folder / name) != stamp:
            return  # it changed under our hands: once it has settled, it is sent anew
        old = self._memory.get(name)
        record = Record(
            stamp=stamp,
            operations=self._operations,
            sha256=item.media["sha256"] if item.media else None,
            job_id=item.job["job_id"] if item.job else None,
            unfit=item.unfit,
            files=old.files if old else (),
        )
        self._remember(name, record)
        if item.error is not None:
            self._finish(name, record, item)

    def _heed_stop(self, _: Item) -> None:
        if self._stop.is_set():
            raise Stopped

    def _follow(self, name: str) -> None:
        record = self._memory[name]
        try:
            job = self._client.get(f"/jobs/{record.job_id}")
            media = self._client.get(f"/media/{job['media_id']}")
        except ApiError as exc:
            if exc.status == 404:  # another gateway than the one it was sent to
                del self._memory[name]
            elif exc.status == 410:
                self._finish(name, record, Item(name=name, error="its media was deleted"))
            else:
                raise
            return
        item = Item(name=name, media=media, job=job, unfit=record.unfit)
        if item.ended:
            self._finish(name, record, item)

    def _finish(self, name: str, record: Record, item: Item) -> None:
        """Artifacts, or why there are none, into the file's own folder; what lay there from an earlier content goes."""
        place = self._place(name)
        place.mkdir(parents=True, exist_ok=True)
        artifacts = [artifact for task in (item.job["tasks"] if item.job else ()) for artifact in task["artifacts"]]
        files = artifact_names(artifacts)
        for artifact, file in zip(artifacts, files, strict=True):
            self._client.save(artifact, place / file)
        if not item.good:
            (place / FAILED).write_text(plain(in_a_word(item)) + "\n")
            files.append(FAILED)
        for file in set(record.files) - set(files):
            (place / file).unlink(missing_ok=True)
        self._remember(name, replace(record, ended=True, files=tuple(files)))
        self._say(plain(f"{name}: {in_a_word(item)}, in {place}"))

    def _place(self, name: str) -> Path:
        return self._folder / DEVELOPED / name

    def _remember(self, name: str, record: Record) -> None:
        self._memory[name] = record
        self._memory.save()

    def _complain(self, words: str) -> None:
        if words not in self._said:
            self._say(plain(f"watched folder: {words}; trying again"))
        self._said.add(words)


def prepare(folder: Path, data: Path) -> None:
    """Makes the folder and its `developed/` where they are missing.

    Raises:
        Refused: it cannot be, or lies in the data folder.
    """
    if folder.resolve().is_relative_to(data.resolve()):
        raise Refused(f"{folder} lies in the data folder {data}; watch another one")
    try:
        (folder / DEVELOPED).mkdir(parents=True, exist_ok=True)
        (folder / DEVELOPED / ".writable").touch()
        (folder / DEVELOPED / ".writable").unlink()
    except OSError as exc:
        raise Refused(f"{folder / DEVELOPED} cannot be written ({exc.strerror}); watch another folder, or mend its permissions") from exc
