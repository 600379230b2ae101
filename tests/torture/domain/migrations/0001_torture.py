"""Tables of the torture domain."""

from core.db.migrate import run_sql

revision = "torture_0001"
down_revision = None
branch_labels = ("domain",)
depends_on = ("engine_0001",)


def upgrade() -> None:
    run_sql(
        """
        create table torture_effects (
            effect_no bigint generated always as identity,
            n bigint not null,
            task_id uuid,
            run_no bigint,
            at timestamptz not null default clock_timestamp()
        );
        create table torture_slots (
            id integer primary key,
            value text,
            version bigint not null default nextval('rowmill.version')
        );
        create table torture_edits (
            edit_no bigint generated always as identity,
            slot integer not null,
            before text,
            after text,
            task_id uuid,
            run_no bigint
        );
        """
    )
