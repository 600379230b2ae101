What keeps an installation healthy: the step after a restore, the questions of `rowmill doctor`, `top` and `db status`.
`top` reads the schema `monitoring` alone, so that a login with the monitor's rights can run it.

-- name: recovered.sessions
-- Sessions that only a worker process opens. The restored data cannot have brought them.
select a.application_name, a.pid, host(a.client_addr) as address
from pg_stat_activity a
where a.datname = current_database() and a.pid <> pg_backend_pid()
  and (a.application_name like 'rowmill beat%' or a.application_name in ('rowmill claim', 'rowmill listen'))
order by a.pid

-- name: recovered.leases
-- Behind a pooler sessions have other names. A lease of the backed-up past runs out unbeaten.
select w.worker_id, w.host, w.pid, w.beat_at,
    extract(epoch from w.lease_until - clock_timestamp())::float8 as left_s
from rowmill.workers w
where w.lease_until > clock_timestamp()
order by w.worker_id

-- name: recovered.newest_trace
-- About when the backup was taken: the newest thing the data knows of.
select greatest(
    (select max(w.beat_at) from rowmill.workers w),
    (select t.created_at from task_queue t order by t.id desc limit 1),
    (select a.at from audit_events a order by a.id desc limit 1)) as at

-- name: recovered.own_updates
select set_config('rowmill.committing', 'on', true)

-- name: recovered.give_back
-- Nobody failed and nothing crashed: no attempt is used, no crash counted. Workers look when they start: no bell.
with lost as materialized (
    select t.id, t.worker_id, t.leader_id from task_queue t
    where t.status = 'processing'
    order by t.id
    limit :run_limit::int
    for no key update
), freed as (
    update task_queue t
    set status = case when t.cancel_asked_at is null then 'pending' else 'cancelled' end,
        completed_at = case when t.cancel_asked_at is not null then clock_timestamp() end,
        attempts = greatest(t.attempts - 1, 0), leader_id = null, worker_id = null,
        error_message = case when t.cancel_asked_at is null then :reason::text else 'cancelled by request' end,
        updated_at = clock_timestamp()
    from lost l
    where t.id = l.id
    returning t.id, t.run_no, t.task_type, t.payload, t.enqueued_by, l.worker_id, l.leader_id
), logged as (
    insert into robot_input_events (task_id, run_no, operator_type, input_data, success, error_message, worker_id,
        enqueued_by)
    select f.id, f.run_no, f.task_type, rowmill.input_data(f.payload), false, :reason::text, f.worker_id, f.enqueued_by
    from freed f
    where f.leader_id is null
    on conflict do nothing
)
select f.id, f.task_type from freed f

-- name: recovered.forget_processes
with workers as (
    delete from rowmill.workers returning true
), gate as (
    delete from rowmill.gate returning true
)
select (select count(*) from workers) as workers, (select count(*) from gate) as gate

-- name: recovered.raise_versions
-- Versions handed out in the lost span must not come again with other contents: clients remember them.
select setval('rowmill.version', nextval('rowmill.version') + :step::bigint) as version

-- name: recovered.note
insert into rowmill.recoveries (recovery_no, system_identifier, timeline, queue_oid, tasks_given_back)
select (select coalesce(max(r.recovery_no), 0) + 1 from rowmill.recoveries r), i.system_identifier, i.timeline,
    i.queue_oid, :tasks::int
from rowmill.server_identity() i
returning recovery_no, at

-- name: recovered.audit
insert into audit_events (entity, entity_id, action, after)
select 'recovery', :recovery_no::int::text, 'recovered', :facts::jsonb
returning id

-- name: doctor.server
select current_setting('server_version') as version, current_setting('server_version_num')::int / 10000 as major,
    pg_is_in_recovery() as in_recovery, current_setting('fsync') as fsync,
    current_setting('full_page_writes') as full_page_writes, clock_timestamp() as now,
    coalesce((select s.ssl from pg_stat_ssl s where s.pid = pg_backend_pid()), false) as encrypted,
    current_setting('data_directory', true) as data_directory

-- name: doctor.identity
select i.system_identifier, i.timeline, i.queue_oid, r.system_identifier as known_system_identifier,
    r.timeline as known_timeline, r.queue_oid as known_queue_oid, r.at as known_since
from rowmill.server_identity() i
left join (select * from rowmill.recoveries order by recovery_no desc limit 1) r on true

-- name: doctor.functions
select n.nspname || '.' || p.proname as name, p.prosrc as body
from pg_proc p join pg_namespace n on n.oid = p.pronamespace
where n.nspname in ('public', 'rowmill')

-- name: doctor.workers
select w.worker_id, w.alive, w.draining, w.code_version from monitoring.workers w

-- name: doctor.types
-- Types with due tasks: who serves them, since when they wait, whether somebody paused them.
select q.task_type, q.ready, q.ready_is_minimum, q.paused,
    (select max(o.age_s) from monitoring.oldest_ready o where o.task_type = q.task_type) as oldest_s,
    exists (select from monitoring.workers w where w.alive and not w.draining and q.task_type = any (w.task_types)) as served
from monitoring.queue_depth q
where q.ready > 0
order by q.task_type

-- name: doctor.stuck
select s.reason, count(*) as tasks, max(s.age_s) as longest_s, (array_agg(s.task_id order by s.since))[1] as example
from monitoring.stuck_tasks s
where s.status = 'processing'
group by s.reason
order by 2 desc

-- name: doctor.blockers
select b.source, b.pid, b.name, b.state, b.query, b.age_s, b.transactions_behind
from monitoring.blockers_of_vacuum b
order by b.transactions_behind desc

-- name: doctor.tables
-- Estimates of the statistics collector; only tables of the schemas that rowmill knows.
select s.schemaname || '.' || s.relname as name, c.reltuples::bigint as "rows", s.n_live_tup as live, s.n_dead_tup as dead,
    greatest(s.last_autovacuum, s.last_vacuum) as vacuumed_at, pg_total_relation_size(s.relid) as bytes
from pg_stat_user_tables s
join pg_class c on c.oid = s.relid
where s.schemaname in ('public', 'rowmill')
order by bytes desc

-- name: doctor.invalid_indexes
select i.indexrelid::regclass::text as name
from pg_index i join pg_class c on c.oid = i.indexrelid
where not i.indisvalid and c.relnamespace in ('public'::regnamespace, 'rowmill'::regnamespace)
order by 1

-- name: doctor.health
select h.connections, h.max_connections, h.transaction_id_age, h.has_slow_queries, h.cache_hit_percent,
    pg_notification_queue_usage() as bells_pending
from monitoring.db_health h

-- name: doctor.slow
select s.query, s.calls, s.mean_ms from monitoring.slow_queries s where s.mean_ms > :limit_ms::float8 and s.calls >= 5
order by s.mean_ms desc limit 3

-- name: doctor.users
select count(distinct s.user_id) as users from sessions s where s.expires_at > now()

-- name: doctor.overdue
-- Whether retention keeps up: the oldest finished rows stand at the front of the primary key.
select count(*) as overdue
from (select t.status, coalesce(t.completed_at, t.failed_at, t.updated_at) as ended_at, t.id from task_queue t
      order by t.id limit 10000) t
where t.status in ('completed', 'failed', 'cancelled')
  and not exists (select from rowmill.holds h where h.task_id = t.id)
  and t.ended_at < rowmill.retain_before(
      case t.status when 'completed' then :completed_days::float8 when 'failed' then :failed_days::float8
                    else :cancelled_days::float8 end, now() - interval '1 day')

-- name: up.held
select t.worker_id, t.task_type, count(*) as tasks,
    max(extract(epoch from clock_timestamp() - t.started_at))::float8 as longest_s
from task_queue t
where t.status = 'processing' and t.worker_id = any (:worker_ids::text[])
group by t.worker_id, t.task_type
order by t.worker_id, t.task_type

-- name: top.types
-- Rates over the last sixty seconds: what is left of the minute before counts in part.
with clock as (
    select clock_timestamp() as now, extract(second from clock_timestamp())::float8 / 60 as part
), counted as (
    select t.task_type,
        sum(case when t.minute = date_trunc('minute', c.now, 'UTC') then 1 else 1 - c.part end
            * (t.completed + t.failed + t.cancelled))::float8 as ended_per_min,
        sum(case when t.minute = date_trunc('minute', c.now, 'UTC') then 1 else 1 - c.part end
            * t.failed)::float8 as failed_per_min,
        sum(case when t.minute = date_trunc('minute', c.now, 'UTC') then 1 else 1 - c.part end
            * t.retried)::float8 as retried_per_min
    from monitoring.throughput_1m t cross join clock c
    where t.minute >= date_trunc('minute', c.now, 'UTC') - interval '1 minute'
    group by t.task_type
), timed as (
    select distinct on (t.task_type) t.task_type, t.wait_p50_ms, t.wait_p99_ms, t.run_p50_ms, t.run_p99_ms
    from monitoring.throughput_1m t
    where t.run_p50_ms is not null
    order by t.task_type, t.minute desc
), oldest as (
    select o.task_type, max(o.age_s) as oldest_s from monitoring.oldest_ready o group by o.task_type
), serving as (
    select u.task_type, count(*) as workers
    from monitoring.workers w cross join lateral unnest(w.task_types) as u (task_type)
    where w.alive and not w.draining
    group by u.task_type
)
select q.task_type, q.ready, q.ready_is_minimum, q.scheduled, q.scheduled_is_minimum, q.processing, q.paused,
    coalesce(a.tasks, 0) as waiting, coalesce(a.tasks_is_minimum, false) as waiting_is_minimum,
    case when o.oldest_s is not null then greatest(o.oldest_s, 0) end::float8 as oldest_s, coalesce(c.ended_per_min, 0)::float8 as ended_per_min,
    coalesce(c.failed_per_min, 0)::float8 as failed_per_min, coalesce(c.retried_per_min, 0)::float8 as retried_per_min,
    m.wait_p50_ms, m.wait_p99_ms, m.run_p50_ms, m.run_p99_ms, coalesce(s.workers, 0) as workers
from monitoring.queue_depth q
left join monitoring.waiting a using (task_type)
left join counted c using (task_type)
left join timed m using (task_type)
left join oldest o using (task_type)
left join serving s using (task_type)
order by q.task_type

-- name: top.workers
select w.worker_id, w.host, w.pid, w.alive, w.draining, w.processing, w.oldest_run_s, w.code_version,
    extract(epoch from clock_timestamp() - w.beat_at)::float8 as beat_age_s
from monitoring.workers w
order by w.started_at, w.worker_id

-- name: top.server
select h.connections, h.max_connections, h.queue_dead_rows, h.vacuum_transactions_behind,
    current_database() as database, clock_timestamp() as now
from monitoring.db_health h

-- name: db.overview
select current_database() as database, current_setting('server_version') as version,
    pg_database_size(current_database()) as bytes,
    (select count(*) from pg_stat_activity a where a.datname = current_database()) as connections,
    current_setting('max_connections')::int as max_connections, pg_is_in_recovery() as in_recovery,
    to_regclass('rowmill.alembic_version') is not null as migrated

-- name: db.living
-- Who would be cut off.
select w.worker_id, w.host, w.pid from rowmill.workers w where w.lease_until > clock_timestamp() order by w.worker_id
