"""A number that a person gives makes no silent second order: it joins the order of that number, or is a question."""

from core.db.migrate import run_sql_file
from core.settings import PROJECT

revision = "work_orders_0005"
down_revision = "work_orders_0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file(PROJECT / "workers" / "work_orders" / "triggers.sql")
