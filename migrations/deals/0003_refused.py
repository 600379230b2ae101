"""A mail that was refused may be made anew: another address, under a Message-ID of its own."""

from core.db.migrate import run_sql_file
from core.settings import PROJECT

revision = "deals_0003"
down_revision = "deals_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file(PROJECT / "workers" / "deals" / "triggers.sql")
