"""What only a cluster can show: pods from zero and back, Jobs of a JobSink, a poisoned event's way to the dead letters and out of them."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import urllib3

from tests import media as eye
from tests.acceptance.system import Darkroom, eventually
from tests.cluster.kubectl import get, kubectl, patch, pods, post_event

FUNCTIONS = ("probe", "thumbnail", "transcode", "embed")
TO_ZERO_S = 240  # window 60 s, grace 30 s, and a busy machine


def awake() -> dict[str, int]:
    return {name: pods(name) for name in FUNCTIONS}


def test_functions_from_zero_and_back(system: Darkroom, picture: Path) -> None:
    """Idle, no function has a pod; an upload wakes the two it needs and no other; then they sleep again."""
    eventually(awake, lambda found: not any(found.values()), TO_ZERO_S)
    began_s = time.monotonic()
    media_id = system.upload(picture, ["thumbnail"])
    assert system.job_of(media_id)["state"] == "done"
    took_s = time.monotonic() - began_s
    found = awake()
    assert found["probe"] >= 1
    assert found["thumbnail"] >= 1
    assert (found["transcode"], found["embed"]) == (0, 0)
    began_s = time.monotonic()
    eventually(awake, lambda found: not any(found.values()), TO_ZERO_S)
    print(f"a thumbnail from zero pods: {took_s:.1f} s; zero again after {time.monotonic() - began_s:.0f} s")


def test_the_statistics_know_the_pods(system: Darkroom, picture: Path) -> None:
    def instances() -> dict[str, int | None]:
        return {one["name"]: one["instances"] for one in system.call("GET", "/stats")["functions"]}

    assert system.job_of(system.upload(picture, ["thumbnail"]))["state"] == "done"
    found = eventually(instances, lambda found: (found["thumbnail"] or 0) >= 1, 60)
    print(f"instances by /stats: {found}")


@contextmanager
def request_limit(system: Darkroom, seconds: str) -> Iterator[None]:
    """The gateway with another REQUEST_LIMIT_S; afterwards with its own again."""
    before = get("configmap", "darkroom")["data"]["REQUEST_LIMIT_S"]

    def restarted(value: str) -> None:
        patch("configmap/darkroom", {"data": {"REQUEST_LIMIT_S": value}})
        for name in ("gateway", "gateway-internal", "gateway-worker"):
            kubectl("rollout", "restart", f"deploy/{name}")
        for name in ("gateway", "gateway-internal", "gateway-worker"):
            kubectl("rollout", "status", f"deploy/{name}", "--timeout=120s")
        eventually(
            lambda: len(get("pods", "-l", "app=gateway")["items"]), lambda count: count == 1, 90
        )  # the forward ends with the old one
        eventually(lambda: _answers(system), bool, 60)

    restarted(seconds)
    try:
        yield
    finally:
        restarted(before)


def _answers(system: Darkroom) -> bool:
    try:
        return bool(system.ask("GET", "/readyz").status == 200)
    except urllib3.exceptions.HTTPError:
        return False


def test_a_long_work_goes_through_a_job_sink(system: Darkroom, tmp_path: Path) -> None:
    """A rendition predicted past the limit of a request is made by a Job of the JobSink, with progress, and ends like any other."""
    path = eye.clip(tmp_path / "long.mp4", seconds=45, fps=30, size_px=(1280, 720))
    media_id = system.upload(path)
    assert system.judged(media_id, 120)["state"] == "accepted"
    with request_limit(system, "1"):
        job = system.call("POST", "/jobs", status=202, json={"media_id": media_id, "operations": ["transcode_720p"]})
        seen: set[float] = set()

        def task() -> dict[str, object]:
            found = system.call("GET", f"/jobs/{job['job_id']}")["tasks"][0]
            if found["state"] == "running" and found["progress"]:
                seen.add(found["progress"])
            return dict(found)

        done = eventually(task, lambda found: found["state"] in ("done", "failed"), 300)
    assert done["state"] == "done", done
    assert any(0 < progress < 1 for progress in seen), seen
    [ran] = [one for one in get("jobs")["items"] if one["metadata"]["name"].startswith("transcode-job")]
    assert ran["status"]["succeeded"] == 1
    assert ran["spec"]["backoffLimit"] == 0
    (tmp_path / "out.mp4").write_bytes(system.http.request("GET", done["artifacts"][0]["url"]).data)
    assert eye.stream_info(tmp_path / "out.mp4").height_px == 720
    began, ended = ran["status"]["startTime"], ran["status"]["completionTime"]
    print(f"Job {ran['metadata']['name']} from {began} to {ended}, progress seen {len(seen)} times")


def test_a_poisoned_event_becomes_a_dead_letter(system: Darkroom) -> None:
    """A request that its function cannot even read is answered 400, goes to the dead letters at once, and stays there when redriven."""
    event_id = f"{uuid4()}.1"
    status = post_event(
        b'{"attempt_id": ', type="dev.darkroom.operation.requested", source="/poison", id=event_id, operation="thumbnail", lane="request"
    )
    print(f"the broker answered {status}")
    letters = eventually(lambda: [one for one in system.call("GET", "/dead-letters")["dead_letters"] if one["code"] == 400], bool, 60)
    assert letters[0]["event_type"] == "dev.darkroom.operation.requested"
    system.call("POST", f"/dead-letters/{letters[0]['id']}/redrive", status=409)


def test_a_work_that_no_function_took_is_redriven(system: Darkroom, picture: Path) -> None:
    """A Trigger led astray dead-letters every attempt of a work; mended, and its dead letter redriven, the work is done."""
    media_id = system.upload(picture)
    assert system.judged(media_id, 120)["state"] == "accepted"
    right = get("trigger", "thumbnail")["spec"]["subscriber"]
    astray = {"ref": None, "uri": "http://gateway-internal.darkroom.svc.cluster.local/healthz"}  # answers 405 to a POST: not tried again
    patch("trigger/thumbnail", {"spec": {"subscriber": astray}})
    try:
        kubectl("wait", "--for=condition=Ready", "trigger/thumbnail", "--timeout=60s")
        time.sleep(5)  # Ready is said before the channel's dispatcher has it
        failed = system.run(media_id, ["thumbnail"], timeout_s=240)
    finally:
        patch("trigger/thumbnail", {"spec": {"subscriber": {**right, "uri": right.get("uri")}}})
    kubectl("wait", "--for=condition=Ready", "trigger/thumbnail", "--timeout=60s")
    time.sleep(5)
    assert failed["state"] == "failed", failed
    task = failed["tasks"][0]
    assert {attempt["class"] for attempt in task["attempts"]} == {"infra"}
    letters = [one for one in system.call("GET", "/dead-letters")["dead_letters"] if one["job_id"] == failed["job_id"]]
    assert {letter["code"] for letter in letters} == {405}
    letter = letters[0]
    system.call("POST", f"/dead-letters/{letter['id']}/redrive", status=202)
    job = eventually(lambda: system.call("GET", f"/jobs/{failed['job_id']}"), lambda found: found["state"] == "done", 120)
    print(f"{len(task['attempts'])} attempts, {len(letters)} dead letters with {letter['code']}, one redriven: {job['state']}")
