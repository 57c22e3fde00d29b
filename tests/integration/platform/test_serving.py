"""Knative Services on one machine: from zero and back, within their limits, healed. Real processes, real HTTP."""

import gzip
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

from .conftest import Running, get, get_all, wait_for


def test_environment_is_the_manifests(platform: Running) -> None:
    env = get(platform.service("echo")).json["env"]
    assert (env["K_SERVICE"], env["K_CONFIGURATION"], env["K_REVISION"]) == ("echo", "echo", "echo-00001")
    assert env["SECRET"] == "s3cret"
    assert env["PARTNER"] == platform.service("listener") + "/in"
    assert env["TMPDIR"].startswith(str(platform.data))
    assert "PYTEST_CURRENT_TEST" not in env


def test_limits_hold_under_load(platform: Running, tmp_path: Path) -> None:
    def is_scaled_out() -> bool:
        get_all([platform.service("echo") + "?sleep_s=0.2"] * 8)
        return len(platform.ready("echo")) == 2

    wait_for(is_scaled_out, 20, "two instances")
    gate = tmp_path / "open"
    with ThreadPoolExecutor(60) as pool:
        futures = [pool.submit(get, f"{platform.service('echo')}?until={gate}") for _ in range(60)]
        wait_for(lambda: sum(future.done() for future in futures) == 16, 3, "16 turned away: 60 - (2 × 2 at work + 2 × 10 × 2 waiting)")
        gate.touch()
    answers = [future.result() for future in futures]
    assert sorted(answer.status for answer in answers) == [200] * 44 + [503] * 16
    served = [answer.json for answer in answers if answer.status == 200]
    assert len({answer["pid"] for answer in served}) == 2
    assert max(answer["most"] for answer in served) == 2
    assert len(platform.instances("echo")) == 2


def test_timeout_is_504(platform: Running) -> None:
    started_s = time.monotonic()
    answer = get(platform.service("echo") + "?sleep_s=6")
    assert (answer.status, answer.body) == (504, b"request timeout\n")
    assert time.monotonic() - started_s >= 3


def test_large_bodies_pass_both_ways(platform: Running) -> None:
    size = 3 * 2**20  # above what is buffered
    assert get(platform.service("echo"), b"x" * size).json["bytes"] == size
    assert len(get(platform.service("echo") + f"?size={size}").body) == size


def test_compressed_bodies_pass_as_they_are(platform: Running) -> None:
    packed = gzip.compress(b"x" * 1000)
    request = urllib.request.Request(platform.service("echo"), packed, {"Content-Encoding": "gzip"})
    with urllib.request.urlopen(request, timeout=10) as response:
        assert json.loads(response.read())["bytes"] == len(packed)


def test_caller_that_hangs_up_frees_its_slot(platform: Running) -> None:
    def in_flight() -> int:
        return int(get(platform.urls["metrics"] + "/instances").json["echo"]["in_flight"])

    address = urlsplit(platform.service("echo"))
    with socket.create_connection((address.hostname, address.port)) as connection:
        connection.sendall(b"GET /?sleep_s=2.5 HTTP/1.1\r\nHost: x\r\n\r\n")
        wait_for(lambda: in_flight() == 1, 2, "the request at work")
    wait_for(lambda: in_flight() == 0, 2, "gone with its caller, before its 2.5 s are over")


def test_killed_instance_is_healed(platform: Running) -> None:
    get(platform.service("echo"))
    victims = platform.ready("echo")
    for pid in victims:
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not set(victims) & set(platform.ready("echo")), 5, "the dead are gone")
    wait_for(lambda: get(platform.service("echo")).status == 200, 30, "another serves")  # 504 while one starts for longer than 3 s
    assert "echo: healed" in platform.output.read_text()


def test_killed_deployment_is_healed_on_its_port(platform: Running) -> None:
    (victim,) = platform.ready("listener")
    os.kill(victim, signal.SIGKILL)
    wait_for(lambda: platform.ready("listener") not in ([], [victim]), 10, "another process")
    assert get(platform.service("listener")).status == 200
    assert f"pid {victim} was killed by signal 9" in platform.output.read_text()


def test_metrics_have_the_autoscalers_names(platform: Running) -> None:
    text = get(platform.urls["metrics"] + "/metrics").body.decode()
    labels = 'k8s_namespace_name="demo",kn_configuration_name="echo",kn_revision_name="echo-00001",kn_service_name="echo"'
    for name in (
        "pods_desired",
        "pods_requested",
        "pods_count",
        "concurrency_stable",
        "concurrency_panic",
        "concurrency_target",
        "panic_mode",
    ):
        assert f"kn_revision_{name}{{{labels}}} " in text


def test_to_zero_and_back(platform: Running) -> None:
    wait_for(lambda: not platform.instances("echo"), 30, "zero when idle: 6 s window, 1 s grace")
    before = get(platform.service("echo"))
    assert before.status == 200
    assert len(platform.ready("echo")) == 1


def test_second_platform_says_who_is_there(platform: Running, manifests: Path) -> None:
    argv = [sys.executable, "-m", "infra.local", str(manifests), "--data", str(platform.data), "--values", str(manifests / "values.json")]
    second = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)
    assert second.returncode == 1
    assert f"with pid {platform.process.pid}" in second.stderr
    assert get(platform.service("echo")).status == 200
