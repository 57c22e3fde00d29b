"""A run's pulse: after the claim, a thread that tells the gateway how far the work is, and hears when to stop."""

import threading
from types import TracebackType

from functions.runtime.gateway import Gateway, GatewayUnavailable, Refused
from functions.runtime.log import LOG
from schemas.payloads import Heartbeat, Verdict


class Pulse:
    """Beats while its block runs. Once work has begun, a gateway that is down, or refuses, stops nothing; its word stop does.

    An event without a token has nobody to beat for: `gateway` is None, and only `progress` and `stopped` are of use.
    """

    def __init__(self, gateway: Gateway | None, claim: Heartbeat | None, *, every_s: float) -> None:
        self._gateway, self._claim, self._every_s = gateway, claim, every_s
        self._progress: float | None = None
        self._stop, self._end = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._beat, name="pulse", daemon=True) if gateway and claim else None

    def progress(self, done: float) -> None:
        """Notes how far the work is, 0 to 1. Never goes back; what is no number is ignored."""
        bounded = min(1.0, max(0.0, done)) if done == done else 0.0  # noqa: PLR0124 - NaN
        if self._progress is None or bounded > self._progress:
            self._progress = bounded

    def stopped(self) -> bool:
        """Has the gateway said stop?"""
        return self._stop.is_set()

    def __enter__(self) -> "Pulse":
        if self._thread:
            self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._end.set()  # nobody waits for a beat under way: it changes nothing any more

    def _beat(self) -> None:
        assert self._gateway
        assert self._claim
        while not self._end.wait(self._every_s):
            try:
                verdict = self._gateway.beat(self._claim.model_copy(update={"progress": self._progress}))
            except (GatewayUnavailable, Refused) as exc:
                LOG.warning("heartbeat lost", extra={"attempt_id": self._claim.attempt_id, "reason": str(exc)})
                continue
            if verdict is not Verdict.GO:  # wait: another run has the attempt, so this one has lost it
                self._stop.set()
                return
