"""Attempts to log in, which are counted, and the index that finds a user by the address as it is typed."""

from core.db.migrate import run_sql

revision = "people_0004"
down_revision = "people_0003"
branch_labels = None
depends_on = None

ATTEMPTS = """
create table login_attempts (
    id uuid primary key default gen_random_uuid(),
    account_sha256 bytea not null,
    peer text not null,
    at timestamptz not null default clock_timestamp()
);
create index login_attempts_account_idx on login_attempts (account_sha256, at);
create index login_attempts_peer_idx on login_attempts (peer, at);
create index login_attempts_at_idx on login_attempts (at);
create index users_email_lower_idx on users (lower(email::text));
"""


def upgrade() -> None:
    run_sql(ATTEMPTS)
