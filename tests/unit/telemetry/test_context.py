"""Ids and traces: who is continued, and that nothing leaks from one block or thread into another."""

import threading

import pytest

from infra.telemetry.context import about, current_traceparent, ids, mint, nearest, parse, traced

A, B = "0af7651916cd43dd8448eb211c80319c", "4bf92f3577b34da6a3ce929d0e0e4736"
OF_A, DEEPER_IN_A, OF_B = f"00-{A}-b7ad6b7169203331-01", f"00-{A}-00f067aa0ba902b7-01", f"00-{B}-00f067aa0ba902b7-01"


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "00",
        f"00-{'0' * 32}-b7ad6b7169203331-01",  # all zeros are no id
        f"00-{A}-{'0' * 16}-01",
        f"ff-{A}-b7ad6b7169203331-01",  # a version that there will never be
        f"00-{A.upper()}-b7ad6b7169203331-01",
        f"00-{A}-b7ad6b7169203331-01\n",
        f"00-{A}-b7ad6b7169203331-01-extra",
    ],
)
def test_no_traceparent(text: str | None) -> None:
    assert parse(text) is None


def test_a_traceparent() -> None:
    assert parse(OF_A) == (A, "b7ad6b7169203331", "01")
    assert parse(mint()) is not None
    assert mint() != mint()


@pytest.mark.parametrize(
    ("header", "extension", "whom"),
    [
        (None, None, None),
        (OF_A, None, OF_A),
        (None, OF_A, OF_A),
        (DEEPER_IN_A, OF_A, DEEPER_IN_A),  # a hop between us and the sender
        (OF_B, OF_A, OF_A),  # a proxy that began a trace of its own
        ("nonsense", OF_A, OF_A),
        (OF_A, "nonsense", OF_A),
        ("nonsense", "nonsense", None),
    ],
)
def test_whom_to_continue(header: str | None, extension: str | None, whom: str | None) -> None:
    assert nearest(header, extension) == whom


def test_ids_add_up_and_end_with_their_block() -> None:
    with about(job_id="j", task_id=None):
        with about(task_id="t"):
            assert ids() == {"job_id": "j", "task_id": "t"}
        assert ids() == {"job_id": "j"}
    assert ids() == {}


def test_threads_have_their_own() -> None:
    seen: list[object] = []
    with about(job_id="j"), traced(OF_A):
        other = threading.Thread(target=lambda: seen.extend([ids(), current_traceparent()]))
        other.start()
        other.join()
    assert seen == [{}, None]
