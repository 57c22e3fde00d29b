"""All JobSinks of a platform: listener and Jobs, wired."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from infra.local.events import OnEvent
from infra.local.jobs.folder import JobFolder
from infra.local.jobs.runner import JobRunner, MakeLaunch
from infra.local.jobs.sink import JobSinkServer
from infra.local.logfiles import LogFolder
from infra.local.manifest_kinds import JobSink


class JobSinks:
    """`start` takes up what is on disk and listens; `stop` ends every Job's process, as a node that goes away does."""

    def __init__(self, sinks: Sequence[JobSink], data: Path, launch: MakeLaunch, *, logs: LogFolder, on_event: OnEvent) -> None:
        """`data`: the platform's data folder, where Jobs are kept; `launch`: the command for a JobSink, an event's folder and a slot."""
        self._runner = JobRunner(sinks, JobFolder(data / "jobs"), launch, logs=logs, on_event=on_event)
        self._server = JobSinkServer(self._runner, logging.getLogger("infra.local"))

    async def start(self, host: str, port: int) -> None:
        self._runner.start()
        await self._server.start(host, port)

    async def stop(self) -> None:
        await self._server.stop()
        await self._runner.stop()

    def rows(self) -> dict[str, dict[str, Any]]:
        """What `/instances` shows of each JobSink."""
        return {
            sink.name: {"kind": "JobSink", "min_scale": None, "max_scale": None, "instances": self._runner.views(sink.key)}
            for sink in self._runner.sinks.values()
        }
