"""Spreadsheets, their columns and cells, and the audit of every cell. Triggers live in the domain's triggers.sql."""

from core.db.migrate import run_sql, run_sql_file
from core.settings import PROJECT

revision = "spreadsheets_0001"
down_revision = None
branch_labels = ("spreadsheets",)
depends_on = ("people_0001",)

TABLES = """
create table spreadsheets (
    id uuid primary key default gen_random_uuid(),
    workspace_id uuid not null default '00000000-0000-4000-8000-000000000001' references workspaces (id),
    name varchar(255) not null,
    description text,
    owner_id uuid not null references users (id),
    is_public boolean not null default false,
    default_columns integer not null default 2,
    default_rows integer not null default 8,
    version bigint not null default nextval('rowmill.version'),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    deleted_at timestamptz
);
create index spreadsheets_owner_idx on spreadsheets (owner_id);
create index spreadsheets_name_idx on spreadsheets (name);
create index spreadsheets_workspace_idx on spreadsheets (workspace_id);

create table sheet_columns (
    id uuid primary key default gen_random_uuid(),
    spreadsheet_id uuid not null references spreadsheets (id) on delete cascade,
    position integer not null,
    title varchar(255) not null,
    width integer not null default 150,
    is_visible boolean not null default true,
    operator varchar(100),
    config jsonb not null default '{}',
    version bigint not null default nextval('rowmill.version'),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    deleted_at timestamptz
);
create unique index sheet_columns_position_key on sheet_columns (spreadsheet_id, position) where deleted_at is null;

create table column_inputs (
    column_id uuid not null references sheet_columns (id) on delete cascade,
    ordinal integer not null,
    input_column_id uuid not null references sheet_columns (id) on delete cascade,
    primary key (column_id, ordinal),
    constraint column_inputs_not_itself check (column_id <> input_column_id)
);
create index column_inputs_input_idx on column_inputs (input_column_id);

create table cells (
    id uuid primary key default gen_random_uuid(),
    spreadsheet_id uuid not null references spreadsheets (id) on delete cascade,
    column_id uuid not null references sheet_columns (id) on delete cascade,
    row_number integer not null constraint cells_row_number check (row_number > 0),
    content text,
    formatted_content jsonb,
    cell_type varchar(50) not null default 'text',
    is_formula boolean not null default false,
    version bigint not null default nextval('rowmill.version'),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint cells_place_key unique (spreadsheet_id, column_id, row_number)
) with (fillfactor = 90);
create index cells_column_idx on cells (column_id, row_number);

create table cell_edit_events (
    id uuid primary key default rowmill.uuid7(),
    cell_id uuid not null,
    spreadsheet_id uuid not null,
    column_id uuid not null,
    row_number integer not null,
    user_id uuid,
    task_id uuid,
    run_no bigint,
    command_id uuid,
    sql_user text,
    old_content text,
    new_content text,
    edit_type varchar(50) not null default 'manual' constraint cell_edit_events_edit_type check (
        edit_type in ('manual', 'robot', 'import', 'undo', 'sql')),
    xact_id xid8 not null default pg_current_xact_id(),
    created_at timestamptz not null default clock_timestamp(),
    constraint cell_edit_events_one_author check (num_nonnulls(user_id, task_id, sql_user) = 1)
);
create index cell_edit_events_cell_idx on cell_edit_events (cell_id, id);
create index cell_edit_events_task_idx on cell_edit_events (task_id) where task_id is not null;
create index cell_edit_events_user_idx on cell_edit_events (user_id) where user_id is not null;
create index cell_edit_events_time_idx on cell_edit_events using brin (created_at);
"""


def upgrade() -> None:
    run_sql(TABLES)
    run_sql_file(PROJECT / "workers" / "spreadsheets" / "triggers.sql")
