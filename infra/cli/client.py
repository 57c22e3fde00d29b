"""The gateway's REST API from Python: the calls that the command line needs. Thin: documents in, documents out."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import urllib3

from infra.cli.errors import ApiError, GatewayUnreachable

ENDED = frozenset({"done", "failed", "cancelled"})
JUDGED = frozenset({"accepted", "rejected", "failed"})


class Client:
    """Calls to one gateway."""

    def __init__(self, base: str) -> None:
        self._base = base.rstrip("/")
        self._http = urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(connect=5, read=120))

    def upload(self, path: Path, *, operations: list[str]) -> dict[str, Any]:
        """Uploads one file, streamed, and asks for these operations. Raises ApiError, GatewayUnreachable."""
        query = urlencode({"filename": path.name, "operations": ",".join(operations) or "none"})
        with path.open("rb") as file:
            return self._call("POST", f"/media?{query}", body=file, headers={"Content-Type": "application/octet-stream"})

    def get(self, path: str) -> dict[str, Any]:
        return self._call("GET", path)

    def post(self, path: str, document: dict[str, Any]) -> dict[str, Any]:
        return self._call("POST", path, body=json.dumps(document).encode(), headers={"Content-Type": "application/json"})

    def download(self, url: str) -> bytes:
        """An artifact's bytes by its presigned URL."""
        answer = self._http.request("GET", url)
        if answer.status != 200:
            raise ApiError(answer.status, f"{url} answers {answer.status}")
        return answer.data

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

    def _call(self, method: str, path: str, *, body: Any = None, headers: dict[str, str] | None = None) -> dict[str, Any]:
        try:
            answer = self._http.request(method, self._base + path, body=body, headers=headers)
        except urllib3.exceptions.HTTPError as exc:
            raise GatewayUnreachable(f"nobody answers at {self._base}") from exc
        document: dict[str, Any] = json.loads(answer.data or b"{}")
        if answer.status >= 400:
            raise ApiError(answer.status, str(document.get("detail", answer.status)))
        return document
