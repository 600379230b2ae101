"""What the live feed reads: changes in the order of their transactions, and the audit of a sheet's structure."""

from core.db.migrate import run_sql, run_sql_file
from core.settings import PROJECT

revision = "spreadsheets_0003"
down_revision = "spreadsheets_0002"
branch_labels = None
depends_on = None

TABLES = """
create table sheet_edit_events (
    id uuid primary key default rowmill.uuid7(),
    spreadsheet_id uuid not null,
    column_id uuid,
    action varchar(50) not null,
    before jsonb,
    after jsonb,
    user_id uuid,
    task_id uuid,
    run_no bigint,
    command_id uuid,
    sql_user text,
    xact_id xid8 not null default pg_current_xact_id(),
    created_at timestamptz not null default clock_timestamp(),
    constraint sheet_edit_events_one_author check (num_nonnulls(user_id, task_id, sql_user) = 1)
);
create index sheet_edit_events_feed_idx on sheet_edit_events (spreadsheet_id, xact_id);
create index cell_edit_events_feed_idx on cell_edit_events (spreadsheet_id, xact_id);
"""


def upgrade() -> None:
    run_sql(TABLES)
    run_sql_file(PROJECT / "workers" / "spreadsheets" / "triggers.sql")
