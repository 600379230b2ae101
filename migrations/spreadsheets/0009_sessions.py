"""Transformer sessions: processes of several steps over a sheet, in which a person may be asked."""

from core.db.migrate import run_sql, run_sql_file
from core.settings import PROJECT

revision = "spreadsheets_0009"
down_revision = "spreadsheets_0008"
branch_labels = None
depends_on = ("engine_0011",)

TABLES = """
create table transformer_sessions (
    id uuid primary key default gen_random_uuid(),
    workspace_id uuid not null default '00000000-0000-4000-8000-000000000001' references workspaces (id),
    spreadsheet_id uuid not null references spreadsheets (id) on delete cascade,
    kind varchar(100) not null,
    session_name varchar(255) not null,
    initial_input jsonb not null constraint transformer_sessions_input check (jsonb_typeof(initial_input) = 'object'),
    steps text[] not null,
    current_step integer not null default 1,
    total_steps integer not null,
    step_data jsonb not null default '{}',
    is_completed boolean not null default false,
    requires_user_input boolean not null default false,
    user_input_prompt text,
    user_input_schema jsonb,
    user_input_form jsonb,
    task_id uuid,
    started_by uuid references users (id),
    version bigint not null default nextval('rowmill.version'),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    completed_at timestamptz,
    cancelled_at timestamptz,
    constraint transformer_sessions_steps check (
        total_steps = cardinality(steps) and current_step between 1 and total_steps),
    constraint transformer_sessions_completed check (is_completed = (completed_at is not null)),
    constraint transformer_sessions_asks check (requires_user_input = (user_input_prompt is not null))
);
create index transformer_sessions_sheet_idx on transformer_sessions (spreadsheet_id, created_at);
create index transformer_sessions_name_idx on transformer_sessions (session_name);
create index transformer_sessions_status_idx on transformer_sessions (is_completed, requires_user_input);

alter table transformer_sessions enable row level security;
create policy transformer_sessions_of_workspace on transformer_sessions
    using (workspace_id = rowmill.current_workspace()) with check (workspace_id = rowmill.current_workspace());
"""


def upgrade() -> None:
    run_sql(TABLES)
    run_sql_file(PROJECT / "workers" / "spreadsheets" / "triggers.sql")
