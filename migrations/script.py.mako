"""${message}"""

from core.db.migrate import run_sql, run_sql_file

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = ${repr(branch_labels)}
depends_on = ${repr(depends_on)}


def upgrade() -> None:
    run_sql("""
    ${upgrades if upgrades else ""}
    """)
