-- From rowmill.task_stats, which lacks at most the last second of a killed worker; the audit is exact.

create or replace view monitoring.throughput_1m as
with recent as (
    select * from rowmill.task_stats s where s.minute >= clock_timestamp() - interval '16 minutes'
), counted as (
    select r.minute, r.task_type, sum(r.completed)::bigint as completed, sum(r.failed)::bigint as failed,
        sum(r.retried)::bigint as retried, sum(r.cancelled)::bigint as cancelled, sum(r.returned)::bigint as returned
    from recent r group by r.minute, r.task_type
), waits as (
    select w.minute, w.task_type, array_agg(w.n order by w.place) as histogram
    from (select r.minute, r.task_type, u.place, sum(u.n)::bigint as n
          from recent r cross join lateral unnest(r.wait_ms_histogram) with ordinality as u (n, place)
          group by r.minute, r.task_type, u.place) w
    group by w.minute, w.task_type
), runs as (
    select w.minute, w.task_type, array_agg(w.n order by w.place) as histogram
    from (select r.minute, r.task_type, u.place, sum(u.n)::bigint as n
          from recent r cross join lateral unnest(r.run_ms_histogram) with ordinality as u (n, place)
          group by r.minute, r.task_type, u.place) w
    group by w.minute, w.task_type
)
select c.minute, c.task_type, c.completed, c.failed, c.retried, c.cancelled, c.returned,
    rowmill.percentile(w.histogram, 0.50) as wait_p50_ms, rowmill.percentile(w.histogram, 0.95) as wait_p95_ms,
    rowmill.percentile(w.histogram, 0.99) as wait_p99_ms,
    rowmill.percentile(r.histogram, 0.50) as run_p50_ms, rowmill.percentile(r.histogram, 0.95) as run_p95_ms,
    rowmill.percentile(r.histogram, 0.99) as run_p99_ms
from counted c
left join waits w using (minute, task_type)
left join runs r using (minute, task_type);
comment on view monitoring.throughput_1m is
    'Outcomes, waiting and running times of each type in each of the last 15 minutes and the current one';
