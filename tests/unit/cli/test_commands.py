"""The command as people call it, against a gateway in memory: exit codes, what stdout and stderr hold, and what is imported for --help."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from infra.cli import following
from infra.cli.main import main
from tests.unit.cli.small_gateway import BROKEN, SmallGateway


@pytest.fixture(autouse=True)
def _quick_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "ROUND_S", 0.01)
    monkeypatch.delenv("DARKROOM_GATEWAY", raising=False)


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    paths = [tmp_path / name for name in ("a.png", "b.png", "broken.png")]
    for path, data in zip(paths, (b"one", b"two", BROKEN), strict=True):
        path.write_bytes(data)
    return [str(path) for path in paths]


def call(*argv: str, gateway: SmallGateway | None = None, **environment: str) -> Result:
    return CliRunner().invoke(main, [*argv, *(["--gateway", gateway.url] if gateway else [])], env=environment)


def test_help_imports_nothing_heavy() -> None:
    code = "import sys, infra.cli.main; print(sorted({'rich', 'urllib3', 'pydantic', 'sqlalchemy', 'asyncio', 'torch'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def leaves(command: click.Command, name: str = "darkroom") -> Iterator[tuple[str, click.Command]]:
    """Every command that does something, with how it is called."""
    if not isinstance(command, click.Group):
        yield name, command
        return
    for one, inner in command.commands.items():
        yield from leaves(inner, f"{name} {one}")


@pytest.mark.parametrize(("name", "command"), [pytest.param(name, command, id=name) for name, command in leaves(main)])
def test_every_command_has_json_and_a_sentence(name: str, command: click.Command) -> None:
    flags = {option: parameter for parameter in command.params for option in parameter.opts}
    assert getattr(flags.get("--json"), "is_flag", False), f"{name} has no --json"
    assert command.help


@pytest.mark.parametrize("quick", [False, True])
def test_submit_and_wait(gateway: SmallGateway, files: list[str], quick: bool) -> None:
    gateway.quick = quick
    done = call("submit", *files[:2], "--op", "thumbnail", "--op", "embed:frames=3", "--wait", gateway=gateway)
    assert (done.exit_code, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    for name in ("a.png", "b.png"):
        said = [line.partition(": ")[2] for line in lines if line.startswith(name)]
        assert [line.split()[-1] for line in said if line.startswith(("media", "job"))] == ["uploaded", "queued", "done"]
        assert {"thumbnail running", "embed running", "thumbnail done", "embed done"} <= set(said)
    assert {job["priority"] for job in gateway.jobs.values()} == {"interactive"}
    assert {task["parameters"].get("frames") for job in gateway.jobs.values() for task in job["tasks"]} == {None, 3}


@pytest.mark.parametrize("quick", [False, True])
def test_a_broken_file_fails_alone(gateway: SmallGateway, files: list[str], quick: bool) -> None:
    gateway.quick = quick
    done = call("submit", *files, "--wait", gateway=gateway)
    assert done.exit_code == 1
    assert sum(line.endswith(" done") and ": job " in line for line in done.stdout.splitlines()) == 2
    assert "It is broken" in next(line for line in done.stdout.splitlines() if line.startswith("broken.png") and "reject" in line)


@pytest.mark.parametrize("quick", [False, True])
def test_an_operation_that_does_not_fit_holds_up_no_other(gateway: SmallGateway, files: list[str], quick: bool) -> None:
    gateway.quick = quick
    done = call("submit", files[0], "--op", "transcode_480p", "--op", "thumbnail", "--wait", "--bulk", gateway=gateway)
    assert done.exit_code == 1
    assert "a.png: thumbnail done" in done.stdout.splitlines()
    assert any(line.startswith("a.png: transcode_480p failed (unsupported)" if quick else "a.png: transcode failed (unsupported)")
               for line in done.stdout.splitlines())  # fmt: skip
    assert {job["priority"] for job in gateway.jobs.values()} == {"bulk"}


def test_where_nothing_fits_there_is_no_job(gateway: SmallGateway, files: list[str]) -> None:
    gateway.quick = True
    done = call("submit", files[0], "--op", "transcode_480p", "--wait", "--json", gateway=gateway)
    assert done.exit_code == 1
    (row,) = json.loads(done.stdout)["files"]
    assert row["job"] is None
    assert row["error"] == "transcode_480p failed (unsupported): it takes video; this media is image"


def test_submit_without_waiting_says_the_ids(gateway: SmallGateway, files: list[str]) -> None:
    done = call("submit", files[0], gateway=gateway)
    assert done.exit_code == 0
    assert done.stdout.splitlines() == ["a.png: media media-1 uploaded", "a.png: job job-1 queued"]


def test_json_is_one_document(gateway: SmallGateway, files: list[str]) -> None:
    done = call("submit", *files, "--wait", "--json", gateway=gateway)
    rows = json.loads(done.stdout)["files"]
    assert done.exit_code == 1
    assert [(row["file"], row["media"]["state"], row["job"]["state"], row["error"]) for row in rows] == [
        (files[0], "accepted", "done", None), (files[1], "accepted", "done", None), (files[2], "rejected", "failed", None),
    ]  # fmt: skip


def test_ctrl_c_is_130_wherever_it_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("infra.cli.demo.run.demo", interrupted)
    done = call("demo")
    assert (done.exit_code, done.stderr) == (130, "darkroom: interrupted\n")


@pytest.mark.parametrize("command", ["up", "doctor"])
@pytest.mark.parametrize("port", ["abc", "99999"])
def test_a_port_of_the_environment_that_is_none_is_wrong_usage(command: str, port: str) -> None:
    done = call(command, DARKROOM_PORT=port)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "--port" in done.stderr
    assert port in done.stderr


def test_operations_are_judged_before_a_byte_is_sent(gateway: SmallGateway, files: list[str]) -> None:
    done = call("submit", files[0], "--op", "sharpen", gateway=gateway)
    assert (done.exit_code, done.stdout, gateway.media) == (4, "", {})
    assert done.stderr.startswith("darkroom: There is no operation 'sharpen'; there are embed, ")
    assert len(done.stderr.splitlines()) == 1


def test_refused_files(gateway: SmallGateway, tmp_path: Path, files: list[str]) -> None:
    empty = tmp_path / "empty.png"
    empty.touch()
    assert call("submit", str(empty), "--wait", gateway=gateway).exit_code == 4
    both = call("submit", str(empty), files[0], "--wait", gateway=gateway)
    assert both.exit_code == 1
    assert "empty.png: The upload is empty" in both.stdout


def test_watch(gateway: SmallGateway, files: list[str]) -> None:
    call("submit", *files, gateway=gateway)
    jobs = {job["media_id"]: name for name, job in gateway.jobs.items()}
    by_file = {media["filename"]: jobs[media_id] for media_id, media in gateway.media.items()}
    done = call("watch", by_file["a.png"], by_file["b.png"], gateway=gateway)
    assert done.exit_code == 0
    assert done.stdout.splitlines()[-1].endswith("done")
    lines = call("watch", by_file["broken.png"], "--json", gateway=gateway)
    assert lines.exit_code == 1
    assert json.loads(lines.stdout.splitlines()[-1])["state"] == "failed"
    assert call("watch", "job-99", gateway=gateway).exit_code == 4


@pytest.mark.parametrize(
    ("argv", "code"),
    [
        (["submit"], 2),
        (["submit", "no-such-file.png"], 2),
        (["submit", __file__, "--op", "x:y"], 2),
        (["jobs", "--state", "lost"], 2),
        (["sharpen"], 2),
        (["up", "--op", "thumbnail"], 2),
        (["jobs"], 3),  # nothing runs on the data folder
        (["status"], 3),
        (["jobs", "--gateway", "http://127.0.0.1:1"], 3),
        (["jobs", "--gateway", "darkroom"], 3),
    ],
)
def test_usage_and_unreachable(argv: list[str], code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = call(*argv)
    assert (done.exit_code, done.stdout) == (code, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("darkroom: ")
    if code == 3:
        assert "`darkroom up" in line or "an example is" in line


REFUSED = {401: "The Authorization header has no key that is known.", 403: "This needs a key with the scope admin."}


@pytest.mark.parametrize(
    ("argv", "status", "code", "next_step"),
    [
        (["submit", "nowhere.png"], None, 2, "`darkroom submit --help`"),
        (["submit"], None, 2, "`darkroom submit --help`"),
        (["jobs", "--state", "lost"], None, 2, "`darkroom jobs --help`"),
        (["keys", "create"], None, 2, "`darkroom keys create --help`"),
        (["sharpen"], None, 2, "`darkroom --help`"),
        (["--loud"], None, 2, "`darkroom --help`"),
        (["up", "--op", "thumbnail"], None, 2, "--watch DIR"),
        (["redrive", "--since", "lately"], None, 2, "`darkroom redrive --help`"),
        (["jobs"], None, 3, "`darkroom up"),
        (["jobs", "--gateway", "http://127.0.0.1:1"], None, 3, "--gateway URL"),
        (["watch", "job-99"], 404, 4, "`darkroom jobs`"),
        (["artifacts", "media-99"], 404, 4, "`darkroom jobs --json`"),
        (["redrive"], 403, 4, "`darkroom keys create --scope SCOPE`"),
        (["jobs"], 401, 4, "`darkroom keys create`"),
        (["submit", __file__, "--op", "sharpen"], 422, 4, "there are embed, "),
    ],
)
def test_an_error_is_one_line_with_the_next_step(
    argv: list[str], status: int | None, code: int, next_step: str, gateway: SmallGateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    gateway.refuses = (status, REFUSED[status]) if status in REFUSED else None
    done = call(*argv, gateway=gateway if status else None)
    assert (done.exit_code, done.stdout) == (code, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("darkroom: ")
    assert next_step in line


@pytest.mark.parametrize("group", [[], ["keys"]])
def test_a_command_of_commands_called_alone_shows_them(group: list[str]) -> None:
    done = call(*group)
    assert done.exit_code == 2
    assert {"create", "revoke"} <= set(done.output.split()) if group else {"up", "submit", "doctor"} <= set(done.output.split())


def test_a_gateway_that_cannot_now_is_unreachable(gateway: SmallGateway) -> None:
    gateway.away = True
    assert call("watch", "job-1", gateway=gateway).exit_code == 3


def test_a_server_of_another_kind_is_no_gateway(gateway: SmallGateway) -> None:
    gateway.bytes["page"] = b"<html>"
    done = call("watch", "job-1", "--gateway", f"{gateway.url}/bytes/page?")
    assert done.exit_code == 3
    assert "is no Darkroom" in done.stderr


@pytest.mark.parametrize("how", ["option", "environment", "data folder"])
def test_the_gateway_is_found(gateway: SmallGateway, files: list[str], tmp_path: Path, how: str) -> None:
    run = tmp_path / "data" / "run" / "darkroom.json"
    run.parent.mkdir(parents=True)
    run.write_text(json.dumps({"gateway": gateway.url if how == "data folder" else "http://127.0.0.1:1", "pid": os.getpid()}))
    more: dict[str, Any] = {"gateway": gateway} if how == "option" else {}
    environment = {"DARKROOM_GATEWAY": {"option": "http://127.0.0.1:1", "environment": gateway.url, "data folder": ""}[how]}
    assert call("submit", files[0], "--data", str(tmp_path / "data"), **more, **environment).exit_code == 0


def test_a_system_that_died_is_not_asked(tmp_path: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    run = tmp_path / "run" / "darkroom.json"
    run.parent.mkdir(parents=True)
    run.write_text(json.dumps({"gateway": "http://127.0.0.1:1", "pid": child.pid}))
    done = call("jobs", "--data", str(tmp_path))
    assert done.exit_code == 3
    assert f"pid {child.pid}) runs no more" in done.stderr
