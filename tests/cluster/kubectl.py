"""kubectl, as tests use it: always in the namespace darkroom unless said otherwise."""

import json
import subprocess
from typing import Any


def kubectl(*argv: str, stdin: str | None = None, namespace: str = "darkroom") -> str:
    """What kubectl prints; fails with what it says on stderr."""
    done = subprocess.run(["kubectl", "-n", namespace, *argv], input=stdin, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"kubectl {' '.join(argv)}: {done.stderr.strip()}"
    return done.stdout


def get(*what: str, namespace: str = "darkroom") -> Any:
    return json.loads(kubectl("get", *what, "-o", "json", namespace=namespace))


def patch(what: str, document: Any) -> None:
    kubectl("patch", what, "--type", "merge", "-p", json.dumps(document))


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
