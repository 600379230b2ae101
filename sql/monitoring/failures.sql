-- The newest 10,000 unsuccessful runs of a day. Without the words of the errors: they quote payloads sooner or later.

create or replace view monitoring.failures_by_fingerprint as
select f.operator_type as task_type, f.error_fingerprint, count(*) as runs, count(distinct f.task_id) as tasks,
    min(f.created_at) as first_seen, max(f.created_at) as last_seen,
    (array_agg(f.task_id order by f.created_at desc))[1] as newest_task_id
from (select e.operator_type, e.error_fingerprint, e.task_id, e.created_at
      from public.robot_input_events e
      where e.error_fingerprint is not null and e.created_at > clock_timestamp() - interval '1 day'
      order by e.created_at desc
      limit 10000) f
group by f.operator_type, f.error_fingerprint;
comment on view monitoring.failures_by_fingerprint is
    'Unsuccessful runs of the last day, grouped by what their errors have in common; the newest 10,000 are looked at';
