"""What depends on many cells is found by a probe for each, whatever the statistics of a new table say."""

from core.db.migrate import run_sql_file
from core.settings import PROJECT

revision = "spreadsheets_0013"
down_revision = "spreadsheets_0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file(PROJECT / "workers" / "spreadsheets" / "triggers.sql")
