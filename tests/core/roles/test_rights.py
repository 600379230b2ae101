"""What each role needs it can do, and what it must not do is refused: tried with logins, not read from catalogs."""

from __future__ import annotations

from uuid import uuid4

import asyncpg
import pytest

from core.db import catalogs
from core.db.connect import Connection
from core.db.statements import Catalog, Statement
from core.settings import PROJECT
from tests.logins import MakeLogin
from tests.running import Database, Workers, all_ended, ended, enqueue, task_row

REFUSED = asyncpg.InsufficientPrivilegeError
DOMAINS = {
    "engine": catalogs.engine(),
    "spreadsheets": catalogs.of_package("workers.spreadsheets"),
    "work orders": catalogs.of_package("workers.work_orders"),
}
SECRET = "canary-7f3a"
VIEWS = """
select oid::regclass::text as name from pg_class where relnamespace = 'monitoring'::regnamespace and relkind = 'v'
"""


async def explained(session: Connection, statement: Statement) -> str | None:
    """None, or why this login may not run the statement. Rights are checked when a plan is opened, not when a statement
    is prepared, and EXPLAIN opens it without running it."""
    nulls = ", ".join("null" for _ in statement.params)
    try:
        await session.execute(f"prepare tried as {statement.sql}")
        await session.execute(f"explain execute tried{f' ({nulls})' if nulls else ''}")
    except REFUSED as error:
        return f"{statement.name}: {error}"
    finally:
        await session.execute("deallocate all")
    return None


# --- worker ----------------------------------------------------------------------------------------------------------


OF_THE_WEB = ("http_", "feed_", "retry_step")  # asked by the web process, whose login also reads users and tokens


@pytest.mark.parametrize("where", DOMAINS)
async def test_a_worker_may_run_every_statement(login: MakeLogin, where: str) -> None:
    session = await asyncpg.connect((await login("rowmill_worker")).dsn)
    try:
        own = [each for name, each in DOMAINS[where].items() if not name.startswith(OF_THE_WEB)]
        refused = [await explained(session, statement) for statement in own]
    finally:
        await session.close()
    assert [each for each in refused if each] == []
    assert len(refused) > 10


async def test_a_web_process_may_run_every_statement_as_worker_and_admin(login: MakeLogin) -> None:
    files = [PROJECT / "sql" / "queries" / f"{name}.sql" for name in ("people", "web", "inspect")]
    session = await asyncpg.connect((await login("rowmill_worker", "rowmill_admin")).dsn)
    try:
        statements = [each for file in files for each in Catalog(file).values()]
        statements += DOMAINS["spreadsheets"].values()
        refused = [await explained(session, each) for each in statements]
    finally:
        await session.close()
    assert [each for each in refused if each] == []


async def test_a_stranger_may_run_none_of_the_engines_statements(login: MakeLogin) -> None:
    """The witness of the test above. What asks only the server's own catalogs is everybody's."""
    session = await asyncpg.connect((await login()).dsn)
    try:
        allowed = [name for name, each in DOMAINS["engine"].items() if await explained(session, each) is None]
    finally:
        await session.close()
    assert set(allowed) <= {"isolated", "gate_horizon", "blocker", "probe", "table_locker"}


WORKER_MUST_NOT = (
    "delete from task_queue",
    "truncate task_queue",
    "update robot_input_events set success = true",
    "delete from robot_input_events",
    "update audit_events set action = ''",
    "delete from audit_events",
    "update cell_edit_events set new_content = ''",
    "delete from cell_edit_events",
    "truncate cells",
    "delete from spreadsheets",
    "create table planted (id int)",
    "alter table cells disable row level security",
    "select * from users",
    "select * from api_tokens",
    "insert into rowmill.holds (task_id, reason) values (gen_random_uuid(), '')",
    "select retry_task(gen_random_uuid())",
    "select pause_operator('toy.note')",
)


async def test_what_a_worker_must_not_do_is_refused(login: MakeLogin) -> None:
    session = await asyncpg.connect((await login("rowmill_worker")).dsn)
    try:
        for statement in WORKER_MUST_NOT:
            with pytest.raises(REFUSED):
                await session.execute(statement)
    finally:
        await session.close()


async def test_a_worker_with_its_role_alone_claims_runs_commits_retains_and_leaves(
    login: MakeLogin, db: Connection, workers: Workers
) -> None:
    toy = "grant select, insert, update on toy_rows, toy_edits, toy_notes to {role}"
    own = await login("rowmill_worker", grants=toy)
    worker = await workers.start(dsn=own.dsn)
    done = await enqueue(db, "toy.set", {"row_id": 1, "value": "x"})
    wrong = await enqueue(db, "toy.set", {"row_id": "none"})
    assert (await ended(db, done))["status"] == "completed"
    assert (await ended(db, wrong))["status"] == "failed"
    await worker.stop()
    assert await db.fetchval("select value from toy_rows") == "x"
    assert await db.fetchval("select count(*) from robot_input_events") == 2
    assert await db.fetchval("select count(*) from rowmill.workers") == 0


async def test_a_worker_cannot_make_young_audit_go(login: MakeLogin, db: Connection) -> None:
    """Retention runs as the owner, so it does not believe a worker's clock, nor days that leave no time to look."""
    await db.execute(
        """insert into robot_input_events (task_id, run_no, operator_type, success, created_at)
        select gen_random_uuid(), 1, 't', true, now() - d * interval '1 day' from unnest('{1, 29, 31}'::int[]) d"""
    )
    session = await asyncpg.connect((await login("rowmill_worker")).dsn)
    far = await db.fetchval("select now() + interval '100 years'")
    query = "select deleted from rowmill.retain_runs('00000000-0000-0000-0000-000000000000', 100, $1, $2)"
    try:
        assert await session.fetchval(query, 0.001, far) == 1
        assert await session.fetchval(query, None, far) == 0
    finally:
        await session.close()
    assert await db.fetchval("select count(*) from robot_input_events") == 2
    assert await db.fetchval(query, 7.0, None) == 1  # the owner's days are the owner's business


# --- audit -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", ["robot_input_events", "audit_events", "cell_edit_events", "sheet_edit_events"])
@pytest.mark.parametrize("verb", ["update {} set task_id = null", "delete from {}", "truncate {}"])
async def test_the_audit_is_append_only_for_its_owner_too(db: Connection, table: str, verb: str) -> None:
    with pytest.raises(asyncpg.PostgresError, match="append-only") as refused:
        await db.execute(verb.format(table))
    assert refused.value.sqlstate == "RM008"


# --- producer --------------------------------------------------------------------------------------------------------


async def test_a_producer_follows_and_cancels_its_own_tasks_and_no_other_exists_for_it(
    login: MakeLogin, db: Connection
) -> None:
    session = await asyncpg.connect((await login("rowmill_producer")).dsn)
    strange = await enqueue(db, "toy.note", {"secret": SECRET})
    try:
        own = await session.fetchval("insert into task_queue (task_type) values ('toy.note') returning id")
        seen = await session.fetch("select id, status, attempts from task_queue")
        assert [tuple(row) for row in seen] == [(own, "pending", 0)]
        assert await session.fetchval("select explain_task($1)", own)
        assert await session.fetchval("select cancel_task($1)", own) == "cancelled"
        for call in ("cancel_task", "explain_task", "explain_task_json"):
            with pytest.raises(asyncpg.PostgresError) as refused:
                await session.fetchval(f"select {call}($1)", strange)
            assert refused.value.sqlstate == "RM005"
    finally:
        await session.close()
    assert (await task_row(db, strange))["status"] == "pending"


PRODUCER_MUST_NOT = (
    "select payload from task_queue",
    "select error_message from task_queue",
    "select output from task_queue",
    "select * from robot_input_events",
    "update task_queue set priority = 100",
    "delete from task_queue",
    "select retry_task(gen_random_uuid())",
    "select pause_operator('toy.note')",
    "select arm_bell('toy.note', now())",
    "select rowmill.ring('{toy.note}')",
    "select * from rowmill.claim('toy.note', 'me', 1, false, false, null)",
    "select * from monitoring.queue_depth",
    "update rowmill.task_types set paused_at = now()",
    "select * from cells",
)


async def test_what_a_producer_must_not_do_is_refused(login: MakeLogin) -> None:
    session = await asyncpg.connect((await login("rowmill_producer")).dsn)
    try:
        for statement in PRODUCER_MUST_NOT:
            with pytest.raises(REFUSED):
                await session.execute(statement)
    finally:
        await session.close()


# --- monitor ---------------------------------------------------------------------------------------------------------


async def test_a_monitor_sees_every_view_and_not_one_payload_key_or_error(
    login: MakeLogin, database: Database, db: Connection, workers: Workers
) -> None:
    await enqueue(db, "toy.note", {"wrong": SECRET}, max_attempts=1)
    running = await workers.start("toy.note")
    await all_ended(db)
    await running.stop()
    await enqueue(db, "toy.note", {"note": SECRET}, concurrency_key=SECRET, error_message=SECRET, dedupe_key=SECRET)
    await db.execute("update task_queue set scheduled_for = now() - interval '1 hour' where status = 'pending'")
    views = [row["name"] for row in await db.fetch(VIEWS)]
    assert len(views) > 8
    session = await asyncpg.connect((await login("rowmill_monitor")).dsn)
    try:
        shown = {view: str(await session.fetch(f"select * from {view}")) for view in views}
        task_id = await db.fetchval("select id from task_queue where status = 'failed'")
        shown["explain_task"] = await session.fetchval("select explain_task($1)", task_id)
        for table in (
            "task_queue",
            "robot_input_events",
            "audit_events",
            "rowmill.commands",
            "cells",
            "rowmill.schedules",
        ):
            with pytest.raises(REFUSED):
                await session.execute(f"select * from {table}")
        with pytest.raises(REFUSED):
            await session.fetchval("select cancel_task($1)", task_id)
    finally:
        await session.close()
    assert [view for view, text in shown.items() if SECRET in text] == []
    assert "toy.note" in shown["monitoring.queue_depth"]


# --- admin -----------------------------------------------------------------------------------------------------------


async def test_an_admin_acts_through_functions_and_writes_no_task_itself(login: MakeLogin, db: Connection) -> None:
    task_id = await enqueue(db, "toy.note", {}, status="failed", error_message="broken")
    await db.execute("insert into rowmill.task_types (task_type) values ('toy.note')")
    session = await asyncpg.connect((await login("rowmill_admin")).dsn)
    try:
        assert await session.fetchval("select error_message from task_queue where id = $1", task_id) == "broken"
        assert await session.fetchval("select retry_task($1)", task_id) == "pending"
        assert await session.fetchval("select cancel_task($1)", task_id) == "cancelled"
        assert await session.fetchval("select pause_operator('toy.note', 'a look')") == "paused"
        assert await session.fetchval("select resume_operator('toy.note')") == "resumed"
        hold = "insert into rowmill.holds (task_id, reason) values ($1, 'a lawsuit')"
        await session.execute(hold, task_id)
        for statement in ("update task_queue set priority = 1", "delete from task_queue", "delete from audit_events"):
            with pytest.raises(REFUSED):
                await session.execute(statement)
    finally:
        await session.close()


# --- an application's own role ---------------------------------------------------------------------------------------


async def test_a_login_that_edits_cells_cannot_say_that_it_is_the_committer(login: MakeLogin, db: Connection) -> None:
    """`rowmill.committing` keeps the committer's edits out of the SQL audit; anybody can set it, few are believed."""
    sheet = await db.fetchval(
        """with u as (insert into users (email) values ($1) returning id)
        insert into spreadsheets (name, owner_id) select 's', u.id from u returning id""",
        f"{uuid4()}@example.org",
    )
    column = await db.fetchval(
        "insert into sheet_columns (spreadsheet_id, position, title) values ($1, 1, 't') returning id", sheet
    )
    editor = await login(
        grants="""grant select, insert, update on spreadsheets, sheet_columns, cells to {role};
        grant usage on sequence rowmill.version to {role}"""
    )
    session = await asyncpg.connect(editor.dsn)
    try:
        await session.execute("set app.workspace_id = '00000000-0000-4000-8000-000000000001'")
        await session.execute("set rowmill.committing = 'on'")
        place = "insert into cells (spreadsheet_id, column_id, row_number, content) values ($1, $2, 1, 'a')"
        await session.execute(place, sheet, column)
        await session.execute("update cells set content = 'b'")
    finally:
        await session.close()
    events = await db.fetch("select sql_user, new_content from cell_edit_events order by id")
    assert [tuple(row) for row in events] == [(editor.name, "a"), (editor.name, "b")]
