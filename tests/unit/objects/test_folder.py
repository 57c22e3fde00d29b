"""What is special about a store in a folder: files that people handle, names that are paths, a disk that fills, a process that dies."""

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from infra.objects import folder as folder_module
from infra.objects.folder import FolderObjects
from infra.objects.open import open_objects
from infra.objects.port import BadKey, NoSuchObject, ObjectReplaced, StoreUnavailable
from tests.unit.objects.contract import keys, pattern, put, read


@pytest.fixture
def objects(tmp_path: Path) -> FolderObjects:
    return FolderObjects(tmp_path / "store")


def files(objects: FolderObjects) -> list[str]:
    """Every file below the buckets and the temporary folder."""
    below = [path for name in ("media", "outputs", ".tmp") for path in (objects.root / name).rglob("*")]
    return sorted(str(path.relative_to(objects.root)) for path in below)


def spooled(objects: FolderObjects) -> list[dict[str, object]]:
    return [json.loads(entry.read_bytes()) for entry in objects.spool.entries()]


def test_a_copied_file_is_an_object(objects: FolderObjects, tmp_path: Path) -> None:
    (objects.root / "media/holiday").mkdir()
    (objects.root / "media/holiday/beach 1.jpg").write_bytes(b"jpeg")
    [info] = objects.list("media")
    assert (info.key, info.bytes) == ("holiday/beach 1.jpg", 4)
    assert objects.head("media", "holiday/beach 1.jpg") == info
    objects.fetch("media", "holiday/beach 1.jpg", tmp_path / "out", if_match=info.etag)
    assert (tmp_path / "out").read_bytes() == b"jpeg"
    (objects.root / "media/holiday/beach 1.jpg").write_bytes(b"gif!!")
    with pytest.raises(ObjectReplaced):
        objects.fetch("media", "holiday/beach 1.jpg", tmp_path / "out", if_match=info.etag)


@pytest.mark.parametrize("key", ["../x", "a/../b", "/a", "a/", "a//b", ".", "a/./b", "..", "x/" + "n" * 256, "ü" * 128 + ".jpg"])
def test_names_that_are_no_paths_below_the_bucket(objects: FolderObjects, key: str) -> None:
    with pytest.raises(BadKey):
        put(objects, key, b"x")
    with pytest.raises(BadKey):
        objects.head("outputs", key)
    with pytest.raises(BadKey):
        read(objects, key)
    assert files(objects) == []


@pytest.mark.parametrize("bucket", [".tmp", ".notify", "..", "", "other", "media/.."])
def test_only_the_two_buckets_can_be_named(objects: FolderObjects, bucket: str) -> None:
    with pytest.raises(StoreUnavailable):
        objects.put(bucket, "a", [b"x"], content_type="image/jpeg")
    with pytest.raises(StoreUnavailable):
        list(objects.list(bucket))


def test_keys_in_each_others_way(objects: FolderObjects) -> None:
    put(objects, "a/b", b"x")
    with pytest.raises(BadKey):
        put(objects, "a", b"y")
    with pytest.raises(BadKey):
        put(objects, "a/b/c", b"y")
    assert objects.head("outputs", "a") is None
    assert objects.head("outputs", "a/b/c") is None
    objects.delete("outputs", "a/b")
    put(objects, "a", b"y")
    assert files(objects) == ["outputs/a"]


def test_a_delete_leaves_no_empty_folders_and_no_others_harmed(objects: FolderObjects) -> None:
    put(objects, "a/b/c/1", b"x")
    put(objects, "a/2", b"x")
    objects.delete("outputs", "a/b/c/1")
    assert files(objects) == ["outputs/a", "outputs/a/2"]
    objects.delete("outputs", "a/2")
    objects.ready()


def test_links_are_never_followed(objects: FolderObjects, tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret/passwd").write_bytes(b"root")
    (objects.root / "outputs/file").symlink_to(tmp_path / "secret/passwd")
    (objects.root / "outputs/folder").symlink_to(tmp_path / "secret")
    assert keys(objects) == []
    assert keys(objects, prefix="folder/") == []
    for key in ("file", "folder/passwd"):
        assert objects.head("outputs", key) is None
        with pytest.raises(NoSuchObject):
            read(objects, key)
        objects.delete("outputs", key)
    with pytest.raises(BadKey):
        put(objects, "folder/passwd", b"x")
    put(objects, "file", b"mine")  # takes the link's place
    assert (tmp_path / "secret/passwd").read_bytes() == b"root"


def test_what_is_no_plain_file_is_no_object(objects: FolderObjects) -> None:
    os.mkfifo(objects.root / "outputs/pipe")
    (objects.root / "outputs" / os.fsdecode(b"latin\xfc.jpg")).write_bytes(b"x")
    assert keys(objects) == []
    with pytest.raises(NoSuchObject):
        read(objects, "pipe")


def test_a_prefix_never_leaves_the_bucket(objects: FolderObjects) -> None:
    put(objects, "a", b"x", bucket="media")
    for prefix in ("../", "../media/", "a//", "/", "./", "a/../"):
        assert keys(objects, prefix=prefix) == []


def test_an_object_that_changes_under_a_fetch(objects: FolderObjects, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(objects, "a", pattern(100_000))

    def copy_meddled_with(source: int, target: int) -> int:
        with (objects.root / "outputs/a").open("ab") as file:  # a person's program, writing in place
            file.write(b"more")
        return copy(source, target)

    copy: Callable[[int, int], int] = folder_module._copy
    monkeypatch.setattr(folder_module, "_copy", copy_meddled_with)
    with pytest.raises(ObjectReplaced):
        objects.fetch("outputs", "a", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_nothing_is_seen_before_the_commit(objects: FolderObjects) -> None:
    with objects.writer("media", "a/b", content_type="image/jpeg") as writer:
        writer.write(pattern(3_000_000))
        assert list(objects.list("media")) == []
        writer.commit()
    assert files(objects) == ["media/a", "media/a/b"]
    assert len(spooled(objects)) == 1


def test_a_writer_killed_in_the_middle_leaves_only_an_orphan(objects: FolderObjects) -> None:
    script = f"""
import os, signal
from pathlib import Path
from infra.objects.folder import FolderObjects
def chunks():
    yield bytes(3_000_000)
    os.kill(os.getpid(), signal.SIGKILL)
FolderObjects(Path({str(objects.root)!r})).put("media", "a", chunks(), content_type="video/mp4")
"""
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == -signal.SIGKILL
    assert list(objects.list("media")) == []
    assert spooled(objects) == []
    [orphan] = (objects.root / ".tmp").iterdir()
    objects.remove_orphans(older_than_s=3600, now_s=orphan.stat().st_mtime + 3599)
    assert orphan.exists()
    objects.remove_orphans(older_than_s=3600, now_s=orphan.stat().st_mtime + 3601)
    assert files(objects) == []


def test_a_full_disk_leaves_nothing(tmp_path: Path) -> None:
    """On a tmpfs of 4 MiB in a mount namespace of its own."""
    script = """
import sys
from pathlib import Path
from infra.objects.folder import FolderObjects
from infra.objects.port import StoreFull
objects = FolderObjects(Path(sys.argv[1]))
objects.put("media", "small", [bytes(1_000_000)], content_type="video/mp4")
try:
    objects.put("media", "large", (bytes(1_000_000) for _ in range(8)), content_type="video/mp4")
except StoreFull:
    assert [info.key for info in objects.list("media")] == ["small"]
    assert list((objects.root / ".tmp").iterdir()) == []
    objects.put("media", "another", [bytes(1_000_000)], content_type="video/mp4")
    print("full, and well")
"""
    unshare = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
    if shutil.which("unshare") is None or subprocess.run([*unshare, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no mount namespace may be made here")
    mount = 'mount -t tmpfs -o size=4m none "$1" && exec "$2" -c "$3" "$1"'
    ran = subprocess.run([*unshare, mount, "sh", str(tmp_path), sys.executable, script], capture_output=True, text=True, check=False)
    assert (ran.stdout, ran.stderr) == ("full, and well\n", "")


def test_only_the_media_bucket_announces(objects: FolderObjects) -> None:
    put(objects, "media/a b+ü.jpg", b"12345", bucket="media")
    put(objects, "a.jpg", b"x", bucket="outputs")
    [body] = spooled(objects)
    info = objects.head("media", "media/a b+ü.jpg")
    assert info is not None
    assert body["EventName"] == "s3:ObjectCreated:Put"
    [record] = body["Records"]  # type: ignore[misc, attr-defined]
    told = record["s3"]["object"]
    assert (told["key"], told["size"], told["eTag"]) == ("media%2Fa+b%2B%C3%BC.jpg", 5, info.etag)


def test_the_spool_keeps_the_order(objects: FolderObjects) -> None:
    for number in range(20):
        put(objects, f"{19 - number}.jpg", b"x", bucket="media")
    assert [body["Key"] for body in spooled(objects)] == [f"media/{19 - number}.jpg" for number in range(20)]


def test_every_process_signs_with_one_key_that_nobody_else_reads(tmp_path: Path) -> None:
    stores = [open_objects(f"file://{tmp_path}/store", public_url="http://localhost:9000") for _ in range(2)]
    fields = [store.presign_post("media", "a", ttl_s=1, content_type="image/jpeg", exact_bytes=1).fields for store in stores]
    secret = tmp_path / "store/.key"
    assert [len(grant["signature"]) for grant in fields] == [64, 64]
    assert {store.signer.secret for store in stores} == {secret.read_bytes()}  # type: ignore[attr-defined]
    assert (stat.S_IMODE(secret.stat().st_mode), len(secret.read_bytes())) == (0o600, 32)


def test_without_a_public_url_nothing_is_presigned(objects: FolderObjects) -> None:
    with pytest.raises(ValueError, match="public URL"):
        objects.presign_get("outputs", "a", ttl_s=60)


def test_a_store_that_went_away(objects: FolderObjects) -> None:
    """A disk that is away must not look like objects that are gone: the gateway would believe it."""
    put(objects, "a/b", b"x")
    objects.ready()
    listing = objects.list("outputs")
    next(listing)
    shutil.move(objects.root, objects.root.with_name("away"))
    for ask in (
        objects.ready,
        lambda: objects.head("outputs", "a/b"),
        lambda: read(objects, "a/b"),
        lambda: put(objects, "c", b"x"),
        lambda: objects.delete("outputs", "a/b"),
        lambda: keys(objects),
        lambda: list(listing),
    ):
        with pytest.raises(StoreUnavailable):
            ask()


def test_a_bucket_that_went_away_is_not_made_anew(objects: FolderObjects) -> None:
    """What is written beside a disk that is away would be hidden, hence lost, when it is back."""
    put(objects, "a/b", b"x")
    shutil.move(objects.root / "outputs", objects.root / "away")
    with pytest.raises(StoreUnavailable):
        put(objects, "c/d", b"x")
    assert not (objects.root / "outputs").exists()
    shutil.move(objects.root / "away", objects.root / "outputs")
    put(objects, "c/d", b"x")
    assert keys(objects) == ["a/b", "c/d"]


@pytest.mark.parametrize("url", ["", "folder", "file://host/folder", "file:relative", "s3://bucket", "http://host:9000", "http://key@host"])
def test_urls_that_name_no_store(url: str) -> None:
    with pytest.raises(ValueError, match="names no object store"):
        open_objects(url)


def test_a_secret_is_not_repeated() -> None:
    with pytest.raises(ValueError, match="names no object store") as caught:
        open_objects("ftp://key:hunter2@host")
    assert "hunter2" not in str(caught.value)


def test_a_folder_needs_no_minio(tmp_path: Path) -> None:
    script = f"from infra.objects.open import open_objects; open_objects('file://{tmp_path}/s'); import sys; print('minio' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout == "False\n"
