"""Work orders, their PDFs, signed documents, matches, extraction runs, reviews and export jobs.

A table `work_orders` keyed by `user_id` that an older application left is taken over: it moves to the schema
`work_orders_before`, and its rows are copied into workspaces, one for each user."""

from core.db.migrate import run_sql, run_sql_file
from core.settings import PROJECT

revision = "work_orders_0001"
down_revision = None
branch_labels = ("work_orders",)
depends_on = ("engine_0008", "people_0002")

MOVE_AWAY = """
do $$ begin
    if exists (select from information_schema.columns c where c.table_schema = 'public'
               and c.table_name = 'work_orders' and c.column_name = 'user_id')
       and not exists (select from information_schema.columns c where c.table_schema = 'public'
                       and c.table_name = 'work_orders' and c.column_name = 'workspace_id') then
        create schema work_orders_before;
        alter table public.work_orders set schema work_orders_before;
    end if;
end $$;
"""

TABLES = """
create table work_order_settings (
    workspace_id uuid primary key references workspaces (id) on delete cascade,
    spreadsheet_id text unique,
    drive_folder_id text,
    sheet_name varchar(100) not null default 'Work orders',
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);

create table fm_profiles (
    id uuid primary key default gen_random_uuid(),
    workspace_id uuid not null references workspaces (id),
    fm_key varchar(100) not null constraint fm_profiles_fm_key check (fm_key <> ''),
    profile_version integer not null,
    profile jsonb not null constraint fm_profiles_profile check (jsonb_typeof(profile) = 'object'),
    is_active boolean not null default true,
    created_by uuid references users (id),
    created_at timestamptz not null default now(),
    constraint fm_profiles_version_key unique (workspace_id, fm_key, profile_version)
);

create table work_orders (
    id uuid primary key default gen_random_uuid(),
    workspace_id uuid not null references workspaces (id),
    fm_key varchar(100) not null default '',
    work_order_number text,
    number_key text,
    status varchar(20) not null default 'RECEIVED' constraint work_orders_status check (
        status in ('RECEIVED', 'READY', 'REVIEW')),
    customer_name text,
    site_address text,
    description text,
    priority text,
    contact text,
    ordered_on date,
    due_on date,
    amount numeric(14, 2),
    currency varchar(3),
    extra jsonb not null default '{}',
    revision integer not null default 0,
    version bigint not null default nextval('rowmill.version'),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
) with (fillfactor = 90);
create unique index work_orders_number_key on work_orders (workspace_id, fm_key, number_key)
    where number_key is not null;
create index work_orders_lookup_idx on work_orders (workspace_id, number_key) where number_key is not null;
create index work_orders_newest_idx on work_orders (workspace_id, created_at, id);

create table work_order_sources (
    id uuid primary key default rowmill.uuid7(),
    workspace_id uuid not null references workspaces (id),
    work_order_id uuid not null references work_orders (id),
    answered_id uuid not null,
    file_hash varchar(64) not null constraint work_order_sources_file_hash check (file_hash ~ '^[0-9a-f]{64}$'),
    blob text not null,
    size_bytes bigint not null,
    source_type varchar(20) not null,
    source_metadata jsonb not null default '{}',
    state varchar(20) not null default 'PENDING' constraint work_order_sources_state check (
        state in ('PENDING', 'READ', 'FAILED')),
    revision integer,
    version bigint not null default nextval('rowmill.version'),
    created_at timestamptz not null default now(),
    constraint work_order_sources_file_key unique (workspace_id, file_hash)
);
create index work_order_sources_order_idx on work_order_sources (work_order_id);
create index work_order_sources_answered_idx on work_order_sources (answered_id);

create table signed_documents (
    id uuid primary key default rowmill.uuid7(),
    workspace_id uuid not null references workspaces (id),
    file_hash varchar(64) not null constraint signed_documents_file_hash check (file_hash ~ '^[0-9a-f]{64}$'),
    blob text not null,
    size_bytes bigint not null,
    source_type varchar(20) not null,
    source_metadata jsonb not null default '{}',
    fm_key varchar(100) not null default '',
    work_order_number text,
    number_key text,
    signed_pdf_url text,
    signed_preview_image_url text,
    extraction_result jsonb,
    state varchar(20) not null default 'PENDING' constraint signed_documents_state check (
        state in ('PENDING', 'MATCHED', 'REVIEW', 'REFUSED')),
    reason text,
    version bigint not null default nextval('rowmill.version'),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint signed_documents_file_key unique (workspace_id, file_hash)
);
create index signed_documents_waiting_idx on signed_documents (workspace_id, number_key) where state = 'REVIEW';

create table signed_match (
    work_order_id uuid primary key references work_orders (id),
    signed_document_id uuid not null references signed_documents (id),
    workspace_id uuid not null references workspaces (id),
    matched_by uuid references users (id),
    created_at timestamptz not null default now(),
    constraint signed_match_document_key unique (signed_document_id)
);

create table extraction_runs (
    id uuid primary key default rowmill.uuid7(),
    workspace_id uuid not null references workspaces (id),
    work_order_source_id uuid references work_order_sources (id),
    signed_document_id uuid references signed_documents (id),
    source varchar(20) not null constraint extraction_runs_source check (source in ('robot', 'caller')),
    fm_key varchar(100) not null default '',
    profile_version integer,
    outcome varchar(20) not null constraint extraction_runs_outcome check (outcome in ('OK', 'PARTIAL', 'FAILED')),
    fields jsonb not null default '{}',
    warnings jsonb not null default '[]',
    duration_ms integer,
    task_id uuid,
    run_no bigint,
    created_at timestamptz not null default now(),
    constraint extraction_runs_one_document check (num_nonnulls(work_order_source_id, signed_document_id) = 1)
);
create index extraction_runs_source_idx on extraction_runs (work_order_source_id, id)
    where work_order_source_id is not null;
create index extraction_runs_signed_idx on extraction_runs (signed_document_id, id)
    where signed_document_id is not null;

create table work_order_reviews (
    id uuid primary key default rowmill.uuid7(),
    workspace_id uuid not null references workspaces (id),
    kind varchar(30) not null constraint work_order_reviews_kind check (
        kind in ('unreadable', 'no_number', 'other_number', 'same_number', 'fields_differ', 'signed_unreadable',
            'signed_no_number', 'signed_missing', 'signed_ambiguous', 'signed_second')),
    work_order_id uuid references work_orders (id) on delete cascade,
    source_id uuid references work_order_sources (id),
    signed_document_id uuid references signed_documents (id),
    details jsonb not null default '{}',
    resolution varchar(20) constraint work_order_reviews_resolution check (
        resolution in ('accepted', 'kept', 'matched', 'dismissed')),
    resolved_by uuid references users (id),
    resolved_at timestamptz,
    version bigint not null default nextval('rowmill.version'),
    created_at timestamptz not null default now()
);
create index work_order_reviews_open_idx on work_order_reviews (workspace_id, id) where resolution is null;
create index work_order_reviews_order_idx on work_order_reviews (work_order_id);
create index work_order_reviews_signed_idx on work_order_reviews (signed_document_id)
    where signed_document_id is not null;

create table export_jobs (
    id uuid primary key default gen_random_uuid(),
    workspace_id uuid not null references workspaces (id),
    work_order_id uuid not null references work_orders (id) on delete cascade,
    spreadsheet_id text not null,
    status varchar(20) not null default 'PENDING' constraint export_jobs_status check (
        status in ('PENDING', 'PROCESSING', 'DONE', 'FAILED')),
    attempts integer not null default 0 constraint export_jobs_attempts check (attempts between 0 and 5),
    next_attempt_at timestamptz not null default now(),
    last_error text,
    exported_version bigint,
    exported_at timestamptz,
    version bigint not null default nextval('rowmill.version'),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint export_jobs_order_key unique (work_order_id)
) with (fillfactor = 80);
create index export_jobs_due_idx on export_jobs (spreadsheet_id, next_attempt_at)
    where status in ('PENDING', 'PROCESSING');
create index export_jobs_status_idx on export_jobs (workspace_id, status);
"""

POLICY = """
alter table {table} enable row level security;
create policy {table}_of_workspace on {table}
    using (workspace_id = rowmill.current_workspace()) with check (workspace_id = rowmill.current_workspace());
"""
OF_A_WORKSPACE = (
    "work_order_settings",
    "fm_profiles",
    "work_orders",
    "work_order_sources",
    "signed_documents",
    "signed_match",
    "extraction_runs",
    "work_order_reviews",
    "export_jobs",
)


def upgrade() -> None:
    run_sql(MOVE_AWAY)
    run_sql(TABLES)
    run_sql_file(PROJECT / "workers" / "work_orders" / "triggers.sql")
    for table in OF_A_WORKSPACE:
        run_sql(POLICY.format(table=table))
    run_sql("select public.work_orders_adopt();")
