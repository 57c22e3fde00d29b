"""One machine as a small cluster: reads manifests, runs what they ask for, and heals it. The composition root of infra.local.

`Platform(...)` refuses what it cannot run; `start` brings it up in the order database, listeners, broker, Deployments; `stop` leaves
no process, socket or scratch file. Command-line words are __main__.py's.
"""

import asyncio
import logging
import os
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from infra.local.broker import Broker
from infra.local.deployments import DeploymentRunner, Slot
from infra.local.environment import expand, inherited
from infra.local.events import OnEvent
from infra.local.instance import InstanceView
from infra.local.jobs.service import JobSinks
from infra.local.kpa_settings import Scaling
from infra.local.logfiles import LogFolder
from infra.local.manifest_kinds import Container, Deployment, JobSink, KnativeService
from infra.local.manifests import read_manifests
from infra.local.metrics import MetricsServer, Target, exposition, is_scraped, target
from infra.local.plan import METRICS_PORT, Environments, make_plan, sinks
from infra.local.pool import Pool
from infra.local.ports import Ports
from infra.local.postgres import EmbeddedPostgres
from infra.local.process import Launch
from infra.local.revision import Revision, make_gate
from infra.local.rundir import RunFolder
from infra.local.values import Values

_TRIM_EVERY_S = 10.0
_READY_POLL_S = 0.05
_STOP_GRACE_S = 10.0  # a person waits for the prompt: shorter than most manifests' own grace
_LOG = logging.getLogger("infra.local")


class Platform:
    """A running set of manifests.

    Raises:
        UnsupportedManifest: the manifests ask for something this platform has not.
        LocalPlatformError: any other reason not to start, in one sentence.
    """

    def __init__(self, manifests: Sequence[Path], data: Path, values: Values, on_event: OnEvent, *, host: str = "127.0.0.1") -> None:
        """`manifests`: files and folders; `data`: the folder for logs, the run state and the embedded database."""
        self._host, self._values, self._on_event = host, values, on_event
        self._data = data.resolve()
        self._manifests = read_manifests(manifests)
        self._ports = Ports(host)
        self._metrics_port = self._ports.take(values.ports.get("metrics"))
        self._plan = make_plan(self._manifests, values, self._ports, host, metrics_port=self._metrics_port)
        for sink in sinks(self._manifests):
            self._plan.book.resolve(sink)
        self._environments = Environments(self._manifests, values, self._plan, host=host, inherited=inherited(os.environ))
        self._run_folder = RunFolder(self._data)
        self._postgres: EmbeddedPostgres | None = None
        self._broker: Broker | None = None
        self._revisions: list[Revision] = []
        self._deployments: list[DeploymentRunner] = []
        self._job_sinks: JobSinks | None = None
        self._scraped: list[tuple[str, int]] = []
        self._metrics = MetricsServer(self.metrics, self.overview, self.targets)
        self._housekeeping: asyncio.Task[None] | None = None

    @property
    def urls(self) -> dict[str, Any]:
        """What `run/platform.json` says: `pid`, `brokers` by namespace/name, `services` by name, `metrics`."""
        return {
            "pid": os.getpid(),
            "brokers": dict(self._plan.broker_urls),
            "services": dict(self._plan.urls),
            "metrics": f"http://{self._host}:{self._metrics_port}",
        }

    @property
    def ignored(self) -> Sequence[str]:
        """Manifests that mean nothing on one machine, as `Kind name`."""
        return self._manifests.ignored

    async def start(self) -> None:
        """Bring everything up; processes are spawned, not all ready, when it returns. After a failure nothing is left running."""
        self._run_folder.hold()
        try:
            await self._start()
        except BaseException:
            await self.stop()
            raise
        self._run_folder.publish(self.urls)

    async def wait_ready(self, timeout_s: float) -> list[str]:
        """Wait until Deployments and wanted instances are ready; the names of those that are not after `timeout_s`."""
        deadline_s = asyncio.get_running_loop().time() + timeout_s
        while (missing := self._not_ready()) and asyncio.get_running_loop().time() < deadline_s:
            await asyncio.sleep(_READY_POLL_S)
        return missing

    async def stop(self) -> None:
        """End everything. Safe to call after a failed start."""
        self._run_folder.withdraw()
        if self._housekeeping is not None:
            self._housekeeping.cancel()
        # The broker first: it stores what is under way for the next start. Then all processes together, so that nobody waits twice.
        if self._broker is not None:
            await self._broker.stop()
        processes = [deployment.stop() for deployment in self._deployments] + [revision.stop() for revision in self._revisions]
        processes += [self._job_sinks.stop()] if self._job_sinks is not None else []
        await asyncio.gather(*processes, self._metrics.stop())
        if self._postgres is not None:
            await self._postgres.stop()
        self._run_folder.release()

    def instances(self) -> dict[str, list[InstanceView]]:
        """Service, Deployment or JobSink → its processes."""
        return {name: row["instances"] for name, row in self.overview().items()}

    def overview(self) -> dict[str, Any]:
        """What `/instances` serves: for each Service also its limits and its load; null where a Deployment or JobSink has none."""
        rows: dict[str, Any] = {
            deployment.name: {"kind": "Deployment", "min_scale": None, "max_scale": None, "instances": deployment.views()}
            for deployment in self._deployments
        }
        for revision in self._revisions:
            rows[revision.service.name] = {
                "kind": "Service",
                "min_scale": revision.scaling.min_scale,
                "max_scale": revision.scaling.max_scale or None,
                "container_concurrency": revision.service.container_concurrency,
                "in_flight": revision.in_flight,
                "waiting": revision.waiting,
                "instances": revision.pool.views(),
            }
        return rows | (self._job_sinks.rows() if self._job_sinks is not None else {})

    def metrics(self) -> str:
        """Prometheus text: the autoscaler's, then the broker's."""
        text = exposition([(revision.service, revision.scaling, revision.gauges()) for revision in self._revisions])
        return text + (self._broker.metrics() if self._broker is not None else "")

    def targets(self) -> list[Target]:
        """Whom Prometheus is to scrape now, and this platform itself: what its manifests annotate so, functions while they live."""
        revisions = (
            (revision.service.name, port)
            for revision in self._revisions
            if is_scraped(revision.service.annotations)
            for port in revision.pool.ports()
        )
        return [target(self._host, port, name) for name, port in [("platform", self._metrics_port), *self._scraped, *revisions]]

    async def _start(self) -> None:
        logs = LogFolder(self._data / "logs")
        runners = [self._make_deployment(deployment, logs) for deployment in self._manifests.deployments]
        revisions = [(self._make_revision(service, scaling, logs), port) for service, scaling, port in self._plan.services]
        broker = await self._make_broker() if self._plan.broker_port is not None else None
        await self._metrics.start(self._host, self._metrics_port)
        for revision, port in revisions:
            self._revisions.append(revision)
            await revision.start(port)
        if self._plan.job_sink_port is not None:
            self._job_sinks = self._make_job_sinks(logs)
            await self._job_sinks.start(self._host, self._plan.job_sink_port)
        if broker is not None:
            await broker.start(self._host, self._plan.broker_port or 0)
            self._broker = broker
        for runner in runners:
            self._deployments.append(runner)
            runner.start()
        self._housekeeping = asyncio.create_task(_keep_trimming(logs))

    async def _make_broker(self) -> Broker:
        database_url = self._values.database_url
        if database_url is None:
            self._postgres = EmbeddedPostgres(self._data)
            database_url = await self._postgres.start()
        return Broker(database_url, self._manifests.brokers, self._manifests.triggers, self._plan.book.resolve, _LOG)

    def _make_revision(self, service: KnativeService, scaling: Scaling, logs: LogFolder) -> Revision:
        gate = make_gate(service, scaling)
        self._environments.of_service(service, 0)  # what it lacks is said now, not at the first request
        pool = Pool(
            service.name,
            launch=partial(self._service_launch, service),
            gate=gate,
            ready_path=service.container.ready_path,
            host=self._host,
            ports=self._ports,
            logs=logs,
            on_event=self._on_event,
            drain_s=service.timeout_s,
        )
        return Revision(service, scaling, gate, pool, host=self._host)

    def _make_job_sinks(self, logs: LogFolder) -> JobSinks:
        for sink in self._manifests.job_sinks:
            self._environments.of_job(sink, "")  # what it lacks is said now, not at the first event
        return JobSinks(self._manifests.job_sinks, self._data, self._job_launch, logs=logs, on_event=self._on_event)

    def _job_launch(self, sink: JobSink, event_folder: Path, slot: str) -> Launch:
        return self._launch(sink.container, self._environments.of_job(sink, str(event_folder)), slot)

    def _service_launch(self, service: KnativeService, port: int, slot: str) -> Launch:
        return self._launch(service.container, self._environments.of_service(service, port), slot)

    def _make_deployment(self, deployment: Deployment, logs: LogFolder) -> DeploymentRunner:
        slots = [self._make_slot(deployment, container, n) for n in range(deployment.replicas) for container in deployment.containers]
        return DeploymentRunner(
            deployment.name,
            slots,
            host=self._host,
            logs=logs,
            on_event=self._on_event,
            stop_grace_s=min(deployment.stop_grace_s, _STOP_GRACE_S),
        )

    def _make_slot(self, deployment: Deployment, container: Container, replica: int) -> Slot:
        served = self._plan.deployment_ports.get((deployment.namespace, deployment.name, container.name))
        names = [deployment.name, *([container.name] if len(deployment.containers) > 1 else []), str(replica)]
        # One that no Service leads to gets a port too: its manifest may name one that is taken here.
        port = served or self._ports.take()
        metrics_port = self._ports.take() if any(entry["name"] == METRICS_PORT for entry in container.env) else None
        env = self._environments.of_deployment(deployment, container, port, metrics_port=metrics_port)
        slot = "-".join(names)
        if is_scraped(deployment.annotations):
            self._scraped.append((deployment.name, metrics_port or port))
        return Slot(name=slot, launch=self._launch(container, env, slot), port=served or 0, ready_path=container.ready_path)

    def _launch(self, container: Container, env: Mapping[str, str], slot: str) -> Launch:
        argv = [expand(part, env) for part in container.argv]
        return Launch(argv=argv, env=env, working_dir=self._values.working_dir, scratch=self._run_folder.scratch / slot)

    def _not_ready(self) -> list[str]:
        late = [deployment.name for deployment in self._deployments if not deployment.is_ready()]
        return late + [revision.service.name for revision in self._revisions if revision.gauges().ready < revision.pool.target]


async def _keep_trimming(logs: LogFolder) -> None:
    while True:
        await asyncio.sleep(_TRIM_EVERY_S)
        await asyncio.to_thread(logs.trim)
