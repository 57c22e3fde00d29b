"""`darkroom doctor`."""

import json
import sys
from pathlib import Path

import click

from infra.cli.errors import WORK_FAILED
from infra.cli.options import as_json, data_folder


@click.command()
@click.option("--port", envvar="DARKROOM_PORT", default=8000, type=click.IntRange(1, 65_535), help="The gateway's. [8000]")
@data_folder
@as_json
def doctor(port: int, data: Path, as_json: bool) -> None:
    """Check what a system on this machine needs, and say how to mend what is missing."""
    from infra.cli.doctor.checks import examine
    from infra.cli.doctor.finding import Weight, in_words

    findings = []
    for finding in examine(data, port):
        findings.append(finding)
        if not as_json:
            print(in_words(finding), flush=True)
    missing = [finding for finding in findings if finding.weight is Weight.MISSING]
    if as_json:
        rows = [{"check": one.check, "state": one.weight.value, "found": one.found, "mend": one.mend} for one in findings]
        print(json.dumps({"ok": not missing, "checks": rows}, indent=2))
    else:
        print(f"\n{len(missing)} to mend" if missing else "\neverything that is needed is there")
    if missing:
        sys.exit(WORK_FAILED)
