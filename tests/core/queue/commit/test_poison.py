"""An effect the database cannot take costs its own task an attempt, and nobody else anything."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

import pytest

from core import Effect, Enqueue
from core.db.connect import Connection
from tests.committing import Bench, tuples
from tests.running import Workers, ended, enqueue
from tests.toy.model import AddNote, SetOnce, SetValue

LONG = "".join(random.Random(1).choices("abcdefghijklmnopqrstuvwxyz0123456789", k=20_000))

BAD: dict[str, tuple[Effect, str]] = {
    "a check constraint": (SetValue(1000, "x" * 1000), r"toy_rows_short"),
    "another check constraint": (Enqueue("toy.note", priority=101), r"task_queue_priority"),
    "a value that is null": (Enqueue("toy.note", {}, priority=None), r"null value.*priority"),  # type: ignore[arg-type]
    "an integer out of range": (SetValue(2**40, "x"), r"out of.*range"),
    "text for an integer": (SetValue("one", "x"), r"'str' object cannot be interpreted as an integer"),  # type: ignore[arg-type]
    "an integer for text": (AddNote(5), r"expected str, got int"),  # type: ignore[arg-type]
    "an infinite time": (Enqueue("toy.note", scheduled_for="infinity"), r"infinity"),  # type: ignore[arg-type]
    "a payload that is no object": (Enqueue("toy.note", ["a"]), r"task_queue_payload_is_object"),  # type: ignore[arg-type]
    "a payload too large": (Enqueue("toy.note", {"note": LONG * 4}), r"task_queue_payload_size"),
    "a key too long for its index": (Enqueue("toy.note", dedupe_key=LONG), r"index row"),
    "a document with a lone surrogate inside": (Enqueue("toy.note", {"note": Exception("\udc00")}), r"surrogate|JSON"),
    "a row that is gone": (SetOnce(77, "x"), r"set_once: its row is gone"),
}


@pytest.mark.parametrize("what", BAD)
async def test_one_bad_effect_among_a_hundred_good_ones_fails_alone(db: Connection, bench: Bench, what: str) -> None:
    effect, message = BAD[what]
    runs = await bench.runs(db, 101)
    bad = runs[37]
    for number, run in enumerate(runs):
        bench.add(run, [SetValue(number, "good"), effect] if run is bad else [SetValue(number, "good")])
    ends = await bench.settled(20)
    assert (moved := ends.pop(bad.id)) is not None
    assert (moved.status, moved.uncounted) == ("pending", 0)
    assert {end.status for end in ends.values() if end} == {"completed"}
    assert await db.fetchval("select count(*) from toy_rows") == 100
    row = await db.fetchrow("select status, attempts, error_message from task_queue where id = $1", bad.id)
    assert row is not None
    assert (row["status"], row["attempts"]) == ("pending", 1)
    assert await db.fetchval("select $1::text ~ $2", row["error_message"], message), row["error_message"]
    assert await tuples(db, "select success from robot_input_events where task_id = $1", bad.id) == [(False,)]


@dataclass(frozen=True, slots=True)
class Unwritten(Effect):
    """An effect that no queries.sql has a writer for."""

    note: str


async def test_an_effect_without_a_writer_fails_its_own_run_and_blocks_nobody(db: Connection, bench: Bench) -> None:
    bad, good = await bench.runs(db, 2)
    bench.add(bad, [Unwritten("x")])
    bench.add(good, [SetValue(1, "good")])
    ends = await bench.settled(2)
    assert (end := ends[bad.id]) is not None
    assert "unwritten" in str(end.error)
    assert (end := ends[good.id]) is not None
    assert end.status == "completed"


async def test_a_row_that_a_trigger_of_the_team_refuses_fails_its_own_run(db: Connection, bench: Bench) -> None:
    await db.execute(
        """
        create function refuse() returns trigger language plpgsql
        as $$ begin raise exception 'not on our watch'; end $$;
        create trigger refuse before insert on toy_notes for each row when (new.note = 'bad') execute function refuse();
        """
    )
    bad, good = await bench.runs(db, 2)
    bench.add(bad, [AddNote("bad")])
    bench.add(good, [AddNote("good")])
    ends = await bench.settled(2)
    assert (end := ends[bad.id]) is not None
    assert end.error == "not on our watch"
    assert (end := ends[good.id]) is not None
    assert end.status == "completed"


async def test_poison_fails_the_task_after_its_attempts(db: Connection, workers: Workers) -> None:
    await workers.start("toy.act")
    task_id = await enqueue(db, "toy.act", {"act": "set_to", "arg": [1, "x" * 1000]}, max_attempts=2)
    row = await ended(db, task_id)
    assert (row["status"], row["attempts"], row["run_no"]) == ("failed", 2, 2)
    assert "toy_rows_short" in row["error_message"]
    assert await tuples(db, "select success from robot_input_events") == [(False,), (False,)]
    assert await db.fetchval("select count(distinct error_fingerprint) from robot_input_events") == 1


async def test_poison_in_the_middle_of_a_run_is_raised_in_its_operator(db: Connection, bench: Bench) -> None:
    bad, good = await bench.runs(db, 2)
    waiter = bench.add_midway(bad, [SetValue(1, "x" * 1000)])
    other = bench.add_midway(good, [SetValue(2, "good")])
    await bench.settled()
    assert "toy_rows_short" in str(waiter.exception())
    assert other.exception() is None
    assert await tuples(db, "select id from toy_rows") == [(2,)]


async def test_what_text_cannot_hold_is_replaced_visibly(db: Connection, workers: Workers) -> None:
    await workers.start("toy.act")
    effect = await enqueue(db, "toy.act", {"act": "broken_text", "arg": "effect"})
    output = await enqueue(db, "toy.act", {"act": "broken_text", "arg": "output"})
    error = await enqueue(db, "toy.act", {"act": "broken_text", "arg": "error"}, max_attempts=1)
    child = await enqueue(db, "toy.act", {"act": "broken_text", "arg": "child"})
    for task_id in (effect, output, error, child):
        await ended(db, task_id)
    assert await db.fetchval("select note from toy_notes where task_id = $1", effect) == "a\ufffdb\ufffdc"
    assert await db.fetchval("select output->>'k\ufffd' from task_queue where id = $1", output) == "a\ufffdb\ufffdc"
    reason = await db.fetchval("select error_message from task_queue where id = $1", error)
    assert reason == "ValueError: a\ufffdb\ufffdc"
    assert await db.fetchval("select payload->>'note' from task_queue where parent_id = $1", child) == "a\ufffdb\ufffdc"


NAMED: dict[str, str] = {
    "nan in a payload": r"Enqueue.payload.a\[1\] is nan, which JSON cannot hold",
    "infinity in an output": r"output.b is -?inf, which JSON cannot hold",
    "depth in a payload": r"Enqueue.payload.* is nested deeper than 100 levels",
    "depth in an output": r"output.* is nested deeper than 100 levels",
    "a number in a payload": r"Enqueue.payload.n is out of range for a 64 bit integer",
    "a number in an output": r"output.n is out of range for a 64 bit integer",
    "two types on one row": r"SetValue and SetOnce aim at one row",
    "too many effects": r"5001 effects at once; commit at most 5000",
}


@pytest.mark.parametrize("what", NAMED)
async def test_what_has_no_honest_replacement_is_refused_by_name(db: Connection, workers: Workers, what: str) -> None:
    await workers.start("toy.act")
    task_id = await enqueue(db, "toy.act", {"act": "refused", "arg": what})
    row = await ended(db, task_id)
    assert (row["status"], row["attempts"]) == ("failed", 1)
    assert await db.fetchval("select $1::text ~ $2", row["error_message"], NAMED[what]), row["error_message"]
    assert await db.fetchval("select count(*) from toy_notes") == 0


SECRETS: dict[str, Any] = {
    "a URL": "cannot reach postgresql://app:hunter2@db.example/x",
    "a URL without a user": "cannot reach redis://:hunter2@cache.example/0",
    "a password with an at sign": "cannot reach postgresql://app:hunter2@hunter2@db.example/x",
    "a password with a slash": "cannot reach postgresql://app:hunter2/hunter2@db.example/x",
    "a setting": "password=hunter2 host=db",
    "a document": '{"api_key": "hunter2", "n": 1}',
    "a header": "Authorization: Bearer hunter2",
}


@pytest.mark.parametrize("what", SECRETS)
async def test_error_messages_hold_no_secrets(db: Connection, workers: Workers, what: str) -> None:
    await workers.start("toy.act")
    task_id = await enqueue(db, "toy.act", {"act": "fail", "arg": SECRETS[what]})
    row = await ended(db, task_id)
    assert "hunter2" not in row["error_message"]
    assert "***" in row["error_message"]
    assert await db.fetchval("select count(*) from robot_input_events where error_message ~ 'hunter2'") == 0


async def test_a_row_that_another_unique_value_keeps_out_is_its_own_runs_fault(db: Connection, bench: Bench) -> None:
    """It can be neither found nor inserted; trying for ever would hold up the rows it shares a batch with."""
    await db.execute("create unique index on toy_rows (value); insert into toy_rows (id, value) values (1, 'taken')")
    bad, good = await bench.runs(db, 2)
    bench.add(bad, [SetValue(2, "taken")])
    bench.add(good, [SetValue(3, "free")])
    ends = await bench.settled(10)
    assert (moved := ends[bad.id]) is not None
    assert (moved.status, moved.uncounted) == ("pending", 0)
    assert "unique" in str(moved.error)
    assert await tuples(db, "select id, value from toy_rows order by id") == [(1, "taken"), (3, "free")]


async def test_a_run_whose_very_end_is_refused_is_let_go_and_not_tried_for_ever(db: Connection, bench: Bench) -> None:
    """A run row of this number is there already: the queue was restored from a backup and its audit was not."""
    bad, good = await bench.runs(db, 2)
    await db.execute(
        "insert into robot_input_events (task_id, run_no, operator_type, success) values ($1, 1, 'toy.set', true)",
        bad.id,
    )
    bench.add(bad, [SetValue(1, "x")])
    bench.add(good, [SetValue(2, "x")])
    ends = await bench.settled(10)
    assert ends[bad.id] is None, "its claim is given back by the next beat"
    assert (end := ends[good.id]) is not None
    assert end.status == "completed"
    assert await tuples(db, "select id from toy_rows") == [(2,)]
