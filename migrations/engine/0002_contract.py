"""What other teams call: checked enqueueing, pause and resume, explanations, bells; and the registry behind them."""

from core.db.migrate import run_sql, run_sql_file

revision = "engine_0002"
down_revision = "engine_0001"
branch_labels = None
depends_on = None

REGISTRY = """
alter table rowmill.task_types
    add column description text,
    add column schema jsonb,
    add column defaults jsonb,
    add column published_by text,
    add column published_at timestamptz,
    add column paused_by text,
    add column paused_reason text;
"""


def upgrade() -> None:
    run_sql(REGISTRY)
    for name in ("enqueue_task", "pause_operator", "explain_task", "arm_bell"):
        run_sql_file(f"functions/{name}.sql")
