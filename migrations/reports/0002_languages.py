"""A team's texts are searched in its language; an ingestion that gets more files is counted anew."""

from core.db.migrate import run_sql, run_sql_file
from core.settings import PROJECT

revision = "reports_0002"
down_revision = "reports_0001"
branch_labels = None
depends_on = None

COLUMNS = """
alter table teams add column search_language text not null default 'english';
alter table report_passages add column search_language text not null default 'english';
"""


def upgrade() -> None:
    run_sql(COLUMNS)
    run_sql_file(PROJECT / "workers" / "reports" / "triggers.sql")
