"""Roles, grants and row policies of the engine. Roles and grants come again after every `rowmill migrate` that applied
something (core/db/roles.py): objects that a later revision makes are granted without a line in it."""

from core.db.migrate import run_sql, run_sql_file

revision = "engine_0008"
down_revision = "engine_0007"
branch_labels = None
depends_on = None

TABLES = """
create table rowmill.producers (
    login text not null,
    workspace_id uuid not null,
    primary key (login, workspace_id)
);
alter table task_queue alter column workspace_id
    set default (nullif(current_setting('app.workspace_id', true), ''))::uuid;
"""

# A new task looks like one that nobody has touched, and says truly who enqueued it and for whom. Row policies do not
# bind the owner: an installation that connects as the owner pays nothing for them.
POLICIES = """
alter table task_queue enable row level security;
create policy task_queue_new on task_queue for insert with check (
    status = 'pending' and attempts = 0 and run_no = 0 and crashes = 0
    and worker_id is null and leader_id is null and parent_id is null and cancel_asked_at is null
    and started_at is null and completed_at is null and failed_at is null
    and error_message is null and output is null
    and enqueued_by = session_user
    and coalesce(workspace_id, rowmill.default_workspace()) = any ((select rowmill.enqueue_workspaces())::uuid[]));
create policy task_queue_own on task_queue for select using (enqueued_by = session_user);

alter table audit_events enable row level security;
create policy audit_events_of_workspace on audit_events for select using (workspace_id = rowmill.current_workspace());
create policy audit_events_new on audit_events for insert
    with check (coalesce(workspace_id, rowmill.current_workspace()) = rowmill.current_workspace());
"""


def upgrade() -> None:
    run_sql_file("functions/workspaces.sql")
    run_sql(TABLES)
    for name in ("enqueue_task", "cancel_task", "explain_task", "look", "claim", "retain"):
        run_sql_file(f"functions/{name}.sql")
    run_sql_file("triggers/audit.sql")
    run_sql(POLICIES)
