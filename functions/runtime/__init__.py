"""HTTP ⇄ CloudEvent ⇄ handler: what every function does around its work.

`function` makes an operation's entry. It looks for an earlier result, claims the attempt, fetches the original into a private folder, lets
the operation work, stores its outputs and replies: `handler` has the answers, `attempt` the order.
"""

import sys
from collections.abc import Callable
from functools import cache
from typing import NoReturn

from flask import Request, Response

from functions.runtime.batch import Mail, end_on_sigterm, run_job
from functions.runtime.handler import Handler, open_surroundings
from functions.runtime.job import Job, Outcome, Output
from functions.runtime.log import LOG, configure
from functions.runtime.settings import BadSetting
from functions.sandbox import require_layers, warm_worker, when_known
from infra.telemetry.tracing import serve_as, warm_up

__all__ = ["Job", "Outcome", "Output", "as_job", "function"]


def function(operation: str, work: Callable[[Job], Outcome], *, warm: tuple[str, ...] = ()) -> Callable[[Request], Response]:
    """An operation's entry for functions-framework, signature type http. Soon after, the log says that it started, and which layers hold.

    Args:
        operation: its name in the catalogue.
        work: does one job, in the sandbox; raises `functions.errors`.
        warm: modules that the image worker loads; given any, it starts at once, while the server is still starting.

    Raises:
        MissingLayers: SANDBOX_REQUIRED=all, and a layer is missing.
    """
    configure()
    serve_as(f"darkroom-{operation}")
    warm_up()
    if warm:
        warm_worker(*warm)
    require_layers()
    when_known(lambda layers: LOG.info("started", extra={"operation": operation, "layers": layers}))
    handler = Handler(operation, work, surroundings=open_surroundings)

    def handle(request: Request) -> Response:
        return handler(request)

    return handle


def as_job(operation: str, work: Callable[[Job], Outcome]) -> NoReturn:
    """The same operation as a Kubernetes Job, for the one event that a JobSink gave it: `batch` says how. Ends the process.

    Args:
        operation, work: as for `function`, which has been called before.
    """
    end_on_sigterm()
    try:
        sys.exit(run_job(operation, work, Mail.from_environment(), surroundings=cache(open_surroundings)))
    except (BadSetting, OSError) as exc:
        sys.exit(f"The job cannot begin: {exc}.")
