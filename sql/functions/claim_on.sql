-- Goes on where a claim of the same process ended that came back full: the unkeyed tasks of one lane behind a place.
-- What dead versions lie before it, and they are many while some old transaction keeps them alive, is not walked again.
-- Whatever else there is (other lanes, keys, rows that became visible before the place) is for rowmill.claim.
create or replace function rowmill.claim_on(
    p_type text, p_worker text, p_limit int, p_priority int, p_due timestamptz, p_id uuid)
returns table (
    id uuid, run_no bigint, attempts int, max_attempts int, crashes int, priority int, scheduled_for timestamptz,
    wait_ms double precision, concurrency_key text, leader_id uuid, workspace_id uuid, payload text, output text)
language plpgsql volatile set search_path = pg_catalog, pg_temp
    set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off
    set enable_indexonlyscan = on set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
begin
    if rowmill.is_paused(p_type) then
        return;
    end if;
    return query
    with picked as materialized (
        select t.id from public.task_queue t
        where t.task_type = p_type and t.status = 'pending' and t.crashes < 2 and t.concurrency_key is null
          and t.priority = p_priority and t.scheduled_for <= statement_timestamp()
          and (t.scheduled_for, t.id) > (p_due, p_id)
        order by t.scheduled_for, t.id
        limit p_limit
        for no key update skip locked
    )
    update public.task_queue t
    set status = 'processing', attempts = t.attempts + 1, run_no = t.run_no + 1, worker_id = p_worker,
        started_at = clock_timestamp(), updated_at = clock_timestamp(), leader_id = null
    from picked p
    where t.id = p.id
    returning t.id, t.run_no, t.attempts, t.max_attempts, t.crashes, t.priority, t.scheduled_for,
        date_part('epoch', clock_timestamp() - t.scheduled_for) * 1000,
        t.concurrency_key, t.leader_id, t.workspace_id, t.payload::text, t.output::text;
end $$;
