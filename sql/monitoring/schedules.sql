-- Schedules and whether they keep their times: `overdue_s` grows when no worker lives or none can compute them; a paused
-- one is never late.

create or replace view monitoring.schedules as
select s.name, s.task_type, s.cron, s.timezone, s.next_at, s.last_at, s.last_task_id, s.problem,
    case when s.paused_at is null
        then greatest(extract(epoch from clock_timestamp() - coalesce(s.next_at, s.updated_at)), 0)::double precision
        else 0 end as overdue_s,
    s.scheduled_by, s.catch_up, s.paused_at, s.paused_by
from rowmill.schedules s;
comment on view monitoring.schedules is
    'Recurring tasks: the next and the last time, and how long a time has been missed';
