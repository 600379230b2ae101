"""Two CHECKs that an absent key passed, because a comparison with null is neither true nor false: a validation without
its keys, and an active version that is not among the versions."""

from core.db.migrate import run_sql

revision = "deals_0002"
down_revision = "deals_0001"
branch_labels = None
depends_on = None

CHECKS = """
alter table email_drafts
    drop constraint email_drafts_validation,
    drop constraint email_drafts_active_version,
    add constraint email_drafts_validation check (validation is null or (
        coalesce(validation ->> 'status', '') in ('passed', 'warnings', 'failed')
        and coalesce(jsonb_typeof(validation -> 'issues'), '') = 'array')),
    add constraint email_drafts_active_version check (draft_versions is null or (
        current_version >= 0 and final_body is not distinct from draft_versions -> current_version ->> 'body'));
"""


def upgrade() -> None:
    run_sql(CHECKS)
