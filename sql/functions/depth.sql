-- What the views of schema monitoring ask of the queue. Bounded index reads, never a count of the whole backlog; the
-- planner settings are pinned because the statistics of a queue are stale within seconds. SECURITY DEFINER: whoever may
-- read the views needs no grant on the queue, and nothing here returns a payload, a key or an error's words.

-- Types with pending rows, by a loose index scan: one probe per type.
create or replace function rowmill.pending_types() returns setof text
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
    set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off
as $$
declare
    v_type text := '';
begin
    loop
        select least(
            (select t.task_type::text from public.task_queue t
             where t.status = 'pending' and t.crashes < 2 and t.concurrency_key is null and t.task_type > v_type
             order by t.task_type limit 1),
            (select t.task_type::text from public.task_queue t
             where t.status = 'pending' and t.crashes < 2 and t.concurrency_key is not null and t.priority >= 0
               and t.task_type > v_type
             order by t.task_type limit 1),
            (select t.task_type::text from public.task_queue t
             where t.status = 'pending' and t.crashes >= 2 and t.task_type > v_type order by t.task_type limit 1))
        into v_type;
        exit when v_type is null;
        return next v_type;
    end loop;
end $$;

-- Every type somebody knows: registered, served, pending or running.
create or replace function rowmill.known_types() returns setof text
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
select t.task_type from rowmill.task_types t
union select unnest(w.task_types) from rowmill.workers w
union select p from rowmill.pending_types() p
union select r.task_type from rowmill.running() r
$$;

-- How far a view counts the pending rows of each type: what 12,500 leaves for each, at most 10,000, at least 100. The
-- cost of a poll stays flat, whatever the backlog and however many types.
create or replace function rowmill.depth_cap() returns int
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
select greatest(100, least(10000, 12500 / greatest(1, count(*))))::int from rowmill.pending_types()
$$;

-- Pending rows of a type, due and not yet due, each counted up to p_cap + 1 and no further.
create or replace function rowmill.depth(p_type text, p_cap int, out ready int, out scheduled int)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
    set enable_seqscan = off set enable_bitmapscan = off
as $$
declare
    v_priority int;
begin
    ready := 0;
    scheduled := 0;
    for v_priority in select l.priority from rowmill.lanes(p_type) l loop
        ready := ready + (select count(*) from (
            select from public.task_queue t
            where t.task_type = p_type and t.status = 'pending' and t.crashes < 2 and t.concurrency_key is null
              and t.priority = v_priority and t.scheduled_for <= statement_timestamp()
            limit p_cap + 1 - ready) x);
        scheduled := scheduled + (select count(*) from (
            select from public.task_queue t
            where t.task_type = p_type and t.status = 'pending' and t.crashes < 2 and t.concurrency_key is null
              and t.priority = v_priority and t.scheduled_for > statement_timestamp()
            limit p_cap + 1 - scheduled) x);
    end loop;
    ready := ready + (select count(*) from (
        select from public.task_queue t
        where t.task_type = p_type and t.status = 'pending' and t.crashes < 2 and t.concurrency_key is not null
          and t.priority >= 0 and t.scheduled_for <= statement_timestamp()
        limit p_cap + 1 - ready) x);
    scheduled := scheduled + (select count(*) from (
        select from public.task_queue t
        where t.task_type = p_type and t.status = 'pending' and t.crashes < 2 and t.concurrency_key is not null
          and t.priority >= 0 and t.scheduled_for > statement_timestamp()
        limit p_cap + 1 - scheduled) x);
    ready := ready + (select count(*) from (  -- suspects, which run alone
        select from public.task_queue t
        where t.task_type = p_type and t.status = 'pending' and t.crashes >= 2
          and t.scheduled_for <= statement_timestamp()
        limit p_cap + 1 - ready) x);
end $$;

-- The oldest due row of a type, without a key and with one: at most two rows.
create or replace function rowmill.oldest_due(p_type text)
returns table (task_id uuid, keyed boolean, priority int, scheduled_for timestamptz)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
    set enable_seqscan = off set enable_bitmapscan = off
as $$
#variable_conflict use_column
begin
    return query
        select q.id, false, q.priority, q.scheduled_for
        from (select l.priority from rowmill.lanes(p_type) l where l.earliest <= statement_timestamp()
              order by l.earliest limit 1) head
        cross join lateral (
            select t.id, t.priority, t.scheduled_for from public.task_queue t
            where t.task_type = p_type and t.status = 'pending' and t.crashes < 2 and t.concurrency_key is null
              and t.priority = head.priority
            order by t.scheduled_for limit 1) q;
    return query
        select t.id, true, t.priority, t.scheduled_for from public.task_queue t
        where t.task_type = p_type and t.status = 'pending' and t.crashes < 2 and t.concurrency_key is not null
          and t.priority >= 0
          and t.scheduled_for <= statement_timestamp()
        order by t.scheduled_for limit 1;
end $$;

-- Every running task: as many as the workers have slots, whatever lies beside them.
create or replace function rowmill.running()
returns table (task_id uuid, task_type text, worker_id text, started_at timestamptz, cancel_asked_at timestamptz)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
    set enable_seqscan = off set enable_bitmapscan = off
as $$
begin
    return query
        select t.id, t.task_type::text, t.worker_id, t.started_at, t.cancel_asked_at
        from public.task_queue t
        where t.status = 'processing' and t.worker_id is not null;
end $$;
