"""Schedules, views that stay cheap beside ten million rows, and which server the queue's data belongs to."""

from core.db.migrate import run_sql, run_sql_file

revision = "engine_0007"
down_revision = "engine_0006"
branch_labels = None
depends_on = None

SCHEDULES = """
create table rowmill.schedules (
    name text primary key constraint schedules_name check (name <> ''),
    task_type varchar(100) not null,
    cron text not null,
    timezone text not null default 'UTC',
    payload jsonb not null default '{}' constraint schedules_payload_is_object check (jsonb_typeof(payload) = 'object'),
    workspace_id uuid,
    next_at timestamptz,
    last_at timestamptz,
    last_task_id uuid,
    problem text,
    scheduled_by text not null default session_user,
    updated_at timestamptz not null default clock_timestamp(),
    catch_up text not null default 'one' constraint schedules_catch_up check (catch_up in ('one', 'all', 'none')),
    paused_at timestamptz,
    paused_by text,
    constraint schedules_payload_size check (pg_column_size(payload) <= 65536)
);
"""
# The first row, number 0, is the installation; `rowmill recovered` adds one for each restore.
RECOVERIES = """
create table rowmill.recoveries (
    recovery_no integer primary key,
    at timestamptz not null default now(),
    system_identifier text,
    timeline integer,
    queue_oid bigint not null,
    tasks_given_back integer not null default 0,
    noted_by text not null default session_user
);
"""
INSTALLATION = """
insert into rowmill.recoveries (recovery_no, system_identifier, timeline, queue_oid)
select 0, i.system_identifier, i.timeline, i.queue_oid from rowmill.server_identity() i;
"""
FUNCTIONS = ("depth", "schedule_task")
VIEWS = ("queue", "autoscale", "schedules")


def upgrade() -> None:
    run_sql(SCHEDULES)
    for name in FUNCTIONS:
        run_sql_file(f"functions/{name}.sql")
    for name in VIEWS:
        run_sql_file(f"monitoring/{name}.sql")
    run_sql(RECOVERIES)
    run_sql_file("functions/server_identity.sql")
    run_sql(INSTALLATION)
