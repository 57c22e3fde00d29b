"""A gateway that fits in memory: real HTTP, real bytes, and jobs that are done as soon as somebody has looked at them twice.

It knows the calls that the command line makes, judges operations by the real catalogue, and can be told to be quick (a media is accepted
before anybody asks for a job), to hand out wrong bytes, or to be away.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from schemas.catalogue import CATALOGUE, resolve
from schemas.errors import ContractError

BROKEN = b"broken"


class SmallGateway:
    """What it holds, and how it answers; `url` while it serves."""

    def __init__(self) -> None:
        self.media: dict[str, dict[str, Any]] = {}
        self.bytes: dict[str, bytes] = {}
        self.jobs: dict[str, dict[str, Any]] = {}
        self.calls: list[tuple[str, str]] = []
        self.quick = False
        self.kind = "image"
        self.spoilt = False
        self.away = False
        self.refuses: tuple[int, str] | None = None
        self.checks: dict[str, str] = {}
        self.url = ""
        self._lock = threading.Lock()

    def answer(self, method: str, target: str, body: bytes) -> tuple[int, Any]:
        with self._lock:
            self.calls.append((method, target))
            path, query = urlsplit(target).path.strip("/").split("/"), parse_qs(urlsplit(target).query)
            if self.away:
                return self.problem(503, "The database or the object store does not answer; nothing was lost, try again.")
            if self.refuses:
                return self.problem(*self.refuses)
            if method == "POST":
                return self.upload(query["filename"][0], body) if path == ["media"] else self.ask(json.loads(body))
            if path == ["readyz"]:
                return 503, {"status": "unavailable", "checks": self.checks}
            if path == ["operations"]:
                return 200, {
                    "operations": [
                        {"name": o.name, "kinds": sorted(o.kinds), "aliases": dict.fromkeys(o.aliases)} for o in CATALOGUE.values()
                    ]
                }
            if path[0] == "bytes":
                return 200, self.bytes[path[1]] + (b"!" if self.spoilt else b"")
            known = self.media if path[0] == "media" else self.jobs
            if path[1] not in known:
                return self.problem(404, f"There is no {path[0]} {path[1]}.")
            if path[0] == "jobs":
                self.go_on(self.jobs[path[1]])
            return 200, known[path[1]]

    def problem(self, status: int, detail: str, *errors: Any) -> tuple[int, Any]:
        return status, {"type": "about:blank", "title": "", "status": status, "detail": detail, "errors": list(errors)}

    def upload(self, name: str, body: bytes) -> tuple[int, Any]:
        if not body:
            return self.problem(400, "The upload is empty.")
        media_id = f"media-{len(self.media) + 1}"
        media = {
            "media_id": media_id,
            "filename": name,
            "sha256": sha256(body).hexdigest(),
            "state": "uploaded",
            "facts": None,
            "error": None,
        }
        self.media[media_id] = media
        self.bytes[media_id] = body
        if self.quick:
            self.judge(media)
            return 201, {**media, "state": "uploaded", "facts": None, "error": None}
        return 201, media

    def judge(self, media: dict[str, Any]) -> None:
        if self.bytes[media["media_id"]].startswith(BROKEN):
            media |= {"state": "rejected", "error": {"class": "bad-input", "message": "It is broken."}}
        else:
            media |= {"state": "accepted", "facts": {"kind": self.kind, "width_px": 4, "height_px": 3, "duration_ms": None}}

    def ask(self, body: dict[str, Any]) -> tuple[int, Any]:
        try:
            wanted = [resolve(o) if isinstance(o, str) else resolve(o["operation"], o["parameters"]) for o in body["operations"]]
        except ContractError as exc:
            return self.problem(422, str(exc))
        media = self.media.get(body["media_id"])
        if media is None:
            return self.problem(404, f"There is no media {body['media_id']}.")
        misfits = [request.operation.name for request in wanted if media["facts"] and media["facts"]["kind"] not in request.operation.kinds]
        if media["error"] or misfits:
            return self.problem(422, f"The media was rejected: {media['error']['message']}" if media["error"] else f"{misfits} do not fit.")
        job_id = f"job-{len(self.jobs) + 1}"
        tasks = [
            {"task_id": f"{job_id}-{n}", "operation": one.operation.name, "parameters": one.parameters.model_dump(mode="json"),
             "state": "queued", "progress": None, "artifacts": [], "error": None}
            for n, one in enumerate(wanted)
        ]  # fmt: skip
        self.jobs[job_id] = {
            "job_id": job_id,
            "media_id": media["media_id"],
            "state": "queued",
            "priority": body["priority"],
            "tasks": tasks,
        }
        return 202, self.jobs[job_id]

    def go_on(self, job: dict[str, Any]) -> None:
        """One step: queued, running, ended."""
        media = self.media[job["media_id"]]
        if media["state"] == "uploaded":
            self.judge(media)
        if job["state"] == "queued" and not media["error"]:
            job["state"] = "running"
            for task in job["tasks"]:
                task["state"] = "running"
            return
        for task in job["tasks"]:
            if media["error"]:
                task |= {"state": "failed", "error": media["error"]}
            elif media["facts"]["kind"] not in CATALOGUE[task["operation"]].kinds:
                task |= {"state": "failed", "error": {"class": "unsupported", "message": "It does not fit."}}
            else:
                task |= {"state": "done", "artifacts": [self.artifact(task, media)]}
        job["state"] = "done" if all(task["state"] == "done" for task in job["tasks"]) else "failed"

    def artifact(self, task: dict[str, Any], media: dict[str, Any]) -> dict[str, Any]:
        """Its bytes are the original's, backwards."""
        data = self.bytes[media["media_id"]][::-1]
        digest = sha256(data).hexdigest()
        self.bytes[digest] = data
        return {
            "operation": task["operation"], "parameters": task["parameters"], "content_type": "image/webp", "bytes": len(data),
            "sha256": digest, "width_px": 4, "height_px": 3, "url": f"{self.url}/bytes/{digest}",
        }  # fmt: skip


@contextmanager
def serving(gateway: SmallGateway) -> Iterator[SmallGateway]:
    """On a free port of the loopback."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # head and body are two writes

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, said = gateway.answer(self.command, self.path, body)
            data = said if isinstance(said, bytes) else json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_POST = do_GET

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        gateway.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield gateway
        finally:
            server.shutdown()
            thread.join()
