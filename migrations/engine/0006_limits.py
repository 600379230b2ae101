"""Limits on outside calls, shared by the fleet."""

from core.db.migrate import run_sql, run_sql_file

revision = "engine_0006"
down_revision = "engine_0005"
branch_labels = None
depends_on = None

TABLES = """
create table rowmill.limits (
    name text primary key,
    rate double precision not null constraint limits_rate check (rate > 0),
    burst double precision not null constraint limits_burst check (burst >= 1),
    tokens double precision not null,
    filled_at timestamptz not null default now(),
    told_until timestamptz,
    paused_until timestamptz,
    paused_reason text
) with (fillfactor = 50, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_scale_factor = 0.01);
"""


def upgrade() -> None:
    run_sql(TABLES)
    run_sql_file("functions/limits.sql")
    run_sql_file("monitoring/limits.sql")
