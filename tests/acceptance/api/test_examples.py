"""The examples of the API's document, run as they are written: each in a shell and in Python, and what comes is what the document says."""

import io
import json
import os
import re
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from gateway.web.openapi.document import ROUTES
from schemas.ids import uuid7
from tests.acceptance.api.conftest import Guarded
from tests.acceptance.system import REPOSITORY

pytestmark = pytest.mark.local("starts a system of its own with other settings")

REFUSED = {"post_probe": 409, "post_retry": 409, "post_redrive": 404, "post_webhook_redrive": 404}
"""Nothing has failed here, and there is no dead letter or webhook: the examples say so, as they should."""
NEWS = "get_events"


def operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {operation["operationId"]: operation for item in document["paths"].values() for operation in item.values()}


def written(operation: dict[str, Any], language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)\n```", operation["description"], re.DOTALL)
    return str(found)


@pytest.fixture(scope="module")
def variables(guarded: Guarded) -> dict[str, str]:
    """What the examples name: things that are there, and one upload whose only part has come."""
    system = guarded.system
    body = {"filename": "clip.mp4", "content_type": "video/mp4", "bytes": 1234, "multipart": True}
    grant = system.call("POST", "/uploads", status=201, json=body)
    put = system.http.request("PUT", grant["parts"][0]["url"], body=b"x" * 1234)
    assert put.status == 200, put.data
    return {
        "DARKROOM": system.gateway, "DARKROOM_API_KEY": guarded.key, "MEDIA_ID": guarded.media_id, "JOB_ID": guarded.job_id,
        "ARTIFACT_ID": guarded.artifact_id, "UPLOAD_ID": grant["upload_id"], "ETAG": put.headers["ETag"].strip('"'), "LETTER_ID": uuid7(),
        "WEBHOOK_ID": uuid7(),
    }  # fmt: skip


@pytest.fixture
def environment(name: str, guarded: Guarded, variables: dict[str, str]) -> dict[str, str]:
    """What an example takes away is its own."""
    system, own = guarded.system, {}
    if name in ("remove_media", "delete_job"):
        media_id = system.upload(REPOSITORY / "sample_data" / "coffee.png", ("thumbnail",))
        own = {"MEDIA_ID": media_id, "JOB_ID": system.job_of(media_id)["job_id"]}
    if name == "delete_upload":
        body = {"filename": "a.png", "content_type": "image/png", "bytes": 1}
        own = {"UPLOAD_ID": system.call("POST", "/uploads", status=201, json=body)["upload_id"]}
    return os.environ | variables | own


def expected(name: str, operation: dict[str, Any]) -> int:
    return REFUSED.get(name) or min(int(status) for status in operation["responses"])


def check(document: dict[str, Any], operation: dict[str, Any], status: int, body: str) -> None:
    """The body of an answer with this status fits its schema in the document."""
    answer = operation["responses"][str(status)]
    if "$ref" in answer:
        answer = document["components"]["responses"][answer["$ref"].rpartition("/")[2]]
    for kind, media in answer.get("content", {}).items():
        schema = {**media["schema"], "components": document["components"]}
        jsonschema.Draft202012Validator(schema).validate(json.loads(body) if "json" in kind else body)


NAMES = sorted({endpoint.partition(".")[2] for endpoint in ROUTES} - {NEWS})


def test_every_operation_is_run(guarded: Guarded) -> None:
    assert {*NAMES, NEWS} == operations(guarded.document).keys()


@pytest.mark.parametrize("name", NAMES)
def test_in_a_shell(name: str, guarded: Guarded, environment: dict[str, str], tmp_path: Path) -> None:
    operation = operations(guarded.document)[name]
    (tmp_path / "sample_data").symlink_to(REPOSITORY / "sample_data")
    ran = subprocess.run(written(operation, "sh"), shell=True, cwd=tmp_path, env=environment, capture_output=True, timeout=60, check=True)
    if saved := next((tmp_path / one for one in ("original", "artifact") if (tmp_path / one).exists()), None):
        check_saved(saved)
        return
    head, _, body = re.sub(r"^HTTP/1.1 100 Continue\r\n\r\n", "", ran.stdout.decode()).partition("\r\n\r\n")
    assert head.split()[1] == str(expected(name, operation)), ran.stdout
    check(guarded.document, operation, int(head.split()[1]), body)


@pytest.mark.parametrize("name", NAMES)
def test_in_python(name: str, guarded: Guarded, environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    operation = operations(guarded.document)[name]
    (tmp_path / "sample_data").symlink_to(REPOSITORY / "sample_data")
    monkeypatch.chdir(tmp_path)
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    said = io.StringIO()
    with redirect_stdout(said):
        exec(compile(written(operation, "python"), name, "exec"), {})
    if saved := next((tmp_path / one for one in ("original", "artifact") if (tmp_path / one).exists()), None):
        check_saved(saved)
    elif name == "get_job_events":
        check_news(guarded.document, said.getvalue())
    else:
        status, _, body = said.getvalue().partition(" ")
        assert int(status) == expected(name, operation), said.getvalue()
        check(guarded.document, operation, int(status), body)


def check_saved(saved: Path) -> None:
    content = saved.read_bytes()
    if saved.name == "original":
        assert content == (REPOSITORY / "sample_data" / "coffee.png").read_bytes()
    else:
        assert content[:4] == b"RIFF"


def check_news(document: dict[str, Any], stream: str) -> None:
    """A job's stream: whole job documents, the last of them ended."""
    told = [json.loads(data) for data in re.findall(r"^event: job\ndata: (.*)$", stream, re.MULTILINE)]
    schema = {"$ref": "#/components/schemas/JobDocument", "components": document["components"]}
    for one in told:
        jsonschema.Draft202012Validator(schema).validate(one)
    assert told[-1]["state"] == "done"


@pytest.mark.parametrize("language", ["sh", "python"])
def test_the_news_never_end(language: str, guarded: Guarded, variables: dict[str, str]) -> None:
    text = written(operations(guarded.document)[NEWS], language)
    argv = ["sh", "-c", f"exec {text}"] if language == "sh" else [sys.executable, "-c", text]
    with subprocess.Popen(argv, env=os.environ | variables, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        try:
            assert any(line.startswith("event: hello") for line in running.stdout)
            assert running.poll() is None
        finally:
            running.kill()
