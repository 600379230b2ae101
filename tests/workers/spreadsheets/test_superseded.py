"""Decisions on what has changed since are never written, and a person wins over a robot. A run is held open between its
decision and its commit, so that each order is met for certain."""

from __future__ import annotations

from core.db.connect import Connection
from tests.running import Database, Workers, all_ended, enqueue, until
from tests.workers.spreadsheets.holding import Hold
from tests.workers.spreadsheets.sheets import JOIN, TRANSFORM, Sheet


async def outcomes(db: Connection) -> list[str]:
    """How the runs of all tasks ended, in order of their claims."""
    rows = await db.fetch("select status, coalesce((output ->> 'superseded')::bool, false) as old from task_queue")
    return sorted("superseded" if row["old"] else row["status"] for row in rows)


async def held_run(sheet: Sheet, workers: Workers, hold: Hold) -> None:
    """`Up` of A = "old" has been decided and is not written."""
    await sheet.derive("Up", ["A"])
    await sheet.write("A", 1, "old")
    await workers.start(TRANSFORM)
    await hold.reached()


async def test_a_decision_on_an_input_that_was_edited_meanwhile_is_superseded(
    sheet: Sheet, workers: Workers, hold: Hold
) -> None:
    await held_run(sheet, workers, hold)
    await sheet.edit("A", 1, "new")
    hold.release()
    await all_ended(sheet.db)
    assert await sheet.history("Up", 1) == [(None, "NEW", "robot")]
    assert await outcomes(sheet.db) == ["completed", "superseded"]


async def test_an_input_that_was_deleted_meanwhile_supersedes(sheet: Sheet, workers: Workers, hold: Hold) -> None:
    await held_run(sheet, workers, hold)
    await sheet.delete("A", 1)
    hold.release()
    await all_ended(sheet.db)
    assert await sheet.content("Up", 1) is None
    assert await outcomes(sheet.db) == ["completed", "superseded"]


async def test_a_column_that_was_configured_anew_meanwhile_supersedes(
    sheet: Sheet, workers: Workers, hold: Hold
) -> None:
    await held_run(sheet, workers, hold)
    await sheet.configure("Up", {"steps": list(JOIN)})
    await sheet.write("B", 1, "more")
    await sheet.feed("Up", "B", 2)
    hold.release()
    await all_ended(sheet.db)
    assert await sheet.content("Up", 1) == "old more"
    assert "superseded" in await outcomes(sheet.db)


async def test_a_rewrite_of_the_same_value_supersedes_nobody(sheet: Sheet, workers: Workers, hold: Hold) -> None:
    await held_run(sheet, workers, hold)
    before = await sheet.cell("A", 1)
    await sheet.edit("A", 1, "old")
    assert (await sheet.cell("A", 1))["version"] == before["version"]
    hold.release()
    await all_ended(sheet.db)
    assert await sheet.content("Up", 1) == "OLD"
    assert await outcomes(sheet.db) == ["completed"]


async def test_an_input_that_appeared_meanwhile_is_taken_up_by_its_own_task(
    sheet: Sheet, workers: Workers, hold: Hold
) -> None:
    await sheet.derive("Both", ["A", "B"], JOIN)
    await sheet.write("A", 1, "a")
    await workers.start(TRANSFORM)
    await hold.reached()
    await sheet.write("B", 1, "b")
    hold.release()
    await all_ended(sheet.db)
    assert await sheet.content("Both", 1) == "a b"


async def test_a_task_without_a_key_never_supersedes_the_one_that_saw_more(
    sheet: Sheet, workers: Workers, hold: Hold
) -> None:
    """It starts while B is absent and commits first. Had it computed, the keyed run would be stale on its target and
    end superseded, and nothing would be left that sees B."""
    await sheet.derive("Both", ["A", "B"], JOIN)
    await sheet.write("A", 1, "a")
    await sheet.forget_tasks()
    cell_id = (await sheet.cell("Both", 1))["id"]
    await enqueue(sheet.db, TRANSFORM, {"cell_id": str(cell_id)})
    await workers.start(TRANSFORM)
    assert (await hold.reached()).concurrency_key is None
    await sheet.write("B", 1, "b")
    assert (await hold.reached()).concurrency_key == f"cell:{cell_id}"
    hold.release()
    await all_ended(sheet.db)
    assert await sheet.content("Both", 1) == "a b"
    assert await outcomes(sheet.db) == ["completed"] * 3  # the third is the first one's successor, with the key
    keys = await sheet.db.fetch("select concurrency_key from task_queue where parent_id is not null")
    assert [row["concurrency_key"] for row in keys] == [f"cell:{cell_id}"]


async def test_an_edit_that_commits_after_the_decision_was_written_is_followed_by_its_own_task(
    sheet: Sheet, database: Database, workers: Workers, hold: Hold
) -> None:
    await held_run(sheet, workers, hold)
    editor = await database.connect()
    async with editor.transaction():
        await sheet.edit("A", 1, "new", editor)
        hold.release()
        await until(lambda: sheet.content("Up", 1), what="the held run's commit")
    await all_ended(sheet.db)
    assert await sheet.history("Up", 1) == [(None, "OLD", "robot"), ("OLD", "NEW", "robot")]


async def test_a_person_who_edits_a_derived_cell_wins_against_a_running_decision(
    sheet: Sheet, workers: Workers, hold: Hold
) -> None:
    await held_run(sheet, workers, hold)
    await sheet.edit("Up", 1, "mine")
    hold.release()
    await all_ended(sheet.db)
    assert await sheet.history("Up", 1) == [(None, "mine", "sql")]
    assert await outcomes(sheet.db) == ["superseded"]


async def test_a_run_waits_for_a_person_who_holds_the_cell_and_then_gives_way(
    sheet: Sheet, database: Database, workers: Workers, hold: Hold
) -> None:
    await held_run(sheet, workers, hold)
    editor = await database.connect()
    async with editor.transaction():
        await sheet.edit("Up", 1, "mine", editor)
        hold.release()
        await until(lambda: returned(sheet.db), what="the run's return to the queue")
    await sheet.db.execute("update task_queue set scheduled_for = now() where status = 'pending'")
    await all_ended(sheet.db)
    assert (await sheet.edits("Up", 1))[0]["new_content"] == "mine"
    assert await sheet.content("Up", 1) == "OLD"  # it read "mine" before it decided anew
    assert await sheet.db.fetchval("select attempts from task_queue") == 1


async def returned(db: Connection) -> bool:
    reason = await db.fetchval("select error_message from task_queue where status = 'pending'")
    return "waits for a lock" in (reason or "")
