"""One event as a Kubernetes Job: read from the file that the JobSink mounted, worked on, its reply posted to the broker.

Nobody waits for an answer and nobody sends the event again, so what a request answers with 503 is tried again here. The Job's own limit,
activeDeadlineSeconds, ends that. A run that dies says nothing: silence is the reaper's business.
"""

import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain, repeat
from pathlib import Path
from typing import NoReturn

from functions.errors import Stopped
from functions.runtime.attempt import NotNow, Surroundings, Work, run_attempt
from functions.runtime.broker import post
from functions.runtime.exchange import Asked, answer, outcome_fields, understand
from functions.runtime.gateway import GatewayUnavailable, Refused
from functions.runtime.log import LOG
from functions.runtime.settings import BadSetting
from infra.objects.port import BadKey, StoreUnavailable
from schemas.catalogue import CATALOGUE
from schemas.errors import MalformedEvent
from schemas.payloads import Completed, Failed

_EVENT = "event"  # the file's name in K_EVENT_PATH
_STRUCTURED = {"Content-Type": "application/cloudevents+json"}
_NOT_NOW = (NotNow, GatewayUnavailable, StoreUnavailable)
_PAUSES_S = (1.0, 2.0, 4.0, 8.0)
_LONGEST_PAUSE_S = 10.0


@dataclass(frozen=True, kw_only=True)
class Mail:
    """Where the event is, and where its reply goes."""

    event_file: Path
    broker_url: str

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Mail":
        """K_EVENT_PATH, which a JobSink sets, and K_SINK.

        Raises:
            BadSetting: one is missing.
        """
        for name in ("K_EVENT_PATH", "K_SINK"):
            if not environment.get(name):
                raise BadSetting(f"{name} is not set")
        return cls(event_file=Path(environment["K_EVENT_PATH"]) / _EVENT, broker_url=environment["K_SINK"])


def run_job(operation: str, work: Work, mail: Mail, *, surroundings: Callable[[], Surroundings]) -> int:
    """Works on the one event. Returns the exit status: 0 if the broker has the answer, or nobody wants one; else 1.

    Raises:
        BadSetting: a setting is missing or makes no sense.
        OSError: the event's file cannot be read.
    """
    fields: dict[str, object] = {"operation": operation, "answered": False}
    with ExitStack() as delivery:
        try:
            asked = understand(CATALOGUE[operation], _STRUCTURED, mail.event_file.read_bytes())
            hop = delivery.enter_context(asked.hop(asked.event.traceparent))
            letter = _Letter(asked, mail.broker_url)
            payload = letter.write(work, surroundings)
            fields |= {**outcome_fields(payload), "answered": letter.sent}
            if isinstance(payload, Failed):
                hop.fail(payload.failure)
        except Stopped:
            fields |= {"result": "stopped", "answered": True}
        except (MalformedEvent, BadKey, Refused) as exc:
            fields |= {"result": "refused", "reason": str(exc)[:200]}
        LOG.info("job ended", extra=fields)
    return 0 if fields["answered"] else 1


class _Letter:
    """The reply to one request. A failure is posted while the run still beats, since there is no other trace of it; a result lies in the
    store, where the reaper finds it should the broker not take the reply."""

    def __init__(self, asked: Asked, broker_url: str) -> None:
        self._asked, self._broker_url = asked, broker_url
        self.sent = False

    def write(self, work: Work, surroundings: Callable[[], Surroundings]) -> Completed | Failed:
        """Waits until everything is there that the attempt needs, runs it, and has its payload posted."""
        asked, version = self._asked, CATALOGUE[self._asked.requested.operation].version
        for pause_s in chain(_PAUSES_S, repeat(_LONGEST_PAUSE_S)):
            try:
                payload = run_attempt(asked.requested, asked.parameters, version, work, surroundings(), on_failure=self._post)
            except _NOT_NOW as exc:
                LOG.warning("not now", extra={"reason": str(exc)[:200]})
                time.sleep(pause_s)
                continue
            if isinstance(payload, Completed):
                self._post(payload, lambda: False)
            return payload
        raise AssertionError

    def _post(self, payload: Completed | Failed, given_up: Callable[[], bool]) -> None:
        self.sent = post(self._broker_url, answer(self._asked, payload), given_up=given_up)


def end_on_sigterm() -> None:
    """SIGTERM ends this process at once, its tool and its private folder with it: as process 1 of a container it would be ignored."""

    def end(_signal: int, _frame: object) -> NoReturn:
        sys.exit(128 + signal.SIGTERM)

    signal.signal(signal.SIGTERM, end)
