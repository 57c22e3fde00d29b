"""One attempt from its claim to its payload: claim, fetch, work, store. HTTP and CloudEvents are `handler`'s."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from functions.errors import FunctionError, Infra, LimitExceeded, SourceGone, Stopped, ToolFailed
from functions.media.formats import MediaLimits
from functions.runtime.gateway import Gateway
from functions.runtime.job import Job, Outcome
from functions.runtime.log import LOG
from functions.runtime.measures import Measures
from functions.runtime.pulse import Pulse
from functions.runtime.results import earlier_result, store_outputs, store_result
from functions.runtime.settings import Settings
from functions.runtime.workspace import Workspace, free_bytes, workspace
from infra.objects.port import BadKey, NoSuchObject, ObjectReplaced, Objects, ObjectStoreError
from schemas.ids import uuid7
from schemas.parameters import Parameters
from schemas.payloads import MAX_LOG_CHARS, MAX_MESSAGE_CHARS, Completed, Failed, Heartbeat, Requested, Verdict

Work = Callable[[Job], Outcome]


class NotNow(Exception):
    """Something that an attempt needs before it can start is not there: the event is answered 503."""


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What one server process works with."""

    settings: Settings
    objects: Objects
    gateway: Gateway | None
    limits: MediaLimits = field(default_factory=MediaLimits)
    measures: Measures = field(default_factory=Measures)


def _nothing(_failed: Failed, _stopped: Callable[[], bool]) -> None:
    """The payload alone is enough."""


def run_attempt(
    requested: Requested,
    parameters: Parameters,
    version: int,
    work: Work,
    around: Surroundings,
    *,
    on_failure: Callable[[Failed, Callable[[], bool]], None] = _nothing,
) -> Completed | Failed:
    """The attempt's payload: an earlier run's result, or this run's own result or failure.

    Args:
        version: what this function makes; a request for another one fails.
        on_failure: called with a failure while the run still beats, and with what says whether the gateway has said stop.

    Raises:
        NotNow: the store or disk space is not there, or another run has the attempt.
        GatewayUnavailable: the gateway does not answer the claim.
        Refused: it does not know the token.
        Stopped: it does not want this work.
        BadKey: no store could hold the result.
    """
    try:
        earlier = earlier_result(around.objects, requested)
    except BadKey:
        raise
    except ObjectStoreError as exc:
        raise NotNow(str(exc)) from exc
    if earlier is not None:
        return earlier
    size_bytes, most_bytes = requested.source.bytes, around.settings.max_upload_bytes
    if size_bytes <= most_bytes and free_bytes(around.settings.work_dir) < size_bytes + around.settings.spare_disk_bytes:
        raise NotNow("not enough disk space")
    run = _Run(requested=requested, parameters=parameters, around=around, run_id=uuid7(), began=time.monotonic())
    with run.claim() as pulse:
        try:
            if requested.version != version:
                raise Infra(f"This function makes version {version} of its results; asked for was {requested.version}.")
            if size_bytes > most_bytes:
                raise LimitExceeded(f"The file has {size_bytes} bytes; at most {most_bytes} are taken.")
            return run.complete(work, pulse)
        except FunctionError as exc:
            failed = run.failed(exc)
            on_failure(failed, pulse.stopped)
            return failed


@dataclass(frozen=True, kw_only=True)
class _Run:
    """One delivery of an attempt that is about to claim it, or has. `began` is on the monotonic clock."""

    requested: Requested
    parameters: Parameters
    around: Surroundings
    run_id: str
    began: float

    def claim(self) -> Pulse:
        """The pulse of a run that has the attempt; without a token, one that nobody hears."""
        requested, every_s = self.requested, self.around.settings.heartbeat_s
        if requested.token is None:
            return Pulse(None, None, every_s=every_s)
        if self.around.gateway is None:
            raise NotNow("GATEWAY_INTERNAL_URL is not set, and nothing starts without a claim")
        claim = Heartbeat(attempt_id=requested.attempt_id, run_id=self.run_id, token=requested.token, cold=self.around.measures.is_cold)
        verdict = self.around.gateway.beat(claim)
        if verdict is Verdict.STOP:
            raise Stopped
        if verdict is Verdict.WAIT:
            raise NotNow("another run has this attempt")
        self.around.measures.claimed()
        return Pulse(self.around.gateway, claim, every_s=every_s)

    def complete(self, work: Work, pulse: Pulse) -> Completed:
        """Fetches, works and stores. Whatever is no FunctionError becomes one: the machine's (Infra) or a bug's (ToolFailed)."""
        try:
            with workspace(self.around.settings.work_dir) as place:
                with self.around.measures.phase("fetch"):
                    self._fetch(place)
                with self.around.measures.phase("work"):
                    outcome = work(self._job(place, pulse))
                with self.around.measures.phase("store"):
                    return self._store(place, pulse, outcome)
        except (FunctionError, Stopped):
            raise
        except OSError as exc:
            LOG.exception("the machine failed the work")
            raise Infra("The machine could not do the work.", log_tail=f"{type(exc).__name__}: {exc.strerror}") from exc
        except Exception as exc:
            LOG.exception("the work failed in an unforeseen way")
            raise ToolFailed("The work failed in an unforeseen way.", log_tail=type(exc).__name__) from exc

    def failed(self, error: FunctionError) -> Failed:
        """The payload for a failure; texts within what an event may carry."""
        return Failed(
            attempt_id=self.requested.attempt_id,
            run_id=self.run_id,
            token=self.requested.token,
            operation=self.requested.operation,
            duration_ms=self._ms(),
            failure=error.failure,
            message=error.message[:MAX_MESSAGE_CHARS],
            log_tail=_plain(error.log_tail)[-MAX_LOG_CHARS:] if error.log_tail else None,
            source_gone=isinstance(error, SourceGone),
        )

    def _job(self, place: Workspace, pulse: Pulse) -> Job:
        return Job(
            operation=self.requested.operation,
            parameters=self.parameters,
            facts=self.requested.facts,
            source=place.source,
            filename=self.requested.source.filename,
            out=place.out,
            deadline_s=max(0.1, self._allowed_s() - (time.monotonic() - self.began)),
            progress=pulse.progress,
            stopped=pulse.stopped,
        )

    def _allowed_s(self) -> float:
        """For the whole attempt: the operation's deadline, or less where the settings say so."""
        return min(self.requested.deadline_s, self.around.limits.max_wall_s or self.requested.deadline_s)

    def _fetch(self, place: Workspace) -> None:
        source = self.requested.source
        try:
            self.around.objects.fetch(source.bucket, source.key, place.source, if_match=source.etag)
        except (NoSuchObject, ObjectReplaced) as exc:
            raise SourceGone("The original is not there any more.", log_tail=str(exc)) from exc
        except ObjectStoreError as exc:
            raise Infra("The original could not be read.", log_tail=str(exc)) from exc
        place.source.chmod(0o444)
        self.around.measures.moved("read", source.bytes)

    def _store(self, place: Workspace, pulse: Pulse, outcome: Outcome) -> Completed:
        if pulse.stopped():
            raise Stopped
        completed = Completed(
            attempt_id=self.requested.attempt_id,
            run_id=self.run_id,
            token=self.requested.token,
            operation=self.requested.operation,
            artifacts=store_outputs(self.around.objects, self.requested, place.out, outcome.outputs),
            duration_ms=self._ms(),
            facts=outcome.facts,
            content_type=outcome.content_type,
            vector=outcome.vector,
        )
        store_result(self.around.objects, self.requested, completed)
        self.around.measures.moved("written", sum(artifact.bytes for artifact in completed.artifacts))
        return completed

    def _ms(self) -> int:
        return round((time.monotonic() - self.began) * 1000)


def _plain(text: str) -> str:
    """A tool's words with what JSON would write in more than six bytes, or a terminal would obey, made a dot: so 4,000 fit an event."""
    return "".join(c if c == "\n" or (c.isprintable() and c <= "\uffff") else "·" for c in text)
