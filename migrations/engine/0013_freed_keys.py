"""A bell for freed keys probes each of them, whatever the statistics say."""

from core.db.migrate import run_sql_file

revision = "engine_0013"
down_revision = "engine_0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file("functions/ring.sql")
