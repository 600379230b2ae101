"""The doctor finds what is planted, says what to do next, and changes nothing."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import pytest

from core.cli.doctor import scale, server, vacuum
from core.db.connect import Connection
from tests.core.cli.conftest import Rowmill
from tests.running import Database, Workers, enqueue

Found = dict[str, list[dict[str, Any]]]


async def examined(rowmill: Rowmill) -> Found:
    """All findings by check; what a test server is not: durable."""
    answer = json.loads((await rowmill("doctor", "--json")).out)
    found: Found = {}
    for each in answer["findings"]:
        assert (each["next_step"] is None) == (each["verdict"] == "ok"), each
        found.setdefault(each["check"], []).append(each)
    return found


def verdict(found: Found, check: str) -> str:
    return str(found[check][0]["verdict"])


async def test_a_healthy_database_has_no_problem(rowmill: Rowmill) -> None:
    found = await examined(rowmill)
    assert [each for name in found for each in found[name] if each["verdict"] == "problem"] == []
    assert {name for name in found if verdict(found, name) == "warning"} <= {"durability", "bloat", "disk"}
    said = await rowmill("doctor")
    assert said.code == 0
    assert "0 problems" in said.words()


async def test_the_exit_code_is_1_when_there_is_a_problem(rowmill: Rowmill, db: Connection) -> None:
    await db.execute("alter table task_queue add planted text")
    said = await rowmill("doctor", "--json")
    assert said.code == 1
    assert json.loads(said.out)["worst"] == "problem"


# --- the server and the way to it ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("major", "expected"), [(14, "problem"), (15, "ok"), (18, "ok"), (19, "warning")])
def test_versions_are_those_the_tests_run_on(major: int, expected: str) -> None:
    assert server.version(major, f"{major}.1").verdict == expected


@pytest.mark.parametrize(
    ("dsn", "expected"),
    [
        ("postgresql://u@/db?host=/run/pg", "ok"),
        ("postgresql://u@localhost/db", "ok"),
        ("postgresql://u@127.0.0.1:5432/db?sslmode=disable", "ok"),
        ("postgresql://u@db.example.com/db", "warning"),
        ("postgresql://u@db.example.com/db?sslmode=require", "warning"),
        ("postgresql://u@db.example.com/db?sslmode=verify-ca", "warning"),
        ("postgresql://u@db.example.com/db?sslmode=verify-full", "ok"),
        ("postgresql://u@/db?host=/run/pg,db.example.com", "warning"),
    ],
)
def test_a_remote_server_must_be_verified(dsn: str, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PGSSLMODE", raising=False)
    assert server.tls(dsn, encrypted=True).verdict == expected


async def test_a_database_that_cannot_be_reached_is_a_finding(
    rowmill: Rowmill, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROWMILL_DATABASE_URL", "postgresql://u@127.0.0.1:1/db")
    said = await rowmill("doctor", "--json")
    (only,) = json.loads(said.out)["findings"]
    assert (said.code, only["verdict"]) == (1, "problem")
    assert "cannot reach the database" in only["sentence"]


async def test_a_pooler_that_swallows_bells_is_found(rowmill: Rowmill, monkeypatch: pytest.MonkeyPatch) -> None:
    assert verdict(await examined(rowmill), "pooler") == "ok"

    async def deaf(*_: object) -> bool:
        return False

    monkeypatch.setattr(sys.modules["core.cli.doctor.pooler"], "hears_bells", deaf)
    assert verdict(await examined(rowmill), "pooler") == "warning"


# --- the schema ------------------------------------------------------------------------------------------------------


async def test_pending_revisions_are_a_problem_and_the_rest_is_not_asked(
    rowmill: Rowmill, bare_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROWMILL_DATABASE_URL", bare_database.dsn)
    found = await examined(rowmill)
    assert verdict(found, "migrations") == "problem"
    assert "engine_0001" in found["migrations"][0]["sentence"]
    assert found["migrations"][0]["next_step"] == "run `rowmill migrate`"
    assert "drift" not in found


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("alter table task_queue add planted text", "planted"),
        ("drop index task_queue_mine", "task_queue_mine"),
        (
            "create or replace function rowmill.is_paused(p_type text) returns boolean language sql as 'select false'",
            "rowmill.is_paused",
        ),
        ("drop function rowmill.histogram_bounds cascade", "rowmill.histogram_bounds"),
    ],
)
async def test_what_was_changed_by_hand_is_drift(rowmill: Rowmill, db: Connection, change: str, named: str) -> None:
    await db.execute(change)
    (drift,) = (await examined(rowmill))["drift"]
    assert drift["verdict"] == "problem"
    assert named in drift["sentence"]


async def test_moved_data_is_noticed_until_it_is_noted(rowmill: Rowmill, db: Connection) -> None:
    assert verdict(await examined(rowmill), "restore") == "ok"
    await db.execute("update rowmill.recoveries set timeline = timeline - 1")
    found = (await examined(rowmill))["restore"][0]
    assert found["verdict"] == "warning"
    assert "another timeline" in found["sentence"]
    assert (await rowmill("recovered", "--note-only")).code == 0
    assert verdict(await examined(rowmill), "restore") == "ok"


# --- the queue -------------------------------------------------------------------------------------------------------


async def test_tasks_that_no_worker_knows_are_a_problem_after_a_minute(
    rowmill: Rowmill, db: Connection, workers: Workers
) -> None:
    await enqueue(db, "toy.nte", {})
    assert verdict(await examined(rowmill), "unserved") == "ok"
    await db.execute("update task_queue set scheduled_for = now() - interval '2 minutes'")
    (found,) = (await examined(rowmill))["unserved"]
    assert found["verdict"] == "problem"
    assert "1 task of toy.nte" in found["sentence"]


async def test_a_paused_type_with_waiting_tasks_is_a_warning(rowmill: Rowmill, db: Connection) -> None:
    await db.execute("insert into rowmill.task_types (task_type) values ('toy.note')")
    await enqueue(db, "toy.note", {"note": "x"})
    await db.execute("select pause_operator('toy.note')")
    (found,) = (await examined(rowmill))["paused"]
    assert (found["verdict"], found["next_step"]) == ("warning", "run `rowmill resume toy.note`")


async def test_rows_kept_for_ever_and_overdue_rows_are_warnings(
    rowmill: Rowmill, db: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    await db.execute(
        "insert into task_queue (task_type, status, completed_at)"
        " values ('a.b', 'completed', now() - interval '9 days')"
    )
    (found,) = (await examined(rowmill))["retention"]
    assert (found["verdict"], "1 finished task" in found["sentence"]) == ("warning", True)
    monkeypatch.setenv("ROWMILL_RETAIN_FAILED_DAYS", "0")
    (found,) = (await examined(rowmill))["retention"]
    assert (found["verdict"], "failed tasks are kept for ever" in found["sentence"]) == ("warning", True)


async def test_workers_of_two_versions_are_told(rowmill: Rowmill, db: Connection) -> None:
    await db.execute(
        "insert into rowmill.workers (worker_id, host, pid, lease_until, task_types, code_version)"
        " select 'w' || n, 'h', n, now() + interval '1 minute', '{}', 'v' || n from generate_series(1, 2) n"
    )
    (found,) = (await examined(rowmill))["workers"]
    assert (found["verdict"], "v1, v2" in found["sentence"]) == ("warning", True)


async def test_a_run_whose_worker_is_gone_is_stuck(rowmill: Rowmill, db: Connection) -> None:
    await db.execute(
        "insert into task_queue (task_type, status, worker_id, started_at) values ('a.b', 'processing', 'gone', now())"
    )
    (found,) = (await examined(rowmill))["stuck"]
    assert (found["verdict"], "its worker is gone" in found["sentence"]) == ("warning", True)


# --- vacuum and scale ------------------------------------------------------------------------------------------------


async def test_who_holds_back_vacuum_is_named_with_pid_and_statement(
    rowmill: Rowmill, db: Connection, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vacuum, "OLD_S", 0.0)
    monkeypatch.setattr(vacuum, "VERY_OLD_S", 0.0)
    await db.execute("begin isolation level repeatable read")
    await db.fetchval("select count(*) from users")
    pid = await db.fetchval("select pg_backend_pid()")
    named = [each for each in (await examined(rowmill))["vacuum"] if f"pid {pid} " in each["sentence"]]
    assert [each["verdict"] for each in named] == ["problem"]
    assert "idle in transaction" in named[0]["sentence"]
    assert f"pg_terminate_backend({pid})" in named[0]["next_step"]


async def test_a_prepared_transaction_is_named_with_its_cure(
    rowmill: Rowmill, db: Connection, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vacuum, "OLD_S", 0.0)
    await db.execute(f"begin; insert into users (email) values ('a@b.c'); prepare transaction '{database.name}'")
    try:
        found = (await examined(rowmill))["vacuum"]
        assert [each["next_step"] for each in found if database.name in each["sentence"]] == [
            f"commit prepared '{database.name}', or roll it back"
        ]
    finally:
        await db.execute(f"rollback prepared '{database.name}'")


async def test_an_invalid_index_is_a_problem(rowmill: Rowmill, db: Connection) -> None:
    await db.execute("update pg_index set indisvalid = false where indexrelid = 'users_role_idx'::regclass")
    assert [each["verdict"] for each in (await examined(rowmill))["index"]] == ["problem"]


SIGNS: dict[str, tuple[object, str, float]] = {
    "connections": (scale, "POOL_PERCENT", 0),
    "tables": (scale, "TABLE_ROWS", 0),
    "users": (scale, "USERS", 0),
    "bells": (scale, "BELLS_PART", -1),
    "wraparound": (vacuum, "WRAPAROUND_WARNING", 0),
    "clock": (server, "SKEW_LIMIT_S", -1),
    "disk": (server, "FREE_PERCENT", 101),
    "bloat": (vacuum, "DEAD", -1),
}


@pytest.mark.parametrize("check", SIGNS)
async def test_each_threshold_is_ok_below_and_a_warning_above(
    rowmill: Rowmill, db: Connection, monkeypatch: pytest.MonkeyPatch, check: str
) -> None:
    await db.execute("insert into users (email) values ('a@b.c')")
    await db.execute(
        "insert into sessions (user_id, token, expires_at) select id, 't', now() + interval '1 day' from users"
    )
    await db.execute("analyze users")
    await db.execute("update users set first_name = 'x'")
    place, name, limit = SIGNS[check]
    monkeypatch.setattr(place, name, limit)
    monkeypatch.setattr(vacuum, "DEAD_PART", 0.0 if check == "bloat" else 0.5)

    async def warned() -> bool:
        return verdict(await examined(rowmill), check) == "warning"

    async with asyncio.timeout(30):  # the statistics of dead rows come a moment later
        while not await warned():
            pass


async def test_the_limits_of_the_documented_thresholds() -> None:
    assert (scale.POOL_PERCENT, scale.QUERY_MS, scale.TABLE_ROWS, scale.USERS) == (80, 500, 1_000_000, 100)


async def test_slow_statements_are_named_where_the_extension_is(
    rowmill: Rowmill, db: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "not known" in (await examined(rowmill))["queries"][0]["sentence"]
    await db.execute("create extension pg_stat_statements schema rowmill")
    monkeypatch.setattr(scale, "QUERY_MS", 0.0)
    for _ in range(6):
        await db.fetchval("select pg_sleep(0.02)")
    assert "warning" in {each["verdict"] for each in (await examined(rowmill))["queries"]}


async def test_a_login_without_rights_is_told_what_it_may_not_see(
    rowmill: Rowmill, db: Connection, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    role = f"nobody_{database.name[-12:]}"
    await db.execute(f"create role {role} login")
    try:
        monkeypatch.setenv("ROWMILL_DATABASE_URL", database.dsn.replace("postgres@", f"{role}@", 1))
        said = await rowmill("doctor", "--json")
        assert "Traceback" not in said.err
        assert "this login may not look" in said.out
    finally:
        await db.execute(f"drop role {role}")


async def test_the_doctor_changes_nothing(rowmill: Rowmill, db: Connection) -> None:
    written = "select n_tup_ins, n_tup_upd, n_tup_del from pg_stat_user_tables order by relid"
    await db.execute("select pg_stat_force_next_flush()")
    before = await db.fetch(written)
    await examined(rowmill)
    assert await db.fetch(written) == before
