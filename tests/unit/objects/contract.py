"""What every object store must do: one suite, run against memory, a folder, an S3 emulator and a real MinIO.

A subclass gives the fixture `objects`: a fresh store whose buckets are empty, its presigned URLs reachable over HTTP.
"""

import hashlib
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import urllib3

from infra.objects.port import BadKey, BadParts, NoSuchObject, NoSuchUpload, ObjectReplaced, Objects, PostGrant, TooLarge

MIB = 1024 * 1024
ODD_KEYS = (
    "plain.jpg",
    "a b.jpg",
    "plus+plus.jpg",
    "100%.jpg",
    "%41%2f.jpg",
    "grüße/日本/😀.jpg",
    "a&b=c;d,e.jpg",
    "what?#hash.jpg",
    "it's (a) [test] ~!$@*.jpg",
    ".hidden/..dots...jpg",
)
# As bytes: Z 5A, a 61, "." 2E, "/" 2F, "0" 30, ü C3 BC, 日 E6.., 😀 F0..; so a.b, a/b, a0 though a folder "a" sorts before "a.b" by name.
ORDERED = ("Z", "a.b", "a/b", "a/b.c/d", "a/c/d", "a0", "ab/c", "b/x", "ü", "日本/a", "😀")
http = urllib3.PoolManager(retries=False, timeout=20)


def pattern(size: int) -> bytes:
    """Bytes of which no two MiB are alike."""
    block = bytes(range(251)) * (MIB // 251 + 1)
    return b"".join(i.to_bytes(8, "big") + block[: MIB - 8] for i in range(size // MIB + 1))[:size]


def put(objects: Objects, key: str, data: bytes, bucket: str = "outputs") -> str:
    return objects.put(bucket, key, [data], content_type="image/jpeg").etag


def read(objects: Objects, key: str, if_match: str | None = None) -> bytes:
    with objects.open("outputs", key, if_match=if_match) as stream:
        return stream.read()


def keys(objects: Objects, **options: str) -> list[str]:
    return [info.key for info in objects.list("outputs", **options)]


def post_form(grant: PostGrant, data: bytes, **changed: str) -> urllib3.BaseHTTPResponse:
    """A browser's form: the grant's fields, then the file."""
    fields: list[tuple[str, object]] = [(name, changed.get(name, value)) for name, value in grant.fields.items()]
    return http.request("POST", grant.url, fields=[*fields, ("file", ("beach.jpg", data, "image/jpeg"))])


def break_off(url: str, *, says_bytes: int, sends: bytes) -> None:
    """A PUT whose connection ends in the middle of its body."""
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port), timeout=20) as connection:
        head = f"PUT {parts.path}?{parts.query} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Length: {says_bytes}\r\n\r\n"
        connection.sendall(head.encode() + sends)


def begin(objects: Objects) -> str:
    return objects.create_multipart("media", "big ü.mp4", content_type="video/mp4")


def send(objects: Objects, upload: str, number: int, data: bytes) -> str:
    """One part by its URL, as a browser sends it. Returns its ETag."""
    answer = http.request("PUT", objects.presign_part("media", "big ü.mp4", upload, number, ttl_s=60), body=data)
    assert answer.status == 200, answer.data
    return answer.headers["ETag"].strip('"')


def complete(objects: Objects, upload: str, parts: list[tuple[int, str]]) -> str:
    return objects.complete_multipart("media", "big ü.mp4", upload, parts)


class ObjectsContract:
    """Everything that even an emulator does."""

    @pytest.mark.parametrize("size", [0, 1, MIB, 3 * MIB + 1])
    def test_what_was_put_is_what_is_read(self, objects: Objects, size: int) -> None:
        data = pattern(size)
        stored = objects.put("outputs", "t/a.jpg", (data[i : i + 100_000] for i in range(0, size, 100_000)), content_type="image/jpeg")
        assert (stored.bytes, stored.sha256) == (size, hashlib.sha256(data).hexdigest())
        assert read(objects, "t/a.jpg", stored.etag) == data
        info = objects.head("outputs", "t/a.jpg")
        assert info is not None
        assert (info.bucket, info.key, info.etag, info.bytes, info.content_type) == ("outputs", "t/a.jpg", stored.etag, size, "image/jpeg")
        assert abs(info.modified_at.timestamp() - time.time()) < 60

    def test_a_long_stream_of_unknown_length(self, objects: Objects) -> None:
        data = pattern(17 * MIB + 5)  # three parts of 8 MiB on S3
        stored = objects.put("outputs", "long.mp4", (data[i : i + MIB] for i in range(0, len(data), MIB)), content_type="video/mp4")
        assert stored.sha256 == hashlib.sha256(data).hexdigest()
        assert read(objects, "long.mp4") == data
        assert [(i.key, i.bytes, i.etag) for i in objects.list("outputs")] == [("long.mp4", len(data), stored.etag)]

    def test_files_go_in_and_out(self, objects: Objects, tmp_path: Path) -> None:
        data = pattern(2 * MIB + 7)
        (tmp_path / "in").write_bytes(data)
        stored = objects.put_file("media", "a/b.jpg", tmp_path / "in", content_type="image/jpeg")
        info = objects.fetch("media", "a/b.jpg", tmp_path / "out", if_match=stored.etag)
        assert (tmp_path / "out").read_bytes() == data
        assert (info.etag, info.bytes, info.key) == (stored.etag, len(data), "a/b.jpg")
        assert stored.sha256 == hashlib.sha256(data).hexdigest()

    @pytest.mark.parametrize("size", [3, 20 * MIB])  # 20 MiB: two parts of 8 MiB have gone to S3 when it fails
    def test_a_put_that_fails_in_the_middle_leaves_nothing(self, objects: Objects, size: int) -> None:
        def broken() -> Iterator[bytes]:
            data = pattern(size)
            yield from (data[i : i + MIB] for i in range(0, size, MIB))
            raise InterruptedError("the client went away")

        with pytest.raises(InterruptedError):
            objects.put("outputs", "new.jpg", broken(), content_type="image/jpeg")
        assert objects.head("outputs", "new.jpg") is None
        etag = put(objects, "old.jpg", b"first")
        with pytest.raises(InterruptedError):
            objects.put("outputs", "old.jpg", broken(), content_type="image/jpeg")
        assert read(objects, "old.jpg", etag) == b"first"
        assert keys(objects) == ["old.jpg"]

    def test_a_limit_on_the_length(self, objects: Objects) -> None:
        assert objects.put("outputs", "a.jpg", [b"12", b"34"], content_type="image/jpeg", max_bytes=4).bytes == 4
        with pytest.raises(TooLarge):
            objects.put("outputs", "b.jpg", [b"12", b"345"], content_type="image/jpeg", max_bytes=4)
        assert keys(objects) == ["a.jpg"]

    def test_nothing_there(self, objects: Objects, tmp_path: Path) -> None:
        assert objects.head("outputs", "no/such.jpg") is None
        with pytest.raises(NoSuchObject):
            read(objects, "no/such.jpg")
        with pytest.raises(NoSuchObject):
            objects.fetch("outputs", "no/such.jpg", tmp_path / "out")
        assert not (tmp_path / "out").exists()
        objects.delete("outputs", "no/such.jpg")
        assert keys(objects) == []

    def test_another_version_than_the_one_asked_for(self, objects: Objects, tmp_path: Path) -> None:
        first = put(objects, "a.jpg", b"same length 1")
        second = put(objects, "a.jpg", b"same length 2")
        assert first != second
        with pytest.raises(ObjectReplaced):
            read(objects, "a.jpg", first)
        with pytest.raises(ObjectReplaced):
            objects.fetch("outputs", "a.jpg", tmp_path / "out", if_match=first)
        assert not (tmp_path / "out").exists()
        with pytest.raises(ObjectReplaced):
            objects.delete("outputs", "a.jpg", if_match=first)
        assert read(objects, "a.jpg", second) == b"same length 2"
        objects.delete("outputs", "a.jpg", if_match=second)
        objects.delete("outputs", "a.jpg", if_match=second)
        assert objects.head("outputs", "a.jpg") is None

    def test_a_reader_keeps_its_version_when_the_object_is_overwritten(self, objects: Objects) -> None:
        before, after = pattern(6 * MIB), pattern(6 * MIB)[::-1]
        put(objects, "a.jpg", before)
        with objects.open("outputs", "a.jpg") as stream:
            start = stream.read(10)
            put(objects, "a.jpg", after)
            assert start + stream.read() == before
        assert read(objects, "a.jpg") == after

    def test_a_list_is_in_the_order_of_keys_and_resumes_after_any_of_them(self, objects: Objects) -> None:
        for key in reversed(ORDERED):
            put(objects, key, b"x")
        put(objects, "elsewhere", b"x", bucket="media")
        assert keys(objects) == list(ORDERED)
        for position, key in enumerate(ORDERED):
            assert keys(objects, start_after=key) == list(ORDERED[position + 1 :])
        for prefix in ("a", "a/", "a/b", "a/b.", "a/c/d", "ab/", "日", "nothing", "b/x/y"):
            assert keys(objects, prefix=prefix) == [key for key in ORDERED if key.startswith(prefix)]
        for (before, after), prefix in zip(pairwise(ORDERED), ("a", "a/", "") * 4, strict=False):
            assert keys(objects, prefix=prefix, start_after=before) == [k for k in ORDERED if k.startswith(prefix) and k >= after]

    @pytest.mark.parametrize("key", ODD_KEYS)
    def test_odd_keys_mean_what_they_say(self, objects: Objects, key: str) -> None:
        put(objects, key, key.encode())
        assert keys(objects) == [key]
        assert read(objects, key) == key.encode()
        assert http.request("GET", objects.presign_get("outputs", key, ttl_s=60)).data == key.encode()
        assert keys(objects, prefix=key) == [key]
        objects.delete("outputs", key)
        assert keys(objects) == []

    @pytest.mark.parametrize("key", ["", "a\0b", "x" * 1025, "ü" * 513, "\ud800"])
    def test_names_that_no_store_can_hold(self, objects: Objects, key: str) -> None:
        with pytest.raises(BadKey):
            put(objects, key, b"x")
        with pytest.raises(BadKey):
            objects.head("outputs", key)
        with pytest.raises(BadKey):
            objects.presign_get("outputs", key, ttl_s=60)

    def test_a_presigned_read(self, objects: Objects) -> None:
        data = pattern(MIB + 100)
        etag = put(objects, "a b/ü.jpg", data)
        url = objects.presign_get("outputs", "a b/ü.jpg", ttl_s=60)
        whole = http.request("GET", url)
        assert (whole.status, whole.data, whole.headers["ETag"]) == (200, data, f'"{etag}"')
        assert whole.headers["Content-Type"] == "image/jpeg"
        for asked, start, stop in (("bytes=0-9", 0, 10), ("bytes=1048576-", MIB, MIB + 100), ("bytes=-5", MIB + 95, MIB + 100)):
            part = http.request("GET", url, headers={"Range": asked})
            assert (part.status, part.data) == (206, data[start:stop])
            assert part.headers["Content-Range"] == f"bytes {start}-{stop - 1}/{MIB + 100}"
        assert http.request("GET", url, headers={"Range": f"bytes={MIB + 100}-"}).status == 416

    def test_a_presigned_download(self, objects: Objects) -> None:
        put(objects, "a.jpg", b"<script>")
        url = objects.presign_get("outputs", "a.jpg", ttl_s=60, content_type="application/octet-stream", download_as='Ferien "ü".jpg')
        headers = http.request("GET", url).headers
        assert headers["Content-Type"] == "application/octet-stream"
        assert headers["Content-Disposition"] == "attachment; filename=\"Ferien ___.jpg\"; filename*=UTF-8''Ferien%20_%C3%BC_.jpg"

    def test_a_granted_form(self, objects: Objects) -> None:
        grant = objects.presign_post("media", "media/a b+ü.jpg", ttl_s=60, content_type="image/jpeg", exact_bytes=5)
        assert post_form(grant, b"12345").status == 204
        with objects.open("media", "media/a b+ü.jpg") as stream:
            assert stream.read() == b"12345"

    def test_parts_become_one_object(self, objects: Objects) -> None:
        data = pattern(12 * MIB + 3)
        upload = begin(objects)
        cuts = [data[: 5 * MIB], data[5 * MIB : 10 * MIB], data[10 * MIB :]]
        etags = {number: send(objects, upload, number, cuts[number - 1]) for number in (3, 1, 2)}  # in any order
        assert etags[1] == hashlib.md5(cuts[0]).hexdigest()
        there = objects.list_parts("media", "big ü.mp4", upload)
        assert [(part.number, part.etag, part.bytes) for part in there] == [(n, etags[n], len(cuts[n - 1])) for n in (1, 2, 3)]
        assert objects.head("media", "big ü.mp4") is None
        etag = complete(objects, upload, [(n, etags[n]) for n in (1, 2, 3)])
        info = objects.head("media", "big ü.mp4")
        assert info is not None
        assert (info.etag, info.bytes, info.content_type) == (etag, len(data), "video/mp4")
        with objects.open("media", "big ü.mp4", if_match=etag) as stream:
            assert stream.read() == data
        with pytest.raises(NoSuchUpload):
            objects.list_parts("media", "big ü.mp4", upload)

    def test_a_part_sent_again_takes_the_place_of_the_first(self, objects: Objects) -> None:
        upload = begin(objects)
        first, second = send(objects, upload, 1, b"first"), send(objects, upload, 1, b"the second")
        assert [part.etag for part in objects.list_parts("media", "big ü.mp4", upload)] == [second]
        with pytest.raises(BadParts):
            complete(objects, upload, [(1, first)])
        complete(objects, upload, [(1, second)])
        with objects.open("media", "big ü.mp4") as stream:
            assert stream.read() == b"the second"

    def test_parts_that_cannot_be_completed_stay(self, objects: Objects) -> None:
        upload = begin(objects)
        small, last = send(objects, upload, 1, b"x" * (5 * MIB - 1)), send(objects, upload, 2, b"end")
        wrongs = ([], [(1, small), (2, last)], [(2, last), (1, small)], [(1, "0" * 32)], [(2, last), (3, last)])
        for wrong in wrongs:
            with pytest.raises(BadParts):
                complete(objects, upload, wrong)
        assert [part.etag for part in objects.list_parts("media", "big ü.mp4", upload)] == [small, last]
        assert objects.head("media", "big ü.mp4") is None
        right = send(objects, upload, 1, b"x" * 5 * MIB)
        complete(objects, upload, [(1, right), (2, last)])

    def test_an_aborted_upload_is_gone(self, objects: Objects) -> None:
        upload = begin(objects)
        send(objects, upload, 1, b"x")
        for _ in range(2):
            objects.abort_multipart("media", "big ü.mp4", upload)
        with pytest.raises(NoSuchUpload):
            objects.list_parts("media", "big ü.mp4", upload)
        assert list(objects.list("media")) == []

    def test_an_upload_that_never_was(self, objects: Objects) -> None:
        with pytest.raises(NoSuchUpload):
            objects.list_parts("media", "a.jpg", "0" * 32)
        objects.abort_multipart("media", "a.jpg", "0" * 32)

    def test_more_parts_than_a_page_of_the_store_holds(self, objects: Objects) -> None:
        upload = begin(objects)
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda n: send(objects, upload, n, str(n).encode()), range(1, 1004)))
        assert [part.number for part in objects.list_parts("media", "big ü.mp4", upload)] == list(range(1, 1004))

    def test_it_is_ready(self, objects: Objects) -> None:
        objects.ready()


class RealContract:
    """What takes a real store: signatures and policies that are checked, and writers at the same time (moto's emulator answers 500)."""

    def test_four_writers_leave_one_whole_object(self, objects: Objects) -> None:
        versions = [bytes([n]) * (2 * MIB) for n in range(4)]
        with ThreadPoolExecutor(4) as writers:
            etags = list(writers.map(lambda data: put(objects, "same/key.jpg", data), versions))
        info = objects.head("outputs", "same/key.jpg")
        assert info is not None
        assert read(objects, "same/key.jpg") == versions[etags.index(info.etag)]
        assert keys(objects) == ["same/key.jpg"]

    def test_a_url_opens_one_object_for_a_while(self, objects: Objects) -> None:
        etag = put(objects, "a.jpg", b"secret")
        put(objects, "b.jpg", b"other")
        brief = objects.presign_get("outputs", "a.jpg", ttl_s=1)
        url = objects.presign_get("outputs", "a.jpg", ttl_s=60)
        assert http.request("GET", url).data == b"secret"
        assert http.request("GET", url.replace("a.jpg", "b.jpg")).status == 403
        assert http.request("GET", url[:-1] + ("0" if url[-1] != "0" else "1")).status == 403
        assert http.request("GET", url + "&response-content-type=text%2Fhtml").status == 403
        assert http.request("GET", url.partition("?")[0]).status == 403
        assert http.request("PUT", url, body=b"x").status == 403
        assert http.request("GET", url, headers={"If-Match": '"0"'}).status == 412
        assert http.request("GET", url, headers={"If-Match": f'"{etag}"'}).status == 200
        assert http.request("GET", url, headers={"If-None-Match": f'"{etag}"'}).status == 304
        time.sleep(2.1)
        assert http.request("GET", brief).status == 403

    def test_a_missing_object(self, objects: Objects) -> None:
        answer = http.request("GET", objects.presign_get("outputs", "no.jpg", ttl_s=60))
        assert (answer.status, b"<Code>NoSuchKey</Code>" in answer.data) == (404, True)

    @pytest.mark.parametrize(
        ("data", "status", "code"),
        [(b"1234", 400, b"EntityTooSmall"), (b"123456", 400, b"EntityTooLarge"), (b"1" * 3 * MIB, 400, b"EntityTooLarge")],
    )
    def test_a_form_of_another_length(self, objects: Objects, data: bytes, status: int, code: bytes) -> None:
        grant = objects.presign_post("media", "a.jpg", ttl_s=60, content_type="image/jpeg", exact_bytes=5)
        answer = post_form(grant, data)
        assert (answer.status, b"<Code>" + code + b"</Code>" in answer.data) == (status, True)
        assert objects.head("media", "a.jpg") is None

    def test_a_form_that_breaks_its_policy(self, objects: Objects) -> None:
        grant = objects.presign_post("media", "a.jpg", ttl_s=60, content_type="image/jpeg", exact_bytes=5)
        expired = objects.presign_post("media", "a.jpg", ttl_s=0, content_type="image/jpeg", exact_bytes=5)
        time.sleep(1.1)
        assert post_form(grant, b"12345", key="b.jpg").status == 403
        assert post_form(grant, b"12345", **{"Content-Type": "text/html"}).status == 403
        assert post_form(grant, b"12345", policy=expired.fields["policy"]).status == 403
        assert post_form(expired, b"12345").status == 403
        assert list(objects.list("media")) == []

    def test_a_part_url_is_for_one_part(self, objects: Objects) -> None:
        upload = begin(objects)
        url = objects.presign_part("media", "big ü.mp4", upload, 1, ttl_s=60)
        brief = objects.presign_part("media", "big ü.mp4", upload, 1, ttl_s=1)
        assert http.request("PUT", url.replace("partNumber=1", "partNumber=2"), body=b"x").status == 403
        assert http.request("PUT", url.replace("big%20", "other"), body=b"x").status == 403
        assert http.request("GET", url).status == 403
        plain = objects.presign_put("media", "big ü.mp4", ttl_s=60)  # type: ignore[attr-defined]
        assert http.request("PUT", f"{plain}&partNumber=1&uploadId={upload}", body=b"x").status == 403
        time.sleep(2.1)
        assert http.request("PUT", brief, body=b"x").status == 403
        assert objects.list_parts("media", "big ü.mp4", upload) == []

    def test_an_upload_ends_once(self, objects: Objects) -> None:
        done, dropped = begin(objects), begin(objects)
        parts = [(1, send(objects, done, 1, b"x"))]
        assert parts == [(1, send(objects, dropped, 1, b"x"))]
        complete(objects, done, parts)
        objects.abort_multipart("media", "big ü.mp4", dropped)
        for ended in (done, dropped, "0" * 32):
            with pytest.raises(NoSuchUpload):
                complete(objects, ended, parts)
            late = http.request("PUT", objects.presign_part("media", "big ü.mp4", ended, 2, ttl_s=60), body=b"late")
            assert (late.status, b"<Code>NoSuchUpload</Code>" in late.data) == (404, True)
        objects.abort_multipart("media", "big ü.mp4", done)
        with objects.open("media", "big ü.mp4") as stream:
            assert stream.read() == b"x"

    def test_two_completions_leave_one_object(self, objects: Objects) -> None:
        upload = begin(objects)
        parts = [(1, send(objects, upload, 1, pattern(6 * MIB))), (2, send(objects, upload, 2, b"end"))]

        def ended(_: int) -> str:
            try:
                return complete(objects, upload, parts)
            except NoSuchUpload:
                return ""

        with ThreadPoolExecutor(4) as pool:
            etags = set(pool.map(ended, range(4))) - {""}
        info = objects.head("media", "big ü.mp4")
        assert info is not None
        assert etags == {info.etag}

    def test_a_part_that_breaks_off_is_no_part(self, objects: Objects) -> None:
        upload = begin(objects)
        kept = send(objects, upload, 1, b"before")
        break_off(objects.presign_part("media", "big ü.mp4", upload, 1, ttl_s=60), says_bytes=6 * MIB, sends=pattern(3 * MIB))
        break_off(objects.presign_part("media", "big ü.mp4", upload, 2, ttl_s=60), says_bytes=6 * MIB, sends=pattern(3 * MIB))
        time.sleep(0.5)
        assert [(part.number, part.etag) for part in objects.list_parts("media", "big ü.mp4", upload)] == [(1, kept)]

    def test_a_signed_put(self, objects: Objects) -> None:
        url = objects.presign_put("media", "a b.jpg", ttl_s=60)  # type: ignore[attr-defined]
        answer = http.request("PUT", url, body=b"12345")
        info = objects.head("media", "a b.jpg")
        assert info is not None
        assert (answer.status, answer.headers["ETag"]) == (200, f'"{info.etag}"')
        assert http.request("GET", url).status == 403
