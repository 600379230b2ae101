"""The test kit refuses what the engine refuses, and gives an operator what the engine gives it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from core import Done, Outcome, RowmillError, Task
from core.errors import PayloadRejected
from core.testing import Recorded, run_operator
from tests.toy import operators as toy
from tests.toy.model import ActPayload, AddNote, SetOnce, SetValue
from tests.toy.operators import act


@act
async def kit_two_types(_task: Task[ActPayload], arg: Any) -> Outcome:
    return Done([SetValue(1, "a"), SetOnce(1, "b")])


@act
async def kit_time(task: Task[ActPayload], arg: Any) -> Outcome:
    return Done([AddNote(f"{task.now:%Y} {task.attempts} {len(task.followers)} {task.concurrency_key}")])


def test_an_operator_decides_without_a_database() -> None:
    assert run_operator(toy.set_value, {"row_id": 1, "value": "a\x00b"}) == Done([SetValue(1, "a\ufffdb")])


def test_reads_are_answered_from_rows() -> None:
    assert run_operator(toy.copy, {"source": 1, "target": 2}, rows={"toy_row": [{"value": "x"}]}) == Done(
        [SetValue(2, "x")], output={"followers": 0}
    )


def test_a_read_without_rows_says_what_to_give() -> None:
    with pytest.raises(AssertionError, match=r"rows=\{'toy_row'"):
        run_operator(toy.copy, {"source": 1, "target": 2})


def test_a_payload_that_does_not_fit_is_refused_as_in_production() -> None:
    with pytest.raises(PayloadRejected, match=r"payload\.row_id"):
        run_operator(toy.set_value, {"value": "x"})


def test_what_the_engine_refuses_the_kit_refuses() -> None:
    with pytest.raises(RowmillError, match="aim at one row"):
        run_operator(toy.do, {"act": "kit_two_types"})


def test_time_and_the_tasks_own_fields_are_the_tests_to_choose() -> None:
    outcome = run_operator(
        toy.do,
        {"act": "kit_time"},
        now=datetime(1999, 1, 1, tzinfo=UTC),
        attempts=2,
        followers=[ActPayload(act="kit_time")],
        concurrency_key="k",
    )
    assert outcome == Done([AddNote("1999 2 1 k")])


def test_mid_run_commits_can_be_looked_at() -> None:
    context = Recorded()
    run_operator(toy.do, {"act": "chunks", "arg": 3}, context=context, progress={"next": 1})
    assert context.commits == [([AddNote(f"chunk {n}")], {"next": n + 1}) for n in (1, 2)]
