"""The real parts that a team deploys, started by tests: a PostgreSQL over TCP, and MinIO. A missing one skips the test, unless
REQUIRE_POSTGRESQL=1 or REQUIRE_MINIO=1 forbids that."""

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import urllib3

WEBHOOK_TOKEN = "a-token-of-the-tests"


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def program(name: str, how: str, *folders: Path, required_by: str) -> str:
    """The path of a program, on PATH or in one of the folders; without it the test skips, or fails where it is required."""
    found = shutil.which(name) or next((str(folder / name) for folder in folders if (folder / name).exists()), None)
    if found is None:
        reason = f"no `{name}` on PATH: {how}"
        if os.environ.get(required_by) == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return found


class Minio:
    """One MinIO on one folder and one port, which may be stopped and started."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        """Args:
        folder: what is not there yet: `data`, and MinIO's log beside it.
        environment: more of MinIO's own settings.
        """
        self._binary = program("minio", "go install github.com/minio/minio@latest", required_by="REQUIRE_MINIO")
        self._folder, self._port = folder, free_port()
        self.url, self.access_key, self.secret_key = f"http://127.0.0.1:{self._port}", "darkroom", "darkroom-secret"
        folder.mkdir(parents=True, exist_ok=True)
        settings = {"MINIO_ROOT_USER": self.access_key, "MINIO_ROOT_PASSWORD": self.secret_key, "MINIO_BROWSER": "off"}
        self._environment = {**os.environ, **settings, **environment}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns once it is ready."""
        argv = [self._binary, "server", str(self._folder / "data"), "--address", f"127.0.0.1:{self._port}", "--quiet"]
        with (self._folder / "minio.log").open("ab") as log:
            self._process = subprocess.Popen(argv, env=self._environment, stdout=log, stderr=log)
        until_it_answers(f"{self.url}/minio/health/ready", self._process)

    def stop(self, how: int = signal.SIGTERM) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(30)
            self._process = None


@contextmanager
def running_minio(folder: Path, environment: Mapping[str, str]) -> Iterator[Minio]:
    minio = Minio(folder, environment)
    try:
        minio.start()
        yield minio
    finally:
        minio.stop()


def webhook(url: str, queue: Path) -> dict[str, str]:
    """MinIO's settings for the target DARKROOM, whose undelivered events wait in a folder."""
    queue.mkdir(parents=True, exist_ok=True)
    target = {"ENABLE": "on", "ENDPOINT": url, "AUTH_TOKEN": WEBHOOK_TOKEN, "QUEUE_DIR": str(queue)}
    return {f"MINIO_NOTIFY_WEBHOOK_{name}_DARKROOM": value for name, value in target.items()} | {"MINIO_API_SYNC_EVENTS": "on"}


@contextmanager
def running_postgresql() -> Iterator[str]:
    """The system's own PostgreSQL, 15 or newer, on a port of the loopback and with a password. Yields the URL of an empty database.

    It refuses to be root: there it runs as `nobody`.
    """
    how, debian = "apt-get install postgresql-15", sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    initdb = program("initdb", how, *debian, required_by="REQUIRE_POSTGRESQL")
    server = str(Path(initdb).resolve().with_name("postgres"))
    user = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
    who = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}
    port, password = free_port(), secrets.token_hex(16)
    with tempfile.TemporaryDirectory(prefix="postgresql-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        (folder / "password").write_text(password)
        if user:
            for path in (folder, folder / "password"):
                os.chown(path, user.pw_uid, user.pw_gid)
        data = str(folder / "data")
        argv = [initdb, "-D", data, "-U", "darkroom", "-A", "scram-sha-256", f"--pwfile={folder / 'password'}", "-E", "UTF8", "--no-sync"]
        made = subprocess.run(argv, cwd="/", capture_output=True, text=True, check=False, **who)  # type: ignore[call-overload]
        assert made.returncode == 0, made.stderr
        argv = [server, "-D", data, "-h", "127.0.0.1", "-p", str(port), "-k", "", "-c", "max_connections=200"]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(argv, cwd="/", stdout=log, stderr=log, **who)  # type: ignore[call-overload]
        try:
            url = f"postgresql://darkroom:{password}@127.0.0.1:{port}/postgres"
            _until_it_takes_us(url, process, folder / "log")
            yield url
        finally:
            process.send_signal(signal.SIGINT)  # fast: it ends the connections there are
            process.wait(30)


def _until_it_takes_us(url: str, process: subprocess.Popen[bytes], log: Path, within_s: float = 60) -> None:
    import sqlalchemy

    from gateway.store.database import driver_url

    engine = sqlalchemy.create_engine(driver_url(url))
    end_s = time.monotonic() + within_s
    while process.poll() is None and time.monotonic() < end_s:
        with suppress(sqlalchemy.exc.DBAPIError, OSError), engine.connect():
            engine.dispose()
            return
        time.sleep(0.1)
    raise AssertionError(log.read_text())


def until_it_answers(url: str, process: subprocess.Popen[bytes], within_s: float = 60) -> None:
    end_s = time.monotonic() + within_s
    while process.poll() is None and time.monotonic() < end_s:
        with suppress(urllib3.exceptions.HTTPError):
            if urllib3.request("GET", url, retries=False, timeout=2).status == 200:
                return
        time.sleep(0.1)
    raise TimeoutError(url)
