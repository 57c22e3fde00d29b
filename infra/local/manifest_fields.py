"""The manifest fields that this platform takes, kind by kind; every other field is refused by its path.

A shape is ANY (not looked into: it is read elsewhere, or means nothing on one machine), a mapping of field to shape, or a list of one
shape. So a manifest that asks for something we have not is a sentence at start, not a surprise at run time.
"""

from collections.abc import Iterator, Mapping
from typing import Any

ANY: Any = object()
Shape = Any

_META = {"name": ANY, "namespace": ANY, "labels": ANY, "annotations": ANY}
_HEAD = {"apiVersion": ANY, "kind": ANY, "metadata": _META}
_KEY_REF = {"name": ANY, "key": ANY, "optional": ANY}
_PROBE_MEANS = {"httpGet": {"path": ANY, "port": ANY, "scheme": ANY}, "tcpSocket": {"port": ANY}}
# How often a cluster probes means nothing here: an instance is asked every few milliseconds until it is ready, then watched as a process.
_PROBE = _PROBE_MEANS | dict.fromkeys(
    ("initialDelaySeconds", "periodSeconds", "timeoutSeconds", "successThreshold", "failureThreshold", "terminationGracePeriodSeconds"), ANY
)
_CONTAINER = {
    "name": ANY,
    "command": ANY,
    "args": ANY,
    "env": [{"name": ANY, "value": ANY, "valueFrom": {"secretKeyRef": _KEY_REF, "configMapKeyRef": _KEY_REF}}],
    "envFrom": [
        {"configMapRef": {"name": ANY, "optional": ANY}, "secretRef": {"name": ANY, "optional": ANY}},
    ],
    "ports": [{"name": ANY, "containerPort": ANY, "protocol": ANY}],
    "readinessProbe": _PROBE,
    "volumeMounts": [{"name": ANY, "mountPath": ANY}],
    # Nothing on one machine:
    **dict.fromkeys(("image", "imagePullPolicy", "resources", "securityContext", "livenessProbe", "startupProbe"), ANY),
}
_POD = {
    "containers": [_CONTAINER],
    "volumes": [{"name": ANY, "emptyDir": ANY}],
    "terminationGracePeriodSeconds": ANY,
    **dict.fromkeys(
        (
            "affinity",
            "automountServiceAccountToken",
            "enableServiceLinks",
            "imagePullSecrets",
            "nodeSelector",
            "priorityClassName",
            "restartPolicy",
            "securityContext",
            "serviceAccountName",
            "tolerations",
            "topologySpreadConstraints",
        ),
        ANY,
    ),
}
_REF = {"apiVersion": ANY, "kind": ANY, "name": ANY, "namespace": ANY}

KNATIVE_SERVICE = _HEAD | {
    "spec": {
        "template": {
            "metadata": _META,
            "spec": _POD | {"containerConcurrency": ANY, "timeoutSeconds": ANY, "responseStartTimeoutSeconds": ANY},
        },
    }
}
DEPLOYMENT = _HEAD | {
    "spec": {
        "replicas": ANY,
        "selector": {"matchLabels": ANY},
        "template": {"metadata": _META, "spec": _POD},
        **dict.fromkeys(("strategy", "revisionHistoryLimit", "progressDeadlineSeconds", "minReadySeconds"), ANY),
    }
}
JOB_SINK = _HEAD | {
    "spec": {
        "job": {
            "metadata": _META,
            "spec": {
                "template": {"metadata": _META, "spec": _POD},
                **dict.fromkeys(("parallelism", "completions", "backoffLimit", "activeDeadlineSeconds", "ttlSecondsAfterFinished"), ANY),
            },
        }
    }
}
CORE_SERVICE = _HEAD | {
    "spec": {
        "selector": ANY,
        "ports": [{"name": ANY, "port": ANY, "targetPort": ANY, "protocol": ANY, "appProtocol": ANY}],
        "type": ANY,
    }
}
SINK_BINDING = _HEAD | {"spec": {"subject": _REF, "sink": {"ref": _REF, "uri": ANY}, "ceOverrides": {"extensions": ANY}}}
CONFIG_MAP = _HEAD | {"data": ANY, "immutable": ANY}


def unknown_fields(value: object, shape: Shape, path: str = "") -> Iterator[str]:
    """Paths in `value` that `shape` does not have, such as `spec.template.spec.initContainers`."""
    if shape is ANY or value is None:
        return
    if isinstance(shape, list):
        for index, item in enumerate(value if isinstance(value, list) else [value]):
            yield from unknown_fields(item, shape[0], f"{path}[{index}]")
    elif isinstance(value, Mapping):
        for key, child in value.items():
            below = f"{path}.{key}" if path else str(key)
            if key in shape:
                yield from unknown_fields(child, shape[key], below)
            else:
                yield below
    else:
        yield path
