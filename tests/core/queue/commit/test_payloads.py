"""Payloads that cannot be read, in one claim with good ones: the good complete, the bad fail at once, by field name."""

from __future__ import annotations

import json

import asyncpg
import pytest

from core.db.connect import Connection
from tests.committing import tuples
from tests.running import Workers, ended, enqueue

SECRET = "sesame-open"

BAD: dict[str, tuple[str, str]] = {
    "too deep": ('{"row_id": 1, "value": ' + "[" * 7000 + "]" * 7000 + "}", "payload"),
    "an object instead of text": (json.dumps({"row_id": 1, "value": {"a": SECRET}}), "payload.value: "),
    "text instead of a number": (json.dumps({"row_id": SECRET, "value": "x"}), "payload.row_id: "),
    "a field that is missing": (json.dumps({"value": SECRET}), "payload.row_id: Field required"),
    "nothing at all": ("{}", "payload.row_id: Field required; payload.value: Field required"),
    "a number beyond all integers": ('{"row_id": ' + "9" * 5000 + ', "value": "x"}', "payload: Invalid JSON: number"),
    "a null": ('{"row_id": null, "value": "x"}', "payload.row_id: "),
    "half a number": ('{"row_id": 1.5, "value": "x"}', "payload.row_id: "),
}


@pytest.mark.parametrize("what", BAD)
async def test_a_payload_that_does_not_fit_fails_at_once_beside_good_ones(
    db: Connection, workers: Workers, what: str
) -> None:
    payload, field = BAD[what]
    async with db.transaction():  # one claim takes all three
        before = await enqueue(db, "toy.set", {"row_id": 1, "value": "before"})
        bad = await enqueue(db, "toy.set", payload)
        after = await enqueue(db, "toy.set", {"row_id": 2, "value": "after"})
    await workers.start("toy.set")
    row = await ended(db, bad)
    assert (row["status"], row["attempts"], row["run_no"]) == ("failed", 1, 1)
    assert row["error_message"].startswith(field), row["error_message"]
    assert SECRET not in row["error_message"]
    assert [(await ended(db, task_id))["status"] for task_id in (before, after)] == ["completed", "completed"]
    assert await tuples(db, "select id, value from toy_rows order by id") == [(1, "before"), (2, "after")]
    assert await tuples(db, "select success from robot_input_events where task_id = $1", bad) == [(False,)]


REFUSED = {
    "a lone surrogate": ('{"row_id": 1, "value": "\\ud800"}', asyncpg.InvalidTextRepresentationError),
    "a NUL": ('{"row_id": 1, "value": "\\u0000"}', asyncpg.UntranslatableCharacterError),
    "no object": ('["a"]', asyncpg.CheckViolationError),
    "more than 64 kB": (json.dumps({"value": [n * 7919 for n in range(20_000)]}), asyncpg.CheckViolationError),
    "no JSON": ("{row_id: 1}", asyncpg.InvalidTextRepresentationError),
}


@pytest.mark.parametrize("what", REFUSED)
async def test_what_jsonb_or_the_table_cannot_hold_is_refused_at_the_insert(db: Connection, what: str) -> None:
    payload, error = REFUSED[what]
    with pytest.raises(error):
        await enqueue(db, "toy.set", payload)


async def test_a_key_with_its_surrogates_in_pairs_passes_through_unharmed(db: Connection, workers: Workers) -> None:
    await workers.start("toy.set")
    task_id = await enqueue(db, "toy.set", '{"row_id": 1, "value": "\\ud83d\\ude00"}')
    assert (await ended(db, task_id))["status"] == "completed"
    assert await db.fetchval("select value from toy_rows") == "\U0001f600"


async def test_a_follower_that_does_not_fit_fails_alone(db: Connection, workers: Workers) -> None:
    async with db.transaction():
        leader = await enqueue(db, "toy.copy", {"source": 1, "target": 2}, concurrency_key="k")
        bad = await enqueue(db, "toy.copy", {"source": 1}, concurrency_key="k")
        good = await enqueue(db, "toy.copy", {"source": 1, "target": 2}, concurrency_key="k")
    await workers.start("toy.copy")
    row = await ended(db, bad)
    assert (row["status"], row["error_message"]) == ("failed", "payload.target: Field required")
    assert json.loads((await ended(db, leader))["output"]) == {"followers": 1}
    assert json.loads((await ended(db, good))["output"]) == {"led_by": str(leader)}
