-- pending, waiting -> cancelled at once; processing -> cancel asked: the worker stops the run, and the commit that meets the
-- mark writes none of its effects. Anything else is refused. A producer cancels what its own login has enqueued, and for
-- it no other task exists; whoever may retry tasks cancels any.
create or replace function public.cancel_task(p_id uuid) returns text
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    v_status text;
begin
    select t.status into v_status from public.task_queue t
    where t.id = p_id
      and (t.enqueued_by = session_user or has_function_privilege(session_user, 'public.retry_task(uuid)', 'execute'))
    for no key update;
    if not found then
        raise exception 'no task has the id %; look for it with: select id from task_queue', p_id using errcode = 'RM005';
    elsif v_status in ('pending', 'waiting') then
        update public.task_queue t
        set status = 'cancelled', completed_at = clock_timestamp(), updated_at = clock_timestamp()
        where t.id = p_id;
        delete from rowmill.waits w where v_status = 'waiting' and w.task_id = p_id;
        return 'cancelled';
    elsif v_status = 'processing' then
        update public.task_queue t set cancel_asked_at = clock_timestamp(), updated_at = clock_timestamp()
        where t.id = p_id;
        return 'cancel asked';
    end if;
    raise exception 'task % is %; only a live task can be cancelled', p_id, v_status
        using errcode = 'RM003';
end $$;
