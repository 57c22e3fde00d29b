"""The launcher: confines itself by a plan in its first argument, then becomes the tool. Without a tool it prints which layers hold.

It runs in a bare interpreter, is gone once the tool is there, and costs about 25 ms. A failure before that exits with `FAILED`.
"""

import json
import os
import signal
import sys

from functions.confine import identity, layers

FAILED = 97  # no tool of ours exits so


def main() -> None:
    plan = json.loads(sys.argv[1])
    argv = plan.pop("argv")
    try:
        held = layers.confine(**plan, namespaces=identity.new_namespaces(), may_exec=bool(argv))
        if not argv:
            print(json.dumps(held))
            return
        for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores them, and what is ignored stays so in the tool
            signal.signal(number, signal.SIG_DFL)
        os.execve(argv[0], argv, {})  # noqa: S606 - that is the point
    except (OSError, layers.MissingLayers) as exc:
        print(f"sandbox: {exc}", file=sys.stderr)
        sys.exit(FAILED)
