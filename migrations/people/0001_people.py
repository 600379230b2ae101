"""Users, sessions, workspaces, members and tokens: one of each, for all domains."""

from core.db.migrate import run_sql

revision = "people_0001"
down_revision = None
branch_labels = ("people",)
depends_on = ("engine_0001",)

TABLES = """
create type user_role as enum ('SUPER_ADMIN', 'ADMIN', 'PROPERTY_MANAGER', 'SR_PROPERTY_MANAGER', 'VENDOR',
    'INSPECTOR', 'DFO_APPROVER', 'HO_APPROVER', 'USER');

create table users (
    id uuid primary key default gen_random_uuid(),
    external_id varchar(255) unique,
    email varchar(255) not null unique,
    password_hash varchar(255),
    first_name varchar(100),
    last_name varchar(100),
    phone varchar(20),
    role user_role not null default 'USER',
    is_active boolean not null default true,
    email_verified boolean not null default false,
    last_login timestamptz,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    version bigint not null default 1,
    created_by uuid references users (id),
    updated_by uuid references users (id)
);
create index users_role_idx on users (role);
create index users_is_active_idx on users (is_active);

create table sessions (
    id uuid primary key default gen_random_uuid(),
    user_id uuid not null references users (id) on delete cascade,
    token varchar(255) not null unique,
    expires_at timestamptz not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    version bigint not null default 1
);
create index sessions_user_id_idx on sessions (user_id);

create table workspaces (
    id uuid primary key default gen_random_uuid(),
    name varchar(255) not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);
insert into workspaces (id, name) values ('00000000-0000-4000-8000-000000000001', 'Default');

create table workspace_members (
    workspace_id uuid not null references workspaces (id) on delete cascade,
    user_id uuid not null references users (id) on delete cascade,
    created_at timestamptz not null default now(),
    primary key (workspace_id, user_id)
);
create index workspace_members_user_idx on workspace_members (user_id);

create table api_tokens (
    id uuid primary key default gen_random_uuid(),
    user_id uuid not null references users (id) on delete cascade,
    token_sha256 bytea not null unique,
    scope varchar(20) not null constraint api_tokens_scope check (scope in ('read', 'operate', 'admin')),
    created_at timestamptz not null default now(),
    expires_at timestamptz,
    revoked_at timestamptz
);
create index api_tokens_user_idx on api_tokens (user_id);
"""


def upgrade() -> None:
    run_sql(TABLES)
