"""The `darkroom` command: which commands there are, and how an error leaves. What each does is its module's in `commands`.

Exit codes: 0 ok, 1 some work failed, 2 usage, 3 unreachable, 4 refused.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from infra.cli.commands.artifacts import artifacts
from infra.cli.commands.demo import demo
from infra.cli.commands.doctor import doctor
from infra.cli.commands.init import init
from infra.cli.commands.jobs import jobs
from infra.cli.commands.keys import keys
from infra.cli.commands.reconcile import reconcile
from infra.cli.commands.redrive import redrive
from infra.cli.commands.similar import similar
from infra.cli.commands.status import status
from infra.cli.commands.submit import submit
from infra.cli.commands.up import up
from infra.cli.commands.watch import watch
from infra.cli.commands.webhook_secret import webhook_secret
from infra.cli.errors import REFUSED, USAGE, CommandError
from infra.local.errors import LocalPlatformError


class WrongUsage(click.ClickException):
    """Click's own judgement in one line."""

    exit_code = USAGE

    def __init__(self, judged: click.UsageError) -> None:
        names: list[str] = []
        at = judged.ctx
        while at is not None and at.parent is not None:
            names.insert(0, str(at.info_name))
            at = at.parent
        what = " ".join(judged.format_message().split()).rstrip(".")
        super().__init__(f"{what}; `{' '.join(['darkroom', *names])} --help` says how")

    def show(self, file: object = None) -> None:
        print(f"darkroom: {self.message}", file=sys.stderr)


class Commands(click.Group):
    """Listed in the order in which people meet them; every error is one sentence and an exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def make_context(self, *args: Any, **more: Any) -> click.Context:
        with _in_one_line():
            return super().make_context(*args, **more)

    def invoke(self, ctx: click.Context) -> object:
        try:
            with _in_one_line():
                return super().invoke(ctx)
        except CommandError as exc:
            print(f"darkroom: {exc}", file=sys.stderr)
            ctx.exit(exc.exit_code)
        except LocalPlatformError as exc:
            print(f"darkroom: {exc}", file=sys.stderr)
            ctx.exit(REFUSED)
        except KeyboardInterrupt:
            print("darkroom: interrupted", file=sys.stderr)
            ctx.exit(130)


@contextmanager
def _in_one_line() -> Iterator[None]:
    try:
        yield
    except click.exceptions.NoArgsIsHelpError:
        raise  # a command of commands, called alone, shows them
    except click.UsageError as exc:
        raise WrongUsage(exc) from exc


@click.group(cls=Commands)
@click.version_option(package_name="darkroom")
def main() -> None:
    """Drop media in, get developed artifacts out."""


for command in (up, submit, watch, jobs, artifacts, similar, status, redrive, reconcile, keys, webhook_secret, doctor, demo, init):
    main.add_command(command)

if __name__ == "__main__":
    main()
