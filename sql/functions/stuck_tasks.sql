-- Tasks that do not move, each with the reason: runs whose worker is gone, that ignore a cancellation, or take longer
-- than p_running; of each type what has been due for longer than p_due: the oldest task without a key, up to a hundred
-- with one, and up to a hundred suspects; and up to a hundred tasks in quarantine, and as many whose wait should have
-- ended. Bounded by the slots of the workers and by the number of types.
create or replace function rowmill.stuck_tasks(p_due interval, p_running interval)
returns table (task_id uuid, task_type text, status text, reason text, since timestamptz, worker_id text)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
    set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
#variable_conflict use_column
declare
    v_type text;
    v_why text;
begin
    return query
        select r.task_id, r.task_type, 'processing',
            case when not coalesce(w.lease_until > clock_timestamp(), false)
                     then 'its worker is gone; any live worker takes it back within one lease'
                 when r.cancel_asked_at < clock_timestamp() - p_due
                     then 'its cancellation was asked, and the run has not ended'
                 else 'it has been running for long' end,
            case when not coalesce(w.lease_until > clock_timestamp(), false)
                     then coalesce(w.lease_until, r.started_at)
                 when r.cancel_asked_at < clock_timestamp() - p_due then r.cancel_asked_at
                 else r.started_at end,
            r.worker_id
        from rowmill.running() r
        left join rowmill.workers w on w.worker_id = r.worker_id
        where not coalesce(w.lease_until > clock_timestamp(), false)
           or r.cancel_asked_at < clock_timestamp() - p_due
           or r.started_at < clock_timestamp() - p_running;

    for v_type in select p from rowmill.pending_types() p loop
        v_why := case
            when rowmill.is_paused(v_type) then 'its task type is paused'
            when not exists (select from rowmill.workers w
                             where w.lease_until > clock_timestamp() and not w.draining and v_type = any (w.task_types))
                then 'no live worker serves its task type' end;
        return query
            select o.task_id, v_type, 'pending', coalesce(v_why, 'the workers of its type are busy, or behind'),
                o.scheduled_for, null::text
            from rowmill.oldest_due(v_type) o
            where not o.keyed and o.scheduled_for < clock_timestamp() - p_due;
        return query
            select d.id, v_type, 'pending',
                coalesce(v_why, 'its key is held by the running task ' || holder.id::text,
                         'the workers of its type are busy, or behind'),
                d.scheduled_for, holder.worker_id
            from (select t.id, t.concurrency_key, t.scheduled_for from public.task_queue t
                  where t.task_type = v_type and t.status = 'pending' and t.crashes < 2
                    and t.concurrency_key is not null and t.priority >= 0
                    and t.scheduled_for < clock_timestamp() - p_due
                  order by t.scheduled_for limit 100) d
            left join lateral (
                select r.id, r.worker_id from public.task_queue r
                where r.concurrency_key = d.concurrency_key and r.status = 'processing' and r.leader_id is null
                limit 1) holder on true;
        return query
            select t.id, v_type, 'pending', coalesce(v_why, 'it runs alone in a child process after ' || t.crashes
                || ' crashes; each worker process starts one child at a time'), t.scheduled_for, null::text
            from public.task_queue t
            where t.task_type = v_type and t.status = 'pending' and t.crashes >= 2
              and t.scheduled_for < clock_timestamp() - p_due
            order by t.scheduled_for limit 100;
    end loop;
    return query
        select t.id, t.task_type::text, 'failed',
            'it is quarantined after ' || t.crashes || ' crashes; retry_task gives it a new chance',
            t.failed_at, t.worker_id
        from public.task_queue t
        where t.status = 'failed' and t.crashes >= 3 and t.error_message like 'crash_loop:%'
        limit 100;
    return query
        select w.task_id, w.task_type::text, 'waiting', 'its wait has timed out, and no worker process ends it; start one',
            w.times_out_at, null::text
        from rowmill.waits w
        where w.times_out_at < clock_timestamp() - p_due
        order by w.times_out_at limit 100;
end $$;
