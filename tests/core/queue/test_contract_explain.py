"""`explain_task`: every reason why a task does not run, runs or has ended, each with its sentence and its code."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from core.db.connect import Connection
from core.settings import PROJECT
from tests.core.queue.claims import claim, complete
from tests.core.queue.published import publish
from tests.running import Database, Workers, ended, enqueue, until

NOTE = {"note": "x"}


async def why(db: Connection, task_id: UUID) -> dict[str, Any]:
    """The JSON answer; the text is its sentence."""
    row = await db.fetchrow("select explain_task_json($1) as answer, explain_task($1) as sentence", task_id)
    assert row is not None
    answer: dict[str, Any] = json.loads(row["answer"])
    assert row["sentence"] == answer["sentence"]
    assert answer["task_id"] == str(task_id)
    return answer


async def alive(db: Connection, *task_types: str, worker: str = "by hand", draining: bool = False) -> None:
    """A worker by its row alone."""
    await db.execute(
        """insert into rowmill.workers (worker_id, host, pid, lease_until, task_types, draining)
           values ($1, 'here', 1, now() + interval '1 minute', $2, $3)""",
        worker,
        list(task_types),
        draining,
    )


async def test_an_unknown_id_is_refused_with_rm005(db: Connection) -> None:
    for call in ("select explain_task($1)", "select explain_task_json($1)"):
        for task_id in (uuid4(), None):
            with pytest.raises(asyncpg.PostgresError) as refused:
                await db.fetchval(call, task_id)
            assert refused.value.sqlstate == "RM005"


# --- pending ---------------------------------------------------------------------------------------------------------


async def test_paused(db: Connection) -> None:
    await publish(db, "toy.note")
    task_id = await enqueue(db, "toy.note", NOTE)
    await db.fetchval("select pause_operator('toy.note', 'mail server moves')")
    answer = await why(db, task_id)
    assert (answer["reason"], answer["paused_reason"]) == ("paused", "mail server moves")
    assert re.fullmatch(
        r"It waits because toy\.note is paused since [-\d]+ [:\d]+ UTC by \w+: mail server moves\.", answer["sentence"]
    )


async def test_not_due(db: Connection) -> None:
    due = datetime(2100, 1, 2, 3, 4, 5, tzinfo=UTC)
    answer = await why(db, await enqueue(db, "toy.note", NOTE, scheduled_for=due))
    assert (answer["reason"], answer["sentence"]) == ("not_due", "It is due at 2100-01-02 03:04:05 UTC.")
    assert datetime.fromisoformat(answer["scheduled_for"]) == due


async def test_not_due_says_how_the_last_attempt_ended(db: Connection, workers: Workers) -> None:
    await workers.start("toy.act")
    task_id = await enqueue(db, "toy.act", {"act": "retry", "arg": 3600})
    due_later = "select explain_task_json($1) ->> 'reason' = 'not_due'"
    await until(lambda: db.fetchval(due_later, task_id), what="the retry")
    answer = await why(db, task_id)
    assert answer["sentence"].endswith(" UTC. Last time (attempt 1 of 3): not yet.")


@pytest.mark.parametrize("message", ["waits for a lock held by pid 7 (psql, idle)", "waits for a locked row"])
async def test_waits_for_lock(db: Connection, message: str) -> None:
    later = datetime.now(UTC) + timedelta(minutes=1)
    answer = await why(db, await enqueue(db, "toy.note", NOTE, scheduled_for=later, error_message=message))
    assert answer["reason"] == "waits_for_lock"
    assert answer["sentence"].startswith(f"Its run {message.replace('waits', 'waited')}; it tries again at ")


async def test_key_running(db: Connection) -> None:
    holder = await enqueue(db, "toy.set", {}, concurrency_key="k")
    await claim(db, "toy.set", worker="worker 9")
    answer = await why(db, await enqueue(db, "toy.note", NOTE, concurrency_key="k"))
    assert (answer["reason"], answer["held_by"], answer["worker_id"]) == ("key_running", str(holder), "worker 9")
    assert f"held by task {holder} (toy.set) on worker worker 9 since" in answer["sentence"]


async def test_no_worker(db: Connection) -> None:
    """One that drains, one whose lease is over and one of another type are none."""
    await alive(db, "toy.note", worker="draining", draining=True)
    await alive(db, "toy.note", worker="gone")
    await db.execute("update rowmill.workers set lease_until = now() where worker_id = 'gone'")
    await alive(db, "toy.set", worker="other")
    task_id = await enqueue(db, "toy.note", NOTE)
    answer = await why(db, task_id)
    assert (answer["reason"], answer["published"]) == ("no_worker", False)
    assert answer["sentence"].endswith("knows the type toy.note; none has ever published it: is it spelled right?")
    await publish(db, "toy.note")
    assert (await why(db, task_id))["sentence"].endswith("knows the type toy.note; start one.")


async def test_behind_lane(db: Connection) -> None:
    """Ahead: its lane's earlier ones and every due one of a higher priority. Not those of a lower one, or not due."""
    await alive(db, "toy.note")
    for _ in range(2):
        await enqueue(db, "toy.note", NOTE)
    await enqueue(db, "toy.note", NOTE, priority=9)
    await enqueue(db, "toy.note", NOTE, priority=9, scheduled_for=datetime.now(UTC) + timedelta(hours=1))
    await enqueue(db, "toy.note", NOTE, priority=1)
    await enqueue(db, "toy.set", NOTE)
    answer = await why(db, await enqueue(db, "toy.note", NOTE))
    assert (answer["reason"], answer["ahead"]) == ("behind_lane", 3)
    assert answer["sentence"] == "It waits behind 3 tasks of its lane and of those before it."


async def test_behind_lane_counts_within_a_bound(db: Connection) -> None:
    await alive(db, "toy.note")
    await db.execute("insert into task_queue (task_type) select 'toy.note' from generate_series(1, 3000)")
    answer = await why(db, await enqueue(db, "toy.note", NOTE))
    assert (answer["ahead"], answer["bound"]) == (1001, 1000)
    assert "behind more than 1000 tasks" in answer["sentence"]


async def test_behind_lane_among_keys_goes_by_due_time(db: Connection) -> None:
    await alive(db, "toy.note")
    await enqueue(db, "toy.note", NOTE, concurrency_key="a")
    answer = await why(db, await enqueue(db, "toy.note", NOTE, concurrency_key="b", priority=9))
    assert (answer["reason"], answer["ahead"]) == ("behind_lane", 1)


async def test_behind_key(db: Connection) -> None:
    await alive(db, "toy.note")
    await enqueue(db, "toy.note", NOTE, concurrency_key="k")
    answer = await why(db, await enqueue(db, "toy.note", NOTE, concurrency_key="k"))
    assert (answer["reason"], answer["sentence"]) == ("behind_key", "It waits behind 1 task of its key.")


@pytest.mark.parametrize("key", [None, "k"])
async def test_ready(db: Connection, key: str | None) -> None:
    await alive(db, "toy.note")
    answer = await why(db, await enqueue(db, "toy.note", NOTE, concurrency_key=key))
    assert (answer["reason"], answer["status"]) == ("ready", "pending")


async def test_waiting(db: Connection) -> None:
    assert (await why(db, await enqueue(db, "toy.note", NOTE, status="waiting")))["reason"] == "waiting"


# --- processing ------------------------------------------------------------------------------------------------------


async def test_running(db: Connection) -> None:
    await alive(db, "toy.note")
    task_id = await enqueue(db, "toy.note", NOTE)
    await claim(db, "toy.note")
    answer = await why(db, task_id)
    assert (answer["reason"], answer["followers"]) == ("running", 0)
    assert re.fullmatch(r"It runs on worker by hand since .* UTC \(attempt 1 of 3\)\.", answer["sentence"])


async def test_follows_and_leads(db: Connection) -> None:
    await alive(db, "toy.copy")
    ids = [await enqueue(db, "toy.copy", {}, concurrency_key="k") for _ in range(3)]
    rows = {row["id"]: row["leader_id"] for row in await claim(db, "toy.copy", coalesce=True)}
    leader = next(each for each in ids if rows[each] is None)
    follower = next(each for each in ids if rows[each])
    answer = await why(db, follower)
    assert (answer["reason"], answer["leader_id"]) == ("follows", str(leader))
    assert f"with its leader, task {leader}, on worker by hand" in answer["sentence"]
    assert (await why(db, leader))["sentence"].endswith("(attempt 1 of 3) and leads 2 followers.")
    await complete(db, ids)
    assert f"as one with its leader, task {leader}." in (await why(db, follower))["sentence"]


async def test_cancel_asked(db: Connection) -> None:
    await alive(db, "toy.note")
    task_id = await enqueue(db, "toy.note", NOTE)
    await claim(db, "toy.note")
    await db.fetchval("select cancel_task($1)", task_id)
    assert (await why(db, task_id))["reason"] == "cancel_asked"


async def test_worker_lost(db: Connection) -> None:
    task_id = await enqueue(db, "toy.note", NOTE)
    await claim(db, "toy.note")
    assert (await why(db, task_id))["reason"] == "worker_lost"
    await alive(db, "toy.note")
    await db.execute("update rowmill.workers set lease_until = now() - interval '1 second'")
    assert "since its lease ended at" in (await why(db, task_id))["sentence"]


# --- ended -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("act", "arg", "status", "words"),
    [
        ("note_text", "x", "completed", r"It completed at .* UTC on worker .*[0-9a-f]\."),
        ("fail", "no such cell", "failed", r"It failed at .* after attempt 1 of 3\. Reason: no such cell\."),
        ("cancel", "not wanted", "cancelled", r"It was cancelled at .*\. Reason: not wanted\."),
    ],
)
async def test_an_end_is_told_with_its_reason(
    db: Connection, workers: Workers, act: str, arg: str, status: str, words: str
) -> None:
    await workers.start("toy.act")
    task_id = await enqueue(db, "toy.act", {"act": act, "arg": arg})
    await ended(db, task_id)
    answer = await why(db, task_id)
    assert answer["reason"] == status
    assert re.fullmatch(words, answer["sentence"])


async def test_crash_loop(db: Connection) -> None:
    task_id = await enqueue(db, "toy.note", NOTE)
    await crash_twice(db)
    await take(db, task_id)
    await db.execute("select rowmill.end_child('child', 2, 'needed more than 9 MB of memory', null)")
    answer = await why(db, task_id)
    assert answer["reason"] == "crash_loop"
    told = (
        "Reason: crash_loop: it ran alone in a child process, after 2 crashes of its workers, and needed more than 9 MB"
    )
    assert told in answer["sentence"]


async def test_a_suspect_runs_alone(db: Connection) -> None:
    task_id = await enqueue(db, "toy.note", NOTE)
    await crash_twice(db)
    assert (await why(db, task_id))["reason"] == "no_worker"
    await alive(db, "toy.note")
    answer = await why(db, task_id)
    assert (answer["reason"], answer["crashes"]) == ("suspect", 2)
    assert answer["sentence"].startswith("It runs alone in a child process after 2 crashes of its workers;")
    await take(db, task_id)
    answer = await why(db, task_id)
    assert answer["reason"] == "running"
    assert answer["sentence"].endswith(", alone in a child process after 2 crashes.")


async def crash_twice(db: Connection) -> None:
    for _ in range(2):
        assert len(await claim(db, "toy.note")) == 1
        await db.fetch("select * from rowmill.reap(null, 10)")
    assert await claim(db, "toy.note") == []


async def take(db: Connection, task_id: UUID) -> None:
    assert await db.fetchval("select id from rowmill.take($1, 'child', 'here', 1, 30)", task_id) == task_id


# --- who may ask, and at what cost -----------------------------------------------------------------------------------


async def test_the_words_of_an_error_are_for_who_may_read_them(db: Connection, database: Database) -> None:
    failed = await enqueue(db, "toy.note", NOTE, status="failed", error_message="secret of the payload")
    crashed = await enqueue(db, "toy.note", NOTE, status="failed", error_message="crash_loop: the worker died")
    role = f"asker_{uuid4().hex}"
    await db.execute(f"create role {role} login in role rowmill_monitor")
    try:
        session = await database.connect()
        await session.execute(f"set session authorization {role}")
        assert "secret" not in await session.fetchval("select explain_task_json($1)::text", failed)
        assert "the worker died" in await session.fetchval("select explain_task($1)", crashed)
        await db.execute(f"grant select (error_message) on task_queue to {role}")
        assert "secret of the payload" in await session.fetchval("select explain_task($1)", failed)
        await session.close()
    finally:
        await db.execute(f"drop owned by {role}; drop role {role}")


@pytest.mark.parametrize("key", [None, "k"])
async def test_an_answer_costs_the_same_in_front_of_a_large_backlog(db: Connection, key: str | None) -> None:
    await alive(db, "toy.note")
    await db.execute(
        "insert into task_queue (task_type, concurrency_key) select 'toy.note', $1 from generate_series(1, 30000)", key
    )
    await db.execute("insert into task_queue (task_type) select 'toy.set' from generate_series(1, 30000)")
    task_id = await enqueue(db, "toy.note", NOTE, concurrency_key=key)
    plan = json.loads(
        await db.fetchval("explain (analyze, buffers, format json) select explain_task_json($1)", task_id)
    )[0]["Plan"]
    assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] < 5000


def test_every_reason_is_tested_and_documented() -> None:
    source = (PROJECT / "sql/functions/explain_task.sql").read_text(encoding="utf-8")
    codes = set(re.findall(r"'reason', '([a-z_]+)'", source)) | {"completed", "failed", "cancelled", "crash_loop"}
    tests = " ".join(name for name in globals() if name.startswith("test_"))
    told = {"follows": "follows_and_leads", "completed": "end_is", "failed": "end_is", "cancelled": "end_is"}
    assert [code for code in codes if told.get(code, code) not in tests] == []
    document = (PROJECT / "docs/sql-contract.md").read_text(encoding="utf-8")
    assert [code for code in codes if f"`{code}`" not in document] == []
