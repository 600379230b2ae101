"""Looks may begin at a floor. The parameter is new, and an overload beside the old ones would be ambiguous."""

from core.db.migrate import run_sql, run_sql_file

revision = "engine_0016"
down_revision = "engine_0015"
branch_labels = None
depends_on = None

WITHOUT_FLOOR = """
drop function if exists rowmill.claim(text, text, int, boolean, boolean, text);
drop function if exists rowmill.has_claimable(text);
drop function if exists rowmill.next_due_s(text);
drop function if exists rowmill.lanes(text);
"""


def upgrade() -> None:
    run_sql(WITHOUT_FLOOR)
    run_sql_file("functions/look.sql")
    run_sql_file("functions/claim.sql")
