-- How much waits, and for how long. Counts stop at rowmill.depth_cap(): an exact count is a scan of the
-- backlog.

create or replace view monitoring.queue_depth as
select k.task_type,
    least(d.ready, c.cap) as ready, d.ready > c.cap as ready_is_minimum,
    least(d.scheduled, c.cap) as scheduled, d.scheduled > c.cap as scheduled_is_minimum,
    coalesce(r.running, 0) as processing,
    exists (select from rowmill.task_types t where t.task_type = k.task_type and t.paused_at is not null) as paused,
    concat(case when d.ready > c.cap then '>= ' end, least(d.ready, c.cap), ' ready, ',
           case when d.scheduled > c.cap then '>= ' end, least(d.scheduled, c.cap), ' scheduled, ',
           coalesce(r.running, 0), ' processing') as shown
from rowmill.known_types() as k (task_type)
cross join (select rowmill.depth_cap() as cap) c
cross join lateral rowmill.depth(k.task_type, c.cap) d
left join (select task_type, count(*) as running from rowmill.running() group by task_type) r
    on r.task_type = k.task_type;
comment on view monitoring.queue_depth is
    'Pending and running tasks of each type; pending ones are counted up to rowmill.depth_cap(), then the number is a minimum';

create or replace view monitoring.oldest_ready as
select p.task_type, o.keyed, o.task_id, o.priority, o.scheduled_for,
    extract(epoch from clock_timestamp() - o.scheduled_for)::double precision as age_s
from rowmill.pending_types() as p (task_type)
cross join lateral rowmill.oldest_due(p.task_type) o;
comment on view monitoring.oldest_ready is
    'The task of each type that has been due longest, without a concurrency key and with one';
