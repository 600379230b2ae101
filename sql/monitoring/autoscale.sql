-- For an autoscaler: one row per type. `wanted_workers` empties the backlog within a minute at the rate one worker has
-- shown in the last five; before any rate is known it asks for one more while tasks wait, and so it does while more wait
-- than are counted and the oldest of them for over a minute. Idle types want none.

create or replace view monitoring.autoscale as
with facts as (
    select k.task_type, least(d.ready, c.cap) as ready, d.ready > c.cap as ready_is_minimum,
        (select count(*) from rowmill.running() r where r.task_type = k.task_type) as processing,
        (select count(*) from rowmill.workers w
         where w.lease_until > clock_timestamp() and not w.draining and k.task_type = any (w.task_types)) as workers,
        coalesce((select sum(s.completed + s.failed + s.cancelled) from rowmill.task_stats s
                  where s.task_type = k.task_type and s.minute > clock_timestamp() - interval '6 minutes'
                    and s.minute < clock_timestamp() - interval '1 minute'), 0)::double precision / 300 as ended_per_s,
        (select max(extract(epoch from clock_timestamp() - o.scheduled_for))::double precision
         from rowmill.oldest_due(k.task_type) o) as oldest_age_s
    from rowmill.known_types() as k (task_type)
    cross join (select rowmill.depth_cap() as cap) c
    cross join lateral rowmill.depth(k.task_type, c.cap) d
)
select f.task_type, f.ready, f.ready_is_minimum, f.processing, f.workers, f.ended_per_s, f.oldest_age_s,
    f.ready / nullif(f.ended_per_s, 0) as backlog_s,
    case when f.ready + f.processing = 0 then 0
         when f.ready = 0 then greatest(f.workers, 1)
         when f.ended_per_s = 0 or f.workers = 0 then f.workers + 1
         else greatest(ceil(f.ready / 60.0 / (f.ended_per_s / f.workers)), 1,
                       case when f.ready_is_minimum and f.oldest_age_s > 60 then f.workers + 1 end)::bigint
    end as wanted_workers
from facts f;
comment on view monitoring.autoscale is
    'Backlog, rate and wanted workers of each type, for an autoscaler; backlogs beyond rowmill.depth_cap() are minimums';
