"""Many cells of a column are filled in together."""

from core.db.migrate import run_sql_file
from core.settings import PROJECT

revision = "spreadsheets_0005"
down_revision = "spreadsheets_0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file(PROJECT / "workers" / "spreadsheets" / "triggers.sql")
