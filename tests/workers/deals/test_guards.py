"""What the database refuses by itself, whoever writes; and that its tables are those of the product's document."""

from __future__ import annotations

import itertools
import json

import asyncpg
import pytest

from core.db.connect import Connection
from tests.logins import MakeLogin
from tests.workers.deals.seeds import Seeded, add, add_draft, approve, draft_row, seed
from workers.deals.model import DELIVERIES, MOVES, STATUSES, WrongState, require_move

DOCUMENTED = {
    "deals": "id seeker_name seeker_email company_name team_size monthly_budget requirements stage created_at",
    "spaces": "id name address neighborhood host_company host_email host_context amenities availability monthly_rate "
    "detailed_amenities created_at",
    "emails": "id deal_id from to subject body sent_at ai_generated ai_metadata",
    "deal_spaces": "id deal_id space_id status created_at",
    "email_drafts": "id deal_id inbound_email_id ai_generated_body edited_body final_body confidence_score status "
    "reasoning metadata validation regeneration_count last_regeneration_at current_version draft_versions created_at "
    "reviewed_at reviewed_by sent_at sent_email_id archived_at archived_by archive_reason",
}
INDEXES = """
idx_emails_deal_id idx_deal_spaces_deal_id idx_deal_spaces_space_id idx_email_drafts_deal_id
idx_email_drafts_inbound_email_id idx_email_drafts_status idx_emails_sent_at idx_spaces_amenities idx_deals_requirements
idx_email_drafts_reasoning idx_email_drafts_deal_status idx_emails_deal_sent
"""
SEND = """
with mail as (
    insert into emails (deal_id, "from", "to", subject, body, direction)
    values ($2, 'a@example.org', 'b@example.org', 's', 'b', 'outbound') returning id
)
update email_drafts d set status = 'sent', sent_at = now(), sent_email_id = m.id from mail m where d.id = $1
"""
ARCHIVE = """
update email_drafts set status = 'archived', archived_from = status, archived_at = now(), archived_by = 'me'
where id = $1
"""
RESTORE = """
update email_drafts set status = $2, archived_from = null, archived_at = null, archived_by = null where id = $1
"""


@pytest.fixture
async def seeded(db: Connection) -> Seeded:
    return await seed(db)


async def brought_to(db: Connection, seeded: Seeded, status: str) -> int:
    draft_id = await add_draft(db, seeded)
    if status in {"approved", "sent"}:
        await approve(db, draft_id)
    if status == "sent":
        await db.execute(SEND, draft_id, seeded.deal_id)
    if status == "archived":
        await db.execute(ARCHIVE, draft_id)
    assert (await draft_row(db, draft_id))["status"] == status
    return draft_id


async def test_every_documented_column_and_recommended_index_is_there(db: Connection) -> None:
    for table, written in DOCUMENTED.items():
        rows = await db.fetch(
            "select column_name, data_type from information_schema.columns where table_name = $1 and table_schema = "
            "'public'",
            table,
        )
        assert set(written.split()) - {row["column_name"] for row in rows} == set(), table
        assert [row["data_type"] for row in rows if row["column_name"] == "id"] == ["integer"]
    names = {row["indexname"] for row in await db.fetch("select indexname from pg_indexes where schemaname = 'public'")}
    assert set(INDEXES.split()) - names == set()


async def test_the_database_allows_the_moves_of_the_table_and_no_others(db: Connection) -> None:
    drafts = await db.fetch("select from_status, to_status from deals_draft_moves()")
    assert {tuple(row) for row in drafts} == set(MOVES)
    deliveries = await db.fetch("select from_state, to_state from deals_delivery_moves()")
    assert {tuple(row) for row in deliveries} == set(DELIVERIES)


@pytest.mark.parametrize(
    ("status", "to"), [each for each in itertools.permutations(STATUSES, 2) if each not in set(MOVES)]
)
async def test_a_move_that_is_not_listed_is_refused_by_rules_and_database(
    db: Connection, seeded: Seeded, status: str, to: str
) -> None:
    draft_id = await brought_to(db, seeded, status)
    with pytest.raises(asyncpg.PostgresError) as refused:
        await db.execute("update email_drafts set status = $2 where id = $1", draft_id, to)
    assert refused.value.sqlstate == "RM003"
    with pytest.raises(WrongState, match=f"draft 1 is {status} and cannot become {to}; "):
        require_move(1, status, to)  # type: ignore[arg-type]


@pytest.mark.parametrize("status", ["approved", "sent", "archived"])
async def test_the_text_is_fixed_unless_the_draft_is_pending_again(db: Connection, seeded: Seeded, status: str) -> None:
    draft_id = await brought_to(db, seeded, status)
    entry = json.dumps([{"version": 0, "body": "Another text"}])
    with pytest.raises(asyncpg.PostgresError, match=r"is fixed while it is|approved_text"):
        await db.execute(
            "update email_drafts set final_body = 'Another text', draft_versions = $2 where id = $1", draft_id, entry
        )


async def test_an_approval_holds_for_the_text_that_was_read_alone(db: Connection, seeded: Seeded) -> None:
    draft_id = await add_draft(db, seeded)
    with pytest.raises(asyncpg.CheckViolationError, match="email_drafts_approved_text"):
        await db.execute(
            "update email_drafts set status = 'approved', reviewed_at = now(), approved_sha256 = 'other' where id = $1",
            draft_id,
        )


async def test_a_draft_that_failed_is_approved_with_a_reason_alone(db: Connection, seeded: Seeded) -> None:
    failed = {"status": "failed", "issues": ["wrong"], "checkedAt": "2026-01-01T00:00:00Z"}
    draft_id = await add_draft(db, seeded, validation=failed)
    with pytest.raises(asyncpg.CheckViolationError, match="email_drafts_checked"):
        await approve(db, draft_id)
    await db.execute("update email_drafts set override_reason = 'the host has confirmed it' where id = $1", draft_id)
    await approve(db, draft_id)


@pytest.mark.parametrize("status", ["pending", "approved", "sent"])
async def test_an_archived_draft_goes_back_to_what_it_was_and_nowhere_else(
    db: Connection, seeded: Seeded, status: str
) -> None:
    draft_id = await brought_to(db, seeded, status)
    await db.execute(ARCHIVE, draft_id)
    for other in {"pending", "approved", "sent"} - {status}:
        with pytest.raises(asyncpg.PostgresError, match="restore it to that"):
            await db.execute(RESTORE, draft_id, other)
    await db.execute(RESTORE, draft_id, status)
    assert (await draft_row(db, draft_id))["status"] == status


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("deals", "team_size", 0),
        ("deals", "stage", "lost"),
        ("deals", "requirements", "[]"),
        ("spaces", "monthly_rate", -1),
        ("deal_spaces", "status", "liked"),
        ("email_drafts", "regeneration_count", 4),
        ("email_drafts", "confidence_score", 101),
        ("email_drafts", "validation", '{"status": "fine", "issues": []}'),
        ("email_drafts", "validation", '{"issues": []}'),
        ("email_drafts", "validation", '{"status": "passed"}'),
        ("email_drafts", "validation", "[]"),
        ("email_drafts", "reasoning", "[]"),
        ("email_drafts", "metadata", '"text"'),
        ("email_drafts", "draft_versions", "{}"),
        ("deals", "monthly_budget", -1),
        ("spaces", "amenities", "[]"),
        ("spaces", "availability", "[]"),
        ("spaces", "detailed_amenities", "[]"),
        ("emails", "ai_metadata", "[]"),
        ("emails", "direction", "sideways"),
    ],
)
async def test_values_outside_the_documented_sets_are_refused(
    db: Connection, seeded: Seeded, table: str, column: str, value: object
) -> None:
    await add_draft(db, seeded)
    with pytest.raises(asyncpg.CheckViolationError):
        await db.execute(f"update {table} set {column} = $1", value)


async def test_a_status_outside_the_documented_set_is_no_move_and_no_beginning(db: Connection, seeded: Seeded) -> None:
    draft_id = await add_draft(db, seeded)
    with pytest.raises(asyncpg.PostgresError, match="is pending and cannot become lost"):
        await db.execute("update email_drafts set status = 'lost' where id = $1", draft_id)
    with pytest.raises(asyncpg.PostgresError, match="begins as pending, not as lost"):
        await add_draft(db, seeded, status="lost")


@pytest.mark.parametrize("to_version", [-1, 1])
async def test_the_active_version_is_one_of_the_versions(db: Connection, seeded: Seeded, to_version: int) -> None:
    draft_id = await add_draft(db, seeded)
    with pytest.raises(asyncpg.CheckViolationError, match="email_drafts_active_version"):
        await db.execute("update email_drafts set current_version = $2 where id = $1", draft_id, to_version)


async def test_nothing_that_others_point_at_is_deleted_with_them(db: Connection, seeded: Seeded) -> None:
    """D4.9: every foreign key is NO ACTION."""
    draft_id = await add_draft(db, seeded)
    kinds = await db.fetch(
        "select distinct confdeltype::text as kind from pg_constraint where contype = 'f' and conrelid in ("
        "'deals'::regclass, 'spaces'::regclass, 'deal_spaces'::regclass, 'emails'::regclass, 'email_drafts'::regclass, "
        "'email_deliveries'::regclass, 'inbound_emails'::regclass)"
    )
    assert [row["kind"] for row in kinds] == ["a"]
    for table in ("deals", "spaces", "emails"):
        with pytest.raises(asyncpg.ForeignKeyViolationError):
            await db.execute(f"delete from {table}")
    assert (await draft_row(db, draft_id))["deal_id"] == seeded.deal_id


async def test_a_row_cannot_point_into_another_workspace(db: Connection, seeded: Seeded) -> None:
    other = await db.fetchval("insert into workspaces (name) values ('other') returning id")
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await add(
            db, "emails", deal_id=seeded.deal_id, workspace_id=other, **{"from": "a", "to": "b"}, subject="", body=""
        )


async def test_row_policies_show_a_login_its_own_workspace_alone(db: Connection, login: MakeLogin) -> None:
    other = await db.fetchval("insert into workspaces (name) values ('other') returning id")
    await seed(db)
    theirs = await seed(db, other)
    draft_id = await add_draft(db, theirs, workspace_id=other)
    await db.execute(
        "insert into email_deliveries (workspace_id, draft_id, state, message_id, sender, recipient, subject, body, "
        "body_sha256) values ($1, $2, 'ready', '<x@y>', 'a', 'b', 's', 'b', 'h')",
        other,
        draft_id,
    )
    await db.execute(
        'insert into inbound_emails (id, workspace_id, message_id, "from", "to", subject, body, sent_at, source) '
        "values (gen_random_uuid(), $1, '<in@x>', 'a', 'b', 's', 'b', now(), 'sql')",
        other,
    )
    worker = await asyncpg.connect((await login("rowmill_worker")).dsn)
    tables = ("deals", "spaces", "deal_spaces", "emails", "email_drafts", "email_deliveries", "inbound_emails")
    for table in (*tables, "draft_archive_reasons"):
        assert await worker.fetchval(f"select count(*) from {table}") == 0
    async with worker.transaction():
        await worker.execute(f"set local app.workspace_id = '{other}'")
        assert await worker.fetchval("select array_agg(id) from deals") == [theirs.deal_id]
        for table in tables:
            assert await worker.fetchval(f"select count(*) from {table} where workspace_id = $1", other) > 0, table
            assert await worker.fetchval(f"select count(*) from {table} where workspace_id <> $1", other) == 0, table
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await worker.execute("update deals set workspace_id = gen_random_uuid()")
    await worker.close()


async def test_a_change_by_plain_sql_gets_a_version_and_an_audit_row(db: Connection, seeded: Seeded) -> None:
    before = await db.fetchval("select version from deals where id = $1", seeded.deal_id)
    await db.execute("update deals set stage = 'closed' where id = $1", seeded.deal_id)
    assert await db.fetchval("select version from deals where id = $1", seeded.deal_id) > before
    row = await db.fetchrow("select * from audit_events where entity = 'deal' order by id desc limit 1")
    assert row is not None
    assert row["action"] == "sql_update"
    assert json.loads(row["after"])["sql_user"] == await db.fetchval("select session_user")
