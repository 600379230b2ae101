"""Cells and their edits, for benchmarks only."""

from core.db.migrate import run_sql

revision = "bench_0001"
down_revision = None
branch_labels = ("domain",)
depends_on = ("engine_0001",)


def upgrade() -> None:
    run_sql(
        """
        create table bench_cells (
            id integer primary key,
            content text,
            version bigint not null default nextval('rowmill.version')
        ) with (fillfactor = 80);
        create table bench_cell_edits (
            edit_no bigint generated always as identity primary key,
            cell_id integer not null,
            before text,
            after text,
            task_id uuid,
            run_no bigint,
            created_at timestamptz not null default clock_timestamp()
        );
        """
    )
