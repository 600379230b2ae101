"""Schedules can be paused and run at once, and say what becomes of times that nobody was there for. New databases have
the columns from revision 7 on, whose view reads them."""

from core.db.migrate import run_sql, run_sql_file

revision = "engine_0012"
down_revision = "engine_0011"
branch_labels = None
depends_on = None

COLUMNS = """
alter table rowmill.schedules
    add column if not exists catch_up text not null default 'one'
        constraint schedules_catch_up check (catch_up in ('one', 'all', 'none')),
    add column if not exists paused_at timestamptz,
    add column if not exists paused_by text;
drop function if exists public.schedule_task(text, text, text, jsonb, text, uuid);
"""


def upgrade() -> None:
    run_sql(COLUMNS)
    run_sql_file("functions/schedule_task.sql")
    run_sql_file("monitoring/schedules.sql")
