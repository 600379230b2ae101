What the HTTP API asks and changes beside what it shares with the command line (inspect.sql). `:visible` are the
workspaces of the user who asks, null = all.

-- name: tasks
-- The newest matching tasks, in the order of their ids. No payload: a list stays small.
select t.id, t.task_type, t.status, t.priority, t.attempts, t.max_attempts, t.created_at, t.scheduled_for,
    t.started_at, coalesce(t.completed_at, t.failed_at) as ended_at, t.concurrency_key, t.workspace_id,
    left(t.error_message, 500) as error_message
from task_queue t
where (:visible::uuid[] is null or t.workspace_id = any (:visible::uuid[]))
    and (:before::uuid is null or t.id < :before::uuid)
    and (:pattern::text is null or t.task_type like :pattern::text)
    and (:statuses::text[] is null or t.status = any (:statuses::text[]))
    and (:key::text is null or t.concurrency_key = :key::text)
    and (:error::text is null or strpos(lower(t.error_message), lower(:error::text)) > 0)
    and (:since::timestamptz is null or t.created_at >= :since::timestamptz)
    and (:until::timestamptz is null or t.created_at < :until::timestamptz)
    and not exists (select from unnest(:names::text[], :wanted::text[]) as f (name, value)
                    where t.payload ->> f.name is distinct from f.value)
order by t.id desc
limit :run_limit::int

-- name: task.seen
-- Whether this user may know of the task.
select t.id, t.workspace_id from task_queue t
where t.id = :id::uuid and (:visible::uuid[] is null or t.workspace_id = any (:visible::uuid[]))

-- name: task.acts
-- What people did to the task over HTTP.
select a.at, a.action, a.user_id, u.email, a.command_id, a.before, a.after
from audit_events a
left join users u on u.id = a.user_id
where a.entity = 'task' and a.entity_id = :id::uuid::text
order by a.id desc
limit :run_limit::int

-- name: task.status
select t.status from task_queue t where t.id = :id::uuid

-- name: operators
select k.task_type, k.description, k.defaults, k.published_at, k.paused_at, k.paused_by, k.paused_reason,
    (select count(*) from rowmill.workers w
     where w.lease_until > clock_timestamp() and k.task_type = any (w.task_types)) as workers
from rowmill.task_types k
order by k.task_type

-- name: operator
select k.task_type, k.description, k.defaults, k.published_at, k.paused_at, k.paused_by, k.paused_reason,
    (select count(*) from rowmill.workers w
     where w.lease_until > clock_timestamp() and k.task_type = any (w.task_types)) as workers, k.schema as payload_schema
from rowmill.task_types k
where k.task_type = :task_type::text

-- name: enqueue
select e.id, e.created, e.duplicate_of
from public.enqueue_task(:task_type::text, :payload::jsonb, :priority::int, :scheduled_for::timestamptz,
    :dedupe_key::text, :concurrency_key::text, :max_attempts::int, :workspace_id::uuid) as e

-- name: retry
select public.retry_task(:id::uuid) as answer

-- name: cancel
select public.cancel_task(:id::uuid) as answer

-- name: signal
select public.signal_task(:key::text, :payload::jsonb, null::uuid, :workspace_id::uuid) as answer

-- name: paused_by
-- The function knows the database's login only; over HTTP it was this user.
update rowmill.task_types k set paused_by = :email::text
where k.task_type = :task_type::text and k.paused_at >= transaction_timestamp()
returning k.task_type

-- name: act.begin
-- The idempotency key is the fence of an action: waits for a request of the same key that is under way.
insert into rowmill.commands (command_id, actor, kind, digest)
values (:command_id::uuid, :actor::uuid, :kind::text, :digest::text)
on conflict do nothing
returning command_id

-- name: act.before
select c.answer::text as answer, c.actor = :actor::uuid and c.kind = :kind::text and c.digest = :digest::text as same
from rowmill.commands c
where c.command_id = :command_id::uuid

-- name: act.answer
update rowmill.commands c set answer = :answer::jsonb where c.command_id = :command_id::uuid

-- name: act.audit
insert into audit_events (workspace_id, entity, entity_id, action, before, after, user_id, command_id)
values (:workspace_id::uuid, :entity::text, :entity_id::text, :action::text, :before::jsonb, :after::jsonb,
    :user_id::uuid, :command_id::uuid)

-- name: limits
select set_config('statement_timeout', :statement_ms::int::text, true), set_config('lock_timeout', :lock_ms::int::text, true)

-- name: heads
-- What the database was migrated to, and how many workers live.
select v.version_num, (select count(*) from rowmill.workers w where w.lease_until > clock_timestamp()) as workers
from rowmill.alembic_version v

-- name: metrics.depth
select d.task_type, d.ready, d.scheduled, d.processing, d.paused, coalesce(w.tasks, 0) as waiting
from monitoring.queue_depth d
left join monitoring.waiting w using (task_type)

-- name: metrics.oldest
select o.task_type, max(o.age_s) as age_s from monitoring.oldest_ready o group by o.task_type

-- name: metrics.throughput
-- The last full minute: the current one is still being counted.
select t.task_type, t.completed, t.failed, t.retried, t.cancelled, t.returned, t.wait_p50_ms, t.wait_p95_ms, t.wait_p99_ms,
    t.run_p50_ms, t.run_p95_ms, t.run_p99_ms
from monitoring.throughput_1m t
where t.minute = date_trunc('minute', clock_timestamp()) - interval '1 minute'

-- name: metrics.failures
select f.task_type, sum(f.runs)::bigint as runs from monitoring.failures_by_fingerprint f group by f.task_type

-- name: metrics.workers
select case when not w.alive then 'lost' when w.draining then 'draining' else 'alive' end as state, count(*) as workers
from monitoring.workers w
group by 1

-- name: metrics.stuck
select s.task_type, count(*) filter (where s.status <> 'failed') as tasks,
    count(*) filter (where s.status = 'failed') as quarantined
from monitoring.stuck_tasks s
group by s.task_type

-- name: metrics.database
select d.database_bytes, d.queue_live_rows, d.queue_dead_rows,
    coalesce(d.vacuum_transactions_behind, 0) as vacuum_transactions_behind, d.connections, d.max_connections
from monitoring.db_health d
