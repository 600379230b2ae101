"""Tasks that crashed their worker twice run alone; commands keep their answer and what makes them the same."""

from core.db.migrate import run_sql, run_sql_file

revision = "engine_0004"
down_revision = "engine_0003"
branch_labels = None
depends_on = None

COMMANDS = """
alter table rowmill.commands add column digest text;
create index commands_created_at on rowmill.commands (created_at);
"""

# `crashes < 2` takes suspects out of the lanes and keys, so that no claim ever meets them.
INDEXES = """
drop index task_queue_lane, task_queue_keyed, task_queue_keyed_due;
create index task_queue_lane on task_queue (task_type, priority desc, scheduled_for, id)
    where status = 'pending' and crashes < 2 and concurrency_key is null;
create index task_queue_keyed on task_queue (task_type, concurrency_key, priority desc, scheduled_for, id)
    where status = 'pending' and crashes < 2 and concurrency_key >= '';
create index task_queue_keyed_due on task_queue (task_type, scheduled_for, concurrency_key)
    where status = 'pending' and crashes < 2 and concurrency_key is not null and priority >= 0;
create index task_queue_suspects on task_queue (status, task_type, scheduled_for)
    where status in ('pending', 'failed') and crashes >= 2;
"""
FUNCTIONS = ("ring", "look", "claim", "reap", "suspects", "explain_task", "depth", "stuck_tasks")


def upgrade() -> None:
    run_sql(COMMANDS)
    run_sql(INDEXES)
    for name in FUNCTIONS:
        run_sql_file(f"functions/{name}.sql")
