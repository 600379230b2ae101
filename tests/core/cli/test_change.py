"""`rowmill retry` and `rowmill cancel`: by id and by filter, shown before, confirmed, in batches, never by accident."""

from __future__ import annotations

from uuid import UUID, uuid4

import asyncpg
import pytest

from core.cli import applying, change
from core.cli.filters import Filters
from core.db.connect import Connection
from tests.core.cli.conftest import Rowmill
from tests.running import enqueue, task_row


async def status_of(db: Connection, task_id: UUID) -> str:
    return str((await task_row(db, task_id))["status"])


async def counts(db: Connection) -> dict[str, int]:
    rows = await db.fetch("select status, count(*) as n from task_queue group by status")
    return {row["status"]: row["n"] for row in rows}


async def many(db: Connection, number: int, status: str, task_type: str = "toy.note") -> None:
    await db.execute(
        f"insert into task_queue (task_type, status) select '{task_type}', '{status}' from generate_series(1, {number})"
    )


def answer(typed: str | None) -> str:
    if typed is None:
        raise EOFError  # Ctrl-D
    return typed


async def test_tasks_are_retried_and_cancelled_by_id(db: Connection, rowmill: Rowmill) -> None:
    failed = await enqueue(db, "toy.note", {}, status="failed")
    running = await enqueue(db, "toy.note", {}, status="processing", worker_id="w")
    assert f"{failed} is pending" in (await rowmill("retry", str(failed))).words()
    assert f"{failed} is cancelled" in (await rowmill("cancel", str(failed))).words()
    assert f"{running} is asked to stop" in (await rowmill("cancel", str(running))).words()
    assert await status_of(db, failed) == "cancelled"
    assert (await rowmill("retry", str(failed), "--json")).json() == {
        "changed": {str(failed): "pending"},
        "refused": {},
        "dry_run": False,
    }


async def test_a_refused_task_is_told_with_its_reason_and_the_others_are_changed(
    db: Connection, rowmill: Rowmill
) -> None:
    live = await enqueue(db, "toy.note", {})
    failed = await enqueue(db, "toy.note", {}, status="failed")
    ended = await rowmill("retry", str(live), str(failed))
    assert ended.code == 1
    assert f"task {live} is pending; only a finished task can be retried" in ended.err
    assert f"{failed} is pending" in ended.out
    assert await status_of(db, failed) == "pending"


async def test_a_live_twin_and_an_unknown_id_are_told_with_the_next_step(db: Connection, rowmill: Rowmill) -> None:
    failed = await enqueue(db, "toy.note", {}, status="failed", dedupe_key="twin")
    await enqueue(db, "toy.note", {}, dedupe_key="twin")
    assert "wait for the other task, or cancel it" in (await rowmill("retry", str(failed))).refusal()
    assert "look for it with `rowmill tasks`" in (await rowmill("cancel", str(uuid4()))).refusal()


async def test_a_dry_run_shows_what_would_happen_and_changes_nothing(db: Connection, rowmill: Rowmill) -> None:
    await many(db, 3, "failed")
    await many(db, 1, "failed", "toy.act")
    await many(db, 2, "completed")
    before = await counts(db)
    words = ("retry", "--where", "--type", "toy.*", "--dry-run")
    said = (await rowmill(*words)).words()
    assert "4 tasks to retry" in said
    assert "Nothing was changed" in said
    assert (await rowmill(*words, "--yes", "--json")).json() == {
        "would_change": 4,
        "groups": [
            {"task_type": "toy.act", "status": "failed", "tasks": 1},
            {"task_type": "toy.note", "status": "failed", "tasks": 3},
        ],
        "dry_run": True,
    }
    one = str(await db.fetchval("select id from task_queue where status = 'completed' limit 1"))
    assert "Nothing is changed" in (await rowmill("cancel", one, "--dry-run")).words()
    assert (await rowmill("cancel", one, "--dry-run", "--json")).json()["refused"] == [one]
    assert await counts(db) == before


async def test_what_a_dry_run_shows_is_what_is_applied(db: Connection, rowmill: Rowmill) -> None:
    await many(db, 1001, "failed")
    await many(db, 2, "completed")
    await many(db, 5, "failed", "other.note")
    said = (await rowmill("retry", "--where", "--type", "toy.*", "--yes")).words()
    assert said == "1,001 tasks will run again."
    assert await counts(db) == {"pending": 1001, "completed": 2, "failed": 5}
    assert (await rowmill("cancel", "--where", "--type", "toy.*", "--yes", "--json")).json() == {
        "changed": 1001,
        "refused": 0,
        "refusals": [],
        "dry_run": False,
    }
    assert await counts(db) == {"cancelled": 1001, "completed": 2, "failed": 5}


async def test_a_refusal_inside_a_batch_takes_no_other_task_along(db: Connection, rowmill: Rowmill) -> None:
    await many(db, 5, "failed")
    twin = await enqueue(db, "toy.note", {}, status="failed", dedupe_key="twin")
    await enqueue(db, "toy.note", {}, dedupe_key="twin")
    ended = await rowmill("retry", "--where", "--status", "failed", "--yes")
    assert ended.code == 1
    assert "5 tasks will run again." in ended.out
    assert f"task {twin} has a live twin" in ended.err
    assert await counts(db) == {"pending": 6, "failed": 1}


async def test_a_locked_task_is_refused_and_the_others_go_on(
    db: Connection, rowmill: Rowmill, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.cli.asking.LOCK_LIMIT_S", 0.1)
    locked = await enqueue(db, "toy.note", {}, status="failed")
    await many(db, 3, "failed")
    async with db.transaction():
        await db.execute("select from task_queue where id = $1 for update", locked)
        ended = await rowmill("retry", "--where", "--status", "failed", "--yes")
    assert ended.code == 1
    assert "another session keeps the row locked" in ended.err
    assert await counts(db) == {"pending": 3, "failed": 1}


async def test_tasks_made_after_the_count_are_not_touched(
    db: Connection, rowmill: Rowmill, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A producer goes on while a person confirms."""
    await many(db, 2, "pending")
    counted = applying.counted_tasks

    async def counted_then_more(connection: Connection, filters: Filters) -> object:
        found = await counted(connection, filters)
        await connection.execute("select pg_sleep(0.005)")  # ids are ordered by millisecond
        await many(connection, 3, "pending")
        return found

    monkeypatch.setattr(change, "counted_tasks", counted_then_more)
    assert "2 tasks" in (await rowmill("cancel", "--where", "--status", "pending", "--yes")).words()
    assert await counts(db) == {"cancelled": 2, "pending": 3}


async def test_without_a_yes_nothing_is_changed(
    db: Connection, rowmill: Rowmill, monkeypatch: pytest.MonkeyPatch
) -> None:
    await many(db, 2, "pending")
    words = ("cancel", "--where", "--status", "pending")
    ended = await rowmill(*words)
    assert ended.code == 1
    assert "nobody is there to confirm; add --yes to cancel 2 tasks" in ended.err
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    for no in ("n", "", None):
        monkeypatch.setattr("builtins.input", lambda *_, no=no: answer(no))
        assert "nothing was changed" in (await rowmill(*words)).err
    assert await counts(db) == {"pending": 2}
    monkeypatch.setattr("builtins.input", lambda *_: "y")
    assert "2 tasks cancelled" in (await rowmill(*words)).words()
    assert await counts(db) == {"cancelled": 2}


async def test_nothing_to_change_is_an_answer_and_no_error(rowmill: Rowmill) -> None:
    words = ("retry", "--where", "--status", "failed", "--yes")
    assert "No task to retry matches; look with `rowmill tasks`" in (await rowmill(*words)).words()
    assert (await rowmill(*words, "--json")).json()["changed"] == 0


@pytest.mark.parametrize(
    ("words", "next_step"),
    [
        (("retry",), "Give their ids, or --where with filters"),
        (("retry", "--where"), "--where needs at least one filter"),
        (("cancel", "--where", "--yes"), "--where needs at least one filter"),
        (("cancel", "--status", "pending"), "filters need --where"),
        (("retry", "11111111", "--where", "--status", "failed"), "not both"),
        (("retry", "--where", "--status", "failed", "pending"), "retry is not for pending tasks; choose --status from"),
        (("cancel", "nonsense"), "is no id of a task"),
    ],
)
async def test_a_change_of_many_is_never_a_slip_of_the_finger(
    db: Connection, rowmill: Rowmill, words: tuple[str, ...], next_step: str
) -> None:
    await many(db, 2, "failed")
    await many(db, 2, "pending")
    assert next_step in (await rowmill(*words)).refusal()
    assert await counts(db) == {"failed": 2, "pending": 2}


async def test_an_error_of_the_database_is_no_refusal_of_a_task() -> None:
    refusal = asyncpg.PostgresError.new({"C": "RM003", "M": "x"})
    lost = asyncpg.PostgresError.new({"C": "57P01", "M": "x"})
    assert applying.of_one_task(refusal)
    assert not applying.of_one_task(lost)
