"""A large file straight into the store, in parts. A part whose line breaks is sent again, and a command that was stopped goes on there.

What goes on is found by a note in the user's cache: a file's path, size and time, and the upload that was begun for them.
"""

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import urllib3

from infra.cli.errors import ApiError, GatewayUnreachable

TRIES = 5
CHUNK_BYTES = 1 << 20


class Calls(Protocol):
    """The gateway's calls that this needs."""

    @property
    def base(self) -> str: ...

    def get(self, path: str, *, also: int = 200) -> dict[str, Any]: ...

    def post(self, path: str, document: dict[str, Any]) -> dict[str, Any]: ...


class StoreOutOfReach(Exception):
    """Not one part could be sent: from here there may be no way to the store."""


class _BrokenOff(Exception):
    pass


def send_in_parts(
    calls: Calls, http: urllib3.PoolManager, path: Path, *, name: str, operations: str, sent: Callable[[float], None]
) -> dict[str, Any]:
    """Uploads a file, or what is still missing of it. Returns the media's document.

    Args:
        http: for the store's URLs.
        name: the file's name for the gateway.
        operations: the query parameter.
        sent: hears which part of the file is there, from 0 to 1.

    Raises:
        StoreOutOfReach; ApiError, GatewayUnreachable; OSError where the file cannot be read.
    """
    facts = path.stat()
    note = _note(calls.base, path, facts, operations)
    upload = _begun(calls, note)
    if upload is not None and upload["state"] == "completed":  # whose answer was not waited for
        note.unlink(missing_ok=True)
        return calls.get(f"/media/{upload['media_id']}")
    if upload is None:
        asked = {"filename": name, "content_type": "application/octet-stream", "bytes": facts.st_size}
        upload = calls.post(f"/uploads?{operations}", asked)
        _write(note, upload["upload_id"])
    etags = {part["part_number"]: part["etag"] for part in upload["parts_done"]}
    failures = 0
    while missing := [part for part in upload["parts"] if part["part_number"] not in etags]:
        part = missing[0]
        try:
            start = (part["part_number"] - 1) * upload["part_bytes"]
            length = min(upload["part_bytes"], facts.st_size - start)
            before = sum(min(upload["part_bytes"], facts.st_size - (number - 1) * upload["part_bytes"]) for number in etags)
            body = _bytes(path, start, length, lambda gone, before=before: sent((before + gone) / facts.st_size))  # type: ignore[misc]
            etags[part["part_number"]] = _put(http, part["url"], body, length)
            failures = 0
        except _BrokenOff as exc:
            failures += 1
            if failures == TRIES:
                if not etags:
                    raise StoreOutOfReach from exc
                where = urlsplit(part["url"]).netloc
                raise GatewayUnreachable(f"the store at {where} broke off; run the command again, and it goes on where it was") from exc
            time.sleep(0.2 * 2**failures)
            upload = calls.get(f"/uploads/{upload['upload_id']}")  # fresh URLs
    named = [{"part_number": number, "etag": etag} for number, etag in sorted(etags.items())]
    media = calls.post(f"/uploads/{upload['upload_id']}/complete", {"parts": named})
    note.unlink(missing_ok=True)
    return media


def _begun(calls: Calls, note: Path) -> dict[str, Any] | None:
    """The upload of an earlier run, unless nothing can become of it."""
    with suppress(OSError, ApiError, ValueError):
        upload = calls.get(f"/uploads/{json.loads(note.read_text())}")
        if upload["state"] != "expired":
            return upload
    return None


def _note(base: str, path: Path, facts: os.stat_result, operations: str) -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    identity = json.dumps([base, os.fsencode(path.resolve()).hex(), facts.st_size, facts.st_mtime_ns, operations])
    return cache / "darkroom" / "uploads" / f"{hashlib.sha256(identity.encode()).hexdigest()[:32]}.json"


def _write(note: Path, upload_id: str) -> None:
    with suppress(OSError):  # without a cache there is nothing to go on from
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_text(json.dumps(upload_id))


def _put(http: urllib3.PoolManager, url: str, body: Iterator[bytes], length: int) -> str:
    try:
        answer = http.request("PUT", url, body=body, headers={"Content-Length": str(length)})
    except urllib3.exceptions.HTTPError as exc:
        raise _BrokenOff from exc
    if answer.status != 200 or "ETag" not in answer.headers:
        raise _BrokenOff
    return answer.headers["ETag"].strip('"')


def _bytes(path: Path, start: int, length: int, gone: Callable[[int], None]) -> Iterator[bytes]:
    left = length
    with path.open("rb") as file:
        file.seek(start)
        while left and (chunk := file.read(min(left, CHUNK_BYTES))):
            left -= len(chunk)
            yield chunk
            gone(length - left)
