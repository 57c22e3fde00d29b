"""The folder store's multipart uploads where a process dies, a disk is full, or nobody comes back."""

import hashlib
import subprocess
import sys
import time
from pathlib import Path

import pytest

from infra.objects import folder, folder_parts
from infra.objects.folder import FolderObjects
from infra.objects.port import NoSuchUpload, StoreFull

MIB = 1024 * 1024
KEY = "media/a.mp4"
KILLED_AT = {
    "while it joins": "folder_parts.os.sendfile = die",
    "before it is placed": "FolderObjects._place = die",
    "once it is placed": "folder_parts.FolderParts._drop = die",
    "while it drops the parts": "folder_parts.shutil.rmtree = die",
}
COMPLETION = """
import os, signal, sys
from pathlib import Path
from infra.objects import folder_parts
from infra.objects.folder import FolderObjects
def die(*args, **more):
    os.kill(os.getpid(), signal.SIGKILL)
{patch}
upload, *etags = sys.argv[2:]
FolderObjects(Path(sys.argv[1])).complete_multipart("media", "media/a.mp4", upload, list(enumerate(etags, 1)))
"""


def begin(objects: FolderObjects, *parts: bytes) -> tuple[str, list[tuple[int, str]]]:
    upload = objects.create_multipart("media", KEY, content_type="video/mp4")
    return upload, [(number, send(objects, upload, number, data)) for number, data in enumerate(parts, 1)]


def send(objects: FolderObjects, upload: str, number: int, data: bytes) -> str:
    with objects.part_writer("media", KEY, upload, number) as writer:
        writer.write(data)
        return writer.keep()


def left(objects: FolderObjects) -> list[str]:
    return [path.name for path in (objects.root / ".parts").iterdir()]


@pytest.mark.parametrize("when", KILLED_AT)
def test_a_completion_that_is_killed_can_be_done_again(tmp_path: Path, when: str) -> None:
    objects = FolderObjects(tmp_path / "store")
    data = bytes(range(256)) * (6 * MIB // 256)
    upload, parts = begin(objects, data, b"end")
    script = COMPLETION.format(patch=KILLED_AT[when])
    argv = [sys.executable, "-c", script, str(objects.root), upload, *(etag for _, etag in parts)]
    assert subprocess.run(argv, check=False, timeout=60).returncode == -9
    placed = objects.head("media", KEY)
    assert (placed is not None) == (when in ("once it is placed", "while it drops the parts"))
    if when == "while it drops the parts":
        with pytest.raises(NoSuchUpload):
            objects.complete_multipart("media", KEY, upload, parts)
    else:
        etag = objects.complete_multipart("media", KEY, upload, parts)
        assert placed is None or placed.etag == etag  # the same version: nobody takes it for another upload
    with objects.open("media", KEY) as stream:
        assert hashlib.file_digest(stream, "md5").digest() == hashlib.md5(data + b"end").digest()
    assert left(objects) == []
    objects.remove_orphans(older_than_s=3600, now_s=time.time() + 3601)
    assert list((objects.root / ".tmp").iterdir()) == []


def test_a_full_disk_keeps_the_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    objects = FolderObjects(tmp_path)
    upload, parts = begin(objects, b"x")

    def full(_: Path) -> None:
        raise StoreFull("full")

    with monkeypatch.context() as at:
        at.setattr(folder, "demand_room", full)
        with pytest.raises(StoreFull):
            objects.complete_multipart("media", KEY, upload, parts)
        with pytest.raises(StoreFull):
            send(objects, upload, 2, b"y")
    assert [part.number for part in objects.list_parts("media", KEY, upload)] == [1]
    assert objects.complete_multipart("media", KEY, upload, parts)


def test_uploads_in_which_nothing_happens_are_swept(tmp_path: Path) -> None:
    objects = FolderObjects(tmp_path)
    upload, _ = begin(objects, b"x")
    objects.remove_orphans(older_than_s=3600, now_s=time.time() + 3590)
    assert left(objects) == [upload]
    objects.remove_orphans(older_than_s=3600, now_s=time.time() + 3610)
    assert left(objects) == []
    with pytest.raises(NoSuchUpload):
        objects.list_parts("media", KEY, upload)


def test_a_part_that_was_replaced_takes_no_room(tmp_path: Path) -> None:
    objects = FolderObjects(tmp_path)
    upload, _ = begin(objects, b"old")
    new = send(objects, upload, 1, b"new")
    assert sorted(path.name for path in (objects.root / ".parts" / upload).iterdir()) == [f"00001-{new}", "upload.json"]


def test_an_upload_belongs_to_its_key_and_its_id_is_no_path(tmp_path: Path) -> None:
    objects = FolderObjects(tmp_path)
    upload, _ = begin(objects, b"x")
    for key, asked in ((KEY, "../media"), (KEY, f"../.parts/{upload}"), (KEY, ""), ("media/b.mp4", upload)):
        with pytest.raises(NoSuchUpload):
            objects.list_parts("media", key, asked)
        objects.abort_multipart("media", key, asked)
    assert left(objects) == [upload]


def test_the_newest_of_two_parts_counts_where_a_writer_died_between(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    objects = FolderObjects(tmp_path)
    upload, _ = begin(objects, b"old")
    old = objects.root / ".parts" / upload / f"00001-{hashlib.md5(b'old').hexdigest()}"
    content, facts = old.read_bytes(), old.stat()
    new = send(objects, upload, 1, b"new")
    old.write_bytes(content)
    folder_parts.os.utime(old, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert [part.etag for part in objects.list_parts("media", KEY, upload)] == [new]


SERVED_MEANWHILE = """
from gevent import monkey
monkey.patch_all()
import sys, time
from pathlib import Path
import gevent
from infra.objects import folder_parts
from infra.objects.folder import FolderObjects
from infra.objects.port import NoSuchUpload
upload, *etags = sys.argv[2:]
store, copied, turns = FolderObjects(Path(sys.argv[1])), [], []
send = folder_parts.os.sendfile
def sent(*args):
    if size := send(*args):
        copied.append(len(turns))
    return size
folder_parts.os.sendfile = sent
def others():
    while True:
        turns.append(1)
        gevent.sleep(0)
def complete():
    try:
        return store.complete_multipart("media", "media/a.mp4", upload, list(enumerate(etags, 1)))
    except NoSuchUpload:
        return "ended"
gevent.spawn(others)
both = [gevent.spawn(complete) for _ in range(2)]
gevent.joinall(both, raise_error=True)
print(len(set(copied)) == len(copied), len({one.value for one in both} - {"ended"}))
"""


def test_one_thread_for_all_serves_others_while_it_joins(tmp_path: Path) -> None:
    """As the public listener does: a copy of gigabytes must not hold its every client up, nor two that complete at once each other."""
    objects = FolderObjects(tmp_path / "store")
    upload, parts = begin(objects, bytes(6 * MIB), bytes(6 * MIB), b"end")
    argv = [sys.executable, "-c", SERVED_MEANWHILE, str(objects.root), upload, *(etag for _, etag in parts)]
    assert subprocess.run(argv, check=True, timeout=60, stdout=subprocess.PIPE, text=True).stdout.split() == ["True", "1"]
