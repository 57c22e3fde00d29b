"""The watched folder, round by round: whole files only, each once, over restarts, originals untouched."""

import os
from pathlib import Path

import pytest

from infra.cli.client import Client
from infra.cli.errors import CommandError, GatewayUnreachable, Refused
from infra.cli.watched.memory import NAME, Memory
from infra.cli.watched.scan import Settling, Stamp, scan
from infra.cli.watched.watcher import Watcher, prepare
from tests.unit.cli.small_gateway import BROKEN, SmallGateway


def stamp(size_bytes: int) -> Stamp:
    return Stamp(bytes=size_bytes, modified_ns=0, changed_ns=0)


class Folder:
    """A watched folder with a clock: `rounds(n)` is n rounds, a second apart; a file settles after 2."""

    def __init__(self, path: Path, gateway: SmallGateway) -> None:
        self.path = path
        self.gateway = gateway
        self.said: list[str] = []
        self.now_s = 0.0
        prepare(path, path.parent / "data")
        self.start()

    def start(self, *operations: str) -> None:
        client = Client(self.gateway.url)
        self.watcher = Watcher(self.path, client, operations or ("thumbnail",), self.said.append, skip=self.path / "data", settle_s=2)

    def rounds(self, count: int = 8) -> None:
        for _ in range(count):
            self.watcher.round(self.now_s)
            self.now_s += 1

    def developed(self) -> dict[str, bytes]:
        root = self.path / "developed"
        return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file() and path.name != NAME}

    def sent(self) -> list[bytes]:
        return [self.gateway.bytes[media_id] for media_id in self.gateway.media]


@pytest.fixture
def folder(tmp_path: Path, gateway: SmallGateway) -> Folder:
    return Folder(tmp_path / "drop", gateway)


def test_only_plain_whole_files_are_seen(tmp_path: Path) -> None:
    for name in (
        "a.jpg", "sub/deep/b.jpg", ".hidden", ".dir/c.jpg", "developed/d.jpg", "sub/developed/e.jpg", "data/f.jpg",
        "g.jpg.part", "h.crdownload",
    ):  # fmt: skip
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "link.jpg").symlink_to(tmp_path / "a.jpg")
    (tmp_path / "loop").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "pipe.jpg")
    assert list(scan(tmp_path, tmp_path / "data")) == ["a.jpg", "sub/deep/b.jpg", "sub/developed/e.jpg"]


def test_a_growing_file_is_not_settled() -> None:
    settling = Settling(2)
    sizes = [1, 2, 2, 2, 3, 3, 3, 3]  # one look a second; the same for 2 s at looks 3 and 6
    assert [bool(settling.settled({"a": stamp(size)}, float(now))) for now, size in enumerate(sizes)] == [
        False, False, False, True, False, False, True, True,
    ]  # fmt: skip
    settling.settled({}, 8.0)
    assert settling.settled({"a": stamp(3)}, 9.0) == {}  # it went away and came back: it is new


def test_dropped_files_are_developed_once(folder: Folder) -> None:
    (folder.path / "sub").mkdir()
    (folder.path / "a.jpg").write_bytes(b"one")
    (folder.path / "sub" / "b.jpg").write_bytes(b"two")
    before = {path: path.stat() for path in folder.path.rglob("*.jpg")}
    folder.rounds()
    assert folder.developed() == {"a.jpg/thumbnail-320.webp": b"eno", "sub/b.jpg/thumbnail-320.webp": b"owt"}
    folder.rounds()
    assert folder.sent() == [b"one", b"two"]
    assert len(folder.said) == 2
    after = {path: path.stat() for path in before}
    assert [(one.st_mtime_ns, one.st_ctime_ns, one.st_ino) for one in after.values()] == [
        (one.st_mtime_ns, one.st_ctime_ns, one.st_ino) for one in before.values()
    ]


def test_a_growing_file_is_sent_when_it_is_whole(folder: Folder) -> None:
    path = folder.path / "a.jpg"
    for length in range(1, 6):
        path.write_bytes(b"whole"[:length])
        folder.rounds(2)
    folder.rounds()
    assert folder.sent() == [b"whole"]


def test_a_restart_sends_nothing_again_and_goes_on_with_what_was_out(folder: Folder) -> None:
    (folder.path / "a.jpg").write_bytes(b"one")
    folder.rounds()
    (folder.path / "b.jpg").write_bytes(b"two")
    folder.rounds(3)  # sent, not fetched
    assert "b.jpg/thumbnail-320.webp" not in folder.developed()
    folder.start()
    folder.rounds()
    assert folder.sent() == [b"one", b"two"]
    assert folder.developed()["b.jpg/thumbnail-320.webp"] == b"owt"


def test_touched_is_not_changed(folder: Folder) -> None:
    path = folder.path / "a.jpg"
    path.write_bytes(b"one")
    folder.rounds()
    os.utime(path, ns=(1, 1))
    folder.rounds()
    assert folder.sent() == [b"one"]


def test_other_bytes_take_the_place_of_the_old(folder: Folder) -> None:
    path = folder.path / "a.jpg"
    path.write_bytes(BROKEN)
    folder.rounds()
    assert folder.developed() == {"a.jpg/failed.txt": b"rejected (bad-input): It is broken\n"}
    path.write_bytes(b"mended")
    folder.rounds()
    assert folder.developed() == {"a.jpg/thumbnail-320.webp": b"dednem"}


def test_other_operations_are_made_too(folder: Folder) -> None:
    (folder.path / "a.jpg").write_bytes(b"one")
    folder.rounds()
    folder.start("embed", "transcode_480p")
    folder.rounds()
    assert set(folder.developed()) == {"a.jpg/embed-descriptor-v1-8.webp", "a.jpg/failed.txt"}


def test_developed_things_that_were_thrown_away_are_made_again(folder: Folder) -> None:
    (folder.path / "a.jpg").write_bytes(b"one")
    folder.rounds()
    (folder.path / "developed" / "a.jpg" / "thumbnail-320.webp").unlink()
    (folder.path / "developed" / "a.jpg").rmdir()
    folder.rounds()
    assert folder.developed() == {"a.jpg/thumbnail-320.webp": b"eno"}


def test_an_original_that_goes_away_leaves_its_developed_things(folder: Folder) -> None:
    (folder.path / "a.jpg").write_bytes(b"one")
    folder.rounds()
    (folder.path / "a.jpg").unlink()
    folder.rounds()
    assert folder.developed() == {"a.jpg/thumbnail-320.webp": b"eno"}
    assert Memory(folder.path / "developed") == {}


def test_a_gateway_that_is_away_costs_nothing(folder: Folder) -> None:
    (folder.path / "a.jpg").write_bytes(b"one")
    folder.rounds(2)
    folder.gateway.away = True
    with pytest.raises(GatewayUnreachable):
        folder.rounds(1)
    folder.gateway.away = False
    folder.rounds()
    assert folder.developed() == {"a.jpg/thumbnail-320.webp": b"eno"}


def test_wrong_bytes_hold_up_no_other_file(folder: Folder) -> None:
    (folder.path / "a.jpg").write_bytes(b"one")
    (folder.path / "b.jpg").write_bytes(BROKEN)
    folder.gateway.spoilt = True
    folder.rounds()
    assert set(folder.developed()) == {"b.jpg/failed.txt"}
    assert sum("sha256" in line for line in folder.said) == 1  # said once, tried every round
    folder.gateway.spoilt = False
    folder.rounds(1)
    assert folder.developed()["a.jpg/thumbnail-320.webp"] == b"eno"


def test_another_gateway_is_sent_what_it_does_not_know(folder: Folder) -> None:
    (folder.path / "a.jpg").write_bytes(b"one")
    folder.rounds(3)
    folder.gateway.jobs.clear()
    folder.rounds()
    assert folder.sent() == [b"one", b"one"]
    assert folder.developed() == {"a.jpg/thumbnail-320.webp": b"eno"}


def test_many_files_are_not_all_out_at_once(folder: Folder) -> None:
    for n in range(40):
        (folder.path / f"{n:02}.jpg").write_bytes(b"%d" % n)
    folder.rounds(3)
    assert len(folder.gateway.jobs) == 16
    folder.rounds(12)
    assert len(folder.developed()) == 40


def test_a_memory_that_cannot_be_read_is_empty(folder: Folder) -> None:
    (folder.path / "a.jpg").write_bytes(b"one")
    folder.rounds()
    (folder.path / "developed" / NAME).write_text('{"files": {"a.jpg": 1}}')
    folder.start()
    folder.rounds()
    assert folder.sent() == [b"one", b"one"]


def test_stopping_breaks_off(folder: Folder) -> None:
    (folder.path / "a.jpg").write_bytes(b"one")
    folder.rounds(2)
    folder.watcher.stop()
    with pytest.raises(CommandError):
        folder.rounds(1)
    assert folder.gateway.media == {}
    folder.watcher.run()  # ends at once


@pytest.mark.parametrize("name", ["data", "data/drop", "data/../data"])
def test_the_data_folder_is_not_watched(tmp_path: Path, name: str) -> None:
    with pytest.raises(Refused, match="lies in the data folder"):
        prepare(tmp_path / name, tmp_path / "data")


def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "drop").touch()
    with pytest.raises(Refused, match="watch another folder"):
        prepare(tmp_path / "drop", tmp_path / "data")
