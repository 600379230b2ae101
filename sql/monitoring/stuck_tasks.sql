-- Nothing here is normal for long: due for a minute, running for a quarter of an hour, or without a worker.

create or replace view monitoring.stuck_tasks as
select s.task_id, s.task_type, s.status, s.reason, s.since,
    extract(epoch from clock_timestamp() - s.since)::double precision as age_s, s.worker_id
from rowmill.stuck_tasks(interval '1 minute', interval '15 minutes') s;
comment on view monitoring.stuck_tasks is 'Tasks that do not move, each with the reason';
