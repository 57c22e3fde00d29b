"""Who gets a slot, who waits, who is turned away."""

import asyncio

import pytest

from infra.local.admission import Gate, QueueFull, Slots, queue_limit


@pytest.mark.parametrize(
    ("ready", "max_scale", "concurrency", "limit"),
    [
        (2, 2, 3, 60),  # all there: 2 × 10 × 3
        (1, 2, 3, 10_000),  # another may come: the activator holds
        (0, 2, 3, 10_000),
        (5, 0, 3, 10_000),  # no limit to the scale
        (2, 2, 0, 10_000),  # no limit to the concurrency
    ],
)
def test_queue_limit(ready: int, max_scale: int, concurrency: int, limit: int) -> None:
    assert queue_limit(ready=ready, max_scale=max_scale, concurrency=concurrency) == limit


def test_slots_fill_evenly_and_never_over() -> None:
    slots: Slots[str] = Slots(2)
    slots.open("a")
    slots.open("b")
    taken = [slots.take() for _ in range(5)]
    assert sorted(filter(None, taken[:2])) == ["a", "b"]
    assert sorted(filter(None, taken)) == ["a", "a", "b", "b"]
    assert taken[4] is None
    slots.give_back("b")
    assert slots.take() == "b"


def test_closed_instance_takes_nothing_but_is_counted() -> None:
    slots: Slots[str] = Slots(0)
    slots.open("a")
    assert slots.take() == "a"
    slots.close("a")
    assert slots.take() is None
    assert slots.in_flight("a") == 1
    slots.give_back("a")
    assert slots.in_flight("a") == 0


def test_gate_serves_in_order_and_turns_away_beyond_the_limit() -> None:
    async def scenario() -> list[int]:
        gate: Gate[str] = Gate(1, lambda ready: 2)
        served: list[int] = []

        async def request(number: int) -> None:
            key = await gate.enter()
            served.append(number)
            gate.leave(key)

        waiting = [asyncio.create_task(request(number)) for number in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(QueueFull):
            await gate.enter()
        gate.open("a")
        await asyncio.gather(*waiting)
        return served

    assert asyncio.run(scenario()) == [0, 1]


def test_who_gives_up_waiting_loses_no_slot() -> None:
    async def scenario() -> None:
        gate: Gate[str] = Gate(1, lambda ready: 10)
        gate.open("a")
        held = await gate.enter()
        impatient, patient = asyncio.create_task(gate.enter()), asyncio.create_task(gate.enter())
        await asyncio.sleep(0)
        gate.leave(held)  # hands the slot to the impatient one …
        impatient.cancel()  # … which leaves before it looked
        assert await asyncio.wait_for(patient, 1) == "a"
        assert gate.waiting == 0

    asyncio.run(scenario())
