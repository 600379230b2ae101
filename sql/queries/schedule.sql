Schedules: which times have come, and the tasks they become.

-- name: schedules_due
-- A little ahead: the task waits in the queue for its time, and a timer starts it on the second.
select s.name, s.cron, s.timezone, s.catch_up, s.next_at, s.last_at, t.now
from rowmill.schedules s, (select coalesce(:now::timestamptz, clock_timestamp()) as now) t
where s.problem is null and s.paused_at is null
  and (s.next_at is null or s.next_at <= t.now + :ahead_s::float8 * interval '1 second')
order by s.name limit 1000

-- name: schedules_fire
-- Only who still finds the time that was read moves it on: of several workers one enqueues, and a schedule that was
-- paused, rewritten or removed meanwhile does not fire. `fires` false: it only moves on.
with moved as (
    update rowmill.schedules s
    set next_at = f.next_at, problem = f.problem, last_at = case when f.fires then f.seen else s.last_at end,
        last_task_id = case when f.fires then rowmill.uuid7() else s.last_task_id end
    from unnest(:name::text[], :cron::text[], :timezone::text[], :seen::timestamptz[], :fires::bool[],
                :next_at::timestamptz[], :problem::text[])
        as f (name, cron, timezone, seen, fires, next_at, problem)
    where s.name = f.name and s.cron = f.cron and s.timezone = f.timezone and s.next_at is not distinct from f.seen
      and s.paused_at is null
    returning s.name, s.task_type, s.payload, s.workspace_id, s.last_task_id, f.seen, f.fires, f.problem
), made as (
    insert into task_queue (id, task_type, payload, workspace_id, scheduled_for, enqueued_by)
    select m.last_task_id, m.task_type, m.payload, m.workspace_id, m.seen, 'schedule ' || m.name
    from moved m where m.fires
)
select m.name, m.fires as fired, m.problem from moved m
