"""Tasks that wait for a signal, and signals that are kept for them. Both stand beside the queue: a task that never
waits enters no index of theirs."""

from core.db.migrate import run_sql, run_sql_file

revision = "engine_0011"
down_revision = "engine_0010"
branch_labels = None
depends_on = None

TABLES = """
create table rowmill.waits (
    task_id uuid primary key,
    task_type varchar(100) not null,
    signal text not null constraint waits_signal check (length(signal) between 1 and 500),
    workspace_id uuid not null,
    since timestamptz not null default clock_timestamp(),
    times_out_at timestamptz,
    on_timeout text not null default 'fail' constraint waits_on_timeout check (on_timeout in ('fail', 'continue'))
);
create index waits_of_signal on rowmill.waits (signal, workspace_id, since);
create index waits_of_type on rowmill.waits (task_type, since);
create index waits_time_out on rowmill.waits (times_out_at) where times_out_at is not null;

create table rowmill.signals (
    id uuid primary key default rowmill.uuid7(),
    key text constraint signals_key check (length(key) between 1 and 500),
    task_id uuid,
    workspace_id uuid not null,
    payload jsonb not null default '{}' constraint signals_payload_is_object check (jsonb_typeof(payload) = 'object'),
    sent_by text not null default session_user,
    sent_at timestamptz not null default clock_timestamp(),
    continued uuid,
    continued_at timestamptz,
    constraint signals_to_one check (num_nonnulls(key, task_id) = 1)
);
create index signals_kept_for_key on rowmill.signals (key, workspace_id, sent_at, id)
    where continued is null and key is not null;
create index signals_kept_for_task on rowmill.signals (task_id, sent_at, id)
    where continued is null and task_id is not null;
create index signals_sent on rowmill.signals (sent_at);
"""


def upgrade() -> None:
    run_sql(TABLES)
    for name in ("waits", "signal_task", "cancel_task", "retry_task", "explain_task", "stuck_tasks"):
        run_sql_file(f"functions/{name}.sql")
    run_sql_file("monitoring/waiting.sql")
