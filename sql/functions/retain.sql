-- Retention: each call visits p_limit rows of a primary key from p_from on and deletes what is finished and old enough.
-- `walked_to` is where the next call begins, null at the end of the ring; `busy` says that another worker is at it.
-- p_now is for tests; null is the database's clock. Days that are null or 0 keep rows for ever.

-- The moment before which a row is old enough; null = never.
create or replace function rowmill.retain_before(p_days double precision, p_now timestamptz) returns timestamptz
language sql stable set search_path = pg_catalog, pg_temp
as $$
select case when p_days > 0 then coalesce(p_now, clock_timestamp()) - p_days * interval '24 hours' end
$$;

-- Who only works for the queue (a login without the right to delete audit rows) brings no clock of its own, and no
-- setting of his makes audit go that is younger than 30 days.
create or replace function rowmill.retain_audit_before(p_days double precision, p_now timestamptz) returns timestamptz
language sql stable set search_path = pg_catalog, pg_temp
as $$
select case when has_table_privilege(session_user, 'public.robot_input_events', 'delete')
    then rowmill.retain_before(p_days, p_now)
    else rowmill.retain_before(case when p_days > 0 then greatest(p_days, 30) end, null) end
$$;

-- The steps run as the owner of the tables: a worker's role deletes neither tasks nor audit by itself.
--
-- Locking comes before deleting: the second statement sees every hold that was committed while the first waited for
-- nobody, and a hold that comes later waits for these locks (sql/triggers/holds.sql). So no held row is ever deleted.
-- The lock looks at the row's newest version: one that somebody has just retried is not finished any more.
create or replace function rowmill.retain_tasks(
    p_from uuid, p_limit int, p_completed_days double precision, p_failed_days double precision,
    p_cancelled_days double precision, p_now timestamptz, out busy boolean, out walked_to uuid, out deleted int)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off
as $$
declare
    c_last constant uuid := 'ffffffff-ffff-ffff-ffff-ffffffffffff';
    v_completed timestamptz := rowmill.retain_before(p_completed_days, p_now);
    v_failed timestamptz := rowmill.retain_before(p_failed_days, p_now);
    v_cancelled timestamptz := rowmill.retain_before(p_cancelled_days, p_now);
    v_ids uuid[];
begin
    deleted := 0;
    busy := not pg_try_advisory_xact_lock(hashtextextended('rowmill.retain', 7));
    if busy then
        walked_to := p_from;
        return;
    end if;
    select t.id into walked_to from public.task_queue t where t.id >= p_from order by t.id offset p_limit limit 1;
    v_ids := array(
        select t.id from public.task_queue t
        where t.id >= p_from and t.id <= coalesce(walked_to, c_last) and (walked_to is null or t.id < walked_to)
          and t.status in ('completed', 'failed', 'cancelled')
          and coalesce(t.completed_at, t.failed_at, t.updated_at)
              < case t.status when 'completed' then v_completed when 'failed' then v_failed else v_cancelled end
          and not exists (select from rowmill.holds h where h.task_id = t.id)
        order by t.id
        for update skip locked);
    delete from public.task_queue t
    where t.id = any (v_ids) and not exists (select from rowmill.holds h where h.task_id = t.id);
    get diagnostics deleted = row_count;
end $$;

-- Run rows of tasks; those of a held task stay.
create or replace function rowmill.retain_runs(
    p_from uuid, p_limit int, p_days double precision, p_now timestamptz,
    out busy boolean, out walked_to uuid, out deleted int)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off
as $$
declare
    c_last constant uuid := 'ffffffff-ffff-ffff-ffff-ffffffffffff';
    v_before timestamptz := rowmill.retain_audit_before(p_days, p_now);
begin
    deleted := 0;
    busy := not pg_try_advisory_xact_lock(hashtextextended('rowmill.retain', 7));
    if busy or v_before is null then
        walked_to := case when busy then p_from end;
        return;
    end if;
    -- The next task, not the next row: the runs of one task are visited together, however many there are.
    select r.task_id into walked_to from public.robot_input_events r
    where r.task_id > coalesce(
        (select n.task_id from public.robot_input_events n where n.task_id >= p_from
         order by n.task_id offset p_limit - 1 limit 1), c_last)
    order by r.task_id limit 1;
    perform set_config('rowmill.retaining', 'on', true);  -- the audit lets itself be shortened by this alone
    with old as materialized (
        select r.task_id, r.run_no from public.robot_input_events r
        where r.task_id >= p_from and r.task_id <= coalesce(walked_to, c_last)
          and (walked_to is null or r.task_id < walked_to) and r.created_at < v_before
          and not exists (select from rowmill.holds h where h.task_id = r.task_id)
        order by r.task_id, r.run_no
        for update skip locked
    )
    delete from public.robot_input_events r using old o where r.task_id = o.task_id and r.run_no = o.run_no;
    get diagnostics deleted = row_count;
    perform set_config('rowmill.retaining', '', true);
end $$;

create or replace function rowmill.retain_audit(
    p_from uuid, p_limit int, p_days double precision, p_now timestamptz,
    out busy boolean, out walked_to uuid, out deleted int)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off
as $$
declare
    c_last constant uuid := 'ffffffff-ffff-ffff-ffff-ffffffffffff';
    v_before timestamptz := rowmill.retain_audit_before(p_days, p_now);
begin
    deleted := 0;
    busy := not pg_try_advisory_xact_lock(hashtextextended('rowmill.retain', 7));
    if busy or v_before is null then
        walked_to := case when busy then p_from end;
        return;
    end if;
    select a.id into walked_to from public.audit_events a where a.id >= p_from order by a.id offset p_limit limit 1;
    perform set_config('rowmill.retaining', 'on', true);  -- the audit lets itself be shortened by this alone
    with old as materialized (
        select a.id from public.audit_events a
        where a.id >= p_from and a.id <= coalesce(walked_to, c_last) and (walked_to is null or a.id < walked_to)
          and a.at < v_before
          and not exists (select from rowmill.holds h where h.task_id = a.task_id)
        order by a.id
        for update skip locked
    )
    delete from public.audit_events a using old o where a.id = o.id;
    get diagnostics deleted = row_count;
    perform set_config('rowmill.retaining', '', true);
end $$;
