-- Suspects: pending tasks whose workers died twice while they ran them. The claims of the pools never meet them (their
-- indexes say `crashes < 2`); each runs alone, in a child process of a worker.

-- Takes one due suspect of these types for a child that is about to be started, and registers the child. Its pid is the
-- parent's until the child has come so far to take the task itself (rowmill.take).
create or replace function rowmill.claim_suspect(
    p_types text[], p_worker text, p_host text, p_pid int, p_lease_s double precision)
returns table (id uuid, task_type text)
language plpgsql volatile set search_path = pg_catalog, pg_temp
    set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
declare
    v_id uuid;
begin
    for v_id in
        select s.id
        from unnest(p_types) k
        cross join lateral (
            select t.id, t.scheduled_for from public.task_queue t
            where t.task_type = k and t.status = 'pending' and t.crashes >= 2
              and t.scheduled_for <= statement_timestamp()
            order by t.scheduled_for
            limit 100) s
        where not rowmill.is_paused(k)
        order by s.scheduled_for
    loop
        return query
            select c.id, c.task_type from rowmill.take(v_id, p_worker, p_host, p_pid, p_lease_s) c;
        exit when found;
    end loop;
end $$;

-- Takes this one task, if it is due, or gives what the worker has taken already. Nothing when it cannot run now.
create or replace function rowmill.take(
    p_id uuid, p_worker text, p_host text, p_pid int, p_lease_s double precision)
returns table (
    id uuid, task_type text, run_no bigint, attempts int, max_attempts int, crashes int, priority int,
    scheduled_for timestamptz, wait_ms double precision, concurrency_key text, leader_id uuid, workspace_id uuid,
    payload text, output text)
language plpgsql volatile set search_path = pg_catalog, pg_temp set enable_seqscan = off
as $$
#variable_conflict use_column
declare
    v_key text;
begin
    select t.concurrency_key into v_key from public.task_queue t where t.id = p_id;
    -- As in rowmill.claim: the statement below has a newer snapshot than the lock.
    if v_key is not null and not pg_try_advisory_xact_lock(hashtextextended(v_key, 7)) then
        return;
    end if;
    return query
    with taken as materialized (
        select t.id, t.status = 'pending' as fresh from public.task_queue t
        where t.id = p_id
          and (t.status = 'processing' and t.worker_id = p_worker
               or t.status = 'pending' and t.scheduled_for <= clock_timestamp() and not rowmill.is_paused(t.task_type)
                  and not exists (select from public.task_queue r
                                  where r.concurrency_key = t.concurrency_key and r.status = 'processing'
                                    and r.leader_id is null))
        for no key update skip locked
    ), known as (
        insert into rowmill.workers (worker_id, host, pid, lease_until, task_types, draining)
        select p_worker, p_host, p_pid, clock_timestamp() + p_lease_s * interval '1 second', '{}', true from taken
        on conflict (worker_id) do update set pid = excluded.pid, lease_until = excluded.lease_until
    )
    update public.task_queue t
    set status = 'processing', attempts = t.attempts + k.fresh::int, run_no = t.run_no + k.fresh::int,
        worker_id = p_worker, started_at = clock_timestamp(), updated_at = clock_timestamp(), leader_id = null
    from taken k
    where t.id = k.id
    returning t.id, t.task_type::text, t.run_no, t.attempts, t.max_attempts, t.crashes, t.priority, t.scheduled_for,
        extract(epoch from clock_timestamp() - t.scheduled_for)::double precision * 1000,
        t.concurrency_key, t.leader_id, t.workspace_id, t.payload::text, t.output::text;
end $$;

-- What a parent knows about the end of its child. A crash alone ends the task in quarantine: failed, `crash_loop: ...`.
-- A child that never took its task, or that was stopped by its parent, is to blame for nothing: the task goes back. It
-- waits for a commit of the dead process that the server is still at: what was committed is never overtaken.
create or replace function rowmill.end_child(
    p_worker text, p_parent_pid int, p_crash text, p_fingerprint text)
returns table (id uuid, status text)
language plpgsql volatile set search_path = pg_catalog, pg_temp set enable_seqscan = off
as $$
#variable_conflict use_column
declare
    v_begun boolean := exists (
        select from rowmill.workers w where w.worker_id = p_worker and w.pid <> p_parent_pid);
    v_crash text := case when v_begun then p_crash end;
    v_type text;
    v_key text;
begin
    perform set_config('rowmill.committing', 'on', true);
    perform from public.task_queue t
    where t.worker_id = p_worker and t.status = 'processing' order by t.id for no key update;
    for id, status, v_type, v_key in
        with ended as (
            update public.task_queue t
            set status = case when t.cancel_asked_at is not null then 'cancelled'
                              when v_crash is not null then 'failed' else 'pending' end,
                completed_at = case when t.cancel_asked_at is not null then clock_timestamp() end,
                failed_at = case when t.cancel_asked_at is null and v_crash is not null then clock_timestamp() end,
                crashes = t.crashes + (v_crash is not null)::int, attempts = greatest(t.attempts - 1, 0),
                error_message = case when t.cancel_asked_at is not null then 'cancelled by request'
                    when v_crash is not null then format(
                        'crash_loop: it ran alone in a child process, after %s crashes of its workers, and %s',
                        t.crashes, v_crash)
                    else 'its child process was stopped' end,
                worker_id = case when t.cancel_asked_at is not null or v_crash is not null then t.worker_id end,
                leader_id = null, updated_at = clock_timestamp()
            where t.worker_id = p_worker and t.status = 'processing'
            returning t.id, t.run_no, t.status, t.task_type, t.concurrency_key, t.payload, t.enqueued_by,
                t.error_message,
                extract(epoch from clock_timestamp() - t.started_at) * 1000 as ms
        ), logged as (
            insert into public.robot_input_events (task_id, run_no, operator_type, input_data, processing_time_ms,
                success, error_message, error_fingerprint, worker_id, enqueued_by)
            select e.id, e.run_no, e.task_type, rowmill.input_data(e.payload), least(e.ms, 2147483647)::int,
                false, e.error_message, case when v_crash is not null then p_fingerprint end, p_worker, e.enqueued_by
            from ended e
            where v_begun
            on conflict do nothing
        )
        select e.id, e.status, e.task_type, e.concurrency_key from ended e
    loop
        perform rowmill.ring(array[v_type]);
        perform rowmill.ring_keys(array_remove(array[v_key], null));
        return next;
    end loop;
    delete from rowmill.workers w where w.worker_id = p_worker;
end $$;
