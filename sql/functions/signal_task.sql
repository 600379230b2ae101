-- waiting -> pending, exactly once: each signal continues one task. Sent before its task waits, it is kept for it. The
-- same signal_id again changes nothing. A producer signals what its own login has enqueued, or by key within the
-- workspaces it may enqueue for; whoever may retry tasks, and workers, signal any.

create or replace function rowmill.checked_signal(p_payload jsonb) returns jsonb
language plpgsql immutable set search_path = pg_catalog, pg_temp
as $$
declare
    v_payload jsonb;
begin
    if jsonb_typeof(coalesce(p_payload, '{}')) <> 'object' then
        raise exception 'the payload of a signal must be a JSON object, not %', jsonb_typeof(p_payload)
            using errcode = 'RM002';
    end if;
    v_payload := '{}'::jsonb || coalesce(p_payload, '{}');
    if pg_column_size(v_payload) > 65536 then
        raise exception 'the payload of a signal takes % bytes and may take 65536; store it and send its id',
            pg_column_size(v_payload) using errcode = 'RM006';
    end if;
    return v_payload;
end $$;

-- The id of the new signal, or null where this very signal is there already.
create or replace function rowmill.keep_signal(p_id uuid, p_key text, p_task uuid, p_workspace uuid, p_payload jsonb)
returns uuid
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
declare
    v_id uuid;
begin
    insert into rowmill.signals as s (id, key, task_id, workspace_id, payload, sent_by)
    values (coalesce(p_id, rowmill.uuid7()), p_key, p_task, p_workspace, p_payload, session_user)
    on conflict (id) do nothing
    returning s.id into v_id;
    if not found and not exists (
        select from rowmill.signals s
        where s.id = p_id and s.key is not distinct from p_key and s.task_id is not distinct from p_task
          and s.workspace_id = p_workspace and s.payload = p_payload)
    then
        raise exception 'the signal_id % was used for another signal; use a new one for each signal', p_id
            using errcode = 'RM009';
    end if;
    return v_id;
end $$;

create or replace function public.signal_task(id uuid, payload jsonb default '{}', signal_id uuid default null)
returns text
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    v_task public.task_queue%rowtype;
    v_payload jsonb := rowmill.checked_signal(signal_task.payload);
    v_kept uuid;
begin
    -- Whatever its status: a commit that is about to let it wait holds this lock, too.
    select t.* into v_task from public.task_queue t
    where t.id = signal_task.id
      and (t.enqueued_by = session_user or has_table_privilege(session_user, 'public.task_queue', 'update')
           or has_function_privilege(session_user, 'public.retry_task(uuid)', 'execute'))
    for no key update;
    if not found then
        raise exception 'no task has the id %; look for it with: select id from task_queue', signal_task.id
            using errcode = 'RM005';
    elsif exists (select from rowmill.signals s where s.id = signal_task.signal_id) then
        perform rowmill.keep_signal(signal_task.signal_id, null, v_task.id,
            coalesce(v_task.workspace_id, rowmill.default_workspace()), v_payload);
        return 'duplicate';
    elsif v_task.status not in ('pending', 'processing', 'waiting') then
        raise exception 'task % is %; only a live task takes a signal', v_task.id, v_task.status
            using errcode = 'RM003';
    end if;
    v_kept := rowmill.keep_signal(signal_task.signal_id, null, v_task.id,
        coalesce(v_task.workspace_id, rowmill.default_workspace()), v_payload);
    if v_kept is null then
        return 'duplicate';
    end if;
    perform rowmill.match_task(v_task.id);
    return case when exists (select from rowmill.signals s where s.id = v_kept and s.continued is not null)
        then 'continued' else 'kept' end;
end $$;

-- By correlation key; a key that is a task's id is that task.
create or replace function public.signal_task(
    key text, payload jsonb default '{}', signal_id uuid default null, workspace_id uuid default null)
returns text
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    v_payload jsonb := rowmill.checked_signal(signal_task.payload);
    v_workspace uuid := coalesce(
        signal_task.workspace_id, rowmill.current_workspace(), rowmill.default_workspace());
    v_kept uuid;
begin
    if signal_task.key ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then
        return public.signal_task(signal_task.key::uuid, v_payload, signal_task.signal_id);
    elsif coalesce(length(signal_task.key), 0) not between 1 and 500 then
        raise exception 'a signal needs the key it is waited for by: a text of 1 to 500 characters, or the id of a task'
            using errcode = 'RM002';
    elsif not has_table_privilege(session_user, 'public.task_queue', 'update')
          and not has_function_privilege(session_user, 'public.retry_task(uuid)', 'execute')
          and v_workspace <> all (rowmill.enqueue_workspaces())
    then
        raise exception 'the login % may not signal in the workspace %; set app.workspace_id, or have it bound in rowmill.producers',
            session_user, v_workspace using errcode = 'RM007';
    end if;
    perform pg_advisory_xact_lock(rowmill.signal_lock(signal_task.key));
    v_kept := rowmill.keep_signal(signal_task.signal_id, signal_task.key, null, v_workspace, v_payload);
    if v_kept is null then
        return 'duplicate';
    end if;
    perform rowmill.match_key(signal_task.key, v_workspace);
    return case when exists (select from rowmill.signals s where s.id = v_kept and s.continued is not null)
        then 'continued' else 'kept' end;
end $$;
