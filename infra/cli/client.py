"""The gateway's REST API from Python: the calls that the command line needs. Thin: documents in, documents out."""

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import urllib3

from gateway.domain.parts import MULTIPART_ABOVE_BYTES
from infra.cli import parts
from infra.cli.errors import ApiError, CommandError, GatewayUnreachable, WorkFailed

ENDED = frozenset({"done", "failed", "cancelled"})
JUDGED = frozenset({"accepted", "rejected", "failed"})
CHUNK_BYTES = 1 << 20


class FileChanged(CommandError):
    """The file grew or shrank while it was sent."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} changed while it was sent; send it again when it is whole")


class Client:
    """Calls to one gateway. May be used by several threads."""

    def __init__(self, base: str, *, key: str | None = None) -> None:
        """`key`: an API key; without it the one in `DARKROOM_API_KEY`, if any. The store never sees it.

        Raises:
            GatewayUnreachable: `base` is no http(s) URL.
        """
        key = key or os.environ.get("DARKROOM_API_KEY")
        self._authorization = {"Authorization": f"Bearer {key}"} if key else {}
        self._base = base.rstrip("/")
        if urlsplit(self._base).scheme not in ("http", "https") or not urlsplit(self._base).netloc:
            raise GatewayUnreachable(f"{base!r} is no gateway's URL; an example is http://127.0.0.1:8000")
        self._http = urllib3.PoolManager(retries=False, maxsize=8, timeout=urllib3.Timeout(connect=5, read=120))

    @property
    def base(self) -> str:
        """The gateway's URL, without a slash at its end."""
        return self._base

    def upload(self, path: Path, *, operations: list[str], sent: Callable[[float], None] = lambda _: None) -> dict[str, Any]:
        """Uploads one file, streamed, and asks for these operations; `sent` hears which part of it has gone, from 0 to 1.

        A large one goes straight to the store, in parts; where an earlier try was broken off, it goes on there.

        Raises:
            ApiError, GatewayUnreachable, FileChanged; OSError where the file cannot be read.
        """
        name = os.fsencode(path.name).decode(errors="replace")  # a name on disk need not be text
        asked = {"operations": ",".join(operations) or "none"}
        size = path.stat().st_size
        if size > MULTIPART_ABOVE_BYTES:
            with suppress(parts.StoreOutOfReach):  # then by the gateway, which can reach it
                media = parts.send_in_parts(self, self._http, path, name=name, operations=urlencode(asked), sent=sent)
                if path.stat().st_size != size:
                    raise FileChanged(path)
                return media
        query = urlencode({"filename": name, **asked})
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
        return self._call("POST", f"/media?{query}", body=_chunks(path, size, sent), headers=headers)

    def get(self, path: str, *, also: int = 200) -> dict[str, Any]:
        """`also`: a status that is no error here."""
        return self._call("GET", path, also=also)

    def post(self, path: str, document: dict[str, Any]) -> dict[str, Any]:
        return self._call("POST", path, body=json.dumps(document).encode(), headers={"Content-Type": "application/json"})

    def download(self, url: str) -> bytes:
        """An artifact's bytes by its presigned URL."""
        answer = self._http.request("GET", url)
        if answer.status != 200:
            raise ApiError(answer.status, f"{url} answers {answer.status}")
        return answer.data

    def save(self, artifact: dict[str, Any], path: Path) -> None:
        """An artifact's bytes into a file, which appears whole and right or not at all.

        Raises:
            WorkFailed: the bytes are not those that the gateway recorded, or the store does not give them.
            GatewayUnreachable: the store does not answer. OSError: the file cannot be written.
        """
        draft = path.with_name(f".{path.name}.part")
        digest = sha256()
        try:
            with self._stream(artifact["url"]) as answer, draft.open("wb") as file:
                if answer.status != 200:
                    raise WorkFailed(f"{path.name} cannot be had, the store answers {answer.status}; run the command again for a fresh URL")
                for chunk in answer.stream(CHUNK_BYTES):
                    digest.update(chunk)
                    file.write(chunk)
            if digest.hexdigest() != artifact["sha256"]:
                raise WorkFailed(f"{path.name} came with other bytes than were recorded (sha256); it was not kept, run the command again")
            draft.replace(path)
        except urllib3.exceptions.HTTPError as exc:
            raise GatewayUnreachable(f"the store broke off at {path.name}; run the command again") from exc
        finally:
            draft.unlink(missing_ok=True)

    def _stream(self, url: str) -> urllib3.BaseHTTPResponse:
        try:
            return self._http.request("GET", url, preload_content=False)
        except urllib3.exceptions.HTTPError as exc:
            raise GatewayUnreachable(f"the store does not answer at {urlsplit(url).netloc}; is it reachable from here?") from exc

    def watch(self, media_id: str, *, every_s: float = 0.2) -> Iterator[tuple[dict[str, Any], dict[str, Any] | None]]:
        """The media's document and its newest job's, again and again until both have ended."""
        while True:
            media = self.get(f"/media/{media_id}")
            jobs = self.get(f"/jobs?media_id={media_id}&limit=1")["jobs"]
            job = jobs[0] if jobs else None
            yield media, job
            if media["state"] in JUDGED and (job is None or job["state"] in ENDED):
                return
            time.sleep(every_s)

    def _call(self, method: str, path: str, *, body: Any = None, headers: dict[str, str] | None = None, also: int = 200) -> dict[str, Any]:
        try:
            answer = self._http.request(method, self._base + path, body=body, headers={**self._authorization, **(headers or {})})
        except urllib3.exceptions.HTTPError as exc:
            raise GatewayUnreachable(f"nobody answers at {self._base}; `darkroom up` starts a system, --gateway URL names another") from exc
        try:
            document: dict[str, Any] = json.loads(answer.data or b"{}")
        except ValueError as exc:
            raise GatewayUnreachable(f"what answers at {self._base} is no Darkroom; --gateway URL names another") from exc
        if answer.status >= 400 and answer.status != also:
            raise ApiError(answer.status, _sentence(document, answer.status, _next_step(method, path, answer.status)))
        return document


def _chunks(path: Path, size: int, sent: Callable[[float], None]) -> Iterator[bytes]:
    """Exactly `size` bytes: what was declared, or FileChanged."""
    left = size
    with path.open("rb") as file:
        while left:
            chunk = file.read(min(left, CHUNK_BYTES))
            if not chunk:
                raise FileChanged(path)
            left -= len(chunk)
            yield chunk
            sent(1 - left / size)
        if file.read(1):
            raise FileChanged(path)


_KEYS = {
    401: "this command takes its key from DARKROOM_API_KEY, and `darkroom keys create` makes one",
    403: "`darkroom keys create --scope SCOPE` makes a key that may, for DARKROOM_API_KEY",
}
_LISTS = {"jobs": "`darkroom jobs` lists what there is", "media": "`darkroom jobs --json` says which media there are"}


def _next_step(method: str, path: str, status: int) -> str:
    """What to do about it, where the gateway, who does not know of this command, cannot say."""
    if status == 404 and method == "GET":
        return _LISTS.get(path.split("/")[1], "")
    return _KEYS.get(status, "")


def _sentence(document: dict[str, Any], status: int, next_step: str) -> str:
    """A problem document in one sentence, with what would have been allowed where the detail does not say it."""
    detail = str(document.get("detail") or f"the gateway answers {status}")
    told = [_told(one) for one in document.get("errors") or () if str(_news(one)) not in detail]
    return "; ".join([detail.rstrip("."), *told, *([next_step] if next_step else [])])


def _news(problem: dict[str, Any]) -> Any:
    return problem.get("allowed") or problem["message"]


def _told(problem: dict[str, Any]) -> str:
    return f"{problem['field']} may be {problem['allowed']}" if problem.get("allowed") else str(problem["message"])
