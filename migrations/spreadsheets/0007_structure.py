"""Rows with a height, hidden or deleted, and brought back; the edits of one command are found, so that they can be
undone."""

from core.db.migrate import run_sql, run_sql_file
from core.settings import PROJECT

revision = "spreadsheets_0007"
down_revision = "spreadsheets_0006"
branch_labels = None
depends_on = None

TABLES = """
create table sheet_rows (
    spreadsheet_id uuid not null references spreadsheets (id) on delete cascade,
    row_number integer not null,
    height integer,
    is_visible boolean,
    primary key (spreadsheet_id, row_number)
);
create table removed_cells (
    event_id uuid not null,
    id uuid not null,
    spreadsheet_id uuid not null references spreadsheets (id) on delete cascade,
    column_id uuid not null references sheet_columns (id) on delete cascade,
    row_number integer not null,
    content text,
    formatted_content jsonb,
    cell_type varchar(50) not null,
    is_formula boolean not null,
    version bigint not null,
    created_at timestamptz not null,
    primary key (event_id, id)
);
"""
POLICY = """
alter table {table} enable row level security;
create policy {table}_of_workspace on {table} using (
    exists (select from spreadsheets s
            where s.id = {table}.spreadsheet_id and s.workspace_id = rowmill.current_workspace()));
"""


def upgrade() -> None:
    run_sql(TABLES)
    for table in ("sheet_rows", "removed_cells"):
        run_sql(POLICY.format(table=table))
    run_sql_file(PROJECT / "workers" / "spreadsheets" / "triggers.sql")
