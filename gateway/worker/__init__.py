"""The gateway's worker: the relay of the outbox, and the timers (admission after backoff, reaper, reconciler). Any number may run."""
