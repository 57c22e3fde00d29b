"""The bucket source; while the file `drop` lies in the folder POINTS, it takes every notification and tells nobody."""

import os
from pathlib import Path
from typing import Any

import infra.bucket_source.app as webhook

_pass_on = webhook._pass_on


def _dropped(*args: Any) -> None:
    if not (Path(os.environ["POINTS"]) / "drop").exists():
        _pass_on(*args)


webhook._pass_on = _dropped

from infra.bucket_source.wsgi import app  # noqa: E402

__all__ = ["app"]
