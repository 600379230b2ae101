"""Kept answers and deleted rows go after their days."""

from core.db.migrate import run_sql_file
from core.settings import PROJECT

revision = "spreadsheets_0012"
down_revision = "spreadsheets_0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file(PROJECT / "workers" / "spreadsheets" / "triggers.sql")
