-- Worker processes, the dead ones too until somebody has reaped them. A drain: asked at, draining since, then gone.
-- The columns of engine_0005 are read by name at run time, because engine_0003 runs this file before they exist.

create or replace view monitoring.workers as
select w.worker_id, w.host, w.pid, w.code_version, w.task_types, w.draining, w.started_at, w.beat_at, w.lease_until,
    w.lease_until > clock_timestamp() as alive,
    coalesce(r.running, 0) as processing,
    extract(epoch from clock_timestamp() - r.oldest)::double precision as oldest_run_s,
    (to_jsonb(w) ->> 'drain_asked_at')::timestamptz as drain_asked_at,
    (to_jsonb(w) ->> 'draining_since')::timestamptz as draining_since,
    to_jsonb(w) ->> 'woken_by' as woken_by
from rowmill.workers w
left join (select worker_id, count(*) as running, min(started_at) as oldest from rowmill.running() group by worker_id) r
    on r.worker_id = w.worker_id;
comment on view monitoring.workers is
    'Each worker process: whether it is alive, what it serves and runs, whether it drains, what wakes it';
