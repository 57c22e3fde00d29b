"""The state machines under events in any order: late, repeated, shuffled, from runs that should be dead. What must hold after each."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from gateway.domain import work as machine
from gateway.domain.media import Action, Arrival, Row, arrive
from gateway.domain.retry import MAX_TRIES_AGAIN
from gateway.domain.states import LIVE_WORKS, AttemptState, MediaState, WorkState
from gateway.domain.work import Attempt, Ending, Failure, Work
from schemas.errors import FailureClass
from schemas.payloads import Verdict

MOST_TRIES = 1 + sum(MAX_TRIES_AGAIN.values())  # 1 + 5 infra + 1 tool; a source deleted under a try allows one more
MOST_DELETES = 3

BACK = st.sampled_from([0, 0, 0, 1, 2, 5])  # the newest attempt or media, or one before it
FAILURES = st.sampled_from(list(FailureClass))


class WorkMachine(RuleBasedStateMachine):
    """One work, its attempts, and everybody who may speak of them at any time."""

    def __init__(self) -> None:
        super().__init__()
        self.work = Work(state=WorkState.WAITING)
        self.attempts: dict[int, Attempt] = {}
        self.unanswered: set[int] = set()  # admitted, and nobody has said yet that they are over
        self.ended: dict[int, AttemptState] = {}
        self.claimed_by: dict[int, str] = {}
        self.shown: int | None = None
        self.tries = self.deletes = 0  # since the last revival

    @precondition(lambda self: self.work.state is WorkState.WAITING)
    @rule()
    def admit(self) -> None:
        self.work, attempt = machine.admit(self.work)
        assert attempt.number not in self.attempts
        self.attempts[attempt.number] = attempt
        self.unanswered.add(attempt.number)
        self.tries += 1

    @rule(back=BACK)
    def sent(self, back: int) -> None:
        number = self.work.attempts - back
        if number in self.attempts:
            self.attempts[number] = machine.sent(self.attempts[number])

    @rule(back=BACK, run_id=st.sampled_from(["one", "two", "three"]))
    def claims(self, back: int, run_id: str) -> None:
        if self.work.attempts - back in self.attempts:
            self.claim(self.work.attempts - back, run_id)

    def claim(self, number: int, run_id: str) -> None:
        before = self.attempts[number]
        self.attempts[number], verdict = machine.claim(before, run_id)
        match verdict:
            case Verdict.GO:
                assert before.live
                assert self.claimed_by.setdefault(number, run_id) == run_id
            case Verdict.WAIT:
                assert self.claimed_by[number] != run_id
            case Verdict.STOP:
                assert not before.live
                self.unanswered.discard(number)

    @rule(back=BACK)
    def complete(self, back: int) -> None:
        number = self.work.attempts - back
        if number in self.attempts:
            self._end(number, machine.complete(self.work, self.attempts[number]))

    @rule(back=BACK, failure=FAILURES, deleted=st.booleans())
    def fail(self, back: int, failure: FailureClass, deleted: bool) -> None:
        number = self.work.attempts - back
        deleted = deleted and self.deletes < MOST_DELETES
        if number in self.attempts:
            self.deletes += deleted and self.attempts[number].live
            self._end(number, machine.fail(self.work, self.attempts[number], Failure(failure=failure, source_was_deleted=deleted)))

    @rule(back=BACK)
    def reap(self, back: int) -> None:
        number = self.work.attempts - back
        if number in self.attempts and self.attempts[number].live:
            infra = Failure(failure=FailureClass.INFRA)
            self._end(number, machine.fail(self.work, self.attempts[number], infra, end=AttemptState.LOST))

    def _end(self, number: int, ending: Ending) -> None:
        if not self.attempts[number].live:
            assert ending.work == self.work, "a late word moved the work"
            assert ending.retry_in_s is None
        assert (ending.retry_in_s is not None) <= (ending.work.state is WorkState.WAITING)
        self.work, self.attempts[number] = ending.work, ending.attempt
        self.unanswered.discard(number)

    @rule()
    def abandon(self) -> None:
        attempt = self.attempts.get(self.work.attempts)
        if attempt is not None and attempt.state is AttemptState.ADMITTED:
            self.unanswered.discard(attempt.number)  # it was never sent
        self.work, after = machine.abandon(self.work, attempt)
        if after is not None:
            self.attempts[after.number] = after

    @rule()
    def attach(self) -> None:
        before = self.work
        self.work = machine.attach(before)
        assert self.work.state in LIVE_WORKS | {WorkState.DONE}, "a task would wait for ever"
        if self.work is not before:
            self.tries = self.deletes = 0

    @invariant()
    def ends_are_final(self) -> None:
        for number, attempt in self.attempts.items():
            if number in self.ended:
                assert attempt.state is self.ended[number]
            elif not attempt.live:
                self.ended[number] = attempt.state

    @invariant()
    def one_attempt_lives_while_the_work_is_out(self) -> None:
        live = [attempt.number for attempt in self.attempts.values() if attempt.live]
        assert live == ([self.work.attempts] if self.work.state is WorkState.OUT else [])

    @invariant()
    def what_is_shown_never_changes(self) -> None:
        if self.shown is not None:
            assert (self.work.state, self.work.result_attempt) == (WorkState.DONE, self.shown)
        self.shown = self.work.result_attempt
        done = [number for number, attempt in self.attempts.items() if attempt.state is AttemptState.DONE]
        assert done == ([] if self.shown is None else [self.shown])

    @invariant()
    def a_slot_is_held_until_somebody_has_answered_and_no_longer(self) -> None:
        assert {number for number, attempt in self.attempts.items() if attempt.holds_slot} == self.unanswered

    @invariant()
    def tries_are_bounded(self) -> None:
        assert self.tries <= MOST_TRIES + self.deletes
        for failure, again in MAX_TRIES_AGAIN.items():
            assert self.work.counts.of(failure) <= again + 1

    def teardown(self) -> None:
        """Left to itself, with every run silent, the work comes to an end and holds no slot."""
        for _ in range(2 * (MOST_TRIES + MOST_DELETES)):
            if self.work.state is WorkState.WAITING:
                self.admit()
            self.reap(0)
        assert self.work.state not in LIVE_WORKS
        for number in list(self.attempts):
            self.claim(number, "late")
        self.a_slot_is_held_until_somebody_has_answered_and_no_longer()
        assert self.unanswered == set()


TestWork = WorkMachine.TestCase
TestWork.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)


@given(st.lists(st.tuples(FAILURES, st.booleans()), min_size=MOST_TRIES + MOST_DELETES + 1, max_size=20))
def test_a_work_that_always_fails_ends(words: list[tuple[FailureClass, bool]]) -> None:
    work, tries, deletes = Work(state=WorkState.WAITING), 0, 0
    for failure, wants_delete in words:
        deleted = wants_delete and deletes < MOST_DELETES
        work, attempt = machine.admit(work)
        ending = machine.fail(work, attempt, Failure(failure=failure, source_was_deleted=deleted))
        work, tries, deletes = ending.work, tries + 1, deletes + deleted
        if work.state is WorkState.FAILED:
            break
        assert ending.retry_in_s is not None
        assert 0 <= ending.retry_in_s <= 60
    assert work.state is WorkState.FAILED
    assert tries <= MOST_TRIES + deletes


ETAGS = st.sampled_from("abc")


class KeyMachine(RuleBasedStateMachine):
    """One key of the media bucket: its rows as `arrive` moves them, while versions come, vanish and come back, and clients delete."""

    own = False

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[Row] = [Row(media_id="0", state=MediaState.AWAITING_UPLOAD)] if self.own else []
        self.final: dict[str, Row] = {}
        self.accepted_as: dict[str, str | None] = {}

    @rule(etag=ETAGS)
    def seen(self, etag: str) -> None:
        before = list(self.rows)
        arrival = arrive(own=self.own, rows=before, etag=etag)
        self._carry_out(arrival, etag)
        again = arrive(own=self.own, rows=self.rows, etag=etag)
        assert again.replaced == ()
        if arrival.action is Action.REMOVE:
            assert self.rows == before
            assert again.action is Action.REMOVE
            return
        assert (again.action, again.media_id) == (Action.NOTHING, arrival.media_id or self.rows[-1].media_id)
        for row in self.rows:
            assert row.dead or row.gone or row.etag == etag, "two versions stand under one key"
        holders = [row for row in self.rows if row.etag == etag and not row.dead and not row.gone]
        assert len(holders) == 1 or any(row.object_awaits_removal and row.etag == etag for row in self.rows)

    def _carry_out(self, arrival: Arrival, etag: str) -> None:
        """As `gateway.service.arrivals` does."""
        for n, row in enumerate(self.rows):
            if row.media_id in arrival.replaced:
                assert not row.dead
                state = MediaState.FAILED if row.state is MediaState.UPLOADED else row.state
                self.rows[n] = replace(row, state=state, gone=True)
            elif row.media_id == arrival.media_id and arrival.action is Action.TAKE:
                self.rows[n] = replace(row, state=MediaState.UPLOADED, etag=etag, gone=False)
            elif row.media_id == arrival.media_id and arrival.action is Action.WAKE:
                assert row.etag == etag
                state = MediaState.UPLOADED if row.state is MediaState.FAILED else row.state
                self.rows[n] = replace(row, state=state, gone=False)
        if arrival.action is Action.ADOPT:
            assert not (self.own and self.rows[0].dead), "an object of a deleted media was adopted"
            self.rows.append(Row(media_id=str(len(self.rows)), state=MediaState.UPLOADED, etag=etag))

    @rule(n=st.integers(0, 2), verdict=st.sampled_from([MediaState.ACCEPTED, MediaState.REJECTED, MediaState.FAILED]))
    def probed(self, n: int, verdict: MediaState) -> None:
        if n < len(self.rows) and self.rows[n].state is MediaState.UPLOADED and not self.rows[n].dead:
            self.rows[n] = replace(self.rows[n], state=verdict)

    @rule(n=st.integers(0, 2))
    def vanishes(self, n: int) -> None:
        """The reconciler, or a run, finds the object gone."""
        if n < len(self.rows) and self.rows[n].etag is not None and not self.rows[n].dead:
            state = MediaState.FAILED if self.rows[n].state is MediaState.UPLOADED else self.rows[n].state
            self.rows[n] = replace(self.rows[n], state=state, gone=True)

    @rule(n=st.integers(0, 2))
    def deleted(self, n: int) -> None:
        if n < len(self.rows) and not self.rows[n].dead:
            self.rows[n] = replace(self.rows[n], dead=True, object_awaits_removal=self.rows[n].etag is not None)

    @rule(n=st.integers(0, 2))
    def removed(self, n: int) -> None:
        if n < len(self.rows) and self.rows[n].dead:
            self.rows[n] = replace(self.rows[n], object_awaits_removal=False)

    @rule()
    def expired(self) -> None:
        for n, row in enumerate(self.rows):
            if row.state is MediaState.AWAITING_UPLOAD and not row.dead:
                self.rows[n] = replace(row, state=MediaState.FAILED, dead=True)

    @invariant()
    def the_dead_stay_dead(self) -> None:
        for row in self.rows:
            if row.media_id in self.final:
                assert replace(row, object_awaits_removal=False) == self.final[row.media_id]
            elif row.dead:
                self.final[row.media_id] = replace(row, object_awaits_removal=False)

    @invariant()
    def an_accepted_media_keeps_its_version(self) -> None:
        for row in self.rows:
            if row.state is MediaState.ACCEPTED:
                assert self.accepted_as.setdefault(row.media_id, row.etag) == row.etag
            elif not row.dead:
                assert row.media_id not in self.accepted_as, "an accepted media is not accepted any more"


class OwnKeyMachine(KeyMachine):
    """The same under `media/`, where the row comes before the object."""

    own = True


TestKey = KeyMachine.TestCase
TestOwnKey = OwnKeyMachine.TestCase
TestKey.settings = TestOwnKey.settings = settings(max_examples=200, stateful_step_count=30, deadline=None)
