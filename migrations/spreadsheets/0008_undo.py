"""The edits of a command are found by it, so that they can be undone."""

from core.db.migrate import run_concurrently

revision = "spreadsheets_0008"
down_revision = "spreadsheets_0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_concurrently(
        "drop index concurrently if exists cell_edit_events_command_idx",
        "create index concurrently cell_edit_events_command_idx on cell_edit_events (command_id) "
        "where command_id is not null",
    )
