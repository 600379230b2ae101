-- A hold waits for a retention step that has locked the task, and tells when it came too late: a hold on nothing would
-- be believed. A task that is gone can be held for the sake of its run rows.
create or replace function rowmill.hold_inserted() returns trigger
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
    perform from public.task_queue t where t.id = new.task_id for key share;
    if not found and not exists (select from public.robot_input_events r where r.task_id = new.task_id) then
        raise exception 'no task has the id %, and no run of it is left; there is nothing to hold', new.task_id
            using errcode = 'RM005';
    end if;
    return new;
end $$;

create or replace trigger holds_inserted
before insert on rowmill.holds
for each row execute function rowmill.hold_inserted();
