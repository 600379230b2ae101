-- failed, cancelled, completed -> pending, with fresh attempts and crashes; run_no goes on, so that no run of the
-- past can pass the fence. A live twin by dedupe_key refuses it.
create or replace function public.retry_task(p_id uuid) returns text
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    v_committing text := current_setting('rowmill.committing', true);
    v_task public.task_queue%rowtype;
begin
    select t.* into v_task from public.task_queue t where t.id = p_id for no key update;
    if not found then
        raise exception 'no task has the id %; look for it with: select id from task_queue', p_id using errcode = 'RM005';
    elsif v_task.status not in ('failed', 'cancelled', 'completed') then
        raise exception 'task % is %; only a finished task can be retried', p_id, v_task.status using errcode = 'RM003';
    end if;
    perform set_config('rowmill.committing', 'on', true);
    begin
        update public.task_queue t
        set status = 'pending', attempts = 0, crashes = 0, scheduled_for = clock_timestamp(), error_message = null,
            output = case when t.status <> 'completed' then t.output end,  -- progress is kept, a result is not
            completed_at = null, failed_at = null, worker_id = null, leader_id = null, cancel_asked_at = null,
            updated_at = clock_timestamp()
        where t.id = p_id;
    exception when unique_violation then
        raise exception 'task % has a live twin with the dedupe_key %; wait for it or cancel it first',
            p_id, v_task.dedupe_key using errcode = 'RM004';
    end;
    perform set_config('rowmill.committing', coalesce(v_committing, ''), true);
    perform rowmill.ring(array[v_task.task_type]);
    return 'pending';
end $$;
