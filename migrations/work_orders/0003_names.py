"""Fields of callers may be named as their language does; an answer that says nothing is refused."""

from core.db.migrate import run_sql_file
from core.settings import PROJECT

revision = "work_orders_0003"
down_revision = "work_orders_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file(PROJECT / "workers" / "work_orders" / "triggers.sql")
