"""An older application's table, keyed by user: its rows are taken over into workspaces, whole."""

from __future__ import annotations

import json

import pytest

from core import RowmillError, domains
from core.db.migrate import migrate
from tests.running import Database

OLD = """
create table work_orders (
    id uuid primary key default gen_random_uuid(), user_id text not null, work_order_number text, customer_name text,
    total text, created_at timestamptz not null default '2025-01-02 03:04:05Z'
);
create index work_orders_user on work_orders (user_id);
insert into work_orders (id, user_id, work_order_number, customer_name, total) values
    ('00000000-0000-4000-8000-000000000011', 'user_a', 'WO-1', 'Mill Lane', '12'),
    ('00000000-0000-4000-8000-000000000012', 'user_a', 'wo 1', 'Mill Lane again', '13'),
    ('00000000-0000-4000-8000-000000000013', 'user_b', 'WO-1', 'Depot', null);
"""
OURS = domains.discover(["workers.work_orders"])


async def test_rows_keyed_by_user_become_rows_of_workspaces(bare_database: Database) -> None:
    db = await bare_database.connect()
    await db.execute(OLD)
    await migrate(bare_database.dsn, OURS)
    rows = await db.fetch(
        """
        select w.id::text as id, u.external_id, w.work_order_number, w.customer_name, w.extra, w.status, w.created_at,
            w.workspace_id
        from work_orders w join workspace_members m on m.workspace_id = w.workspace_id join users u on u.id = m.user_id
        order by w.id
        """
    )
    assert [(row["id"][-2:], row["external_id"], row["work_order_number"], row["status"]) for row in rows] == [
        ("11", "user_a", "WO-1", "READY"),
        ("12", "user_a", None, "REVIEW"),
        ("13", "user_b", "WO-1", "READY"),
    ]
    assert rows[0]["workspace_id"] == rows[1]["workspace_id"] != rows[2]["workspace_id"]
    assert [json.loads(row["extra"]) for row in rows] == [{"total": "12"}, {"total": "13"}, {}]
    assert {row["created_at"].year for row in rows} == {2025}
    assert await db.fetchval("select kind from work_order_reviews") == "no_number"
    assert await db.fetchval("select count(*) from work_orders_before.work_orders") == 3
    assert await db.fetchval("select count(*) from export_jobs") == 0

    taken = await db.fetchval("select get_or_create_workspace('sheet of a', 'user_a')")
    assert taken == rows[0]["workspace_id"]
    assert await db.fetchval("select count(*) from export_jobs where workspace_id = $1", taken) == 2
    assert await migrate(bare_database.dsn, OURS) == []


async def test_each_number_that_comes_again_is_a_question_of_its_own(bare_database: Database) -> None:
    db = await bare_database.connect()
    await db.execute(OLD)
    await db.execute(
        "insert into work_orders (user_id, work_order_number) select 'user_b', 'wo-1' from generate_series(1, 3)"
    )
    await migrate(bare_database.dsn, OURS)
    in_review = await db.fetch("select id from work_orders where status = 'REVIEW' order by id")
    asked = await db.fetch(
        "select work_order_id as id from work_order_reviews where resolution is null order by work_order_id"
    )
    assert (len(in_review), in_review) == (4, asked)


OTHER = """
create table work_orders (
    id serial primary key, user_id integer, "workOrderNumber" text, "dueOn" text, total numeric
);
insert into work_orders (user_id, "workOrderNumber", "dueOn", total) values
    (7, 'A-1', '2025-02-03', 12.5), (null, 'A-1', 'soon', null), (null, null, null, null);
"""


async def test_rows_of_nobody_and_ids_that_are_no_uuids_are_taken_over_too(bare_database: Database) -> None:
    db = await bare_database.connect()
    await db.execute(OTHER)
    await migrate(bare_database.dsn, OURS)
    rows = await db.fetch(
        """
        select u.external_id, w.work_order_number, w.due_on::text as due_on, w.extra
        from work_orders w join workspace_members m on m.workspace_id = w.workspace_id join users u on u.id = m.user_id
        order by (w.extra ->> 'id_before')::int
        """
    )
    assert [(row["external_id"], row["work_order_number"], row["due_on"]) for row in rows] == [
        ("7", "A-1", "2025-02-03"),
        ("unknown", "A-1", None),
        ("unknown", None, None),
    ]
    assert [json.loads(row["extra"]) for row in rows] == [
        {"total": "12.5", "id_before": 1},
        {"due_on_as_written": "soon", "id_before": 2},
        {"id_before": 3},
    ]


async def test_a_table_of_that_name_without_a_user_is_not_ours_to_take_over(bare_database: Database) -> None:
    db = await bare_database.connect()
    await db.execute("create table work_orders (id uuid primary key, title text)")
    with pytest.raises(RowmillError, match="work_orders"):
        await migrate(bare_database.dsn, OURS)
    assert await db.fetchval("select count(*) from information_schema.columns where table_name = 'work_orders'") == 2
