"""Schemathesis over the API's document, against a running system with a real PostgreSQL: all phases, all checks, one seed."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.api.conftest import Guarded
from tests.acceptance.system import REPOSITORY

pytestmark = pytest.mark.local("starts a system of its own with other settings")

HERE = Path(__file__).parent
SEED, EXAMPLES_EACH, AT_LEAST = 20260301, 10, 1000
PHASES = ("examples", "coverage", "fuzzing", "stateful")
STREAMS = ("/events", "/jobs/{job_id}/events")
"""Left out: they end when the job does, or never, and Schemathesis waits for a whole answer. `test_examples.py` reads both."""


def test_every_answer_is_the_documents(guarded: Guarded, tmp_path: Path) -> None:
    """No 5xx; status, type, headers and body as documented; what the schema forbids refused, what it allows taken; keys demanded."""
    argv = [str(Path(sys.executable).with_name("st")), "--config-file", str(HERE / "schemathesis.toml")]
    argv += ["run", f"{guarded.system.gateway}/openapi.json", "-H", f"Authorization: Bearer {guarded.key}"]
    argv += ["--phases", ",".join(PHASES), "--seed", str(SEED), "--max-examples", str(EXAMPLES_EACH), "--continue-on-failure"]
    argv += ["--request-timeout", "30", "--no-color"]
    argv += [option for path in STREAMS for option in ("--exclude-path", path)]
    ids = {"MEDIA_ID": guarded.media_id, "JOB_ID": guarded.job_id, "ARTIFACT_ID": guarded.artifact_id}
    environment = os.environ | ids | {"SCHEMATHESIS_HOOKS": "tests.acceptance.api.hooks", "PYTHONPATH": str(REPOSITORY)}
    found = subprocess.run(argv, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=600, check=False)
    (count,) = re.findall(r"^ *(\d[\d,]*) generated", found.stdout, re.MULTILINE) or ["0"]
    print(found.stdout[-1500:])
    assert found.returncode == 0, found.stdout[-20_000:] + found.stderr[-2000:]
    assert int(count.replace(",", "")) >= AT_LEAST
    assert len(re.findall(r"^ *✅ +(?:Examples|Coverage|Fuzzing|Stateful)$", found.stdout, re.MULTILINE)) == len(PHASES)
    tested = re.findall(r"^ *Tested: (\d+)$", found.stdout, re.MULTILINE)
    described = [method for path, item in guarded.document["paths"].items() if path not in STREAMS for method in item]
    assert tested == [str(len(described))]
