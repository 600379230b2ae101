-- Takes back the tasks of workers that are gone: their lease is over by the database's clock, or they have no row; or
-- of the one worker the caller names because it saw the process end, and of no other. Any worker may call it; SKIP
-- LOCKED keeps reapers out of each other's way, and a commit in progress holds the fence row, so it is never overtaken.
-- A crash is not a failure: no attempt is used. After the second one a task runs alone (sql/functions/suspects.sql),
-- and the process that sees it crash alone fails it. Here, where nobody saw how it ended, only the fifth one does.
create or replace function rowmill.reap(p_worker text, p_limit int)
returns table (id uuid, run_no bigint, task_type text, worker_id text, status text)
language plpgsql volatile set search_path = pg_catalog, pg_temp set enable_seqscan = off
as $$
#variable_conflict use_column
declare
    v_worker text := '';
    v_gone text[] := '{}';
    v_types text[] := '{}';
    v_keys text[] := '{}';
    v_key text;
begin
    perform set_config('rowmill.committing', 'on', true);
    v_gone := array_remove(array[p_worker], null);
    while p_worker is null loop
        select t.worker_id into v_worker from public.task_queue t
        where t.status = 'processing' and t.worker_id > v_worker
        order by t.worker_id limit 1;
        exit when not found;
        if not exists (
            select from rowmill.workers w where w.worker_id = v_worker and w.lease_until > clock_timestamp())
        then
            v_gone := v_gone || v_worker;
        end if;
    end loop;

    for id, run_no, task_type, worker_id, status, v_key in
        with lost as materialized (
            select t.id, t.worker_id, t.leader_id from public.task_queue t
            where t.status = 'processing' and t.worker_id = any (v_gone)
            order by t.id
            limit p_limit
            for no key update skip locked
        ), freed as (
            update public.task_queue t
            set status = case when t.cancel_asked_at is not null then 'cancelled'
                              when t.crashes + 1 >= 5 then 'failed' else 'pending' end,
                completed_at = case when t.cancel_asked_at is not null then clock_timestamp() end,
                crashes = t.crashes + 1, attempts = greatest(t.attempts - 1, 0), leader_id = null,
                failed_at = case when t.cancel_asked_at is null and t.crashes + 1 >= 5 then clock_timestamp() end,
                error_message = case when t.cancel_asked_at is not null then 'cancelled by request'
                    when t.crashes + 1 >= 5
                    then 'crash_loop: the worker died ' || t.crashes + 1 || ' times while it ran this task'
                    else 'worker lost' end,
                worker_id = case when t.cancel_asked_at is not null or t.crashes + 1 >= 5 then t.worker_id end,
                updated_at = clock_timestamp()
            from lost l
            where t.id = l.id
            returning t.id, t.run_no, t.task_type, l.worker_id, t.status, l.leader_id, t.concurrency_key, t.payload,
                t.enqueued_by, extract(epoch from clock_timestamp() - t.started_at) * 1000 as ms
        ), logged as (
            insert into public.robot_input_events (task_id, run_no, operator_type, input_data, processing_time_ms,
                success, error_message, worker_id, enqueued_by)
            select f.id, f.run_no, f.task_type, rowmill.input_data(f.payload), least(f.ms, 2147483647)::int,
                false, 'worker lost', f.worker_id, f.enqueued_by
            from freed f
            where f.leader_id is null
            on conflict do nothing
        )
        select f.id, f.run_no, f.task_type, f.worker_id, f.status, f.concurrency_key from freed f
    loop
        v_types := v_types || task_type::text;
        v_keys := v_keys || v_key;
        return next;
    end loop;
    perform rowmill.ring(v_types);
    perform rowmill.ring_keys(array_remove(v_keys, null));

    delete from rowmill.workers w
    where (w.worker_id = p_worker or p_worker is null and w.lease_until <= clock_timestamp())
      and not exists (select from public.task_queue t where t.status = 'processing' and t.worker_id = w.worker_id);
    delete from rowmill.gate g
    where g.listener = any (v_gone)
       or g.valid_until <= clock_timestamp()
          and not exists (select from rowmill.workers w where w.worker_id = g.listener);
end $$;
