"""Properties, vendors, stages and turns; their audit; the change log that shapes are served from."""

from core.db.migrate import run_sql, run_sql_file
from core.settings import PROJECT

revision = "turns_0001"
down_revision = None
branch_labels = ("turns",)
depends_on = ("engine_0008", "people_0003")

BASE = """
    id uuid primary key default gen_random_uuid(),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    version integer not null default 1,
    workspace_id uuid not null default '00000000-0000-4000-8000-000000000001' references workspaces (id),
    created_by uuid,
    updated_by uuid,
"""

# The unique columns are unique over all workspaces, as the document has them: a client that follows two workspaces
# holds their rows in one table.
TABLES = """
create type approval_status as enum ('PENDING', 'DFO_APPROVAL_NEEDED', 'DFO_APPROVED', 'HO_APPROVAL_NEEDED',
    'HO_APPROVED', 'REJECTED');

create table properties ({BASE}
    property_id varchar(50) not null,
    name varchar(255) not null,
    street_address varchar(255) not null,
    city varchar(100),
    state varchar(50),
    zip_code varchar(20),
    country varchar(100) default 'United States',
    year_built integer,
    area_sqft integer,
    bedrooms numeric(3, 1),
    bathrooms numeric(3, 1),
    is_active boolean not null default true,
    is_core boolean not null default true,
    property_manager_id uuid references users (id),
    sr_property_manager_id uuid references users (id)
);
create unique index properties_property_id_idx on properties (property_id);
create index properties_is_active_idx on properties (is_active);
create index properties_manager_idx on properties (property_manager_id);
create index idx_properties_manager on properties (property_manager_id, is_active);

create table vendors ({BASE}
    name varchar(255) not null,
    email varchar(255),
    phone varchar(20),
    trade varchar(100),
    is_active boolean not null default true,
    is_approved boolean not null default false
);
create index vendors_active_idx on vendors (is_active, is_approved);

create table turn_stages ({BASE}
    name varchar(100) not null,
    display_order integer not null unique,
    color varchar(7) default '#000000',
    is_amount_required boolean not null default false,
    is_vendor_required boolean not null default false,
    requires_approval boolean not null default false,
    is_complete_stage boolean not null default false,
    is_active boolean not null default true
);

create table turns ({BASE}
    turn_id varchar(50) not null,
    property_id uuid not null references properties (id),
    stage_id uuid not null references turn_stages (id),
    wo_number varchar(50),
    move_out_date date,
    turn_amount numeric(10, 2),
    approved_turn_amount numeric(10, 2),
    vendor_id uuid references vendors (id),
    expected_completion_date date,
    turn_completion_date date,
    approval_status approval_status default 'PENDING',
    is_active boolean not null default true
);
create unique index turns_turn_id_idx on turns (turn_id);
create index turns_property_id_idx on turns (property_id);
create index turns_stage_id_idx on turns (stage_id);
create index turns_vendor_id_idx on turns (vendor_id);
create index turns_is_active_idx on turns (is_active);
create index idx_turns_active on turns (is_active, stage_id);
create index turns_due_idx on turns (expected_completion_date) where is_active and turn_completion_date is null;

create table approval_steps (
    from_status approval_status not null,
    to_status approval_status not null,
    role user_role not null,
    primary key (from_status, to_status, role)
);
insert into approval_steps (from_status, to_status, role)
select s.from_status::approval_status, s.to_status::approval_status, r.role
from (values ('PENDING', 'DFO_APPROVAL_NEEDED',
                 '{PROPERTY_MANAGER,SR_PROPERTY_MANAGER,ADMIN,SUPER_ADMIN}'::user_role[]),
             ('DFO_APPROVAL_NEEDED', 'DFO_APPROVED', '{DFO_APPROVER,SUPER_ADMIN}'),
             ('DFO_APPROVAL_NEEDED', 'REJECTED', '{DFO_APPROVER,SUPER_ADMIN}'),
             ('DFO_APPROVED', 'HO_APPROVAL_NEEDED',
                 '{PROPERTY_MANAGER,SR_PROPERTY_MANAGER,DFO_APPROVER,ADMIN,SUPER_ADMIN}'),
             ('HO_APPROVAL_NEEDED', 'HO_APPROVED', '{HO_APPROVER,SUPER_ADMIN}'),
             ('HO_APPROVAL_NEEDED', 'REJECTED', '{HO_APPROVER,SUPER_ADMIN}'),
             ('REJECTED', 'PENDING', '{PROPERTY_MANAGER,SR_PROPERTY_MANAGER,ADMIN,SUPER_ADMIN}'))
    as s (from_status, to_status, roles)
cross join lateral unnest(s.roles) as r (role);

create table turn_policy (
    one boolean primary key default true constraint turn_policy_one check (one),
    ho_approval_limit numeric(10, 2) not null default 5000
);
insert into turn_policy default values;

create table turn_notices (
    id uuid primary key default rowmill.uuid7(),
    workspace_id uuid not null references workspaces (id),
    turn_id uuid not null,
    user_id uuid not null references users (id) on delete cascade,
    kind varchar(50) not null,
    turn_version integer not null,
    told varchar(500) not null,
    task_id uuid,
    created_at timestamptz not null default clock_timestamp(),
    seen_at timestamptz,
    constraint turn_notices_once unique (turn_id, user_id, kind, turn_version)
);
create index turn_notices_user_idx on turn_notices (user_id, created_at);

create table audit_logs (
    id uuid primary key default rowmill.uuid7(),
    created_at timestamptz not null default clock_timestamp(),
    workspace_id uuid,
    table_name varchar(63) not null,
    row_id uuid not null,
    action varchar(10) not null constraint audit_logs_action check (action in ('insert', 'update', 'delete')),
    user_id uuid,
    task_id uuid,
    run_no bigint,
    command_id uuid,
    sql_user text not null default session_user,
    changed_columns text[],
    old_values jsonb,
    new_values jsonb,
    xact_id xid8 not null default pg_current_xact_id()
);
create index audit_logs_row_idx on audit_logs (row_id, id);
create index audit_logs_user_idx on audit_logs (user_id, id) where user_id is not null;
create index audit_logs_time_idx on audit_logs using brin (created_at);

create table turn_operations (
    id uuid primary key,
    user_id uuid not null references users (id) on delete cascade,
    digest bytea not null,
    answer jsonb not null,
    created_at timestamptz not null default clock_timestamp()
);
create index turn_operations_time_idx on turn_operations using brin (created_at);
""".replace("{BASE}", BASE)

# What is still in the outbox has no place in the log yet. Rows live there for milliseconds.
LOG = """
create table sync_outbox (
    id bigint generated always as identity primary key,
    xact_id xid8 not null default pg_current_xact_id(),
    rel oid not null,
    op varchar(1) not null,
    old_row jsonb,
    new_row jsonb,
    workspace_id uuid
) with (autovacuum_vacuum_threshold = 500, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_cost_delay = 0);

create table sync_feed (
    lsn bigint not null,
    pos integer not null,
    xact_id xid8 not null,
    rel oid not null,
    op varchar(1) not null,
    old_row jsonb,
    new_row jsonb,
    workspace_id uuid,
    created_at timestamptz not null default clock_timestamp(),
    primary key (lsn, pos)
);
create index sync_feed_rel_idx on sync_feed (rel, lsn);

create table sync_head (
    one boolean primary key default true constraint sync_head_one check (one),
    lsn bigint not null,
    pruned bigint not null,
    epoch bigint not null default 1
);
insert into sync_head (lsn, pruned)
select s.start, s.start from (select (extract(epoch from clock_timestamp()) * 1000)::bigint * 1000 as start) s;

create table sync_shapes (
    handle varchar(80) primary key,
    definition varchar(32) not null,
    rel oid not null,
    layout varchar(32) not null,
    spec jsonb not null,
    snapshot_lsn bigint not null,
    waiting xid8[] not null,
    snapshot text not null,
    chunks integer not null,
    row_count bigint not null,
    byte_count bigint not null,
    is_current boolean not null default true,
    made_at timestamptz not null default clock_timestamp(),
    used_at timestamptz not null default clock_timestamp()
);
create unique index sync_shapes_current_idx on sync_shapes (definition) where is_current;
create index sync_shapes_rel_idx on sync_shapes (rel);

create unlogged table sync_chunks (
    handle varchar(80) not null references sync_shapes (handle) on delete cascade,
    number integer not null,
    body text not null,
    primary key (handle, number)
);
alter table sync_chunks alter column body set storage external;
"""

WORKSPACES = """
alter table {table} enable row level security;
create policy {table}_of_workspace on {table}
    using (workspace_id = rowmill.current_workspace()) with check (workspace_id = rowmill.current_workspace());
"""
LOGS = """
alter table {table} enable row level security;
create policy {table}_of_workspace on {table}
    using (workspace_id is null or workspace_id = rowmill.current_workspace())
    with check (workspace_id is null or workspace_id = rowmill.current_workspace());
"""


def upgrade() -> None:
    run_sql(TABLES)
    run_sql(LOG)
    run_sql_file(PROJECT / "workers" / "turns" / "triggers.sql")
    for table in ("properties", "vendors", "turn_stages", "turns", "turn_notices"):
        run_sql(WORKSPACES.format(table=table))
    for table in ("audit_logs", "sync_feed"):
        run_sql(LOGS.format(table=table))
