The engine's half of a commit. Order of a batch: begin, fence, the domain's locks and writers, finish, ring, commit.

-- name: fence
-- Locks the task rows that are still this run's, in key order, and never waits: a row somebody else holds is
-- `still_ours` without being `held`, and its run goes to the next batch. The worker id is part of the fence because
-- run numbers come again after a lost commit, a restore or an asynchronous failover. Only those that do not pass
-- come back. A list of two states keeps the planner off the index of running tasks, where all dead versions of this
-- worker's claims lie side by side as long as some old transaction keeps them.
with held as (
    select t.id, t.run_no, t.cancel_asked_at
    from task_queue t
    where t.id = any (:ids::uuid[]) and t.worker_id = :worker_id::text and t.status in ('processing', 'running')
    order by t.id
    for no key update skip locked
)
select i.id, i.run_no, h.id is not null as held, h.cancel_asked_at is not null as cancel_asked,
    h.id is not null
        or exists (select from task_queue t
                   where t.id = i.id and t.run_no = i.run_no and t.worker_id = :worker_id::text
                     and t.status = 'processing') as still_ours
from unnest(:ids::uuid[], :run_nos::bigint[]) as i (id, run_no)
left join held h on h.id = i.id and h.run_no = i.run_no
where h.id is null or h.cancel_asked_at is not null

-- name: finish
-- Every transition a commit may write, and the run row of each started run, in one statement. `logged` is false for
-- followers: they share their leader's run row. A small payload is kept as it is without a call (rowmill.input_data).
-- An array without values says that each of its values is the usual one.
with given as (
    select f.id, coalesce(f.status, 'completed') as status, coalesce(f.uncounted, 0) as uncounted,
        coalesce(f.delay_s, 0) as delay_s, f.error, f.output, coalesce(f.logged, true) as logged, f.cell_id, f.run_ms,
        coalesce(f.success, true) as success, f.fingerprint
    from unnest(:ids::uuid[], :statuses::text[], :uncounteds::int[], :delays_s::float8[], :errors::text[],
                :outputs::jsonb[], :logged::bool[], :cell_ids::uuid[], :run_mss::int[], :successes::bool[],
                :fingerprints::text[])
        as f (id, status, uncounted, delay_s, error, output, logged, cell_id, run_ms, success, fingerprint)
), ended as (
    update task_queue t
    set status = g.status,
        attempts = t.attempts - g.uncounted,
        scheduled_for = case when g.status = 'pending'
            then clock_timestamp() + g.delay_s * interval '1 second' else t.scheduled_for end,
        completed_at = case when g.status in ('completed', 'cancelled') then clock_timestamp() end,
        failed_at = case when g.status = 'failed' then clock_timestamp() end,
        error_message = g.error,
        output = coalesce(g.output, t.output),
        worker_id = case when g.status <> 'pending' then t.worker_id end,
        leader_id = case when g.status <> 'pending' then t.leader_id end,
        cancel_asked_at = null,
        updated_at = clock_timestamp()
    from given g
    where t.id = g.id
    returning t.id, t.run_no, t.task_type, t.payload, t.enqueued_by,
        g.output, g.logged, g.cell_id, g.run_ms, g.success, g.error, g.fingerprint
)
insert into robot_input_events (task_id, run_no, operator_type, cell_id, input_data, output_data, processing_time_ms,
    success, error_message, error_fingerprint, worker_id, enqueued_by)
select e.id, e.run_no, e.task_type, e.cell_id,
    case when pg_column_compression(e.payload) is null and pg_column_size(e.payload) <= 1024 then e.payload
        else rowmill.input_data(e.payload) end,
    e.output, e.run_ms, e.success, e.error, e.fingerprint, :worker_id::text, e.enqueued_by
from ended e
where e.logged

-- name: hold_signals
-- Before anything is written, by a batch with runs that wait; a signal that is just being sent is not waited for.
select i.signal, pg_try_advisory_xact_lock(rowmill.signal_lock(i.signal)) as held
from unnest(:signals::text[]) as i (signal)

-- name: begin_waits
select rowmill.begin_waits(:ids::uuid[], :signals::text[], :timeouts_s::float8[], :policies::text[])

-- name: keep_progress
update task_queue t set output = p.progress, updated_at = clock_timestamp()
from unnest(:ids::uuid[], :progresses::jsonb[]) as p (id, progress)
where t.id = p.id

-- name: ring_freed_keys
-- A finished key may free a task of any type, also of the own one: this process may be draining.
select rowmill.ring_keys(:keys::text[])

-- name: enqueue
insert into task_queue (task_type, payload, priority, scheduled_for, dedupe_key, concurrency_key, max_attempts,
    workspace_id, parent_id)
select e.task_type, e.payload, e.priority, coalesce(e.scheduled_for, now()), e.dedupe_key, e.concurrency_key,
    e.max_attempts, e.workspace_id, e.parent_id
from unnest(:task_type::text[], :payload::jsonb[], :priority::int[], :scheduled_for::timestamptz[],
            :dedupe_key::text[], :concurrency_key::text[], :max_attempts::int[], :workspace_id::uuid[],
            :task_id::uuid[])
    as e (task_type, payload, priority, scheduled_for, dedupe_key, concurrency_key, max_attempts, workspace_id,
          parent_id)
on conflict (task_type, dedupe_key)
    where status in ('pending', 'processing', 'waiting') and dedupe_key is not null do nothing

-- name: give_back
-- Hands back what this worker does not run: unstarted claims at a drain, claims whose reply was lost. No attempt used.
with mine as (
    select t.id, i.started
    from unnest(:ids::uuid[], :run_nos::bigint[], :started::bool[]) as i (id, run_no, started)
    join task_queue t on t.id = i.id and t.run_no = i.run_no
    where t.worker_id = :worker_id::text and t.status = 'processing'
    order by t.id
    for no key update of t skip locked
), freed as (
    update task_queue t
    set status = 'pending', attempts = greatest(t.attempts - 1, 0), worker_id = null, leader_id = null,
        error_message = :reason::text, updated_at = clock_timestamp()
    from mine m
    where t.id = m.id
    returning t.id, t.run_no, t.task_type, t.concurrency_key, t.payload, t.enqueued_by, m.started
), logged as (
    insert into robot_input_events (task_id, run_no, operator_type, input_data, success, error_message, worker_id,
        enqueued_by)
    select f.id, f.run_no, f.task_type, rowmill.input_data(f.payload), false, :reason::text, :worker_id::text,
        f.enqueued_by
    from freed f where f.started
    on conflict do nothing
)
select f.id, rowmill.ring(array[f.task_type::text]),
    case when f.concurrency_key is not null then rowmill.ring_keys(array[f.concurrency_key]) end
from freed f

-- name: was_written
-- After a COMMIT whose answer was lost, asked behind the locks of the fence: the run rows it would have written.
-- "worker lost" is what a reaper writes about such a run.
select exists (select from robot_input_events e
               join unnest(:ids::uuid[], :run_nos::bigint[]) as i (id, run_no) on e.task_id = i.id and e.run_no = i.run_no
               where e.worker_id = :worker_id::text and e.error_message is distinct from 'worker lost') as written

-- name: command_insert
insert into rowmill.commands (command_id, actor, kind, digest)
values (:command_id::uuid, :actor::uuid, :kind::text, :digest::text)
on conflict do nothing
returning command_id

-- name: command_before
-- Whether the command of this id is this one. Those of before digests were kept are known by actor and kind.
select c.answer::text as answer,
    c.actor = :actor::uuid and c.kind = :kind::text and coalesce(c.digest = :digest::text, true) as same
from rowmill.commands c
where c.command_id = :command_id::uuid

-- name: command_answer
update rowmill.commands c set answer = :answer::jsonb where c.command_id = :command_id::uuid

-- name: blocker
-- Who holds the transaction that locks a row: xmax of the row names it.
select l.pid, a.application_name, a.state
from pg_locks l
left join pg_stat_activity a on a.pid = l.pid
where l.locktype = 'transactionid' and l.granted and l.transactionid = any (:lockers::text[]::xid[])
limit 1
