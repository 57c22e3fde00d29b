"""The platform's numbers over HTTP: `/metrics` under the autoscaler's own names, `/instances` for people and for `darkroom up`."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypedDict

from aiohttp import web

from infra.local.kpa_settings import Scaling
from infra.local.manifest_kinds import KnativeService
from infra.local.revision import Gauges


def exposition(revisions: Sequence[tuple[KnativeService, Scaling, Gauges]]) -> str:
    """Prometheus text, each line ended. Concurrency gauges are there for services that scale on concurrency only, as on a cluster."""
    families: dict[str, Callable[[Scaling, Gauges], float]] = {
        "kn_revision_pods_desired": lambda _, gauges: gauges.desired,
        "kn_revision_pods_requested": lambda _, gauges: gauges.requested,
        "kn_revision_pods_count": lambda _, gauges: gauges.ready,
        "kn_revision_pods_not_ready_count": lambda _, gauges: gauges.starting,
        "kn_revision_pods_terminating_count": lambda _, gauges: gauges.ending,
        "kn_revision_panic_mode": lambda _, gauges: int(gauges.in_panic),
        "kn_revision_concurrency_stable": lambda _, gauges: gauges.stable,
        "kn_revision_concurrency_panic": lambda _, gauges: gauges.panic,
        "kn_revision_concurrency_target": lambda scaling, _: scaling.target,
    }
    lines = []
    for family, value in families.items():
        lines.append(f"# TYPE {family} gauge")
        for service, scaling, gauges in revisions:
            if scaling.metric == "concurrency" or "concurrency" not in family:
                lines.append(f"{family}{{{_labels(service)}}} {value(scaling, gauges):g}")
    return "\n".join(lines) + "\n"


def _labels(service: KnativeService) -> str:
    values = {
        "k8s_namespace_name": service.namespace,
        "kn_configuration_name": service.name,
        "kn_revision_name": service.revision,
        "kn_service_name": service.name,
    }
    return ",".join(f'{name}="{value}"' for name, value in values.items())


class Target(TypedDict):
    """One entry of Prometheus' HTTP service discovery."""

    targets: list[str]
    labels: dict[str, str]


def is_scraped(annotations: Mapping[str, str]) -> bool:
    """Does the pod's manifest ask for it, by the annotation that Prometheus' own examples go by?"""
    return annotations.get("prometheus.io/scrape") == "true"


def target(host: str, port: int, name: str) -> Target:
    return Target(targets=[f"{host}:{port}"], labels={"job": name})


class MetricsServer:
    """GET /metrics, GET /instances, and GET /targets: whom Prometheus is to scrape, for its http_sd_configs."""

    def __init__(
        self, metrics: Callable[[], str], instances: Callable[[], Mapping[str, Any]], targets: Callable[[], Sequence[Target]]
    ) -> None:
        self._metrics, self._instances, self._targets = metrics, instances, targets
        self._runner: web.AppRunner | None = None

    async def start(self, host: str, port: int) -> None:
        app = web.Application()
        app.router.add_get("/metrics", self._get_metrics)
        app.router.add_get("/instances", self._get_instances)
        app.router.add_get("/targets", self._get_targets)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port).start()

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _get_metrics(self, _: web.Request) -> web.Response:
        return web.Response(text=self._metrics(), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})

    async def _get_targets(self, _: web.Request) -> web.Response:
        return web.json_response(self._targets())

    async def _get_instances(self, _: web.Request) -> web.Response:
        return web.json_response(self._instances())
