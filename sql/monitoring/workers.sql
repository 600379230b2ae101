-- Worker processes, the dead ones too until somebody has reaped them.

create or replace view monitoring.workers as
select w.worker_id, w.host, w.pid, w.code_version, w.task_types, w.draining, w.started_at, w.beat_at, w.lease_until,
    w.lease_until > clock_timestamp() as alive,
    coalesce(r.running, 0) as processing,
    extract(epoch from clock_timestamp() - r.oldest)::double precision as oldest_run_s
from rowmill.workers w
left join (select worker_id, count(*) as running, min(started_at) as oldest from rowmill.running() group by worker_id) r
    on r.worker_id = w.worker_id;
comment on view monitoring.workers is 'Each worker process: whether it is alive, what it serves, how much it runs';
