-- Bells of the queue table. Both are per statement: no per-row trigger on a hot table.
-- rowmill.quiet = 'on' (set local) silences them for two-phase producers: a prepared transaction may not notify.

create or replace function rowmill.ring_inserted() returns trigger
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    v_sleepers text[];
begin
    if current_setting('rowmill.quiet', true) = 'on' then
        return null;
    end if;
    if current_setting('transaction_isolation') <> 'read committed' then  -- its gate may lack the newest pools
        perform rowmill.ring(array(
            select distinct i.task_type::text from inserted i
            where i.status = 'pending' and i.scheduled_for <= clock_timestamp() + interval '1.5 seconds'));
        return null;
    end if;
    -- The gate side first: its few rows decide, so a hostile list of types costs nothing. Most INSERTs end here.
    select array_agg(distinct g.task_type) into v_sleepers
    from rowmill.gate g
    where g.state = 'asleep' and g.valid_until > clock_timestamp()
      and exists (select from inserted i
                  where i.task_type = g.task_type and i.status = 'pending'
                    and i.scheduled_for <= clock_timestamp() + interval '1.5 seconds');
    if v_sleepers is not null then
        perform rowmill.ring(v_sleepers);
    end if;
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
