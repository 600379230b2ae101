What the harness asks. Figures of our own engine come from its public tables.

-- name: counters
select pg_current_wal_insert_lsn() - '0/0'::pg_lsn as wal,
    (select d.xact_commit from pg_stat_database d where d.datname = current_database()) as commits,
    (select coalesce(sum(t.n_tup_upd + t.n_tup_del), 0)::bigint from pg_stat_user_tables t) as dead

-- name: statements
-- Of the work alone: what the harness asks meanwhile is left out by its words.
select coalesce(sum(s.calls), 0)::bigint as calls,
    coalesce(sum(s.shared_blks_hit + s.shared_blks_read), 0)::bigint as buffers,
    coalesce(sum(s.wal_bytes), 0)::bigint as wal
from pg_stat_statements s
join pg_database d on d.oid = s.dbid
where d.datname = current_database() and s.toplevel and s.query !~ 'bench_left|pg_stat_|_operator\('

-- name: load_noop
insert into task_queue (task_type, payload)
select :task_type::text, jsonb_build_object('n', n)
from generate_series(:first::int, :last::int) n

-- name: load_audited
insert into task_queue (task_type, payload)
select :task_type::text, jsonb_build_object('cell_id', (n - 1) % :rows::int + 1, 'content', 'v' || n)
from generate_series(:first::int, :last::int) n

-- name: add_cells
insert into bench_cells (id) select n from generate_series(1, :rows::int) n

-- name: unfinished
-- Walks the lane's index, and the index of running tasks: cheap enough to be asked while the worker works. What W8 lays
-- beside the work has another type, or another priority and is due tomorrow.
select (select count(*) from (
            select from task_queue t
            where t.task_type = :task_type::text and t.status = 'pending' and t.crashes < 2
              and t.concurrency_key is null and t.priority = 5
            order by t.scheduled_for desc, t.id desc  -- from behind: in front lie the dead versions of what is done
            limit :most::int) p)
     + (select count(*) from (
            select from task_queue t where t.status = 'processing' and t.worker_id is not null limit :most::int) r) as bench_left

-- name: span
-- From the moment on which every worker process has begun, to the end of the last task.
with begun as materialized (
    select max(f.first) as at
    from (select min(t.started_at) as first from task_queue t
          where t.task_type = :task_type::text and t.started_at is not null group by t.worker_id) f
)
select count(*) filter (where t.completed_at > b.at) as tasks,
    extract(epoch from max(t.completed_at) - max(b.at))::float8 as seconds,
    count(distinct t.worker_id) as workers
from task_queue t, begun b
where t.task_type = :task_type::text and t.status = 'completed'

-- name: thirds
-- The rate of the first and of the last third of a drain, by the order in which the tasks were completed.
with ranked as (
    select t.completed_at, ntile(3) over (order by t.completed_at) as third
    from task_queue t where t.task_type = :task_type::text and t.status = 'completed'
)
select r.third, count(*) / nullif(extract(epoch from max(r.completed_at) - min(r.completed_at)), 0)::float8 as rate
from ranked r group by r.third order by r.third

-- name: proof
-- Each task once, at its first attempt, with one run row that says so.
select count(*) as tasks,
    count(*) filter (where t.status = 'completed' and t.attempts = 1 and t.run_no = 1) as completed,
    (select count(*) from robot_input_events e where e.operator_type = :task_type::text) as runs,
    (select count(distinct e.task_id) from robot_input_events e
     where e.operator_type = :task_type::text and e.success) as succeeded
from task_queue t where t.task_type = :task_type::text and t.priority = 5

-- name: cells_proof
-- One edit per task; on each row the edits form a chain that ends in what the row holds.
with chain as (
    select e.cell_id, e.task_id, e.before, e.after,
        lag(e.after) over (partition by e.cell_id order by e.edit_no) as previous,
        lead(e.after) over (partition by e.cell_id order by e.edit_no) as following
    from bench_cell_edits e
)
select count(*) as edits, count(distinct c.task_id) as tasks, count(distinct c.after) as contents,
    count(*) filter (where c.before is distinct from c.previous) as broken,
    count(*) filter (where c.following is null and c.after is distinct from k.content) as misplaced
from chain c join bench_cells k on k.id = c.cell_id

-- name: peer_cells_proof
select count(*) as edits, count(distinct e.after) as contents,
    (select count(*) from bench_cells k where k.content is null and k.id <= :rows::int) as untouched
from bench_cell_edits e

-- name: completed_between
select count(*) as tasks,
    coalesce(percentile_cont(array[0.5, 0.99]) within group (
        order by extract(epoch from t.started_at - t.created_at)::float8 * 1000), array[0, 0]) as waits_ms
from task_queue t
where t.task_type = :task_type::text and t.status = 'completed'
  and t.completed_at >= :begun::timestamptz and t.completed_at < :ended::timestamptz

-- name: server_time
select clock_timestamp() as now

-- name: asleep
select count(*) as sleepers from rowmill.gate g where g.task_type = :task_type::text and g.valid_until > now()

-- name: probe_starts
select (t.output ->> 'start_ms')::float8 as start_ms
from task_queue t
where t.task_type = 'bench.probe' and t.status = 'completed' and (t.payload ->> 'at')::float8 > 0

-- name: count_tasks
select count(*) as tasks from task_queue t where t.task_type = :task_type::text

-- name: left_behind
-- Databases of benchmarks whose session is gone: they were killed.
select d.datname as name from pg_database d
where d.datname ~ '^bench_[0-9a-f]{8}_[a-z0-9]+$'
  and not exists (select from pg_stat_activity a
                  where a.application_name = 'rowmill bench ' || substr(d.datname, 7, 8))

-- name: settings
select s.name, s.setting || coalesce(s.unit, '') as value from pg_settings s
where s.name in ('server_version', 'fsync', 'synchronous_commit', 'full_page_writes', 'shared_buffers', 'max_connections',
    'max_wal_size', 'checkpoint_timeout', 'wal_compression', 'wal_sync_method', 'jit', 'autovacuum')
order by s.name

-- name: grow_queue
-- Finished yesterday: younger than anything retention takes.
insert into task_queue (task_type, payload, status, attempts, run_no, worker_id, scheduled_for, started_at,
    completed_at, created_at, updated_at)
select :task_type::text, jsonb_build_object('n', n), 'completed', 1, 1, 'worker of yesterday', y.at, y.at, y.at, y.at, y.at
from generate_series(:first::int, :last::int) n,
    lateral (select now() - interval '1 day' + n * interval '1 ms' as at) y

-- name: grow_runs
insert into robot_input_events (task_id, run_no, operator_type, input_data, processing_time_ms, success, worker_id,
    enqueued_by, created_at)
select rowmill.uuid7(), 1, :task_type::text, jsonb_build_object('n', n), 1, true, 'worker of yesterday', 'bench',
    now() - interval '1 day' + n * interval '1 ms'
from generate_series(:first::int, :last::int) n

-- name: crowd
insert into task_queue (task_type, payload, priority, scheduled_for)
select :task_type::text, jsonb_build_object('n', n), :priority::int, now() + :ahead_s::float8 * interval '1 second'
from generate_series(:first::int, :last::int) n

-- name: forget_tasks
delete from task_queue t where t.task_type = :task_type::text and t.status = 'completed'
    and t.worker_id <> 'worker of yesterday'

-- name: forget_runs
delete from robot_input_events e where e.operator_type = :task_type::text and e.worker_id <> 'worker of yesterday'

-- name: sheet_owner
insert into users (external_id, email, first_name) values ('bench', 'bench@rowmill.invalid', 'Bench')
on conflict (email) do update set first_name = excluded.first_name
returning id

-- name: sheet
insert into spreadsheets (name, owner_id) values ('Bench', :owner_id::uuid) returning id

-- name: sheet_column
insert into sheet_columns (spreadsheet_id, position, title, operator, config)
values (:spreadsheet_id::uuid, :position::int, :title::text, :operator::text, :config::jsonb)
returning id

-- name: sheet_input
insert into column_inputs (column_id, ordinal, input_column_id) values (:column_id::uuid, 1, :input_id::uuid)

-- name: sheet_cells
insert into cells (spreadsheet_id, column_id, row_number, content)
select :spreadsheet_id::uuid, :column_id::uuid, n, 'text ' || n
from generate_series(:first::int, :last::int) n

-- name: sheet_proof
-- Both derived cells of a row hold what its source says, and each was written by a task, in a chain of edits.
select count(*) filter (where c.column_id = :first_id::uuid and c.content = upper('text ' || c.row_number)) as firsts,
    count(*) filter (where c.column_id = :second_id::uuid and c.content = lower('text ' || c.row_number)) as seconds,
    (select count(*) from cell_edit_events e where e.edit_type = 'robot') as edits,
    (select count(distinct e.cell_id) from cell_edit_events e where e.edit_type = 'robot') as edited
from cells c

-- name: sheet_span
select count(*) as tasks, count(*) filter (where t.status = 'completed') as completed,
    extract(epoch from max(t.completed_at) - min(t.created_at))::float8 as seconds
from task_queue t where t.task_type in ('spreadsheets.transform', 'spreadsheets.fill_cells')

-- name: sheet_live
select exists (select from task_queue t where t.status in ('pending', 'processing')) as live

-- name: sheet_left
select count(*) as tasks from task_queue t where t.status in ('pending', 'processing')

-- name: begun
select count(distinct t.worker_id) as workers from task_queue t
where t.task_type = :task_type::text and t.status = 'processing' and t.worker_id is not null

-- name: pause
select pause_operator(:task_type::text, 'the benchmark loads')

-- name: resume
select resume_operator(:task_type::text)

-- name: running
select count(*) as tasks from task_queue t where t.task_type = :task_type::text and t.started_at is not null
