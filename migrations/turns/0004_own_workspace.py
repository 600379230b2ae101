"""A turn names rows of its own workspace alone; functions that see all of the log keep it short for all of them."""

from core.db.migrate import run_sql_file
from core.settings import PROJECT

revision = "turns_0004"
down_revision = "turns_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file(PROJECT / "workers" / "turns" / "triggers.sql")
