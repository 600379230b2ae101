-- Takes up to p_limit runs of one task type: lanes of unkeyed tasks first, then one run per free key.
-- Planner settings are pinned, so that empty, stale or flooded statistics cannot change the plan.
--
-- p_oldest   serve the lane whose head is oldest first (every eighth claim), instead of the highest priority, and keep
--            half of the room for keys: a backlog without keys must not starve them
-- p_coalesce a key's due tasks become one run: a leader and up to 500 followers that carry leader_id, all of the leader's
--            workspace: a run acts for one, and nobody's task may share the fate of a stranger's
-- p_after    where the walk over crowded keys goes on; a row with a null id returns the new position
-- p_floor    what rowmill.find_floor said a moment ago: no look for unkeyed tasks before it
drop function if exists rowmill.claim(text, text, int, boolean, boolean, text);  -- without a floor: ambiguous beside it
create or replace function rowmill.claim(
    p_type text, p_worker text, p_limit int, p_oldest boolean, p_coalesce boolean, p_after text,
    p_floor timestamptz default null)
returns table (
    id uuid, run_no bigint, attempts int, max_attempts int, crashes int, priority int, scheduled_for timestamptz,
    wait_ms double precision, concurrency_key text, leader_id uuid, workspace_id uuid, payload text, output text)
language plpgsql volatile set search_path = pg_catalog, pg_temp
    set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off
    set enable_indexonlyscan = on set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
declare
    v_kept int := 0;
    v_taken int;
    v_keys text[];
    v_position text;
begin
    if rowmill.is_paused(p_type) then
        return;
    end if;

    if p_oldest then
        v_kept := cardinality((rowmill.free_keys(
            p_type, (p_limit + floor(random() * 2)::int) / 2, p_after)).keys);
    end if;

    return query
    with lanes as materialized (
        select l.priority, l.earliest from rowmill.lanes(p_type, p_floor) l
        where l.earliest <= statement_timestamp()
        order by case when p_oldest then l.earliest end, l.priority desc
    ), picked as materialized (
        select q.id
        from lanes l
        cross join lateral (
            select t.id from public.task_queue t
            where t.task_type = p_type and t.status = 'pending' and t.crashes < 2 and t.concurrency_key is null
              and t.priority = l.priority and t.scheduled_for between l.earliest and statement_timestamp()
            order by t.scheduled_for, t.id
            limit p_limit - v_kept
            for no key update skip locked) q
        limit p_limit - v_kept
    )
    update public.task_queue t
    set status = 'processing', attempts = t.attempts + 1, run_no = t.run_no + 1, worker_id = p_worker,
        started_at = clock_timestamp(), updated_at = clock_timestamp(), leader_id = null
    from picked p
    where t.id = p.id
    returning t.id, t.run_no, t.attempts, t.max_attempts, t.crashes, t.priority, t.scheduled_for,
        date_part('epoch', clock_timestamp() - t.scheduled_for) * 1000,
        t.concurrency_key, t.leader_id, t.workspace_id, t.payload::text, t.output::text;

    get diagnostics v_taken = row_count;
    if v_taken >= p_limit then
        return;
    end if;

    select f.keys, f.walked_to into v_keys, v_position
    from rowmill.free_keys(p_type, p_limit - v_taken, p_after) f;
    if v_position is not null then
        return query select null::uuid, null::bigint, null::int, null::int, null::int, null::int, null::timestamptz,
            null::double precision, v_position, null::uuid, null::uuid, null::text, null::text;
    end if;
    if cardinality(v_keys) = 0 then
        return;
    end if;
    -- The lock is released only after its claim is visible, and the statement below has a newer snapshot than the
    -- lock: two claims of one key cannot both pass. The unique index on the running key stays the proof.
    v_keys := array(select k from unnest(v_keys) k where pg_try_advisory_xact_lock(hashtextextended(k, 7)));

    return query
    with locked as materialized (
        select q.*
        from unnest(v_keys) k
        cross join lateral (
            select t.id, t.concurrency_key, t.priority, t.scheduled_for, t.workspace_id from public.task_queue t
            where t.task_type = p_type and t.status = 'pending' and t.crashes < 2 and t.concurrency_key = k
              and t.concurrency_key >= '' and t.scheduled_for <= statement_timestamp()
            order by t.priority desc, t.scheduled_for, t.id
            limit case when p_coalesce then 501 else 1 end
            for no key update skip locked) q
        where not exists (select from public.task_queue r
                          where r.concurrency_key = k and r.status = 'processing' and r.leader_id is null
                          offset 0)  -- a probe per key, never a join over all running ones
    ), ranked as (
        select l.id, l.workspace_id, first_value(l.id) over key as leader,
            first_value(l.workspace_id) over key as leader_workspace
        from locked l
        window key as (partition by l.concurrency_key order by l.priority desc, l.scheduled_for, l.id)
    )
    update public.task_queue t
    set status = 'processing', attempts = t.attempts + 1, run_no = t.run_no + 1, worker_id = p_worker,
        started_at = clock_timestamp(), updated_at = clock_timestamp(), leader_id = nullif(r.leader, t.id)
    from ranked r
    where t.id = r.id and r.workspace_id is not distinct from r.leader_workspace
    returning t.id, t.run_no, t.attempts, t.max_attempts, t.crashes, t.priority, t.scheduled_for,
        date_part('epoch', clock_timestamp() - t.scheduled_for) * 1000,
        t.concurrency_key, t.leader_id, t.workspace_id, t.payload::text, t.output::text;
end $$;
