"""The gate's transitions, with a fake database and an injected clock."""

from __future__ import annotations

from typing import Any

import pytest

from core.queue.gate import AFTER_BELL_S, EMPTY_S, FAST_BELLS, FAST_S, FULL_S, LOOKING_S, Gate

LEASE_S = 15.0


class Database:
    """Answers the gate's statements. `answers` holds (settled, work, due_in_s) in order; the last one stays."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.answers: list[tuple[bool, bool, float | None]] = [(True, False, None)]
        self._horizon = 100

    async def ask(self, statement: str, **values: Any) -> list[Any]:
        self.asked.append((statement, values))
        if statement == "gate_horizon":
            self._horizon += 1
            return [{"horizon": str(self._horizon)}]
        if statement == "gate_settled":
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
            return [dict(zip(("settled", "work", "due_in_s"), answer, strict=True))]
        return []

    def take(self) -> list[str]:
        """The statements since the last call; a write is told by its state."""
        told = [values.get("state", statement) for statement, values in self.asked]
        self.asked = []
        return told


@pytest.fixture
def database() -> Database:
    return Database()


@pytest.fixture
def gate(database: Database) -> Gate:
    return Gate("toy.note", "me", LEASE_S, database.ask)


def state_of(gate: Gate) -> str:
    return gate.state


async def asleep(gate: Gate, database: Database, now: float = 0.0) -> None:
    assert await gate.step(now, free=True) is None
    assert database.take() == ["asleep", "gate_horizon", "gate_settled"]


async def looking(gate: Gate, database: Database, now: float = 10.0) -> None:
    await asleep(gate, database)
    for _ in range(FAST_BELLS):
        gate.heard(now)
    assert await gate.step(now, free=True) == 0.0
    assert state_of(gate) == "looking"
    assert database.take() == ["looking"]


async def test_a_pool_starts_asleep_and_then_waits_for_bells(gate: Gate, database: Database) -> None:
    await asleep(gate, database)
    assert state_of(gate) == "asleep"
    assert await gate.step(1.0, free=True) is None
    assert database.take() == []


async def test_closing_repeats_until_all_older_transactions_ended_and_nothing_is_left(
    gate: Gate, database: Database
) -> None:
    database.answers = [
        (False, False, None),
        (False, True, None),
        (True, True, None),
        (False, False, None),
        (True, False, None),
    ]
    pauses = [await gate.step(float(at), free=True) for at in range(5)]
    assert pauses == [0.001, 0.002, 0.004, 0.008, None]
    assert database.take() == ["asleep", "gate_horizon", *["gate_settled"] * 5]


async def test_the_pause_of_a_long_closing_grows_to_one_second_and_a_find_resets_it(
    gate: Gate, database: Database
) -> None:
    database.answers = [(False, False, None)]
    pauses = [await gate.step(float(at), free=True) for at in range(13)]
    assert pauses[-2:] == [1.0, 1.0]
    gate.claimed()
    assert await gate.step(20.0, free=True) == 0.001


async def test_every_question_of_one_closing_has_the_same_horizon(gate: Gate, database: Database) -> None:
    database.answers = [*[(False, False, None)] * 3, (True, False, None)]
    for at in range(4):
        await gate.step(float(at), free=True)
    horizons = {values["horizon"] for statement, values in database.asked if statement == "gate_settled"}
    assert horizons == {"101"}


async def test_a_bell_is_followed_by_the_questions_again_with_a_new_horizon(gate: Gate, database: Database) -> None:
    await asleep(gate, database)
    gate.heard(5.0)
    assert await gate.step(5.0, free=True) == AFTER_BELL_S
    assert database.take() == []
    assert await gate.step(5.0 + AFTER_BELL_S, free=True) is None
    assert database.asked[-1][1]["horizon"] == "102"
    assert database.take() == ["gate_horizon", "gate_settled"]


async def test_a_bell_while_no_slot_is_free_is_kept_until_one_is(gate: Gate, database: Database) -> None:
    await asleep(gate, database)
    gate.heard(5.0)
    assert await gate.step(5.0, free=False) is None
    assert database.take() == []
    assert await gate.step(6.0, free=True) == AFTER_BELL_S
    await gate.step(6.0 + AFTER_BELL_S, free=True)
    assert database.take() == ["gate_horizon", "gate_settled"]


async def test_a_due_time_wakes_a_sleeper_like_a_bell(gate: Gate, database: Database) -> None:
    database.answers = [(True, False, 0.5), (True, False, None)]
    assert await gate.step(10.0, free=True) == 0.5
    assert await gate.step(10.2, free=True) == pytest.approx(0.3)
    database.take()
    assert await gate.step(10.5, free=True) == AFTER_BELL_S
    assert await gate.step(10.5 + AFTER_BELL_S, free=True) is None
    assert database.take() == ["gate_horizon", "gate_settled"]


async def test_bells_that_come_fast_make_a_sleeper_look(gate: Gate, database: Database) -> None:
    await asleep(gate, database)
    for number in range(FAST_BELLS):
        gate.heard(10.0 + number * FAST_S / FAST_BELLS)
    assert await gate.step(10.0 + FAST_S, free=True) == 0.0
    assert state_of(gate) == "looking"
    assert database.asked == [
        ("gate_set", {"task_type": "toy.note", "listener": "me", "state": "looking", "valid_s": LOOKING_S})
    ]


async def test_bells_that_come_slowly_do_not(gate: Gate, database: Database) -> None:
    await asleep(gate, database)
    for number in range(FAST_BELLS):
        gate.heard(10.0 + number * FAST_S / (FAST_BELLS - 2))
    await gate.step(10.0 + 1.1 * FAST_S, free=True)
    assert state_of(gate) == "asleep"


async def test_without_a_free_slot_nobody_looks(gate: Gate, database: Database) -> None:
    await asleep(gate, database)
    for _ in range(FAST_BELLS):
        gate.heard(10.0)
    await gate.step(10.0, free=False)
    assert state_of(gate) == "asleep"
    await gate.step(10.0 + FULL_S, free=False)
    assert state_of(gate) == "full"
    assert database.take() == ["full", "gate_horizon", "gate_settled"]


async def test_a_looker_sleeps_when_looks_stay_empty(gate: Gate, database: Database) -> None:
    await looking(gate, database)
    pauses = [await gate.step(10.0 + at, free=True) for at in (0.001, 0.01, 0.02)]
    assert max(pause or 9 for pause in pauses) <= 0.05
    gate.claimed()
    await gate.step(10.029, free=True)
    await gate.step(10.05, free=True)
    assert state_of(gate) == "looking"
    assert database.take() == []
    await gate.step(10.03 + EMPTY_S, free=True)
    assert state_of(gate) == "asleep"
    assert database.take() == ["asleep", "gate_horizon", "gate_settled"]


async def test_a_looker_whose_slots_stay_taken_is_full_and_calls_the_others(gate: Gate, database: Database) -> None:
    database.answers = [(True, False, None)]
    await looking(gate, database)
    assert await gate.step(10.01, free=False) == FULL_S
    database.answers = [(False, True, None), (True, True, None)]
    assert await gate.step(10.01 + FULL_S, free=False) == 0.001
    assert state_of(gate) == "full"
    assert database.take() == ["full", "gate_horizon", "gate_settled", "ring"]
    assert await gate.step(10.07, free=False) is None
    assert database.take() == ["gate_settled", "ring"]
    assert await gate.step(10.2, free=False) is None
    assert database.take() == []


async def test_a_full_pool_with_a_free_slot_and_nothing_left_goes_to_sleep(gate: Gate, database: Database) -> None:
    await looking(gate, database)
    await gate.step(10.01, free=False)
    await gate.step(10.01 + FULL_S, free=False)
    database.take()
    await gate.step(11.0, free=True)
    assert state_of(gate) == "asleep"
    assert database.take() == ["asleep", "gate_horizon", "gate_settled"]


async def test_a_sleeper_that_fills_up_while_it_closes_calls_the_others(gate: Gate, database: Database) -> None:
    database.answers = [(False, False, None), (False, True, None)]
    await gate.step(0.0, free=True)
    database.take()
    await gate.step(0.1, free=False)
    assert state_of(gate) == "full"  # asleep, its own bell would wake it again and again
    assert database.take() == ["gate_settled", "full", "gate_horizon", "gate_settled", "ring"]


async def test_a_busy_looker_renews_its_row_before_it_lapses(gate: Gate, database: Database) -> None:
    await looking(gate, database)
    written = []
    for tenth in range(100, 150):
        await gate.busy(tenth / 10)
        written += [tenth / 10] * len(database.take())
    assert written == [11.0, 12.0, 13.0, 14.0]
    assert LOOKING_S > 1.0


async def test_a_sleeper_whose_looks_come_back_full_asks_for_silence_once_bells_come_fast(
    gate: Gate, database: Database
) -> None:
    await asleep(gate, database)
    for _ in range(FAST_BELLS - 1):
        gate.heard(10.0)
    await gate.busy(10.0)
    assert database.take() == []
    gate.heard(10.1)
    await gate.busy(10.1)
    assert database.take() == ["looking"]
    assert state_of(gate) == "looking"


async def test_only_a_looker_renews(gate: Gate, database: Database) -> None:
    await asleep(gate, database)
    await gate.busy(1000.0)
    assert database.take() == []


async def test_after_a_reconnect_the_row_is_written_anew(gate: Gate, database: Database) -> None:
    await asleep(gate, database)
    gate.reopened()
    await asleep(gate, database, now=3.0)
