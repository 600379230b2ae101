"""Organisations and teams, what is known of them, the files it came in, and reports written from it.

Row policies: everything belongs to a workspace. What hangs on a team takes the team's; a foreign key over both columns
keeps it so. Triggers live in the domain's triggers.sql, grants in its roles.sql."""

from core.db.migrate import run_sql, run_sql_file
from core.settings import PROJECT

revision = "reports_0001"
down_revision = None
branch_labels = ("reports",)
depends_on = ("people_0001", "engine_0008")

TEAMS = """
create table organizations (
    id uuid primary key default gen_random_uuid(),
    workspace_id uuid not null default '00000000-0000-4000-8000-000000000001' references workspaces (id),
    name varchar(200) not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint organizations_name_key unique (workspace_id, name),
    constraint organizations_workspace_key unique (id, workspace_id)
);

create table teams (
    id uuid primary key default gen_random_uuid(),
    workspace_id uuid not null,
    organization_id uuid not null,
    name varchar(200) not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint teams_name_key unique (workspace_id, name),
    constraint teams_workspace_key unique (id, workspace_id),
    constraint teams_organization_id_fkey foreign key (organization_id, workspace_id)
        references organizations (id, workspace_id) on delete cascade
);
create index teams_organization_idx on teams (organization_id);

create table report_types (
    id uuid primary key default gen_random_uuid(),
    name varchar(50) not null constraint report_types_name_key unique,
    description text not null default '',
    created_at timestamptz not null default now()
);
"""

FILES = """
create table report_ingestions (
    id uuid primary key default gen_random_uuid(),
    workspace_id uuid not null,
    project_id uuid not null,
    source varchar(20) not null constraint report_ingestions_source check (source in ('cli', 'http', 'watch', 'sql')),
    place text not null default '',
    started_at timestamptz not null default clock_timestamp(),
    closed_at timestamptz,
    ended_at timestamptz,
    version bigint not null default nextval('rowmill.version'),
    constraint report_ingestions_project_id_fkey foreign key (project_id, workspace_id)
        references teams (id, workspace_id) on delete cascade
);
create index report_ingestions_project_idx on report_ingestions (project_id, started_at);
create unique index report_ingestions_open_key on report_ingestions (project_id, source, place) where closed_at is null;

create table report_files (
    id uuid primary key default gen_random_uuid(),
    workspace_id uuid not null,
    project_id uuid not null,
    ingestion_id uuid not null references report_ingestions (id) on delete cascade,
    name text not null,
    blob_sha256 varchar(64) not null,
    blob_path text not null,
    size bigint not null,
    about jsonb not null default '{}',
    status varchar(20) not null default 'received' constraint report_files_status check (
        status in ('received', 'stored', 'partly', 'failed')),
    kind varchar(20),
    encoding varchar(50),
    counts jsonb not null default '{}',
    made jsonb not null default '{}',
    problems jsonb not null default '[]',
    received_at timestamptz not null default clock_timestamp(),
    read_at timestamptz,
    version bigint not null default nextval('rowmill.version'),
    constraint report_files_project_id_fkey foreign key (project_id, workspace_id)
        references teams (id, workspace_id) on delete cascade
) with (fillfactor = 80);
create index report_files_ingestion_idx on report_files (ingestion_id);
create index report_files_project_idx on report_files (project_id, received_at);
create index report_files_name_idx on report_files (project_id, name, received_at);
create index report_files_unread_idx on report_files (ingestion_id) where status = 'received';
create index report_files_problems_idx on report_files (project_id) where status in ('partly', 'failed');
"""

KEPT = """
create table daily_reports (
    id uuid primary key default gen_random_uuid(),
    workspace_id uuid not null,
    project_id uuid not null,
    author_name varchar(200) not null,
    report_date date not null,
    content text not null,
    content_sha256 varchar(64) not null,
    blob_sha256 varchar(64),
    blob_path text,
    file_id uuid references report_files (id) on delete set null,
    received_at timestamptz not null default clock_timestamp(),
    revision integer not null default 1,
    version bigint not null default nextval('rowmill.version'),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint daily_reports_key unique (project_id, author_name, report_date),
    constraint daily_reports_project_id_fkey foreign key (project_id, workspace_id)
        references teams (id, workspace_id) on delete cascade
);
create index daily_reports_date_idx on daily_reports (project_id, report_date);
create index daily_reports_file_idx on daily_reports (file_id);

create table meeting_transcripts (
    id uuid primary key default gen_random_uuid(),
    workspace_id uuid not null,
    project_id uuid not null,
    filename varchar(500) not null,
    transcript_date date not null,
    title varchar(200) not null default '',
    content text not null,
    content_sha256 varchar(64) not null,
    speakers jsonb not null default '[]',
    duration_s integer,
    blob_sha256 varchar(64),
    blob_path text,
    file_id uuid references report_files (id) on delete set null,
    received_at timestamptz not null default clock_timestamp(),
    revision integer not null default 1,
    version bigint not null default nextval('rowmill.version'),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint meeting_transcripts_key unique (project_id, filename, transcript_date),
    constraint meeting_transcripts_project_id_fkey foreign key (project_id, workspace_id)
        references teams (id, workspace_id) on delete cascade
);
create index meeting_transcripts_date_idx on meeting_transcripts (project_id, transcript_date);
create index meeting_transcripts_file_idx on meeting_transcripts (file_id);

create table report_revisions (
    id uuid primary key default rowmill.uuid7(),
    workspace_id uuid not null,
    daily_report_id uuid references daily_reports (id) on delete cascade,
    meeting_transcript_id uuid references meeting_transcripts (id) on delete cascade,
    content text not null,
    content_sha256 varchar(64) not null,
    blob_sha256 varchar(64),
    blob_path text,
    file_id uuid,
    received_at timestamptz not null,
    kept_at timestamptz not null default clock_timestamp(),
    constraint report_revisions_one_source check (num_nonnulls(daily_report_id, meeting_transcript_id) = 1),
    constraint report_revisions_key unique nulls not distinct
        (daily_report_id, meeting_transcript_id, content_sha256, received_at)
);
create index report_revisions_transcript_idx on report_revisions (meeting_transcript_id);

create table report_passages (
    id uuid primary key default rowmill.uuid7(),
    workspace_id uuid not null,
    project_id uuid not null,
    daily_report_id uuid references daily_reports (id) on delete cascade,
    meeting_transcript_id uuid references meeting_transcripts (id) on delete cascade,
    day date not null,
    first_character integer not null,
    words tsvector not null,
    constraint report_passages_one_source check (num_nonnulls(daily_report_id, meeting_transcript_id) = 1)
);
create index report_passages_daily_idx on report_passages (daily_report_id);
create index report_passages_transcript_idx on report_passages (meeting_transcript_id);
create index report_passages_words_idx on report_passages using gin (words);

create table jira_snapshots (
    id uuid primary key default gen_random_uuid(),
    workspace_id uuid not null,
    project_id uuid not null,
    week_start date not null,
    week_end date not null,
    issues integer not null default 0,
    epics integer not null default 0,
    blob_sha256 varchar(64) not null,
    blob_path text not null,
    file_id uuid references report_files (id) on delete set null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint jira_snapshots_week check (week_start <= week_end),
    constraint jira_snapshots_project_id_fkey foreign key (project_id, workspace_id)
        references teams (id, workspace_id) on delete cascade
);
create index jira_snapshots_week_idx on jira_snapshots (project_id, week_start);
create index jira_snapshots_file_idx on jira_snapshots (file_id);

create table slack_captures (
    id uuid primary key default gen_random_uuid(),
    workspace_id uuid not null,
    project_id uuid not null,
    channel varchar(80) not null,
    week_start date not null,
    week_end date not null,
    messages integer not null default 0,
    redacted integer not null default 0,
    blob_sha256 varchar(64) not null,
    blob_path text not null,
    file_id uuid references report_files (id) on delete set null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint slack_captures_week check (week_start <= week_end),
    constraint slack_captures_project_id_fkey foreign key (project_id, workspace_id)
        references teams (id, workspace_id) on delete cascade
);
create index slack_captures_week_idx on slack_captures (project_id, week_start);
create index slack_captures_file_idx on slack_captures (file_id);
"""

WRITTEN = """
create table generated_reports (
    id uuid primary key default gen_random_uuid(),
    workspace_id uuid not null,
    project_id uuid not null,
    report_type_id uuid references report_types (id),
    ingestion_id uuid references report_ingestions (id) on delete cascade,
    title text not null,
    subject varchar(200) not null default '',
    first_day date,
    last_day date,
    markdown text not null default '',
    html text not null default '',
    counts jsonb not null default '{}',
    version bigint not null default nextval('rowmill.version'),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint generated_reports_of_one check (num_nonnulls(report_type_id, ingestion_id) = 1),
    constraint generated_reports_key unique (project_id, report_type_id, subject, first_day, last_day),
    constraint generated_reports_ingestion_key unique (ingestion_id),
    constraint generated_reports_project_id_fkey foreign key (project_id, workspace_id)
        references teams (id, workspace_id) on delete cascade
);
create index generated_reports_type_idx on generated_reports (report_type_id);

create table report_data_links (
    id uuid primary key default gen_random_uuid(),
    workspace_id uuid not null,
    generated_report_id uuid not null references generated_reports (id) on delete cascade,
    daily_report_id uuid references daily_reports (id) on delete cascade,
    meeting_transcript_id uuid references meeting_transcripts (id) on delete cascade,
    jira_snapshot_id uuid references jira_snapshots (id) on delete cascade,
    slack_capture_id uuid references slack_captures (id) on delete cascade,
    created_at timestamptz not null default now(),
    constraint report_data_links_one_source check (
        num_nonnulls(daily_report_id, meeting_transcript_id, jira_snapshot_id, slack_capture_id) = 1),
    constraint report_data_links_key unique nulls not distinct
        (generated_report_id, daily_report_id, meeting_transcript_id, jira_snapshot_id, slack_capture_id)
);
create index report_data_links_daily_idx on report_data_links (daily_report_id) where daily_report_id is not null;
create index report_data_links_transcript_idx on report_data_links (meeting_transcript_id)
    where meeting_transcript_id is not null;
create index report_data_links_jira_idx on report_data_links (jira_snapshot_id) where jira_snapshot_id is not null;
create index report_data_links_slack_idx on report_data_links (slack_capture_id) where slack_capture_id is not null;
"""

OF_WORKSPACE = (
    "organizations",
    "teams",
    "report_ingestions",
    "report_files",
    "daily_reports",
    "meeting_transcripts",
    "report_revisions",
    "report_passages",
    "jira_snapshots",
    "slack_captures",
    "generated_reports",
    "report_data_links",
)
POLICY = """
alter table {table} enable row level security;
create policy {table}_of_workspace on {table}
    using (workspace_id = rowmill.current_workspace()) with check (workspace_id = rowmill.current_workspace());
"""


def upgrade() -> None:
    run_sql(TEAMS + FILES + KEPT + WRITTEN)
    run_sql_file(PROJECT / "workers" / "reports" / "triggers.sql")
    for table in OF_WORKSPACE:
        run_sql(POLICY.format(table=table))
