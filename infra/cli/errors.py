"""What a command can fail with, and the exit code of each. One sentence each, with the next step in it; `main` prints it on stderr.

    CommandError
    ├── WorkFailed          1: the work itself failed, or a download is not what was recorded
    ├── GatewayUnreachable  3: nobody answers there, or nobody that is a Darkroom
    ├── Refused             4: we do not do that, whoever asks
    └── ApiError            3 or 4: the gateway answered, and said no

Wrong usage (2) is click's own judgement, in `main`'s words.
"""

OK, WORK_FAILED, USAGE, UNREACHABLE, REFUSED = range(5)
_TRY_AGAIN = frozenset({429, 502, 503, 504})


class CommandError(Exception):
    """The root. `exit_code` is the process's."""

    exit_code = WORK_FAILED


class WorkFailed(CommandError):
    """The gateway did what it was asked, and the result is no success."""


class GatewayUnreachable(CommandError):
    """Nobody answers there."""

    exit_code = UNREACHABLE


class Refused(CommandError):
    """Nothing was done."""

    exit_code = REFUSED


class ApiError(CommandError):
    """The gateway refused a call. `status` is HTTP's; the text is its own sentence."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.exit_code = UNREACHABLE if status in _TRY_AGAIN else REFUSED
