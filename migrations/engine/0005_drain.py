"""Workers are asked to drain by name, and say what wakes them."""

from core.db.migrate import run_sql, run_sql_file

revision = "engine_0005"
down_revision = "engine_0004"
branch_labels = None
depends_on = None

COLUMNS = """
alter table rowmill.workers
    add column drain_asked_at timestamptz,
    add column draining_since timestamptz,
    add column woken_by text not null default 'bells'
        constraint workers_woken_by check (woken_by in ('bells', 'polls'));
"""


def upgrade() -> None:
    run_sql(COLUMNS)
    run_sql_file("functions/drain_worker.sql")
    run_sql_file("monitoring/workers.sql")
