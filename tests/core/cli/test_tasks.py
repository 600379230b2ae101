"""`rowmill tasks`: every filter, the empty states, and bounds."""

from __future__ import annotations

import shlex
from typing import Any
from uuid import UUID

import pytest

from core.db.connect import Connection
from tests.core.cli.conftest import Rowmill
from tests.running import enqueue

MIXED: dict[str, dict[str, Any]] = {
    "plain": {"task_type": "toy.note", "payload": {"note": "a", "n": 5, "deep": None}},
    "keyed": {"task_type": "toy.note", "payload": {"note": "b"}, "concurrency_key": "sheet 7"},
    "failed": {"task_type": "toy.act", "payload": {}, "status": "failed", "error_message": "No such FILE: x_y"},
    "done": {"task_type": "toy_act.late", "payload": {}, "status": "completed"},
}


async def mixed(db: Connection) -> dict[UUID, str]:
    return {await enqueue(db, **columns): name for name, columns in MIXED.items()}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("", {"plain", "keyed", "failed", "done"}),
        ("--type toy.*", {"plain", "keyed", "failed"}),
        ("--type toy_act.*", {"done"}),
        ("--type toy.a?t", {"failed"}),
        ("--type TOY.note", set()),
        ("--status failed completed", {"failed", "done"}),
        ("--status failed --status pending", {"plain", "keyed", "failed"}),
        ("--key 'sheet 7'", {"keyed"}),
        ("--error 'no such file'", {"failed"}),
        ("--error x%y", set()),
        ("--since 1h", {"plain", "keyed", "failed", "done"}),
        ("--until 1h", set()),
        ("--since 2026-01-01 --until '2026-01-01 10:00+02:00'", set()),
        ("--field note=a", {"plain"}),
        ("--field n=5 --field note=a", {"plain"}),
        ("--field n=5 --field note=b", set()),
        ("--field deep=", set()),
        ('--field "note=\'; drop"', set()),
        ("--type toy.note --status pending --field note=b", {"keyed"}),
    ],
)
async def test_a_task_is_listed_exactly_if_it_meets_every_filter(
    db: Connection, rowmill: Rowmill, words: str, expected: set[str]
) -> None:
    names = await mixed(db)
    listed = (await rowmill("tasks", *shlex.split(words), "--json")).json()
    assert {names[UUID(each["id"])] for each in listed["tasks"]} == expected
    assert listed["more"] is False


async def test_a_person_sees_whole_ids_times_with_units_and_errors(db: Connection, rowmill: Rowmill) -> None:
    names = await mixed(db)
    said = (await rowmill("tasks")).words()
    assert [str(task_id) for task_id in names if str(task_id) not in said] == []
    for part in ("4 tasks", " ms ago", "0 of 3", "sheet 7", "No such FILE: x_y"):
        assert part in said


async def test_one_task_is_one_task(db: Connection, rowmill: Rowmill) -> None:
    await enqueue(db, "toy.note", {})
    assert (await rowmill("tasks")).words().startswith("1 task ")


async def test_an_empty_queue_and_an_empty_answer_say_what_to_do(db: Connection, rowmill: Rowmill) -> None:
    assert "The queue is empty; INSERT a row into task_queue" in (await rowmill("tasks")).words()
    await enqueue(db, "toy.note", {})
    assert "No task matches; drop a filter" in (await rowmill("tasks", "--status", "failed")).words()
    assert (await rowmill("tasks", "--status", "failed", "--json")).json() == {"tasks": [], "more": False}


async def test_ten_thousand_tasks_are_listed_in_bounds_and_the_newest_first(db: Connection, rowmill: Rowmill) -> None:
    await db.execute(
        "insert into task_queue (task_type, payload)"
        " select 'toy.note', jsonb_build_object('n', n, 'x', repeat('x', 500))"
        " from generate_series(1, 10000) n"
    )
    newest = await enqueue(db, "toy.note", {"note": "newest"})
    said = await rowmill("tasks")
    assert len(said.out.splitlines()) < 60
    assert "The newest 50 tasks" in said.out
    assert "There are more; see them with --limit" in said.out
    listed = (await rowmill("tasks", "--limit", "10000", "--json")).json()
    assert (len(listed["tasks"]), listed["more"]) == (10_000, True)
    assert listed["tasks"][0]["id"] == str(newest)
    assert len((await rowmill("tasks", "--limit", "10000", "--json")).out) < 10_000 * 500


async def test_text_of_a_task_is_data_and_neither_markup_nor_commands_to_the_terminal(
    db: Connection, rowmill: Rowmill
) -> None:
    hostile = "[red]x[/] [/bad] \x1b]0;owned\x07 \x9b31m end"
    await enqueue(db, "toy.note", {}, status="failed", error_message=hostile)
    out = (await rowmill("tasks")).out
    assert "[red]x[/] [/bad]" in out
    assert not {"\x1b", "\x07", "\x9b"} & set(out)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--status", "lost"), "Choose from"),
        (("--since", "yesterdayish"), "is no time; write 2026-01-31"),
        (("--since", "99999999999d"), "is no time"),
        (("--limit", "0"), "Must be >= 1"),
        (("--limit", "10001"), "Must be <= 10000"),
        (("--field", "name"), "is no payload field; write name=value"),
        (("--no-such-option",), "Unknown option"),
    ],
)
async def test_bad_input_is_named_with_what_is_right_and_ends_with_2(
    rowmill: Rowmill, words: tuple[str, ...], said: str
) -> None:
    ended = await rowmill("tasks", *words)
    assert ended.code == 2
    assert said in " ".join((ended.out + ended.err).replace("│", " ").split())


async def test_a_question_that_takes_too_long_ends_with_the_next_step(
    db: Connection, rowmill: Rowmill, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROWMILL_STATEMENT_TIMEOUT_S", "0.2")
    async with db.transaction():
        await db.execute("set local rowmill.quiet = on; lock table task_queue in access exclusive mode")
        refusal = (await rowmill("tasks")).refusal()
    assert "narrow the question with --since" in refusal


async def test_a_database_that_was_not_migrated_is_told_with_the_next_step(rowmill: Rowmill, db: Connection) -> None:
    await db.execute("alter table task_queue rename to something_else")
    assert "run `rowmill migrate`" in (await rowmill("tasks")).refusal()
