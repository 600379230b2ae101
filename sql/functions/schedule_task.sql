-- A schedule is a row; a worker turns it into a task at each of its times (core/queue/schedule.py). Times are computed by
-- the workers: until one has looked, `next_at` is null. Writing a schedule anew keeps its history and its pause, and clears
-- its problem. `catch_up`: of times that nobody was there for, one, all or none become tasks.
create or replace function public.schedule_task(name text, task_type text, cron text, payload jsonb default '{}',
    timezone text default 'UTC', workspace_id uuid default null, catch_up text default 'one') returns text
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
    if (select count(*) from regexp_split_to_table(btrim(schedule_task.cron), '\s+')) <> 5 then
        raise exception 'a schedule has five fields (minute, hour, day, month, weekday), not %; for example 30 3 * * 1-5',
            coalesce(quote_literal(left(schedule_task.cron, 100)), 'null') using errcode = 'RM002';
    end if;
    if not exists (select from pg_timezone_names z where z.name = schedule_task.timezone) then
        raise exception 'there is no time zone %; write it as Europe/Berlin',
            coalesce(quote_literal(left(schedule_task.timezone, 100)), 'null') using errcode = 'RM002';
    end if;
    if coalesce(schedule_task.catch_up, '') not in ('one', 'all', 'none') then
        raise exception 'of the times that were missed one, all or none are made up for, not %; name one of the three',
            coalesce(quote_literal(left(schedule_task.catch_up, 100)), 'null') using errcode = 'RM002';
    end if;
    insert into rowmill.schedules as s (name, task_type, cron, payload, timezone, workspace_id, catch_up)
    values (schedule_task.name, schedule_task.task_type, btrim(schedule_task.cron), schedule_task.payload,
            schedule_task.timezone, schedule_task.workspace_id, schedule_task.catch_up)
    on conflict (name) do update
    set task_type = excluded.task_type, cron = excluded.cron, payload = excluded.payload, timezone = excluded.timezone,
        workspace_id = excluded.workspace_id, catch_up = excluded.catch_up, next_at = null, problem = null,
        updated_at = clock_timestamp(), scheduled_by = session_user;
    return schedule_task.name;
end $$;

-- What it has enqueued already stays.
create or replace function public.unschedule_task(name text) returns text
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
    delete from rowmill.schedules s where s.name = unschedule_task.name;
    perform rowmill.need_schedule(unschedule_task.name, found);
    return unschedule_task.name;
end $$;

-- No time of a paused schedule becomes a task, and none is made up for afterwards. The first pause keeps its time and author.
create or replace function public.pause_schedule(name text) returns text
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
    update rowmill.schedules s
    set paused_at = coalesce(s.paused_at, clock_timestamp()), paused_by = coalesce(s.paused_by, session_user)
    where s.name = pause_schedule.name;
    perform rowmill.need_schedule(pause_schedule.name, found);
    return 'paused';
end $$;

-- It goes on with the next of its times.
create or replace function public.resume_schedule(name text) returns text
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
    update rowmill.schedules s
    set next_at = case when s.paused_at is null then s.next_at end, paused_at = null, paused_by = null
    where s.name = resume_schedule.name;
    perform rowmill.need_schedule(resume_schedule.name, found);
    return 'resumed';
end $$;

-- Its task now, besides its times; also of a paused one. Returns the task.
create or replace function public.run_schedule(name text) returns uuid
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    v_task uuid := rowmill.uuid7();
begin
    insert into public.task_queue (id, task_type, payload, workspace_id, enqueued_by)
    select v_task, s.task_type, s.payload, s.workspace_id, 'schedule ' || s.name
    from rowmill.schedules s where s.name = run_schedule.name;
    perform rowmill.need_schedule(run_schedule.name, found);
    update rowmill.schedules s set last_task_id = v_task where s.name = run_schedule.name;
    return v_task;
end $$;

create or replace function rowmill.need_schedule(p_name text, p_found boolean) returns void
language plpgsql immutable set search_path = pg_catalog, pg_temp
as $$
begin
    if not p_found then
        raise exception 'there is no schedule %; look for it with: select name from monitoring.schedules',
            coalesce(quote_literal(left(p_name, 100)), 'null') using errcode = 'RM005';
    end if;
end $$;
