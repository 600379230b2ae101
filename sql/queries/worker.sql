Claims, gate, heartbeat and sweeps of one worker process.

-- name: claim
select * from rowmill.claim(:task_type::text, :worker_id::text, :run_limit::int, :oldest::bool, :coalesce::bool,
    :after::text)

-- name: look
select t as task_type, rowmill.has_claimable(t) as work, rowmill.next_due_s(t) as due_in_s
from unnest(:task_types::text[]) as t

-- name: gate_set
insert into rowmill.gate (task_type, listener, state, valid_until)
values (:task_type::text, :listener::text, :state::text,
        clock_timestamp() + :valid_s::float8 * interval '1 second')
on conflict (task_type, listener) do update set state = excluded.state, valid_until = excluded.valid_until

-- name: gate_horizon
select pg_snapshot_xmax(pg_current_snapshot())::text as horizon

-- name: gate_settled
-- The answers from one snapshot: a producer that saw the old state has ended, and nothing is left that it made.
select pg_snapshot_xmin(pg_current_snapshot()) >= :horizon::text::xid8 as settled,
    rowmill.has_claimable(:task_type::text) as work, rowmill.next_due_s(:task_type::text) as due_in_s

-- name: gate_leave
delete from rowmill.gate where listener = :listener::text

-- name: ring
select rowmill.ring(:task_types::text[])

-- name: beat
-- `in_time`: the lease was still running, so this process has not been away.
with before as (
    select w.lease_until > clock_timestamp() as in_time from rowmill.workers w where w.worker_id = :worker_id::text
)
insert into rowmill.workers (worker_id, host, pid, lease_until, code_version, task_types, draining)
values (:worker_id::text, :host::text, :pid::int, clock_timestamp() + :lease_s::float8 * interval '1 second',
        :code_version::text, :task_types::text[], :draining::bool)
on conflict (worker_id) do update
set beat_at = clock_timestamp(), lease_until = excluded.lease_until, draining = excluded.draining
returning xmax = 0 as is_new, coalesce((select b.in_time from before b), false) as in_time

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

-- name: leave
-- A row that is still ours because somebody has it locked keeps its worker known, so that its lease can end.
delete from rowmill.workers w
where w.worker_id = :worker_id::text
  and not exists (select from task_queue t where t.worker_id = w.worker_id and t.status = 'processing')
