"""What the API keeps of a token: what it is for, when it was last used; and sessions of the page that stand on one."""

from core.db.migrate import run_sql

revision = "people_0002"
down_revision = "people_0001"
branch_labels = None
depends_on = None

TOKENS = """
alter table api_tokens add column name varchar(100) not null default '';
alter table api_tokens add column last_used_at timestamptz;
alter table api_tokens add column one_time boolean not null default false;
alter table sessions add column api_token_id uuid references api_tokens (id) on delete cascade;
create index sessions_api_token_idx on sessions (api_token_id) where api_token_id is not null;
"""


def upgrade() -> None:
    run_sql(TOKENS)
