"""The index of running keys holds no running task without a key: most tasks have none, and each claim wrote it."""

from core.db.migrate import run_concurrently

revision = "engine_0009"
down_revision = "engine_0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_concurrently(
        "drop index concurrently if exists task_queue_running_key",
        "create unique index concurrently task_queue_running_key on task_queue (concurrency_key) "
        "where status = 'processing' and leader_id is null and concurrency_key is not null",
        "drop index concurrently if exists task_queue_running",
    )
