"""`make controls`: takes each defence away in turn and shows that a test then fails. One that still passes is a defect of the suite.

Each row's test is first run as it is, and must pass. Prints a table; ends with 1 if any control did not bite.
"""

import os
import subprocess
import sys
import time

PATH = "tests/integration/gateway/test_path.py::"
CANCEL = "tests/integration/gateway/test_cancel.py::"
DEFENCES = "tests/faults/test_defences.py::"
RUNTIME = "tests/unit/functions/runtime/test_handler.py::"
CONTROLS = {
    "inbox_knows_an_event_again": DEFENCES + "test_a_malformed_event_ten_times_is_one_dead_letter",
    "an_attempt_is_claimed_once": PATH + "test_a_claim_is_one_runs_and_progress_shows",
    "every_end_is_final": DEFENCES + "test_a_zombies_late_result_changes_nothing",
    "a_result_is_looked_for_before_blame": PATH + "test_the_reaper_looks_before_it_ends",
    "the_reaper_judges_only_who_could_be_heard": PATH + "test_the_reaper_judges_nobody_while_the_listener_was_away",
    "the_sweep_spares_what_may_yet_be_named": DEFENCES + "test_a_sweep_spares_what_a_live_attempt_has_written",
    "an_attempt_holds_a_slot": PATH + "test_slots_bound_what_is_out_and_interactive_goes_first",
    "a_cancelled_attempt_keeps_its_slot_till_answered": CANCEL + "test_a_running_one_is_told_to_stop_and_keeps_its_slot_till_then",
    "a_token_is_checked": PATH + "test_a_forged_token_is_quarantined",
    "the_outbox_is_marked_after_the_brokers_word": DEFENCES + "test_an_event_that_the_broker_refused_is_sent_again",
    "the_reconciler_looks_into_the_bucket": PATH + "test_a_lost_notification_is_found_by_the_reconciler",
    "a_function_looks_for_its_result": RUNTIME + "test_a_redelivery_answers_from_the_result_with_no_claim_and_no_work",
    "result_json_is_written_last": DEFENCES + "test_a_result_never_promises_what_is_not_there",
    "reads_carry_if_match": RUNTIME + "test_an_original_that_is_gone_says_so",
    "a_write_never_makes_a_bucket": "tests/unit/objects/test_folder.py::test_a_bucket_that_went_away_is_not_made_anew",
    "the_brokers_202_follows_its_commit": "tests/faults/test_broker.py::test_killed_at[broker-before-commit]",
}


def failure(tests: list[str], removed: str = "") -> str | None:
    """What the first test that fails says; None where all pass. Raises RuntimeError where pytest came to no verdict: that shows nothing."""
    argv = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-p", "tests.faults.wired.removed", *tests]
    run = subprocess.run(argv, env=os.environ | {"REMOVED": removed}, capture_output=True, text=True, check=False)
    if run.returncode not in (0, 1):
        raise RuntimeError(run.stdout[-2000:] + run.stderr[-2000:])
    return next(line for line in run.stdout.splitlines() if line.startswith("E "))[1:].strip() if run.returncode else None


def main() -> int:
    if (why := failure(list(CONTROLS.values()))) is not None:
        print(f"the suite fails with every defence in place, so the controls would show nothing: {why}")
        return 1
    width = max(map(len, CONTROLS))
    blunt = 0
    print(f"{'defence taken away':{width}}  its test  seconds  what it says")
    for name, test in CONTROLS.items():
        began_s = time.monotonic()
        why = failure([test], removed=name)
        blunt += why is None
        took_s, outcome = time.monotonic() - began_s, "PASSES" if why is None else "fails"
        print(f"{name.replace('_', ' '):{width}}  {outcome:8}  {took_s:7.1f}  {(why or '')[:90]}", flush=True)
    print(f"{len(CONTROLS) - blunt} of {len(CONTROLS)} controls bite")
    return 1 if blunt else 0


if __name__ == "__main__":
    sys.exit(main())
