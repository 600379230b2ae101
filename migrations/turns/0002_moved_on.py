"""An approval moves on behind the log: whoever follows turns reads the steps of one statement in their order."""

from core.db.migrate import run_sql, run_sql_file
from core.settings import PROJECT

revision = "turns_0002"
down_revision = "turns_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql("drop trigger if exists turns_approval_moved on turns")
    run_sql_file(PROJECT / "workers" / "turns" / "triggers.sql")
