"""The oldest answers of language models are found by their age."""

from core.db.migrate import run_concurrently

revision = "spreadsheets_0011"
down_revision = "spreadsheets_0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_concurrently(
        "drop index concurrently if exists language_answers_age_idx",
        "create index concurrently language_answers_age_idx on language_answers (created_at)",
    )
