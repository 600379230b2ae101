create sequence bench_version;
create table bench_cells (
    id integer primary key,
    content text,
    version bigint not null default nextval('bench_version')
) with (fillfactor = 80);
create table bench_cell_edits (
    edit_no bigint generated always as identity primary key,
    cell_id integer not null,
    before text,
    after text,
    task_id uuid,
    run_no bigint,
    created_at timestamptz not null default clock_timestamp()
);
