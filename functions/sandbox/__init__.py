"""The only way to run a decoder: outside the server process, in layers, under a deadline.

`run_tool` runs a program in a fresh process, `call_worker` a function of ours from the warm image worker; `active_layers` says what holds
here. `functions.confine` is the child's side.
"""

from functions.sandbox.layers import active_layers, require_layers, when_known
from functions.sandbox.limits import IMAGE_LIMITS, Limits
from functions.sandbox.tool import Finished, run_tool
from functions.sandbox.worker import call_worker, warm_worker

__all__ = ["IMAGE_LIMITS", "Finished", "Limits", "active_layers", "call_worker", "require_layers", "run_tool", "warm_worker", "when_known"]
