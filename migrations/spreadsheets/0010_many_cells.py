"""Rows of one statement get their ids together, and eight fills of a column run at a time."""

from core.db.migrate import run_sql_file
from core.settings import PROJECT

revision = "spreadsheets_0010"
down_revision = "spreadsheets_0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file(PROJECT / "workers" / "spreadsheets" / "triggers.sql")
