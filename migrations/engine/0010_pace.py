"""A claim computes its waiting time without numerics; an INSERT that nobody sleeps for asks one question only."""

from core.db.migrate import run_sql_file

revision = "engine_0010"
down_revision = "engine_0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file("functions/claim.sql")
    run_sql_file("triggers/task_queue.sql")
