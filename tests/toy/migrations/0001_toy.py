"""Tables of the toy domain."""

from core.db.migrate import run_sql

revision = "toy_0001"
down_revision = None
branch_labels = ("toy",)
depends_on = ("engine_0001",)


def upgrade() -> None:
    run_sql(
        """
        create table toy_rows (
            id integer primary key,
            value text constraint toy_rows_short check (length(value) < 1000),
            version bigint not null default nextval('rowmill.version')
        );
        create table toy_edits (
            edit_no bigint generated always as identity primary key,
            row_id integer not null,
            before text,
            after text,
            task_id uuid,
            run_no bigint,
            user_id uuid,
            command_id uuid
        );
        create table toy_notes (note_no bigint generated always as identity primary key, task_id uuid, note text);
        """
    )
