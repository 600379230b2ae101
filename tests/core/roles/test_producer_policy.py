"""A producer's INSERT: every honest shape passes, what is forged is refused, and only its own workspace is served."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import asyncpg
import pytest

from core.db.connect import Connection
from tests.logins import Login, MakeLogin
from tests.running import enqueue, task_row

DEFAULT = UUID("00000000-0000-4000-8000-000000000001")
A, B = UUID(int=0xA), UUID(int=0xB)
INSERT = "insert into task_queue (task_type, workspace_id) values ('toy.note', $1) returning id"


@pytest.fixture
async def producer(login: MakeLogin) -> Login:
    return await login("rowmill_producer")


@pytest.fixture
async def session(producer: Login) -> AsyncIterator[Connection]:
    connection: Connection = await asyncpg.connect(producer.dsn)
    yield connection
    await connection.close()


ORM = """
insert into "task_queue" ("id", "task_type", "payload", "status", "priority", "attempts", "max_attempts",
    "scheduled_for", "started_at", "completed_at", "failed_at", "error_message", "worker_id", "created_at",
    "updated_at", "run_no", "crashes", "dedupe_key", "concurrency_key", "leader_id", "cancel_asked_at",
    "workspace_id", "parent_id", "enqueued_by", "output")
values (default, 'toy.note', '{}', default, default, default, default, default, default, default, default, default,
    default, default, default, default, default, default, default, default, default, default, default, default, default)
"""
HONEST = (
    "insert into task_queue (task_type) values ('toy.note')",
    "insert into task_queue (task_type, payload, priority) values ('toy.note', '{}', 10) returning id",
    "insert into task_queue (task_type) values ('toy.note') returning id, status, created_at",
    "insert into task_queue (task_type, dedupe_key) values ('toy.note', 'd') on conflict do nothing",
    "insert into task_queue (task_type, dedupe_key) values ('toy.note', 'd') on conflict do nothing returning id",
    """insert into task_queue (task_type, dedupe_key) values ('toy.note', 'd') on conflict (task_type, dedupe_key)
    where status in ('pending', 'processing', 'waiting') and dedupe_key is not null do nothing""",
    "insert into task_queue (task_type) select 'toy.note' from generate_series(1, 3)",
    """insert into task_queue (task_type, scheduled_for, max_attempts, concurrency_key)
    values ('toy.note', now() + interval '1 day', 1, 'k')""",
    ORM,
    f"{ORM} on conflict do nothing",
    f"{ORM} returning id, status",
)


@pytest.mark.parametrize("at", range(len(HONEST)))
async def test_every_honest_insert_passes(session: Connection, at: int) -> None:
    await session.execute(HONEST[at])
    assert await session.fetchval("select count(*) > 0 from task_queue")


async def test_copy_is_for_the_owner_postgresql_says(session: Connection, db: Connection) -> None:
    """PostgreSQL has no COPY into a table with row policies; the contract says so and names the INSERT of many rows."""
    records = [("toy.note", 5), ("toy.note", 7)]
    with pytest.raises(asyncpg.FeatureNotSupportedError, match="Use INSERT statements instead"):
        await session.copy_records_to_table("task_queue", records=records, columns=("task_type", "priority"))
    await db.copy_records_to_table("task_queue", records=records, columns=("task_type", "priority"))
    many = "insert into task_queue (task_type, priority) select 'toy.note', p from unnest($1::int[]) p"
    await session.execute(many, [5, 7])
    assert await db.fetchval("select count(*) from task_queue") == 4


FORGED = {
    "status": "'completed'",
    "attempts": "1",
    "run_no": "9",
    "crashes": "2",
    "worker_id": "'me'",
    "leader_id": "gen_random_uuid()",
    "parent_id": "gen_random_uuid()",
    "cancel_asked_at": "now()",
    "started_at": "now()",
    "completed_at": "now()",
    "failed_at": "now()",
    "error_message": "'a lie'",
    "output": """'{"rows_done": 5}'""",
    "enqueued_by": "'somebody else'",
    "workspace_id": "gen_random_uuid()",
}
FREE = {
    *("id", "task_type", "payload", "priority", "max_attempts", "scheduled_for", "created_at", "updated_at"),
    *("dedupe_key", "concurrency_key"),
}


@pytest.mark.parametrize("column", FORGED)
async def test_a_forged_column_is_refused(session: Connection, column: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
        await session.execute(f"insert into task_queue (task_type, {column}) values ('toy.note', {FORGED[column]})")
    assert await session.fetch("select id from task_queue") == []


async def test_every_column_is_either_free_or_pinned(db: Connection) -> None:
    """A new column of the queue: may a producer set it? Else it belongs into the policy and into FORGED."""
    rows = await db.fetch(
        "select attname from pg_attribute where attrelid = 'task_queue'::regclass and attnum > 0 and not attisdropped"
    )
    assert {row["attname"] for row in rows} == FREE | FORGED.keys()


# --- whose workspace -------------------------------------------------------------------------------------------------


async def refused(session: Connection, workspace: UUID | None) -> bool:
    """Whether a plain INSERT and the function agree that this may not be enqueued."""
    answers = []
    for query, errors in (
        (INSERT, {"42501"}),
        ("select id from enqueue_task('toy.note', workspace_id => $1)", {"RM007"}),
    ):
        try:
            await session.fetchval(query, workspace)
            answers.append(False)
        except asyncpg.PostgresError as error:
            answers.append(error.sqlstate in errors)
    assert answers[0] == answers[1]
    return answers[0]


@pytest.fixture(autouse=True)
async def _published(db: Connection) -> None:
    await db.execute("insert into rowmill.task_types (task_type, published_at) values ('toy.note', now())")


async def test_a_producer_that_says_nothing_serves_the_default_workspace(session: Connection) -> None:
    assert [await refused(session, each) for each in (None, DEFAULT, A)] == [False, False, True]


async def test_a_session_that_says_its_workspace_serves_that_one_and_its_tasks_carry_it(
    session: Connection, db: Connection
) -> None:
    await session.execute(f"set app.workspace_id = '{A}'")
    assert [await refused(session, each) for each in (A, B, DEFAULT)] == [False, True, True]
    plain = await session.fetchval("insert into task_queue (task_type) values ('toy.note') returning id")
    checked = await session.fetchval("select id from enqueue_task('toy.note')")
    assert {(await task_row(db, each))["workspace_id"] for each in (plain, checked)} == {A}


async def test_a_bound_login_serves_its_workspaces_whatever_its_session_says(
    producer: Login, session: Connection, db: Connection
) -> None:
    await db.execute("insert into rowmill.producers (login, workspace_id) values ($1, $2)", producer.name, A)
    assert [await refused(session, each) for each in (A, B, DEFAULT, None)] == [False, True, True, True]
    await session.execute(f"set app.workspace_id = '{B}'")
    assert [await refused(session, each) for each in (A, B)] == [False, True]
    await db.execute("insert into rowmill.producers (login, workspace_id) values ($1, $2)", producer.name, B)
    assert [await refused(session, each) for each in (A, B, DEFAULT)] == [False, False, True]


async def test_another_applications_trigger_enqueues_for_the_workspace_of_the_login(
    producer: Login, session: Connection, db: Connection
) -> None:
    """A DEFINER trigger is no way round: the function asks for the login, not for the owner of the trigger."""
    await db.execute(
        f"""
        create table orders (id int, workspace_id uuid);
        grant insert on orders to {producer.name};
        create function order_placed() returns trigger language plpgsql security definer
        set search_path = pg_catalog, pg_temp as $$
        begin
            perform public.enqueue_task('toy.note', workspace_id => new.workspace_id);
            return null;
        end $$;
        create trigger order_placed after insert on orders for each row execute function order_placed();
        insert into rowmill.producers (login, workspace_id) values ('{producer.name}', '{A}')
        """
    )
    await session.execute("insert into orders values (1, $1)", A)
    with pytest.raises(asyncpg.PostgresError, match="may not enqueue for the workspace"):
        await session.execute("insert into orders values (2, $1)", B)
    assert await db.fetchval("select array_agg(workspace_id) from task_queue") == [A]


async def test_the_owner_enqueues_for_every_workspace(db: Connection) -> None:
    for workspace in (None, A, uuid4()):
        assert (await task_row(db, await enqueue(db, "toy.note", {}, workspace_id=workspace)))[
            "workspace_id"
        ] == workspace
        assert await db.fetchval("select created from enqueue_task('toy.note', workspace_id => $1)", workspace)
