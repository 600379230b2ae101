"""A question about an order without a document is that order's own: another order's does not write over it."""

from core.db.migrate import run_sql_file
from core.settings import PROJECT

revision = "work_orders_0004"
down_revision = "work_orders_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file(PROJECT / "workers" / "work_orders" / "triggers.sql")
