"""What waits for an ended task is taken up; a revision keeps a person's match; what is too long keeps its words."""

from core.db.migrate import run_sql_file
from core.settings import PROJECT

revision = "work_orders_0002"
down_revision = "work_orders_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file(PROJECT / "workers" / "work_orders" / "triggers.sql")
