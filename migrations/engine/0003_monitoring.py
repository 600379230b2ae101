"""Statistics, legal holds, retention, and the views of the schema `monitoring`. Code lives in sql/."""

from core.db.migrate import run_sql, run_sql_file

revision = "engine_0003"
down_revision = "engine_0002"
branch_labels = None
depends_on = None

TABLES = """
create table rowmill.task_stats (
    minute timestamptz not null,
    task_type text not null,
    worker_id text not null,
    completed bigint not null default 0,
    failed bigint not null default 0,
    retried bigint not null default 0,
    cancelled bigint not null default 0,
    returned bigint not null default 0,
    wait_ms_histogram bigint[] not null default '{}',
    run_ms_histogram bigint[] not null default '{}',
    primary key (minute, task_type, worker_id)
) with (fillfactor = 50, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_scale_factor = 0.01);

create table rowmill.holds (
    task_id uuid primary key,
    reason text not null,
    created_at timestamptz not null default now()
);

-- Failures are few beside successes: what monitoring.failures_by_fingerprint reads instead of the whole audit.
create index robot_input_events_failures on robot_input_events (created_at) where error_fingerprint is not null;

create schema monitoring;
"""
FUNCTIONS = ("histograms", "depth", "stuck_tasks", "slow_queries", "retain")
VIEWS = ("queue", "throughput", "failures", "workers", "stuck_tasks", "autoscale", "database")


def upgrade() -> None:
    run_sql(TABLES)
    for name in FUNCTIONS:
        run_sql_file(f"functions/{name}.sql")
    run_sql_file("triggers/holds.sql")
    for name in VIEWS:
        run_sql_file(f"monitoring/{name}.sql")
