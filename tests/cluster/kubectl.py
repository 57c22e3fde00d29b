"""kubectl, as tests use it: always in the namespace darkroom unless said otherwise."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

NOT_NOW = ("failed calling webhook", "connection refused", "i/o timeout", "EOF")
"""What kubectl says while a webhook's pod is busy or not there."""


def answer(*argv: str, stdin: str | None = None, namespace: str = "darkroom") -> tuple[int, str]:
    """kubectl's exit status, and what it says on stderr."""
    done = subprocess.run(["kubectl", "-n", namespace, *argv], input=stdin, capture_output=True, text=True, check=False)
    return done.returncode, done.stderr


def kubectl(*argv: str, stdin: str | None = None, namespace: str = "darkroom") -> str:
    """What kubectl prints; fails with what it says on stderr."""
    done = subprocess.run(["kubectl", "-n", namespace, *argv], input=stdin, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"kubectl {' '.join(argv)}: {done.stderr.strip()}"
    return done.stdout


def get(*what: str, namespace: str = "darkroom") -> Any:
    return json.loads(kubectl("get", *what, "-o", "json", namespace=namespace))


def patch(what: str, document: Any, namespace: str = "darkroom") -> None:
    kubectl("patch", what, "--type", "merge", "-p", json.dumps(document), namespace=namespace)


@contextmanager
def features(space: str, **flags: str) -> Iterator[None]:
    """Flags of Knative's config-features in its namespace `space`, and afterwards as they were. Who reads them does so a little later."""
    before = get("configmap", "config-features", namespace=space).get("data", {})
    patch("configmap/config-features", {"data": flags}, namespace=space)
    try:
        yield
    finally:
        patch("configmap/config-features", {"data": {name: before.get(name) for name in flags}}, namespace=space)


def pods(service: str) -> int:
    """How many pods of a Knative Service there are that are not going."""
    found = get("pods", "-l", f"serving.knative.dev/service={service}")["items"]
    return sum("deletionTimestamp" not in pod["metadata"] for pod in found)


def post_event(body: bytes, **attributes: str) -> int:
    """The broker's status for one binary event, sent from inside the cluster, from the gateway's worker."""
    program = """
import json, os, sys, urllib.error, urllib.request
headers, body = json.loads(sys.argv[1]), sys.stdin.buffer.read()
try:
    print(urllib.request.urlopen(urllib.request.Request(os.environ["K_SINK"], body, headers), timeout=600).status)
except urllib.error.HTTPError as answer:
    print(answer.code)
"""
    headers = {f"ce-{name}": value for name, value in {"specversion": "1.0", **attributes}.items()} | {"Content-Type": "application/json"}
    return int(
        kubectl("exec", "-i", "deploy/gateway-worker", "--", "python", "-c", program, json.dumps(headers), stdin=body.decode()).strip()
    )
