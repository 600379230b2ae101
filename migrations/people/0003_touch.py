"""`updated_at` and `version` of people are kept by triggers."""

from core.db.migrate import run_sql_file

revision = "people_0003"
down_revision = "people_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file("triggers/people.sql")
