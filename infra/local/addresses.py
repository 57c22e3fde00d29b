"""Cluster names to local addresses: `http://gateway-internal.darkroom.svc.cluster.local/x` → `http://127.0.0.1:20417/x`.

Pure, once the ports are known. Names of things that are not in the manifests lead nowhere on one machine and are refused.
"""

import re
from collections.abc import Mapping

from infra.local.broker.spec import SinkRef
from infra.local.errors import LocalPlatformError

_INGRESS_HOST = "broker-ingress.knative-eventing.svc.cluster.local"
_INGRESS = re.compile(rf"http://{re.escape(_INGRESS_HOST)}(?::80)?/([a-z0-9-]+)/([a-z0-9-]+)")
_NAME = re.compile(r"http://([a-z0-9-]+)\.([a-z0-9-]+)(\.svc(?:\.cluster\.local)?)?(?::(\d+))?(?=[/?#\"'\s,]|$)")
_HTTP_PORT = 80

Key = tuple[str, str]  # (namespace, name)


class AddressBook:
    """Where each Service, each Broker and each JobSink is on this machine."""

    def __init__(
        self, services: Mapping[Key, Mapping[int, str]], brokers: Mapping[Key, str], job_sinks: Mapping[Key, str] | None = None
    ) -> None:
        """`services`: (namespace, name) → the cluster's port → URL, the first port first; the others: (namespace, name) → URL."""
        self._services, self._brokers, self._job_sinks = services, brokers, job_sinks or {}

    def rewrite(self, text: str) -> str:
        """`text` with every cluster address in it made local.

        Raises LocalPlatformError for a Service, a port or a Broker that is not there.
        """
        text = _INGRESS.sub(lambda match: self._broker((match[1], match[2])), text)
        return _NAME.sub(self._local, text)

    def resolve(self, sink: SinkRef) -> str:
        """The URL that a sink's ref or uri means. Raises LocalPlatformError like `rewrite`."""
        if sink.ref is None:
            return self.rewrite(sink.uri or "")
        api_version, kind, namespace, name = sink.ref
        if (api_version, kind) == ("eventing.knative.dev/v1", "Broker"):
            base = self._broker((namespace, name))
        elif (api_version, kind) == ("sinks.knative.dev/v1alpha1", "JobSink"):
            base = self._job_sink((namespace, name))
        elif kind == "Service" and api_version in {"v1", "serving.knative.dev/v1"}:
            base = self._service((namespace, name), None)
        else:
            raise LocalPlatformError(f"a sink cannot be a {api_version} {kind} here: {namespace}/{name}")
        if not sink.path:
            return base
        return base + "/" + sink.path.lstrip("/")

    def _local(self, match: re.Match[str]) -> str:
        name, namespace, suffix, port = match.groups()
        if (namespace, name) not in self._services and suffix is None:
            return match[0]  # some host of the world, such as http://example.com
        return self._service((namespace, name), int(port) if port else None)

    def _service(self, key: Key, port: int | None) -> str:
        ports = self._services.get(key)
        if ports is None:
            raise LocalPlatformError(f"no Service {key[0]}/{key[1]} in the manifests, but they name its address")
        if port is None:
            return ports.get(_HTTP_PORT) or next(iter(ports.values()))
        if port not in ports:
            raise LocalPlatformError(f"the Service {key[0]}/{key[1]} has no port {port}, but the manifests name it")
        return ports[port]

    def _job_sink(self, key: Key) -> str:
        if key not in self._job_sinks:
            raise LocalPlatformError(f"no JobSink {key[0]}/{key[1]} in the manifests, but they name it")
        return self._job_sinks[key]

    def _broker(self, key: Key) -> str:
        if key not in self._brokers:
            raise LocalPlatformError(f"no Broker {key[0]}/{key[1]} in the manifests, but they name its address")
        return self._brokers[key]
