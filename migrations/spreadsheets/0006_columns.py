"""Columns that look up, sort, call APIs and ask language models; what such calls cost, and their answers."""

from core.db.migrate import run_sql, run_sql_file
from core.settings import PROJECT

revision = "spreadsheets_0006"
down_revision = "spreadsheets_0005"
branch_labels = None
depends_on = None

TABLES = """
create index sheet_columns_match_idx on sheet_columns (lower(config ->> 'match'))
    where operator = 'spreadsheets.lookup' and deleted_at is null;
create index sheet_columns_value_idx on sheet_columns (lower(config ->> 'value'))
    where operator = 'spreadsheets.lookup' and deleted_at is null;

create table sheet_budgets (
    spreadsheet_id uuid primary key references spreadsheets (id) on delete cascade,
    tokens bigint not null constraint sheet_budgets_tokens check (tokens >= 0),
    used bigint not null default 0,
    updated_at timestamptz not null default now()
);

create table language_calls (
    id uuid primary key,
    spreadsheet_id uuid not null,
    cell_id uuid not null,
    task_id uuid,
    run_no bigint,
    granted boolean not null,
    reserved bigint not null,
    spent bigint,
    created_at timestamptz not null default now(),
    settled_at timestamptz
);
create index language_calls_sheet_idx on language_calls (spreadsheet_id, created_at);

create table language_answers (
    workspace_id uuid not null references workspaces (id) on delete cascade,
    prompt_hash text not null,
    answer text not null,
    model text not null,
    tokens bigint not null,
    created_at timestamptz not null default now(),
    primary key (workspace_id, prompt_hash)
);
"""
POLICIES = """
alter table sheet_budgets enable row level security;
create policy sheet_budgets_of_workspace on sheet_budgets using (
    exists (select from spreadsheets s
            where s.id = sheet_budgets.spreadsheet_id and s.workspace_id = rowmill.current_workspace()));
alter table language_calls enable row level security;
create policy language_calls_of_workspace on language_calls using (
    exists (select from spreadsheets s
            where s.id = language_calls.spreadsheet_id and s.workspace_id = rowmill.current_workspace()));
alter table language_answers enable row level security;
create policy language_answers_of_workspace on language_answers
    using (workspace_id = rowmill.current_workspace()) with check (workspace_id = rowmill.current_workspace());
"""


def upgrade() -> None:
    run_sql(TABLES)
    run_sql(POLICIES)
    run_sql_file(PROJECT / "workers" / "spreadsheets" / "triggers.sql")
