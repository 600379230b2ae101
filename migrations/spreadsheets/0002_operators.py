"""Pages and formulas: what a formula shows is kept with the revision it was computed on."""

from core.db.migrate import run_sql, run_sql_file
from core.settings import PROJECT

revision = "spreadsheets_0002"
down_revision = "spreadsheets_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql("alter table cells add column based_on bigint;")
    run_sql_file(PROJECT / "workers" / "spreadsheets" / "triggers.sql")
