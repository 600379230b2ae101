"""The rows of one change are joined with what they were by a plan for so many: a kept one compared each with each."""

from core.db.migrate import run_sql_file
from core.settings import PROJECT

revision = "spreadsheets_0014"
down_revision = "spreadsheets_0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file(PROJECT / "workers" / "spreadsheets" / "triggers.sql")
