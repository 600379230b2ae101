"""`rowmill enqueue`, `explain`, `pause` and `resume`: the functions of the contract, spoken to by a person."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID, uuid4

import pytest

from core.cli.produce import payload_of
from core.db.connect import Connection
from core.errors import RowmillError
from tests.core.cli.conftest import Rowmill
from tests.core.queue.claims import claim
from tests.running import enqueue, task_row

SCHEMA = {
    "type": "object",
    "properties": {"note": {"type": "string"}, "n": {"type": "integer"}},
    "required": ["note", "n"],
}


async def publish(db: Connection, task_type: str = "toy.note", schema: dict[str, Any] | None = None) -> None:
    await db.execute(
        "insert into rowmill.task_types (task_type, schema, published_at) values ($1, $2, now())",
        task_type,
        json.dumps(schema or {}),
    )


async def test_a_task_is_enqueued_with_all_a_producer_may_set(db: Connection, rowmill: Rowmill) -> None:
    await publish(db)
    made = (
        await rowmill(
            *("enqueue", "toy.note", "note=hello", "n=5", "--priority", "9", "--at", "2h", "--key", "k"),
            *("--dedupe", "d", "--max-attempts", "7", "--json"),
        )
    ).json()
    row = await task_row(db, UUID(made["id"]))
    assert made["created"] is True
    assert json.loads(row["payload"]) == {"note": "hello", "n": 5}
    assert (row["priority"], row["concurrency_key"], row["dedupe_key"], row["max_attempts"]) == (9, "k", "d", 7)
    assert 7190 < (row["scheduled_for"] - row["created_at"]).total_seconds() < 7210


async def test_a_live_duplicate_is_named_and_nothing_is_enqueued(db: Connection, rowmill: Rowmill) -> None:
    await publish(db)
    first = (await rowmill("enqueue", "toy.note", "--dedupe", "d", "--json")).json()
    said = (await rowmill("enqueue", "toy.note", '{"a": 1}', "--dedupe", "d")).words()
    assert said == f"nothing enqueued: task {first['id']} with this dedupe_key is still live"
    assert "enqueued " in (await rowmill("enqueue", "toy.note", '{"a": 1}')).words()
    assert await db.fetchval("select count(*) from task_queue") == 2


@pytest.mark.parametrize(
    ("words", "next_step"),
    [
        (("no.such_type",), "start a worker that knows it, or see which types run with `rowmill workers`"),
        (("toy.note", "n=x"), 'the key "note" is missing (string); correct it and enqueue again'),
        (("toy.note", "{nonsense"), "the payload is no JSON"),
        (("toy.note", "[1]"), "must be a JSON object"),
        (("toy.note", "word"), "write key=value"),
        (("toy.note", "a=1", "a=2"), "has the key 'a' twice"),
        (("toy.note", "note=x", "n=1", "more=" + "x y" * 30_000), "bytes and may take 65536; store it"),
    ],
)
async def test_what_cannot_be_enqueued_is_told_with_the_next_step(
    db: Connection, rowmill: Rowmill, words: tuple[str, ...], next_step: str
) -> None:
    await publish(db, schema=SCHEMA)
    assert next_step in (await rowmill("enqueue", *words)).refusal()
    assert await db.fetchval("select count(*) from task_queue") == 0


@pytest.mark.parametrize("option", [("--priority", "101"), ("--max-attempts", "0"), ("--at", "soon")])
async def test_an_option_out_of_range_ends_with_2(rowmill: Rowmill, option: tuple[str, str]) -> None:
    assert (await rowmill("enqueue", "toy.note", *option)).code == 2


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ((), {}),
        (("a=1", "b=true", "c=null", "d=x", "e=", "f=0123", "g=a=b"), {"d": "x", "e": "", "f": "0123", "g": "a=b"}),
        (('a={"b": [1]}', 'c="5"'), {"a": {"b": [1]}, "c": "5"}),
        (("a=NaN",), {"a": "NaN"}),
        (('{"a": "\\u0000"}',), {"a": "\ufffd"}),
    ],
)
def test_a_payload_is_read_from_words(parts: tuple[str, ...], expected: dict[str, Any]) -> None:
    read = payload_of(parts)
    assert read == (expected | {"a": 1, "b": True, "c": None} if "b=true" in parts else expected)


@pytest.mark.parametrize("part", ["a=99999999999999999999", "a=1e999", "a=" + "[" * 200 + "]" * 200])
def test_what_postgresql_could_not_hold_is_refused(part: str) -> None:
    with pytest.raises(RowmillError):
        payload_of([part])


async def test_a_waiting_task_is_explained(db: Connection, rowmill: Rowmill) -> None:
    task_id = await enqueue(db, "toy.note", {})
    assert "no live worker knows the type toy.note" in (await rowmill("explain", str(task_id))).words()
    explained = (await rowmill("explain", str(task_id), "--json")).json()
    assert (explained["task_id"], explained["reason"]) == (str(task_id), "no_worker")
    assert "look for it with `rowmill tasks`" in (await rowmill("explain", str(uuid4()))).refusal()


async def test_a_paused_type_is_claimed_again_when_it_is_resumed(db: Connection, rowmill: Rowmill) -> None:
    await publish(db)
    task_id = await enqueue(db, "toy.note", {})
    said = (await rowmill("pause", "toy.note", "--reason", "the [bold] bank is closed")).words()
    assert "the [bold] bank is closed; go on with `rowmill resume toy.note`" in said
    assert (await rowmill("pause", "toy.note", "--reason", "else", "--json")).json()["paused_reason"].startswith("the")
    assert await claim(db, "toy.note") == []
    assert "is paused since" in (await rowmill("explain", str(task_id))).words()
    assert (await rowmill("resume", "toy.note")).words() == "toy.note is claimed again"
    assert (await rowmill("resume", "toy.note", "--json")).json() == {"task_type": "toy.note", "paused_at": None}
    assert [row["id"] for row in await claim(db, "toy.note")] == [task_id]


@pytest.mark.parametrize("command", ["pause", "resume"])
async def test_an_unknown_type_is_neither_paused_nor_resumed(rowmill: Rowmill, command: str) -> None:
    assert "see which types run with `rowmill workers`" in (await rowmill(command, "no.such_type")).refusal()
