Claims, gate, heartbeat and sweeps of one worker process.

-- name: isolated
-- Whether row policies bind this login: it is not the owner, and may not pass them by.
select row_security_active('public.task_queue'::regclass) as isolated

-- name: table_locker
-- Who keeps everybody away from a table.
select format('pid %s (%s)', l.pid, coalesce(nullif(a.application_name, ''), 'unnamed')) as locker
from pg_locks l
left join pg_stat_activity a on a.pid = l.pid
where l.locktype = 'relation' and l.mode = 'AccessExclusiveLock' and l.granted
  and l.database = (select d.oid from pg_database d where d.datname = current_database())
limit 1

-- name: claim
-- `took_s` is the server's part alone: large payloads are long on their way, however short the search was.
select *, extract(epoch from clock_timestamp() - statement_timestamp())::float8 as took_s
from rowmill.claim(:task_type::text, :worker_id::text, :run_limit::int, :oldest::bool, :coalesce::bool,
    :after::text, :floor::timestamptz)

-- name: claim_on
select * from rowmill.claim_on(:task_type::text, :worker_id::text, :run_limit::int, :priority::int,
    :due::timestamptz, :id::uuid)

-- name: look
select t.task_type, rowmill.has_claimable(t.task_type, t.floor) as work,
    rowmill.next_due_s(t.task_type, t.floor) as due_in_s
from unnest(:task_types::text[], :floors::timestamptz[]) as t (task_type, floor)

-- name: find_floors
select t as task_type, f.floor, f.took_s
from unnest(:task_types::text[]) as t
cross join lateral rowmill.find_floor(t) f
where f.floor is not null

-- name: gate_set
insert into rowmill.gate (task_type, listener, state, valid_until)
values (:task_type::text, :listener::text, :state::text,
        clock_timestamp() + :valid_s::float8 * interval '1 second')
on conflict (task_type, listener) do update set state = excluded.state, valid_until = excluded.valid_until

-- name: gate_horizon
select pg_snapshot_xmax(pg_current_snapshot())::text as horizon

-- name: gate_settled
-- Settled: every producer that saw the old state has ended. Asked behind that, with newer snapshots: is anything left
-- that it made.
select pg_snapshot_xmin(pg_current_snapshot()) >= :horizon::text::xid8 as settled,
    rowmill.has_claimable(:task_type::text, :floor::timestamptz) as work,
    rowmill.next_due_s(:task_type::text, :floor::timestamptz) as due_in_s

-- name: gate_leave
delete from rowmill.gate where listener = :listener::text

-- name: ring
select rowmill.ring(:task_types::text[])

-- name: probe
select pg_notify(:channel::text, :token::text)

-- name: beat
-- `in_time`: the lease was still running, so this process has not been away. `drain_asked`: somebody wants it to drain.
-- `server_up_s`: a crash recovery is over when a session can ask.
with before as (
    select w.lease_until > clock_timestamp() as in_time from rowmill.workers w where w.worker_id = :worker_id::text
)
insert into rowmill.workers as w (worker_id, host, pid, lease_until, code_version, task_types, draining,
    draining_since, woken_by)
values (:worker_id::text, :host::text, :pid::int, clock_timestamp() + :lease_s::float8 * interval '1 second',
        :code_version::text, :task_types::text[], :draining::bool,
        case when :draining::bool then clock_timestamp() end, :woken_by::text)
on conflict (worker_id) do update
set beat_at = clock_timestamp(), lease_until = excluded.lease_until, draining = excluded.draining,
    draining_since = case when excluded.draining then coalesce(w.draining_since, clock_timestamp()) end,
    woken_by = excluded.woken_by
returning w.xmax = 0 as is_new, coalesce((select b.in_time from before b), false) as in_time,
    w.drain_asked_at is not null as drain_asked,
    extract(epoch from clock_timestamp() - pg_postmaster_start_time())::float8 as server_up_s

-- name: beat_gate
update rowmill.gate set valid_until = clock_timestamp() + :lease_s::float8 * interval '1 second'
where listener = :worker_id::text and state = 'asleep'

-- name: my_claims
-- What the table says is mine; what memory does not hold of it was claimed in a reply that got lost.
select id, run_no, cancel_asked_at is not null as cancel_asked,
    started_at < clock_timestamp() - :grace_s::float8 * interval '1 second' as settled
from task_queue
where worker_id = :worker_id::text and status = 'processing'

-- name: reap
select id, run_no, task_type, worker_id, status from rowmill.reap(:worker_id::text, :run_limit::int)

-- name: claim_suspect
select id, task_type from rowmill.claim_suspect(:task_types::text[], :worker_id::text, :host::text, :pid::int,
    :lease_s::float8)

-- name: take
select * from rowmill.take(:task_id::uuid, :worker_id::text, :host::text, :pid::int, :lease_s::float8)

-- name: end_child
select id, status from rowmill.end_child(:worker_id::text, :parent_pid::int, :crash::text, :fingerprint::text)

-- name: type_of
select task_type::text as task_type, public.explain_task(id) as why from task_queue where id = :task_id::uuid

-- name: leave
-- A row that is still ours because somebody has it locked keeps its worker known, so that its lease can end.
delete from rowmill.workers w
where w.worker_id = :worker_id::text
  and not exists (select from task_queue t where t.worker_id = w.worker_id and t.status = 'processing')

-- name: publish
-- In key order, so that workers that start together never wait for each other in a circle. What is the same already is
-- not even locked: somebody's open pause must not hold up the start of a fleet.
insert into rowmill.task_types (task_type, description, schema, defaults, published_by, published_at)
select p.task_type, p.description, p.schema, p.defaults, :worker_id::text, clock_timestamp()
from unnest(:task_types::text[], :descriptions::text[], :schemas::jsonb[], :defaultses::jsonb[])
    as p (task_type, description, schema, defaults)
where not exists (
    select from rowmill.task_types k
    where k.task_type = p.task_type and k.published_at is not null
      and (k.description, k.schema, k.defaults) is not distinct from (p.description, p.schema, p.defaults))
order by p.task_type
on conflict (task_type) do update
set description = excluded.description, schema = excluded.schema, defaults = excluded.defaults,
    published_by = excluded.published_by, published_at = excluded.published_at

-- name: count
-- The minute is the database's, at most a second after the run ended. Only this worker writes its rows.
insert into rowmill.task_stats as s (minute, task_type, worker_id, completed, failed, retried, cancelled, returned,
    wait_ms_histogram, run_ms_histogram)
select date_trunc('minute', coalesce(:now::timestamptz, clock_timestamp()), 'UTC'), c.task_type, :worker_id::text,
    c.completed, c.failed, c.retried, c.cancelled, c.returned, c.wait_ms::bigint[], c.run_ms::bigint[]
from unnest(:task_types::text[], :completed::bigint[], :failed::bigint[], :retried::bigint[], :cancelled::bigint[],
            :returned::bigint[], :wait_ms::text[], :run_ms::text[])
    as c (task_type, completed, failed, retried, cancelled, returned, wait_ms, run_ms)
on conflict (minute, task_type, worker_id) do update
set completed = s.completed + excluded.completed, failed = s.failed + excluded.failed,
    retried = s.retried + excluded.retried, cancelled = s.cancelled + excluded.cancelled,
    returned = s.returned + excluded.returned,
    wait_ms_histogram = rowmill.add_histograms(s.wait_ms_histogram, excluded.wait_ms_histogram),
    run_ms_histogram = rowmill.add_histograms(s.run_ms_histogram, excluded.run_ms_histogram)

-- name: sweep_waits
select timed_out, rematched from rowmill.sweep_waits(:run_limit::int, :rematch::bool, :fingerprint::text,
    :now::timestamptz)

-- name: take_token
select rowmill.take_token(:name::text, :rate::float8, :burst::float8, :waited::bool) as wait_s

-- name: pause_limit
select rowmill.pause_limit(:name::text, :seconds::float8, :reason::text)

-- name: retain_tasks
select busy, walked_to, deleted from rowmill.retain_tasks(:after::uuid, :step::int, :completed_days::float8,
    :failed_days::float8, :cancelled_days::float8, :now::timestamptz)

-- name: retain_runs
select busy, walked_to, deleted from rowmill.retain_runs(:after::uuid, :step::int, :audit_days::float8,
    :now::timestamptz)

-- name: retain_audit
select busy, walked_to, deleted from rowmill.retain_audit(:after::uuid, :step::int, :audit_days::float8,
    :now::timestamptz)

-- name: retain_stats
with old as (
    select s.minute, s.task_type, s.worker_id from rowmill.task_stats s
    where s.minute < rowmill.retain_before(:stats_days::float8, :now::timestamptz)
    order by s.minute, s.task_type, s.worker_id
    limit :step::int
    for update skip locked
), gone as (
    delete from rowmill.task_stats s using old o
    where s.minute = o.minute and s.task_type = o.task_type and s.worker_id = o.worker_id
    returning true
)
select false as busy, null::uuid as walked_to, (select count(*) from gone)::int as deleted

-- name: retain_commands
-- Until then a second try of a command hears the first one's answer.
with old as (
    select c.command_id from rowmill.commands c
    where c.created_at < rowmill.retain_before(:commands_days::float8, :now::timestamptz)
    order by c.created_at
    limit :step::int
    for update skip locked
), gone as (
    delete from rowmill.commands c using old o where c.command_id = o.command_id returning true
)
select false as busy, null::uuid as walked_to, (select count(*) from gone)::int as deleted

-- name: retain_limits
select false as busy, null::uuid as walked_to, rowmill.forget_limits(:step::int) as deleted

-- name: retain_signals
select false as busy, null::uuid as walked_to, rowmill.retain_signals(:step::int, :signals_days::float8,
    :now::timestamptz) as deleted

-- name: retain_dry_run
-- What would go now, and what a hold keeps. A scan of the queue: for a person, not for a dashboard.
select t.status, count(*) filter (where h.task_id is null) as would_go,
    count(*) filter (where h.task_id is not null) as held, min(coalesce(t.completed_at, t.failed_at, t.updated_at)) as oldest
from task_queue t
left join rowmill.holds h on h.task_id = t.id
where t.status in ('completed', 'failed', 'cancelled')
  and coalesce(t.completed_at, t.failed_at, t.updated_at) < rowmill.retain_before(
      case t.status when 'completed' then :completed_days::float8 when 'failed' then :failed_days::float8
                    else :cancelled_days::float8 end, :now::timestamptz)
group by t.status
order by t.status
