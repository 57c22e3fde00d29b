"""`python -m infra.local MANIFESTS… --data DIR`: run folders of manifests until SIGINT or SIGTERM."""

import argparse
import asyncio
import logging
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from infra.local.errors import LocalPlatformError
from infra.local.platform import Platform
from infra.local.values import Values, read_values

_READY_TIMEOUT_S = 60.0


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status 0 after a stop that was asked for, 1 with one sentence on stderr when it could not start."""
    parser = argparse.ArgumentParser(prog="python -m infra.local", description="Run Knative manifests on one machine.")
    parser.add_argument("manifests", nargs="+", type=Path, metavar="MANIFESTS", help="files, and folders of them")
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="for logs, the run state and the embedded database")
    parser.add_argument(
        "--values",
        type=Path,
        metavar="FILE.json",
        help="secrets, overrides and ports that the manifests leave open; DATABASE_URL may give the broker's database",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    arguments = parser.parse_args(argv)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    try:
        return asyncio.run(_run(arguments))
    except LocalPlatformError as exc:
        print(f"error: {exc}", file=sys.stderr)
        return 1


async def _run(arguments: argparse.Namespace) -> int:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    values = read_values(arguments.values) if arguments.values else Values()
    if values.database_url is None:  # a secret, which a file of values need not hold
        values = replace(values, database_url=os.environ.get("DATABASE_URL"))
    platform = Platform(arguments.manifests, arguments.data, values, lambda event: print(event, flush=True), host=arguments.host)
    for name in platform.ignored:
        print(f"ignored on one machine: {name}", flush=True)
    await platform.start()
    try:
        for name, url in (platform.urls["brokers"] | platform.urls["services"]).items():
            print(f"{name}: {url}", flush=True)
        print(f"metrics: {platform.urls['metrics']}/metrics", flush=True)
        ready = asyncio.create_task(_say_ready(platform))
        await stop.wait()
        ready.cancel()
    finally:
        await platform.stop()
    return 0


async def _say_ready(platform: Platform) -> None:
    late = await platform.wait_ready(_READY_TIMEOUT_S)
    print(f"not ready after {_READY_TIMEOUT_S:g} s: {', '.join(late)}" if late else "ready", flush=True)


if __name__ == "__main__":
    sys.exit(main())
