"""The function embed, which answers 503 as long as a file named `MOODY` exists: how letters come to be dead."""

import os
from pathlib import Path

from flask import Request, Response

from functions.embed.main import handle as embed

MOODY = Path(os.environ["MOODY"])


def handle(request: Request) -> Response:
    return Response(status=503) if MOODY.exists() else embed(request)
