"""The audit row of a large payload makes its text once, not three times."""

from core.db.migrate import run_sql_file

revision = "engine_0015"
down_revision = "engine_0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file("functions/input_data.sql")
