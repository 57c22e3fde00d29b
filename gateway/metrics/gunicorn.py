"""What gunicorn's settings files share, so that a scrape hears every worker of a listener, however many there are.

Each worker counts in a file of its own, in one folder; whoever is asked adds the files up (prometheus_client's multi-process mode, which it
chooses at its import). A worker that has gone leaves its counts.
"""

import os
import shutil
import tempfile
from typing import Any

_FOLDER = "PROMETHEUS_MULTIPROC_DIR"


def count_together() -> None:
    """To be called while the settings are read: before gunicorn forks, and before anything imports prometheus_client."""
    if _FOLDER not in os.environ:
        os.environ[_FOLDER] = tempfile.mkdtemp(prefix="darkroom-metrics-")


def child_exit(_server: Any, worker: Any) -> None:
    """gunicorn's hook: what only the living should say is forgotten."""
    from prometheus_client.multiprocess import mark_process_dead

    mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]


def on_exit(_server: Any) -> None:
    """gunicorn's hook: the folder goes with the last process."""
    shutil.rmtree(os.environ[_FOLDER], ignore_errors=True)
