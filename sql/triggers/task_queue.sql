-- Bells of the queue table. Both are per statement: no per-row trigger on a hot table.
-- rowmill.quiet = 'on' (set local) silences them for two-phase producers: a prepared transaction may not notify.

create or replace function rowmill.ring_inserted() returns trigger
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
    if current_setting('transaction_isolation') <> 'read committed' then  -- its gate may lack the newest pools
        perform rowmill.ring(array(
            select distinct i.task_type::text from inserted i
            where i.status = 'pending' and i.scheduled_for <= clock_timestamp() + interval '1.5 seconds'))
        where current_setting('rowmill.quiet', true) is distinct from 'on';
        return null;
    end if;
    -- The sleepers' side first: its few rows decide, so a hostile list of types costs nothing. One statement, for each
    -- more is felt by a lone INSERT. Most INSERTs ring nobody.
    perform pg_notify('new_task', s.task_type)
    from rowmill.sleepers s
    where current_setting('rowmill.quiet', true) is distinct from 'on'
      and exists (select from inserted i
                  where i.task_type = s.task_type and i.status = 'pending'
                    and i.scheduled_for <= clock_timestamp() + interval '1.5 seconds');
    return null;
end $$;

create or replace trigger task_queue_inserted
after insert on public.task_queue
referencing new table as inserted
for each statement execute function rowmill.ring_inserted();

-- For people and services that reschedule with a plain UPDATE. PostgreSQL forbids a transition table beside a column
-- list, so it cannot know the types and rings every sleeper; the engine's own statements ring for themselves.
create or replace function rowmill.ring_rescheduled() returns trigger
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
    if current_setting('rowmill.quiet', true) = 'on' or current_setting('rowmill.committing', true) = 'on' then
        return null;
    end if;
    perform rowmill.ring(array(
        select distinct g.task_type from rowmill.gate g
        where g.state = 'asleep' or current_setting('transaction_isolation') <> 'read committed'));
    return null;
end $$;

create or replace trigger task_queue_rescheduled
after update of scheduled_for, priority on public.task_queue
for each statement execute function rowmill.ring_rescheduled();
