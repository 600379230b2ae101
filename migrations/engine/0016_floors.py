"""Looks may begin at a floor."""

from core.db.migrate import run_sql_file

revision = "engine_0016"
down_revision = "engine_0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file("functions/look.sql")
    run_sql_file("functions/claim.sql")
