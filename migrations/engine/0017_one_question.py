"""An INSERT asks the gate in one statement; time-outs of waits do not stand behind a rematch."""

from core.db.migrate import run_sql_file

revision = "engine_0017"
down_revision = "engine_0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file("functions/ring.sql")
    run_sql_file("triggers/task_queue.sql")
    run_sql_file("functions/waits.sql")
