"""A row that is made again under the id of a deleted one goes on from its version."""

from core.db.migrate import run_sql_file
from core.settings import PROJECT

revision = "turns_0003"
down_revision = "turns_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file(PROJECT / "workers" / "turns" / "triggers.sql")
