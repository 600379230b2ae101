"""The log of all workspaces is kept short by functions that see all of it."""

from core.db.migrate import run_sql_file
from core.settings import PROJECT

revision = "turns_0005"
down_revision = "turns_0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file(PROJECT / "workers" / "turns" / "triggers.sql")
