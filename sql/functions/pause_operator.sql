-- Pausing stops the claims of a type and nothing else: running tasks go on, producers go on. The first pause keeps
-- its time, its author and its reason; another one changes nothing.
create or replace function public.pause_operator(task_type text, reason text default null) returns text
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
    update rowmill.task_types k
    set paused_at = coalesce(k.paused_at, clock_timestamp()),
        paused_by = case when k.paused_at is null then session_user else k.paused_by end,
        paused_reason = case when k.paused_at is null then pause_operator.reason else k.paused_reason end
    where k.task_type = pause_operator.task_type;
    if not found then
        raise exception 'no worker has published the task type %; look for it with: select task_type from rowmill.task_types',
            coalesce(quote_ident(left(pause_operator.task_type, 100)), 'null') using errcode = 'RM001';
    end if;
    return 'paused';
end $$;

-- Rings, because the pools of the type have gone to sleep over their backlog.
create or replace function public.resume_operator(task_type text) returns text
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
    update rowmill.task_types k
    set paused_at = null, paused_by = null, paused_reason = null
    where k.task_type = resume_operator.task_type;
    if not found then
        raise exception 'no worker has published the task type %; look for it with: select task_type from rowmill.task_types',
            coalesce(quote_ident(left(resume_operator.task_type, 100)), 'null') using errcode = 'RM001';
    end if;
    perform rowmill.ring(array[resume_operator.task_type]);
    return 'resumed';
end $$;
