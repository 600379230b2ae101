"""A turn names a property, a stage and a vendor of its own workspace alone."""

from core.db.migrate import run_sql_file
from core.settings import PROJECT

revision = "turns_0004"
down_revision = "turns_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file(PROJECT / "workers" / "turns" / "triggers.sql")
