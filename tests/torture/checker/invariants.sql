-- Each statement gives the cases in which its invariant is broken, with the reason. $1: the lease in seconds.

-- name: I1
select format('task %s was acknowledged and is gone', a.id) as why
from acked a
left join task_queue t on t.id = a.id
where t.id is null

-- name: I2
with marks as (
    select task_id, count(*) as marks, count(distinct n) as numbers, min(n) as low, max(n) as high, max(run_no) as run_no
    from torture_effects group by task_id
), edits as (
    select task_id, count(*) as edits, max(run_no) as run_no from torture_edits group by task_id
), runs as (
    select task_id, count(*) as runs, max(run_no) as run_no from robot_input_events where success group by task_id
)
select format('task %s, completed in run %s: %s marks (last of run %s), %s edits (last of run %s), %s good run rows (last of run %s)',
    t.id, t.run_no, coalesce(m.marks, 0), m.run_no, coalesce(e.edits, 0), e.run_no, coalesce(r.runs, 0), r.run_no) as why
from task_queue t
left join marks m on m.task_id = t.id
left join edits e on e.task_id = t.id
left join runs r on r.task_id = t.id
where t.status = 'completed' and t.task_type like 'torture.%'
  and (r.runs is distinct from 1 or r.run_no is distinct from t.run_no
       or e.edits is distinct from (case when t.payload ->> 'slot' is not null then 1 end)
       or e.run_no is distinct from (case when t.payload ->> 'slot' is not null then t.run_no end)
       or case when t.task_type = 'torture.chunks'
               then (m.marks, m.numbers, m.low, m.high) is distinct from ((t.payload ->> 'chunks')::bigint,
                   (t.payload ->> 'chunks')::bigint, 0::bigint, (t.payload ->> 'chunks')::bigint - 1)
               else (m.marks, m.run_no, m.low) is distinct from (1::bigint, t.run_no, (t.payload ->> 'n')::bigint) end)

-- name: I3
with marks as (
    select task_id, count(*) as marks from torture_effects group by task_id
), edits as (
    select task_id, count(*) as edits from torture_edits group by task_id
), runs as (
    select task_id, count(*) as runs from robot_input_events where success group by task_id
)
select format('task %s is %s and has %s marks, %s edits, %s good run rows', t.id, t.status, m.marks, e.edits, r.runs) as why
from task_queue t
left join marks m on m.task_id = t.id
left join edits e on e.task_id = t.id
left join runs r on r.task_id = t.id
where t.status <> 'completed' and t.task_type like 'torture.%'
  and (e.edits is not null or r.runs is not null
       or coalesce(m.marks, 0)
          <> case when t.task_type = 'torture.chunks' then coalesce((t.output ->> 'next')::bigint, 0) else 0 end)
union all
select format('a mark of run %s is of no task (%s)', m.run_no, m.task_id)
from torture_effects m
left join task_queue t on t.id = m.task_id
where t.id is null

-- name: I4
with chain as (
    select slot, before, after, lag(after) over by_slot as left_before,
        row_number() over by_slot = 1 as is_first, lead(edit_no) over by_slot is null as is_last
    from torture_edits
    window by_slot as (partition by slot order by edit_no)
)
select format('slot %s: an edit found %s where the one before it left %s', slot, before, left_before) as why
from chain where not is_first and before is distinct from left_before
union all
select format('slot %s: its first edit found %s where nothing was', slot, before)
from chain where is_first and before is not null
union all
select format('slot %s holds %s, and its audit ends with %s', coalesce(s.id, c.slot), s.value, c.after)
from (select slot, after from chain where is_last) c
full join torture_slots s on s.id = c.slot
where s.value is distinct from c.after

-- name: I5
select format('task %s has been with worker %s since %s, whose lease ended at %s', t.id, t.worker_id, t.started_at, w.lease_until) as why
from task_queue t
left join rowmill.workers w on w.worker_id = t.worker_id
where t.status = 'processing' and t.started_at < clock_timestamp() - 2 * $1::float8 * interval '1 second'
  and coalesce(w.lease_until, '-infinity') < clock_timestamp() - $1::float8 * interval '1 second'

-- name: I6
select format('task %s has used %s of %s attempts and %s crashes', id, attempts, max_attempts, crashes) as why
from task_queue
where attempts not between 0 and max_attempts or crashes not between 0 and 5 or run_no < attempts

-- name: I7
with moves as (
    select m.*, lag(becomes) over by_task as left_before, lag(run_becomes) over by_task as run_before,
        lag(true) over by_task is null as is_first, lead(true) over by_task is null as is_last
    from torture_moves m
    window by_task as (partition by task_id order by move_no)
), judged as (
    select m.*, case
        when was is null then becomes = 'pending' and run_becomes = 0
        when becomes is null then true
        when was = 'pending' and becomes = 'processing' then
            run_becomes = run_was + 1 and attempts_becomes = attempts_was + 1 and worker_becomes is not null
        when was = 'processing' and becomes = 'processing' then
            (run_becomes, attempts_becomes, worker_becomes) = (run_was, attempts_was, worker_was)
        when was = 'processing' and becomes = 'pending' then
            run_becomes = run_was and attempts_was - attempts_becomes between 0 and 1 and worker_becomes is null
        when was = 'processing' and becomes in ('completed', 'failed', 'cancelled') then
            run_becomes = run_was and attempts_was - attempts_becomes between 0 and 1 and worker_becomes = worker_was
        when was = 'pending' and becomes in ('pending', 'cancelled') then run_becomes = run_was
        when was in ('completed', 'failed', 'cancelled') and becomes = 'pending' then
            run_becomes = run_was and attempts_becomes = 0
        else was = becomes and run_was = run_becomes end as legal
    from moves m
)
select format('task %s went from %s (run %s) to %s (run %s)', task_id, was, run_was, becomes, run_becomes) as why
from judged
where legal is not true or not is_first and (left_before, run_before) is distinct from (was, run_was)
union all
select format('task %s is %s in run %s, and its last move made it %s in run %s', t.id, t.status, t.run_no, m.becomes, m.run_becomes)
from task_queue t
left join moves m on m.task_id = t.id and m.is_last
where (t.status, t.run_no) is distinct from (m.becomes, m.run_becomes)

-- name: I8
select format('%s tasks were inserted and %s deleted, and there are %s', inserted, deleted, there) as why
from (select (select count(*) from torture_moves where was is null) as inserted,
             (select count(*) from torture_moves where becomes is null) as deleted,
             (select count(*) from task_queue) as there) x
where inserted - deleted <> there
union all
select format('number %s has %s tasks', t.payload ->> 'n', count(*))
from task_queue t
where t.task_type like 'torture.%' and t.enqueued_by not like 'schedule %' and t.payload ->> 'n' ~ '^[0-9]{1,18}$' and exists (select from sent)
group by t.payload ->> 'n' having count(*) > 1
union all
select format('task %s has the number %s, which nobody sent', t.id, t.payload ->> 'n')
from task_queue t
where t.task_type like 'torture.%' and t.enqueued_by not like 'schedule %' and t.payload ->> 'n' ~ '^[0-9]{1,18}$' and exists (select from sent)
  and not exists (select from sent s where (t.payload ->> 'n')::bigint between s.low and s.high)
