create table if not exists bare_jobs (
    id bigint generated always as identity primary key,
    task_type text not null,
    payload jsonb not null,
    status text not null default 'pending',
    run_at timestamptz not null default now(),
    attempts int not null default 0
);
create index if not exists bare_jobs_due on bare_jobs (run_at, id) where status = 'pending';
create table if not exists bare_cells (id integer primary key, content text, version bigint not null default 0)
    with (fillfactor = 80);
create table if not exists bare_edits (
    edit_no bigint generated always as identity primary key,
    cell_id integer not null,
    before text,
    after text,
    created_at timestamptz not null default clock_timestamp()
);
