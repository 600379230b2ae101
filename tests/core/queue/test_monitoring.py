"""What the views of schema monitoring say is so, and none of them says what a payload held."""

from __future__ import annotations

import re
import uuid
from datetime import timedelta
from typing import Any

import pytest

from core.db.connect import Connection
from core.settings import PROJECT
from tests.core.queue.claims import claim
from tests.core.queue.monitored import COLUMNS
from tests.running import Database, Workers, all_ended, enqueue

DOCS = (PROJECT / "docs" / "monitoring.md").read_text(encoding="utf-8")
SECRET = "s3cret-words"


async def rows(db: Connection, view: str) -> list[dict[str, Any]]:
    return [dict(row) for row in await db.fetch(f"select * from monitoring.{view}")]


async def serve(db: Connection, worker_id: str, *task_types: str, lease_s: float = 60) -> None:
    """A worker's row, without a worker."""
    await db.execute(
        """insert into rowmill.workers (worker_id, host, pid, lease_until, task_types)
           values ($1, 'here', 1, now() + $2 * interval '1 second', $3)""",
        worker_id,
        lease_s,
        list(task_types),
    )


async def pending(db: Connection, number: int, due_in_s: float = -1, key: str | None = None, kind: str = "a") -> None:
    await db.execute(
        """insert into task_queue (task_type, priority, scheduled_for, concurrency_key)
           select $4, n % 3, now() + $2 * interval '1 second', $3 from generate_series(1, $1::int) n""",
        number,
        due_in_s,
        key,
        kind,
    )


# --- the contract ----------------------------------------------------------------------------------------------------


async def test_the_views_and_their_columns_are_those_agreed(db: Connection) -> None:
    found = await db.fetch(
        """select c.relname, string_agg(a.attname, ' ' order by a.attnum) as columns
           from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0
           where c.relnamespace = 'monitoring'::regnamespace group by c.relname"""
    )
    assert {row["relname"]: row["columns"] for row in found} == COLUMNS


@pytest.mark.parametrize("view", COLUMNS)
async def test_every_view_says_what_it_is(db: Connection, view: str) -> None:
    assert await db.fetchval("select obj_description($1::regclass)", f"monitoring.{view}")


@pytest.mark.parametrize("view", COLUMNS)
async def test_every_view_has_a_documented_example_that_runs(db: Connection, view: str) -> None:
    section = re.search(rf"^## {view}\n(.*?)(?=^## |\Z)", DOCS, re.MULTILINE | re.DOTALL)
    assert section is not None
    [example] = re.findall(r"```sql\n(.*?)```", section[1], re.DOTALL)
    assert f"from monitoring.{view}" in example
    await db.execute(example)


async def test_a_role_with_the_views_alone_reads_them_all_and_not_the_queue(db: Connection) -> None:
    role = f"monitor_{uuid.uuid4().hex[:8]}"
    await db.execute("begin")
    await db.execute(f"create role {role} in role rowmill_monitor")
    await pending(db, 2, due_in_s=-100)
    await pending(db, 2, due_in_s=-100, key="k")
    await db.execute(f"set local role {role}")
    for view in COLUMNS:
        await db.execute(f"select * from monitoring.{view}")
    assert not await db.fetchval("select has_table_privilege('task_queue', 'select')")
    await db.execute("rollback")


async def test_no_view_shows_a_payload_a_key_or_an_errors_words(
    db: Connection, database: Database, workers: Workers
) -> None:
    await db.execute("create extension pg_stat_statements")
    other = await database.connect()
    await other.execute("begin isolation level repeatable read")
    await other.execute(f"select '{SECRET}' as literal, count(*) from task_queue where payload ? $${SECRET}$$")
    await enqueue(db, "toy.note", {"wrong": SECRET})
    running = await workers.start("toy.note")
    await all_ended(db)
    await running.stop()
    await serve(db, "me", "toy.act")
    await enqueue(db, "toy.act", {"act": SECRET}, scheduled_for=await long_ago(db), concurrency_key=SECRET)
    await enqueue(db, "toy.act", {"act": SECRET}, scheduled_for=await long_ago(db), error_message=SECRET)
    await claim(db, "toy.act", 1, worker="me")
    await db.execute(
        "select schedule_task('nightly', 'toy.act', '0 3 * * *', jsonb_build_object('act', $1::text))", SECRET
    )
    await db.execute("select rowmill.take_token('host:example.org', 1, 1, false)")
    waiting = await enqueue(db, "toy.act", {"act": SECRET}, status="waiting")
    await db.execute("select rowmill.begin_waits(array[$1::uuid], array[$2], '{null}', '{fail}')", waiting, SECRET)
    shown = {view: str(await rows(db, view)) for view in COLUMNS}
    assert [view for view, text in shown.items() if SECRET in text] == []
    assert [view for view, text in shown.items() if text == "[]"] == []


async def long_ago(db: Connection) -> Any:
    return await db.fetchval("select now() - interval '1 hour'")


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("select $1, $2 from t", "select $1, $2 from t"),
        ("insert into t values ('x', 1)", "insert into t values (…"),
        ("select $a$x$a$, 2", "select …"),
        ("select $$x$$", "select …"),
        ("select e'\\'x', 1\n", "select e…"),
        ("select\n  1", "select 1"),
        (None, None),
    ],
)
async def test_a_query_is_shown_up_to_its_first_literal(db: Connection, query: str | None, shown: str | None) -> None:
    assert await db.fetchval("select rowmill.without_literals($1)", query) == shown


# --- the queue -------------------------------------------------------------------------------------------------------


async def test_depth_counts_due_later_and_running_tasks_of_each_type(db: Connection) -> None:
    await pending(db, 7)
    await pending(db, 5, key="k")
    await pending(db, 4, due_in_s=100)
    await pending(db, 3, due_in_s=100, key="k")
    await pending(db, 2, kind="b")
    assert len(await claim(db, "a", 2, worker="me")) == 2
    await db.execute("insert into rowmill.task_types (task_type, paused_at) values ('c', now())")
    found = {
        r["task_type"]: (r["ready"], r["scheduled"], r["processing"], r["paused"])
        for r in await rows(db, "queue_depth")
    }
    assert found == {"a": (10, 7, 2, False), "b": (2, 0, 0, False), "c": (0, 0, 0, True)}


@pytest.mark.parametrize(("number", "more"), [(9_999, False), (10_000, False), (10_001, True), (12_000, True)])
async def test_beyond_ten_thousand_depth_is_a_minimum_and_says_so(db: Connection, number: int, more: bool) -> None:
    await db.execute("set rowmill.quiet = on")
    await pending(db, number - 500)
    await pending(db, 500, key="k")
    [row] = await rows(db, "queue_depth")
    assert (row["ready"], row["ready_is_minimum"]) == (min(number, 10_000), more)
    assert row["shown"].startswith(">= 10000 ready, 0 " if more else f"{number} ready, 0 ")


async def test_many_types_share_what_a_poll_may_count(db: Connection) -> None:
    """Fifty types: 12,500 rows between them, whatever lies behind."""
    await db.execute("set rowmill.quiet = on")
    for number in range(50):
        await pending(db, 251 if number == 0 else 250, kind=f"type {number:02}")
    found = await rows(db, "queue_depth")
    assert {(row["ready"], row["ready_is_minimum"]) for row in found} == {(250, False), (250, True)}
    assert [row["task_type"] for row in found if row["ready_is_minimum"]] == ["type 00"]


async def test_an_autoscaler_goes_on_adding_while_more_waits_than_is_counted(db: Connection) -> None:
    """At 1,000 a second one worker would do for 10,000 rows, were they all."""
    await db.execute("set rowmill.quiet = on")
    await serve(db, "me", "a")
    await db.execute(
        """insert into rowmill.task_stats (minute, task_type, worker_id, completed)
           values (date_trunc('minute', now()) - interval '2 minutes', 'a', 'me', 300000)"""
    )
    await pending(db, 10_001)
    assert [row["wanted_workers"] for row in await rows(db, "autoscale")] == [1]
    await db.execute("update task_queue set scheduled_for = now() - interval '61 seconds'")
    assert [row["wanted_workers"] for row in await rows(db, "autoscale")] == [2]


async def test_the_oldest_ready_task_is_found_across_priorities_and_keys(db: Connection) -> None:
    await pending(db, 30)
    await pending(db, 3, due_in_s=100)
    oldest = await enqueue(db, "a", {}, priority=1, scheduled_for=await long_ago(db))
    keyed = await enqueue(db, "a", {}, concurrency_key="k", scheduled_for=await long_ago(db))
    await enqueue(db, "a", {}, concurrency_key="k")
    found = await rows(db, "oldest_ready")
    assert {(row["task_id"], row["keyed"], row["age_s"] > 3599) for row in found} == {
        (oldest, False, True),
        (keyed, True, True),
    }


async def test_only_due_tasks_are_ready(db: Connection) -> None:
    await pending(db, 3, due_in_s=100)
    await pending(db, 3, due_in_s=100, key="k")
    assert await rows(db, "oldest_ready") == []


# --- stuck tasks -----------------------------------------------------------------------------------------------------


async def stuck(db: Connection) -> dict[Any, str]:
    return {row["task_id"]: row["reason"] for row in await rows(db, "stuck_tasks")}


async def test_what_is_young_or_not_due_is_not_stuck(db: Connection) -> None:
    await serve(db, "me", "a")
    await pending(db, 5)
    await pending(db, 5, key="k")
    await pending(db, 5, due_in_s=100)
    await claim(db, "a", 3, worker="me")
    assert await stuck(db) == {}


@pytest.mark.parametrize("key", [None, "k"])
@pytest.mark.parametrize(
    ("case", "reason"),
    [
        ("paused", "its task type is paused"),
        ("unserved", "no live worker serves its task type"),
        ("dead", "no live worker serves its task type"),
        ("busy", "the workers of its type are busy, or behind"),
    ],
)
async def test_a_pending_task_is_stuck_for_a_reason(db: Connection, case: str, reason: str, key: str | None) -> None:
    if case != "unserved":
        await serve(db, "me", "a", lease_s=-1 if case == "dead" else 60)
    if case == "paused":
        await db.execute("insert into rowmill.task_types (task_type, paused_at) values ('a', now())")
    late = await enqueue(db, "a", {}, concurrency_key=key, scheduled_for=await long_ago(db))
    assert await stuck(db) == {late: reason}


async def test_a_task_behind_a_busy_key_names_the_holder(db: Connection) -> None:
    await serve(db, "me", "a")
    holder = await enqueue(db, "a", {}, concurrency_key="k")
    await claim(db, "a", 1, worker="me")
    late = await enqueue(db, "a", {}, concurrency_key="k", scheduled_for=await long_ago(db))
    assert await stuck(db) == {late: f"its key is held by the running task {holder}"}


@pytest.mark.parametrize(
    ("change", "lease_s", "reason"),
    [
        ("started_at = now()", -1, "its worker is gone; any live worker takes it back within one lease"),
        (
            "started_at = now(), worker_id = 'nobody'",
            60,
            "its worker is gone; any live worker takes it back within one lease",
        ),
        ("cancel_asked_at = now() - interval '2 minutes'", 60, "its cancellation was asked, and the run has not ended"),
        ("started_at = now() - interval '1 hour'", 60, "it has been running for long"),
    ],
)
async def test_a_running_task_is_stuck_for_a_reason(db: Connection, change: str, lease_s: float, reason: str) -> None:
    await serve(db, "me", "a", lease_s=lease_s)
    task_id = await enqueue(db, "a", {})
    await claim(db, "a", 1, worker="me")
    await db.execute(f"update task_queue set {change}")
    assert await stuck(db) == {task_id: reason}


# --- workers, failures, autoscale ------------------------------------------------------------------------------------


async def test_a_dead_worker_stands_there_as_dead(db: Connection) -> None:
    await serve(db, "me", "a")
    await serve(db, "dead", "a", lease_s=-1)
    await pending(db, 3)
    await claim(db, "a", 2, worker="me")
    found = {row["worker_id"]: (row["alive"], row["processing"]) for row in await rows(db, "workers")}
    assert found == {"me": (True, 2), "dead": (False, 0)}


async def test_failures_group_by_what_their_errors_have_in_common(db: Connection, workers: Workers) -> None:
    ids = [await enqueue(db, "toy.note", {"wrong": number}) for number in range(3)]
    await enqueue(db, "toy.note", {"note": "fine"})
    await workers.start("toy.note")
    await all_ended(db)
    [found] = await rows(db, "failures_by_fingerprint")
    assert (found["task_type"], found["runs"], found["tasks"]) == ("toy.note", 3, 3)
    assert found["newest_task_id"] in ids


@pytest.mark.parametrize(
    ("ready", "served", "ended", "wanted"),
    [
        (0, 3, 0, 0),  # idle
        (10, 0, 0, 1),  # work and nobody
        (10, 2, 0, 3),  # no rate is known
        (600, 2, 300, 20),  # half a task per second and worker
        (5, 2, 3000, 1),
    ],
)
async def test_wanted_workers_empty_the_backlog_within_a_minute(
    db: Connection, ready: int, served: int, ended: int, wanted: int
) -> None:
    await db.execute("insert into rowmill.task_types (task_type) values ('a')")
    await pending(db, ready)
    for number in range(served):
        await serve(db, f"worker {number}", "a")
    await db.execute(
        """insert into rowmill.task_stats (minute, task_type, worker_id, completed)
           values (date_trunc('minute', now()) - interval '2 minutes', 'a', 'me', $1)""",
        ended,
    )
    [row] = await rows(db, "autoscale")
    assert (row["ready"], row["workers"], row["wanted_workers"]) == (ready, served, wanted)
    assert row["backlog_s"] == (pytest.approx(ready * 300 / ended) if ended else None)


# --- the database ----------------------------------------------------------------------------------------------------


async def test_a_session_that_holds_a_snapshot_is_a_blocker(db: Connection, database: Database) -> None:
    other = await database.connect(application_name="lunch")
    await other.execute("begin isolation level repeatable read")
    await other.execute("select count(*) from task_queue")
    pid = await other.fetchval("select pg_backend_pid()")
    found = {row["pid"]: row for row in await rows(db, "blockers_of_vacuum")}
    assert (found[pid]["source"], found[pid]["name"], found[pid]["state"]) == (
        "session",
        "lunch",
        "idle in transaction",
    )
    assert found[pid]["transactions_behind"] is not None
    await other.execute("rollback")
    assert pid not in {row["pid"] for row in await rows(db, "blockers_of_vacuum")}


async def test_a_prepared_transaction_is_a_blocker(db: Connection, database: Database) -> None:
    name = f"left {uuid.uuid4()}"
    other = await database.connect()
    await other.execute("begin; set local rowmill.quiet = on")
    await enqueue(other, "a", {})
    await other.execute(f"prepare transaction '{name}'")
    try:
        found = [
            (row["name"], row["pid"]) for row in await rows(db, "blockers_of_vacuum") if row["source"][:4] == "prep"
        ]
    finally:
        await other.execute(f"rollback prepared '{name}'")
    assert found == [(name, None)]


async def test_a_replication_slot_is_a_blocker(db: Connection) -> None:
    name = f"slot_{uuid.uuid4().hex[:8]}"
    if await db.fetchval("select current_setting('wal_level')") == "minimal":
        pytest.skip("this server keeps no slots")
    await db.execute("select pg_create_physical_replication_slot($1)", name)  # holds nothing yet: no xmin
    try:
        assert name not in {row["name"] for row in await rows(db, "blockers_of_vacuum")}
    finally:
        await db.execute("select pg_drop_replication_slot($1)", name)


async def test_health_is_one_row_with_sizes_and_connections(db: Connection) -> None:
    [row] = await rows(db, "db_health")
    assert row["database_bytes"] > 1_000_000
    assert 0 < row["connections"] <= row["max_connections"]


async def test_slow_queries_are_empty_without_the_extension_and_filled_with_it(db: Connection) -> None:
    assert await rows(db, "slow_queries") == []
    assert not (await rows(db, "db_health"))[0]["has_slow_queries"]
    await db.execute("create schema elsewhere; create extension pg_stat_statements schema elsewhere")
    await db.execute("select count(*) from task_queue where priority > 7")
    found = await rows(db, "slow_queries")
    assert any("task_queue where priority" in row["query"] for row in found)
    assert (await rows(db, "db_health"))[0]["has_slow_queries"]


async def test_a_minute_ago_is_not_a_minute_of_work(db: Connection) -> None:
    """Rates leave out the minute that is not over, and what is older than the window."""
    await db.execute("insert into rowmill.task_types (task_type) values ('a')")
    for age in (timedelta(0), timedelta(minutes=30)):
        await db.execute(
            """insert into rowmill.task_stats (minute, task_type, worker_id, completed)
               values (date_trunc('minute', now()) - $1::interval, 'a', 'me', 1000)""",
            age,
        )
    [row] = await rows(db, "autoscale")
    assert row["ended_per_s"] == 0
