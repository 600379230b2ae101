"""The queue, its audit, and the engine's own tables. Functions and triggers live in sql/."""

from core.db.migrate import run_sql, run_sql_file

revision = "engine_0001"
down_revision = None
branch_labels = ("engine",)
depends_on = None

TABLES = """
create sequence rowmill.version;

create table task_queue (
    id uuid primary key default rowmill.uuid7(),
    task_type varchar(100) not null,
    payload jsonb not null default '{}'
        constraint task_queue_payload_is_object check (jsonb_typeof(payload) = 'object')
        constraint task_queue_payload_size check (pg_column_size(payload) <= 65536),
    status varchar(20) not null default 'pending' constraint task_queue_status check (
        status in ('pending', 'processing', 'waiting', 'completed', 'failed', 'cancelled')),
    priority integer not null default 5 constraint task_queue_priority check (priority between 0 and 100),
    attempts integer not null default 0,
    max_attempts integer not null default 3,
    scheduled_for timestamptz not null default now()
        constraint task_queue_scheduled_for_finite check (isfinite(scheduled_for)),
    started_at timestamptz,
    completed_at timestamptz,
    failed_at timestamptz,
    error_message text,
    worker_id text,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    run_no bigint not null default 0,
    crashes integer not null default 0,
    dedupe_key text,
    concurrency_key text,
    leader_id uuid,
    cancel_asked_at timestamptz,
    workspace_id uuid,
    parent_id uuid,
    enqueued_by text not null default session_user,
    output jsonb
) with (
    fillfactor = 80,
    autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 500,
    autovacuum_vacuum_insert_scale_factor = 0.05,
    autovacuum_analyze_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 1, autovacuum_vacuum_cost_limit = 2000,
    vacuum_truncate = off, vacuum_index_cleanup = on
);
create index task_queue_lane on task_queue (task_type, priority desc, scheduled_for, id)
    where status = 'pending' and concurrency_key is null;
-- Several indexes cover the same rows. A clause that is always true decides which one a statement can use: without
-- statistics, or with stale ones, the planner takes the wrong one and reads the whole backlog for each key.
create index task_queue_keyed on task_queue (task_type, concurrency_key, priority desc, scheduled_for, id)
    where status = 'pending' and concurrency_key >= '';
create index task_queue_keyed_due on task_queue (task_type, scheduled_for, concurrency_key)
    where status = 'pending' and concurrency_key is not null and priority >= 0;
create unique index task_queue_running on task_queue (concurrency_key)
    where status = 'processing' and leader_id is null;
create unique index task_queue_dedupe on task_queue (task_type, dedupe_key)
    where status in ('pending', 'processing', 'waiting') and dedupe_key is not null;
create index task_queue_mine on task_queue (worker_id) where status = 'processing' and worker_id is not null;

create table robot_input_events (
    task_id uuid not null,
    run_no bigint not null,
    operator_type text not null,
    cell_id uuid,
    input_data jsonb,
    output_data jsonb,
    processing_time_ms integer,
    success boolean not null,
    error_message text,
    error_fingerprint text,
    worker_id text,
    enqueued_by text,
    xact_id xid8 not null default pg_current_xact_id(),
    created_at timestamptz not null default now(),
    primary key (task_id, run_no)
);
create index robot_input_events_cell on robot_input_events (cell_id) where cell_id is not null;

create table audit_events (
    id uuid primary key default rowmill.uuid7(),
    at timestamptz not null default now(),
    xact_id xid8 not null default pg_current_xact_id(),
    workspace_id uuid,
    entity text not null,
    entity_id text not null,
    action text not null,
    before jsonb,
    after jsonb,
    task_id uuid,
    run_no bigint,
    user_id uuid,
    command_id uuid
);
create index audit_events_entity on audit_events (entity, entity_id, id);

create table rowmill.workers (
    worker_id text primary key,
    host text not null,
    pid integer not null,
    started_at timestamptz not null default now(),
    beat_at timestamptz not null default now(),
    lease_until timestamptz not null,
    code_version text,
    task_types text[] not null,
    draining boolean not null default false
) with (fillfactor = 50);

create table rowmill.gate (
    task_type text not null,
    listener text not null,
    state text not null constraint gate_state check (state in ('asleep', 'looking', 'full')),
    valid_until timestamptz not null,
    primary key (task_type, listener)
) with (fillfactor = 50, autovacuum_vacuum_threshold = 50, autovacuum_vacuum_scale_factor = 0);

create table rowmill.task_types (
    task_type text primary key,
    paused_at timestamptz
);

create table rowmill.commands (
    command_id uuid primary key,
    actor uuid not null,
    kind text not null,
    answer jsonb,
    created_at timestamptz not null default now()
);
"""


def upgrade() -> None:
    run_sql_file("functions/uuid7.sql")
    run_sql(TABLES)
    for name in ("ring", "look", "input_data", "claim", "reap", "cancel_task", "retry_task"):
        run_sql_file(f"functions/{name}.sql")
    run_sql_file("triggers/task_queue.sql")
