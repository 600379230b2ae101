"""An id of a task costs a fifth: random bits of the session instead of the system's."""

from core.db.migrate import run_sql_file

revision = "engine_0014"
down_revision = "engine_0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file("functions/uuid7.sql")
