"""Workers publish what they can do when they start; producers are checked against what stands there."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import asyncpg
import pytest
from pydantic import BaseModel, Field, TypeAdapter

from core import Done, Outcome, Task
from core.db.connect import Connection
from core.queue.publish import LIMIT_S, publish
from core.registry import Operator, operator, operators
from tests.running import Database, Workers, ended, enqueue, toy_operators


class Parcel(BaseModel):
    place: str
    weight: float = 1.0


class Opaque(BaseModel):
    when: Callable[[], int]


async def carry(task: Task[Any]) -> Outcome:
    """Carries a parcel.

    Not this line.
    """
    return Done()


def described(payload: Any = Parcel, **options: Any) -> Operator:
    return Operator(task_type="toy.carry", run=carry, payload=TypeAdapter(payload), package="tests.toy", **options)


def test_the_decorator_keeps_the_defaults_for_producers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.registry._operators", {})
    operator("toy.carry", payload=Parcel, priority=8, max_attempts=1)(carry)
    made = operators()["toy.carry"]
    assert (made.priority, made.max_attempts) == (8, 1)


async def published(db: Connection, task_type: str) -> dict[str, Any]:
    row = await db.fetchrow("select * from rowmill.task_types where task_type = $1", task_type)
    assert row is not None
    return dict(row)


async def test_a_worker_publishes_every_operator_it_runs(db: Connection, workers: Workers) -> None:
    running = await workers.start()
    rows = await db.fetch("select task_type, published_by from rowmill.task_types")
    assert {row["task_type"] for row in rows} == {each.task_type for each in toy_operators()}
    assert {row["published_by"] for row in rows} == {running.worker_id}
    narrow = await published(db, "toy.narrow")
    assert narrow["description"] == "Two slots, so that tests can fill them."
    assert (await published(db, "toy.set"))["description"] is None


async def test_what_is_published_checks_producers_and_the_checked_task_runs(db: Connection, workers: Workers) -> None:
    await workers.start("toy.set")
    with pytest.raises(asyncpg.PostgresError, match=r'the key "value" must be string') as refused:
        await db.fetch("select enqueue_task('toy.set', '{\"row_id\": 1, \"value\": 2}')")
    assert refused.value.sqlstate == "RM002"
    task_id = await db.fetchval('select id from enqueue_task(\'toy.set\', \'{"row_id": 1, "value": "x"}\')')
    assert (await ended(db, task_id))["status"] == "completed"


async def test_a_plain_insert_stays_free_and_fails_at_the_worker_by_name(db: Connection, workers: Workers) -> None:
    await workers.start("toy.set")
    row = await ended(db, await enqueue(db, "toy.set", {"row_id": 1}, max_attempts=1))
    assert (row["status"], "payload.value" in row["error_message"]) == ("failed", True)


async def test_description_schema_and_defaults_are_those_of_the_operator(db: Connection) -> None:
    await publish(db, "worker 1", [described(priority=8, max_attempts=1)])
    row = await published(db, "toy.carry")
    assert row["description"] == "Carries a parcel."
    assert json.loads(row["defaults"]) == {"priority": 8, "max_attempts": 1}
    schema = json.loads(row["schema"])
    assert (schema["required"], sorted(schema["properties"])) == (["place"], ["place", "weight"])


async def test_a_payload_that_json_schema_cannot_say_is_published_without(db: Connection) -> None:
    await publish(db, "worker 1", [described(Opaque)])
    assert (await published(db, "toy.carry"))["schema"] is None


class Odd(BaseModel):
    nul: str = Field("\x00", max_length=5)


async def test_a_schema_that_postgresql_cannot_store_is_made_storable(db: Connection) -> None:
    await publish(db, "worker 1", [described(Odd)])
    assert json.loads((await published(db, "toy.carry"))["schema"])["properties"]["nul"]["default"] == "\ufffd"


async def test_the_worker_that_starts_last_is_right_and_the_same_again_writes_nothing(db: Connection) -> None:
    version = "select xmin::text from rowmill.task_types where task_type = 'toy.carry'"
    await publish(db, "worker 1", [described()])
    first = await db.fetchval(version)
    await publish(db, "worker 2", [described()])
    assert await db.fetchval(version) == first
    assert (await published(db, "toy.carry"))["published_by"] == "worker 1"
    await publish(db, "worker 3", [described(priority=8)])
    assert (await published(db, "toy.carry"))["published_by"] == "worker 3"


async def test_nothing_is_unpublished_by_a_worker_that_ends_or_knows_less(db: Connection, workers: Workers) -> None:
    first = await workers.start("toy.set", "toy.note")
    await first.stop()
    await workers.start("toy.note")
    types = await db.fetch("select task_type from rowmill.task_types order by 1")
    assert [row["task_type"] for row in types] == ["toy.note", "toy.set"]


async def test_a_type_announced_by_hand_becomes_published(db: Connection) -> None:
    await db.execute("insert into rowmill.task_types (task_type, paused_at) values ('toy.carry', now())")
    await publish(db, "worker 1", [described()])
    row = await published(db, "toy.carry")
    assert row["published_at"] is not None
    assert row["paused_at"] is not None


async def test_an_open_pause_holds_up_no_start_of_what_is_published_already(
    db: Connection, database: Database, workers: Workers
) -> None:
    await (await workers.start("toy.note")).stop()
    lunch = await database.connect()
    await lunch.execute("begin; select pause_operator('toy.note')")
    async with asyncio.timeout(LIMIT_S * 0.8):
        await workers.start("toy.note")


async def test_a_registry_row_that_stays_locked_does_not_keep_a_worker_from_its_work(
    db: Connection, database: Database, workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.queue.publish.LIMIT_S", 0.1)
    await db.execute("insert into rowmill.task_types (task_type) values ('toy.note')")
    lunch = await database.connect()
    await lunch.execute("begin; select pause_operator('toy.note')")
    await workers.start("toy.note")
    assert (await published(db, "toy.note"))["published_at"] is None
    assert (await ended(db, await enqueue(db, "toy.note", {"note": "x"})))["status"] == "completed"
