"""Claims go on where the last one ended, and compute their waiting times without numerics; an INSERT that nobody sleeps
for asks one question only."""

from core.db.migrate import run_sql_file

revision = "engine_0010"
down_revision = "engine_0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("look", "claim", "claim_on"):
        run_sql_file(f"functions/{name}.sql")
    run_sql_file("functions/ring.sql")  # whose view the trigger of today asks
    run_sql_file("triggers/task_queue.sql")
