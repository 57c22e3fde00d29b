"""What a use case may refuse, as data. HTTP status is `gateway.web.problems`' business.

Refused
├── NoKey          no key, or none that is known
├── OutOfScope     the key does not allow this
├── ForeignOrigin  a page of another origin had a browser ask
├── NotFound       no such thing of this tenant
├── Gone           it was there and is not any more
├── Conflict       not in this state
├── Invalid        well-formed and wrong: says which field and what is allowed
├── Busy           too much at once: later
└── Forged         an attempt's token is missing or wrong
"""

from collections.abc import Sequence

from schemas.errors import FieldProblem


class Refused(Exception):
    """The root. The text is one sentence for people."""


class NoKey(Refused):
    pass


class OutOfScope(Refused):
    def __init__(self, scope: str) -> None:
        super().__init__(f"This needs a key with the scope {scope}.")


class ForeignOrigin(Refused):
    def __init__(self, origin: str | None) -> None:
        super().__init__(f"A browser may write only from this gateway's own pages; the Origin is {(origin or 'missing')[:200]}.")


class NotFound(Refused):
    def __init__(self, what: str, identifier: str) -> None:
        super().__init__(f"There is no {what} {identifier}.")


class Gone(Refused):
    pass


class Conflict(Refused):
    pass


class Busy(Refused):
    """`retry_after_s`: when it may work; None where nobody knows."""

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Invalid(Refused):
    def __init__(self, message: str, problems: Sequence[FieldProblem] = ()) -> None:
        super().__init__(message)
        self.problems = tuple(problems)


class Forged(Refused):
    def __init__(self, attempt_id: str) -> None:
        super().__init__(f"The token of attempt {attempt_id} is missing or wrong.")
