-- Plain reads without locks: is there something a claim could take, and when is the next row due.

-- Without the floor they stood here before, and calls would not know which one is meant.
drop function if exists rowmill.has_claimable(text);
drop function if exists rowmill.next_due_s(text);
drop function if exists rowmill.lanes(text);

-- The lanes of a type: one row per priority that has pending unkeyed tasks, with its earliest time (loose index scan).
-- With a floor (rowmill.find_floor), of those from there on: a probe for each priority, none of which walks what is dead.
create or replace function rowmill.lanes(p_type text, p_floor timestamptz default null)
returns table (priority int, earliest timestamptz)
language plpgsql stable set search_path = pg_catalog, pg_temp
    set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off
as $$
declare
    v_priority int := 101;
begin
    if p_floor is not null then
        return query
        select p.priority, q.scheduled_for
        from generate_series(100, 0, -1) p (priority)
        cross join lateral (
            select t.scheduled_for from public.task_queue t
            where t.task_type = p_type and t.status = 'pending' and t.crashes < 2 and t.concurrency_key is null
              and t.priority = p.priority and t.scheduled_for >= p_floor
            order by t.scheduled_for
            limit 1) q;
        return;
    end if;
    loop
        select t.priority, t.scheduled_for into priority, earliest
        from public.task_queue t
        where t.task_type = p_type and t.status = 'pending' and t.crashes < 2 and t.concurrency_key is null
          and t.priority < v_priority
        order by t.priority desc, t.scheduled_for
        limit 1;
        exit when not found;
        v_priority := priority;
        return next;
    end loop;
end $$;

-- From where on looks need to go, where a look at everything is dear (5 ms): an old transaction that keeps dead versions
-- alive makes every look walk them. No unkeyed task that was pending at this moment is due before the floor, and it is
-- two seconds old, because transactions under way may commit such tasks. Later ones than that wait for the next floor.
-- null = a look at everything is cheap, as the second of two may show where the machine stood still during the first.
-- `took_s`: what it took.
create or replace function rowmill.find_floor(p_type text, out floor timestamptz, out took_s double precision)
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
declare
    c_dear_s constant double precision := 0.005;
    v_begun timestamptz := clock_timestamp();
begin
    if v_begun - statement_timestamp() > interval '1 second' then  -- types before this one took so long: the next time
        return;
    end if;
    for i in 1..2 loop
        select least(min(l.earliest), statement_timestamp() - interval '2 seconds') into floor from rowmill.lanes(p_type) l;
        took_s := least(took_s, extract(epoch from clock_timestamp() - v_begun));
        exit when took_s < c_dear_s;
        v_begun := clock_timestamp();
    end loop;
    if took_s < c_dear_s then
        floor := null;
    end if;
end $$;

-- The keys without a running task among the first p_window due rows of a type, earliest first.
create or replace function rowmill.due_keys(p_type text, p_limit int, p_window int, out keys text[], out seen int)
language plpgsql volatile set search_path = pg_catalog, pg_temp
    set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
begin
    with due as materialized (
        select t.concurrency_key as key, t.scheduled_for
        from public.task_queue t
        where t.task_type = p_type and t.status = 'pending' and t.crashes < 2 and t.concurrency_key is not null
          and t.priority >= 0 and t.scheduled_for <= statement_timestamp()
        order by t.scheduled_for
        limit p_window
    ), free as (
        select d.key, min(d.scheduled_for) as earliest
        from due d
        group by d.key
    )
    select array(select f.key from free f
                 where not exists (select from public.task_queue r
                                   where r.concurrency_key = f.key and r.status = 'processing' and r.leader_id is null
                                   offset 0)  -- a probe per key, never a join over all running ones
                 order by f.earliest, f.key limit p_limit),
           (select count(*) from due)
    into keys, seen;
end $$;

-- Keys of a type that have a due task and no running one: from a window of due rows; where a few blocked keys crowd
-- it, from a walk over distinct keys, from p_after on; where most of those are not due yet, from a far wider window.
-- Every step is bounded, so that no backlog can make a look slow. `undecided` says that none of them has seen all.
create or replace function rowmill.free_keys(
    p_type text, p_limit int, p_after text, out keys text[], out walked_to text, out undecided boolean)
language plpgsql volatile set search_path = pg_catalog, pg_temp
    set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
declare
    c_visits constant int := 1000;
    c_widest constant int := 20000;
    v_window int := 4 * p_limit + 100;
    v_seen int;
    v_key text := coalesce(p_after, '');
    v_more text[];
begin
    undecided := false;
    select d.keys, d.seen into keys, v_seen from rowmill.due_keys(p_type, p_limit, v_window) d;
    if cardinality(keys) >= p_limit or v_seen < v_window then
        return;
    end if;
    for i in 1..c_visits loop
        select t.concurrency_key into v_key
        from public.task_queue t
        where t.task_type = p_type and t.status = 'pending' and t.crashes < 2 and t.concurrency_key > v_key
          and t.concurrency_key >= ''
        order by t.concurrency_key
        limit 1;
        walked_to := coalesce(v_key, '');
        exit when v_key is null;
        if v_key <> all (keys)
           and exists (select from public.task_queue t
                       where t.task_type = p_type and t.status = 'pending' and t.crashes < 2
                         and t.concurrency_key = v_key and t.concurrency_key >= '' and t.scheduled_for <= statement_timestamp())
           and not exists (select from public.task_queue r
                           where r.concurrency_key = v_key and r.status = 'processing' and r.leader_id is null)
        then
            keys := keys || v_key;
            exit when cardinality(keys) >= p_limit;
        end if;
    end loop;
    if cardinality(keys) >= p_limit or (v_key is null and coalesce(p_after, '') = '') then
        return;
    end if;
    select d.keys, d.seen >= c_widest into v_more, undecided from rowmill.due_keys(p_type, p_limit, c_widest) d;
    keys := keys || array(select k from unnest(v_more) k where k <> all (keys) limit p_limit - cardinality(keys));
end $$;

create or replace function rowmill.is_paused(p_type text) returns boolean
language sql stable set search_path = pg_catalog, pg_temp
as $$
select exists (select from rowmill.task_types k where k.task_type = p_type and k.paused_at is not null)
$$;

-- True as well when that cannot be decided within bounds: a pool then keeps looking, politely, instead of sleeping.
create or replace function rowmill.has_claimable(p_type text, p_floor timestamptz default null) returns boolean
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
begin
    return not rowmill.is_paused(p_type)
       and (exists (select from rowmill.lanes(p_type, p_floor) l where l.earliest <= statement_timestamp())
            or (select cardinality(f.keys) > 0 or f.undecided from rowmill.free_keys(p_type, 1, null) f));
end $$;

-- Seconds until the next row that is not due yet; null when there is none.
create or replace function rowmill.next_due_s(p_type text, p_floor timestamptz default null) returns double precision
language plpgsql volatile set search_path = pg_catalog, pg_temp
    set enable_seqscan = off set enable_bitmapscan = off
as $$
declare
    v_next timestamptz;
begin
    select least(
        (select min(n.scheduled_for)
         from rowmill.lanes(p_type, p_floor) l
         cross join lateral (
             select t.scheduled_for from public.task_queue t
             where t.task_type = p_type and t.status = 'pending' and t.crashes < 2 and t.concurrency_key is null
               and t.priority = l.priority and t.scheduled_for > statement_timestamp()
             order by t.scheduled_for limit 1) n),
        (select t.scheduled_for from public.task_queue t
         where t.task_type = p_type and t.status = 'pending' and t.crashes < 2 and t.concurrency_key is not null
           and t.priority >= 0 and t.scheduled_for > statement_timestamp()
         order by t.scheduled_for limit 1))
    into v_next;
    return extract(epoch from v_next - clock_timestamp());
end $$;
