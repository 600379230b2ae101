-- Test only: writes down every move of a task, and drops the key that would hide a second run row.
create table torture_moves (
    move_no bigint generated always as identity primary key,
    task_id uuid not null,
    was text,
    becomes text,
    run_was bigint,
    run_becomes bigint,
    attempts_was int,
    attempts_becomes int,
    worker_was text,
    worker_becomes text,
    at timestamptz not null default clock_timestamp()
);

create function torture_moved() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    if tg_op = 'UPDATE' and (old.status, old.run_no, old.attempts, old.worker_id)
        is not distinct from (new.status, new.run_no, new.attempts, new.worker_id) then
        return null;
    end if;
    insert into public.torture_moves (task_id, was, becomes, run_was, run_becomes, attempts_was, attempts_becomes,
        worker_was, worker_becomes)
    values (coalesce(new.id, old.id), old.status, new.status, old.run_no, new.run_no, old.attempts, new.attempts,
        old.worker_id, new.worker_id);
    return null;
end $$;

create trigger torture_moved after insert or update or delete on task_queue
    for each row execute function torture_moved();

alter table robot_input_events drop constraint robot_input_events_pkey;
create index robot_input_events_not_unique on robot_input_events (task_id, run_no);
create index torture_moves_by_task on torture_moves (task_id, move_no);
