-- Waiting tasks and the signals that continue them. A signal goes to one task and a task takes one signal, oldest first,
-- whichever comes first. rowmill.waits has a row for each waiting task; rowmill.signals keeps every signal, taken or not.
--
-- Who waits and who signals take the lock of the signal before either looks for the other, and look in a statement after
-- it: whoever comes second sees the first. What goes to a task's id needs no such lock, because both lock the task's row.

create or replace function rowmill.signal_lock(p_signal text) returns bigint
language sql immutable set search_path = pg_catalog, pg_temp
as $$
select hashtextextended(p_signal, 11)
$$;

-- waiting -> pending. The caller holds the task's row and has seen it waiting.
create or replace function rowmill.continue_task(p_id uuid, p_signal jsonb) returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
declare
    v_committing text := current_setting('rowmill.committing', true);
    v_type text;
begin
    perform set_config('rowmill.committing', 'on', true);  -- it rings for itself
    delete from rowmill.waits w where w.task_id = p_id;
    update public.task_queue t
    set status = 'pending', scheduled_for = clock_timestamp(), updated_at = clock_timestamp(),
        output = coalesce(t.output, '{}') || jsonb_build_object('rowmill.signal', p_signal)
    where t.id = p_id
    returning t.task_type into v_type;
    perform set_config('rowmill.committing', coalesce(v_committing, ''), true);
    perform rowmill.ring(array[v_type]);
end $$;

create or replace function rowmill.take_signal(p_signal uuid, p_task uuid) returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
declare
    v_given jsonb;
begin
    update rowmill.signals s
    set continued = p_task, continued_at = clock_timestamp()
    where s.id = p_signal
    returning jsonb_build_object('key', s.key, 'payload', s.payload) into v_given;
    perform rowmill.continue_task(p_task, v_given);
end $$;

-- The kept signals of a key to the tasks that wait for it. The caller holds the lock of the key.
create or replace function rowmill.match_key(p_key text, p_workspace uuid) returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp
    set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
declare
    v_signal uuid;
    v_task uuid;
begin
    loop
        select s.id into v_signal from rowmill.signals s
        where s.key = p_key and s.continued is null and s.workspace_id = p_workspace
        order by s.sent_at, s.id limit 1;
        exit when not found;
        select t.id into v_task
        from rowmill.waits w
        join public.task_queue t on t.id = w.task_id
        where w.signal = p_key and w.workspace_id = p_workspace and t.status = 'waiting'
        order by w.since, w.task_id limit 1
        for no key update of t skip locked;
        exit when not found;
        -- Between the snapshot and the lock the task may have gone on, and begun another wait.
        if exists (select from rowmill.waits w where w.task_id = v_task and w.signal = p_key) then
            perform rowmill.take_signal(v_signal, v_task);
        end if;
    end loop;
end $$;

-- The oldest kept signal to the task itself. The caller holds its row.
create or replace function rowmill.match_task(p_id uuid) returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off
as $$
declare
    v_signal uuid;
begin
    select s.id into v_signal from rowmill.signals s
    where s.task_id = p_id and s.continued is null
    order by s.sent_at, s.id limit 1;
    if found and exists (select from public.task_queue t where t.id = p_id and t.status = 'waiting') then
        perform rowmill.take_signal(v_signal, p_id);
    end if;
end $$;

-- The last step of a commit whose runs wait: it holds their rows and the locks of their signals.
create or replace function rowmill.begin_waits(
    p_ids uuid[], p_signals text[], p_timeouts_s double precision[], p_policies text[]) returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp set enable_seqscan = off
as $$
declare
    v_each record;
begin
    insert into rowmill.waits (task_id, task_type, signal, workspace_id, times_out_at, on_timeout)
    select t.id, t.task_type, i.signal, coalesce(t.workspace_id, rowmill.default_workspace()),
        clock_timestamp() + i.timeout_s * interval '1 second', i.on_timeout
    from unnest(p_ids, p_signals, p_timeouts_s, p_policies) as i (id, signal, timeout_s, on_timeout)
    join public.task_queue t on t.id = i.id
    order by t.id
    on conflict (task_id) do update
    set signal = excluded.signal, since = excluded.since, times_out_at = excluded.times_out_at,
        on_timeout = excluded.on_timeout;
    perform rowmill.match_task(i.id) from unnest(p_ids) as i (id);
    for v_each in
        select distinct w.signal, w.workspace_id from rowmill.waits w where w.task_id = any (p_ids) order by 1, 2
    loop
        perform rowmill.match_key(v_each.signal, v_each.workspace_id);
    end loop;
end $$;

-- Ends waits whose time is over, and matches again what a signal of a REPEATABLE READ transaction, or one that met a
-- locked row, has left side by side. Waits for nobody. p_now is for tests; null is the database's clock.
create or replace function rowmill.sweep_waits(
    p_limit int, p_rematch boolean, p_fingerprint text, p_now timestamptz, out timed_out int, out rematched int)
language plpgsql volatile set search_path = pg_catalog, pg_temp
    set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
declare
    v_now timestamptz := coalesce(p_now, clock_timestamp());
    v_each record;
begin
    timed_out := 0;
    rematched := 0;
    -- A lock for each: a rematch that was cut off may still be at work on the server.
    if not pg_try_advisory_xact_lock(hashtextextended(
            case when p_rematch then 'rowmill.rematch' else 'rowmill.waits' end, 7)) then
        return;
    end if;
    for v_each in
        select w.task_id from rowmill.waits w where w.times_out_at <= v_now order by w.times_out_at limit p_limit
    loop
        perform from public.task_queue t where t.id = v_each.task_id and t.status = 'waiting'
        for no key update skip locked;
        if found and rowmill.time_out(v_each.task_id, v_now, p_fingerprint) then
            timed_out := timed_out + 1;
        end if;
    end loop;
    if not p_rematch then
        return;
    end if;
    delete from rowmill.waits w  -- of tasks that somebody has moved by hand
    where not exists (select from public.task_queue t where t.id = w.task_id and t.status = 'waiting');
    for v_each in
        select distinct s.key, s.workspace_id from rowmill.signals s
        where s.continued is null and s.key is not null
          and exists (select from rowmill.waits w where w.signal = s.key and w.workspace_id = s.workspace_id)
        order by 1, 2 limit p_limit
    loop
        if pg_try_advisory_xact_lock(rowmill.signal_lock(v_each.key)) then
            perform rowmill.match_key(v_each.key, v_each.workspace_id);
            rematched := rematched + 1;
        end if;
    end loop;
    for v_each in
        select distinct s.task_id from rowmill.signals s
        where s.continued is null and s.task_id is not null
          and exists (select from rowmill.waits w where w.task_id = s.task_id)
        limit p_limit
    loop
        perform from public.task_queue t where t.id = v_each.task_id and t.status = 'waiting'
        for no key update skip locked;
        if found then
            perform rowmill.match_task(v_each.task_id);
            rematched := rematched + 1;
        end if;
    end loop;
end $$;

-- A wait that is over without a signal, as its policy says. A failure has a run row, so that it is counted and found as
-- any other is. The caller holds the task's row; false = another wait has begun meanwhile, or none is left.
create or replace function rowmill.time_out(p_id uuid, p_now timestamptz, p_fingerprint text) returns boolean
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
declare
    v_wait rowmill.waits%rowtype;
    v_reason text;
begin
    delete from rowmill.waits w where w.task_id = p_id and w.times_out_at <= p_now returning w.* into v_wait;
    if not found then
        return false;
    elsif v_wait.on_timeout = 'continue' then
        perform rowmill.continue_task(p_id, jsonb_build_object('key', v_wait.signal, 'timed_out', true));
        return true;
    end if;
    v_reason := format('no signal %s came within %s s', to_json(v_wait.signal),
        round(extract(epoch from v_wait.times_out_at - v_wait.since)::numeric, 3));
    with ended as (
        update public.task_queue t
        set status = 'failed', failed_at = clock_timestamp(), error_message = v_reason, run_no = t.run_no + 1,
            updated_at = clock_timestamp()
        where t.id = p_id
        returning t.*
    )
    insert into public.robot_input_events (task_id, run_no, operator_type, input_data, success, error_message,
        error_fingerprint, worker_id, enqueued_by)
    select e.id, e.run_no, e.task_type, rowmill.input_data(e.payload), false, v_reason, p_fingerprint, e.worker_id,
        e.enqueued_by
    from ended e;
    return true;
end $$;

-- Waiting tasks of a type, counted up to p_cap + 1 and no further.
create or replace function rowmill.waiting(p_type text, p_cap int, out tasks int, out oldest timestamptz)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off
as $$
begin
    select count(*) into tasks
    from (select from rowmill.waits w where w.task_type = p_type limit p_cap + 1) x;
    select w.since into oldest from rowmill.waits w where w.task_type = p_type order by w.since limit 1;
end $$;

-- Signals go after p_days, taken or not: whatever has not been waited for by then is not waited for.
create or replace function rowmill.retain_signals(p_limit int, p_days double precision, p_now timestamptz) returns int
language plpgsql volatile set search_path = pg_catalog, pg_temp set enable_seqscan = off
as $$
declare
    v_before timestamptz := rowmill.retain_before(p_days, p_now);
    v_deleted int;
begin
    with old as (
        select s.id from rowmill.signals s where s.sent_at < v_before order by s.sent_at limit p_limit
        for update skip locked
    )
    delete from rowmill.signals s using old o where s.id = o.id;
    get diagnostics v_deleted = row_count;
    return v_deleted;
end $$;
