-- A schedule is a row; a worker turns it into a task at each of its times (core/queue/schedule.py). Times are computed by
-- the workers: until one has looked, `next_at` is null. Writing a schedule anew keeps its history and clears its problem.
create or replace function public.schedule_task(name text, task_type text, cron text, payload jsonb default '{}',
    timezone text default 'UTC', workspace_id uuid default null) returns text
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
    insert into rowmill.schedules as s (name, task_type, cron, payload, timezone, workspace_id)
    values (schedule_task.name, schedule_task.task_type, btrim(schedule_task.cron), schedule_task.payload,
            schedule_task.timezone, schedule_task.workspace_id)
    on conflict (name) do update
    set task_type = excluded.task_type, cron = excluded.cron, payload = excluded.payload, timezone = excluded.timezone,
        workspace_id = excluded.workspace_id, next_at = null, problem = null, updated_at = clock_timestamp(),
        scheduled_by = session_user;
    return schedule_task.name;
end $$;

-- What it has enqueued already stays.
create or replace function public.unschedule_task(name text) returns text
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
    delete from rowmill.schedules s where s.name = unschedule_task.name;
    if not found then
        raise exception 'there is no schedule %; look for it with: select name from monitoring.schedules',
            coalesce(quote_literal(left(unschedule_task.name, 100)), 'null') using errcode = 'RM005';
    end if;
    return unschedule_task.name;
end $$;
