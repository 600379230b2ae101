-- For a client of its own that LISTENs: while its row is valid, a task of the type rings the channel new_task, as it
-- does for a sleeping pool. One row per session and type, an hour at most; a time that is over takes the row away.
-- The type need not be published: a worker in another language may serve it.
create or replace function public.arm_bell(task_type text, until timestamptz) returns timestamptz
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    v_listener text := 'arm:' || pg_backend_pid();
    v_until timestamptz := least(arm_bell.until, clock_timestamp() + interval '1 hour');
begin
    if v_until <= clock_timestamp() then
        delete from rowmill.gate g where g.task_type = arm_bell.task_type and g.listener = v_listener;
        return null;
    end if;
    insert into rowmill.gate (task_type, listener, state, valid_until)
    values (arm_bell.task_type, v_listener, 'asleep', v_until)
    on conflict (task_type, listener) do update set state = excluded.state, valid_until = excluded.valid_until;
    return v_until;
end $$;
