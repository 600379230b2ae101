What a person asks the queue on the command line. Everything is read newest first along the primary key (ids are ordered
by time), bounded by a limit or a page, and changes nothing; changes go through the contract's functions.

-- name: limits
-- A person's question must neither stand behind a lock for long nor read for minutes beside a busy queue.
select set_config('statement_timeout', :statement_ms::int::text, false), set_config('lock_timeout', :lock_ms::int::text, false)

-- name: tasks
-- The newest matching tasks. No payload: a list of thousands stays small.
select t.id, t.task_type, t.status, t.priority, t.attempts, t.max_attempts, t.created_at, t.scheduled_for,
    t.started_at, coalesce(t.completed_at, t.failed_at) as ended_at, t.concurrency_key,
    left(t.error_message, 500) as error_message, clock_timestamp() as seen_at
from task_queue t
where (:pattern::text is null or t.task_type like :pattern::text)
    and (:statuses::text[] is null or t.status = any (:statuses::text[]))
    and (:key::text is null or t.concurrency_key = :key::text)
    and (:error::text is null or strpos(lower(t.error_message), lower(:error::text)) > 0)
    and (:since::timestamptz is null or t.created_at >= :since::timestamptz)
    and (:until::timestamptz is null or t.created_at < :until::timestamptz)
    and not exists (select from unnest(:names::text[], :wanted::text[]) as f (name, value)
                    where t.payload ->> f.name is distinct from f.value)
order by t.id desc
limit :run_limit::int

-- name: tasks.page
-- The same filter, oldest first, after the last id of the page before: a retried backlog keeps its order.
select t.id, t.task_type, t.status
from task_queue t
where (:after::uuid is null or t.id > :after::uuid)
    and (:pattern::text is null or t.task_type like :pattern::text)
    and (:statuses::text[] is null or t.status = any (:statuses::text[]))
    and (:key::text is null or t.concurrency_key = :key::text)
    and (:error::text is null or strpos(lower(t.error_message), lower(:error::text)) > 0)
    and (:since::timestamptz is null or t.created_at >= :since::timestamptz)
    and (:until::timestamptz is null or t.created_at < :until::timestamptz)
    and not exists (select from unnest(:names::text[], :wanted::text[]) as f (name, value)
                    where t.payload ->> f.name is distinct from f.value)
order by t.id
limit :run_limit::int

-- name: queue
-- Whether an empty list means an empty queue.
select exists (select from task_queue) as used

-- name: task.between
-- Two are enough to know that the beginning of an id is not unique.
select t.id from task_queue t where t.id between :low::uuid and :high::uuid order by t.id limit 2

-- name: task
select t.id, t.task_type, t.status, t.priority, t.attempts, t.max_attempts, t.crashes, t.run_no, t.created_at,
    t.scheduled_for, t.started_at, coalesce(t.completed_at, t.failed_at) as ended_at, t.cancel_asked_at,
    t.concurrency_key, t.dedupe_key, t.workspace_id, t.leader_id, t.parent_id, t.enqueued_by, t.worker_id,
    t.error_message, t.payload, t.output, octet_length(t.payload::text) as payload_bytes, clock_timestamp() as seen_at,
    p.task_type as parent_type, p.status as parent_status
from task_queue t
left join task_queue p on p.id = t.parent_id
where t.id = :id::uuid

-- name: task.runs
-- The newest runs. A run waited since the one before it ended, the first since the task was made.
select e.run_no, e.success, e.started_at, e.created_at as ended_at, e.processing_time_ms, e.error_message, e.worker_id,
    e.cell_id, e.output_data,
    greatest(0, extract(epoch from e.started_at - coalesce(e.before, t.created_at)) * 1000)::bigint as waited_ms
from (
    select r.*, r.created_at - r.processing_time_ms * interval '1 millisecond' as started_at,
        lag(r.created_at) over (order by r.run_no) as before
    from robot_input_events r
    where r.task_id = :id::uuid
) e
join task_queue t on t.id = e.task_id
order by e.run_no desc
limit :run_limit::int

-- name: task.children
-- Neither parent_id nor the audit's task_id has an index: what a run wrote has ids of the time of that run, and a
-- commit begins within 30 seconds. `offset 0` keeps the range in the index; without it the planner reads the table.
with spans as (
    select unnest(range_agg(tstzrange(r.created_at - coalesce(r.processing_time_ms, 0) * interval '1 millisecond'
                                          - interval '1 second', r.created_at + interval '30 seconds'))) as span
    from (
        select e.created_at, e.processing_time_ms from robot_input_events e where e.task_id = :id::uuid
        union all
        select clock_timestamp(), least(extract(epoch from clock_timestamp() - t.started_at) * 1000, 2147483647)::int
        from task_queue t where t.id = :id::uuid and t.status = 'processing'
    ) r
)
select c.id, c.task_type, c.status, c.created_at
from spans s
cross join lateral (
    select t.id, t.task_type, t.status, t.created_at from task_queue t
    where t.id >= rpad(lpad(to_hex((extract(epoch from lower(s.span)) * 1000)::bigint), 12, '0'), 32, '0')::uuid
        and t.id <= rpad(lpad(to_hex((extract(epoch from upper(s.span)) * 1000)::bigint), 12, '0'), 32, 'f')::uuid
        and t.parent_id = :id::uuid
    offset 0
) c
order by c.id
limit :run_limit::int

-- name: task.effects
with spans as (
    select unnest(range_agg(tstzrange(r.created_at - coalesce(r.processing_time_ms, 0) * interval '1 millisecond'
                                          - interval '1 second', r.created_at + interval '30 seconds'))) as span
    from (
        select e.created_at, e.processing_time_ms from robot_input_events e where e.task_id = :id::uuid
        union all
        select clock_timestamp(), least(extract(epoch from clock_timestamp() - t.started_at) * 1000, 2147483647)::int
        from task_queue t where t.id = :id::uuid and t.status = 'processing'
    ) r
)
select a.at, a.run_no, a.entity, a.entity_id, a.action, a.before, a.after
from spans s
cross join lateral (
    select e.* from audit_events e
    where e.id >= rpad(lpad(to_hex((extract(epoch from lower(s.span)) * 1000)::bigint), 12, '0'), 32, '0')::uuid
        and e.id <= rpad(lpad(to_hex((extract(epoch from upper(s.span)) * 1000)::bigint), 12, '0'), 32, 'f')::uuid
        and e.task_id = :id::uuid
    offset 0
) a
order by a.id
limit :run_limit::int

-- name: retry
select i.id, public.retry_task(i.id) as answer from unnest(:ids::uuid[]) as i (id)

-- name: cancel
select i.id, public.cancel_task(i.id) as answer from unnest(:ids::uuid[]) as i (id)

-- name: signal
select public.signal_task(:key::text, :payload::jsonb, :signal_id::uuid, :workspace_id::uuid) as answer

-- name: workers
select w.worker_id, w.host, w.pid, w.started_at, w.beat_at, w.lease_until, w.lease_until > clock_timestamp() as alive,
    w.draining, w.drain_asked_at, w.draining_since, w.woken_by, w.code_version, w.task_types,
    extract(epoch from w.lease_until - w.beat_at)::float8 as lease_s,
    (select count(*) from task_queue t where t.status = 'processing' and t.worker_id = w.worker_id) as tasks_held,
    clock_timestamp() as seen_at
from rowmill.workers w
order by w.started_at, w.worker_id

-- name: workers.drain
-- Without those that ended a moment ago.
select i.worker_id from unnest(:worker_ids::text[]) as i (worker_id) where rowmill.drain_worker(i.worker_id)

-- name: enqueue
select e.id, e.created, e.duplicate_of
from public.enqueue_task(:task_type::text, :payload::jsonb, :priority::int, :scheduled_for::timestamptz,
    :dedupe_key::text, :concurrency_key::text, :max_attempts::int) as e

-- name: explain
select public.explain_task_json(:id::uuid) as explained

-- name: pause
select public.pause_operator(:task_type::text, :reason::text) as answer

-- name: paused
select k.paused_at, k.paused_by, k.paused_reason from rowmill.task_types k where k.task_type = :task_type::text

-- name: resume
select public.resume_operator(:task_type::text) as answer

-- name: schedules
select s.name, s.task_type, s.cron, s.timezone, s.next_at, s.last_at, s.last_task_id, s.problem, s.overdue_s,
    s.scheduled_by, s.catch_up, s.paused_at, s.paused_by, clock_timestamp() as seen_at
from monitoring.schedules s
order by s.next_at nulls last, s.name

-- name: schedule
select public.schedule_task(:name::text, :task_type::text, :cron::text, :payload::jsonb, :timezone::text,
    catch_up => :catch_up::text) as answer

-- name: unschedule
select public.unschedule_task(:name::text) as answer

-- name: pause_schedule
select public.pause_schedule(:name::text) as answer

-- name: resume_schedule
select public.resume_schedule(:name::text) as answer

-- name: run_schedule
select public.run_schedule(:name::text) as task_id

-- name: acting_users
-- The active user of this address; without one, up to two active ones: the only one is meant, of several none.
select u.id, u.email from users u
where u.is_active and (:email::text is null or lower(u.email) = lower(:email::text))
order by u.email limit 2
