-- Wakes sleepers of these task types, and nobody else: a committing transaction that has notified holds one
-- database-wide lock through its WAL flush, so a bell that nobody needs costs every producer.
-- VOLATILE and clock_timestamp(): a statement's old snapshot, or the producer's start time, would lose wake-ups.
-- Outside READ COMMITTED the gate read is as old as the transaction, so it always rings.
create or replace function rowmill.ring(types text[]) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
    perform pg_notify('new_task', t)
    from (select distinct unnest(types) as t) x
    where current_setting('transaction_isolation') <> 'read committed'
       or (exists (select from rowmill.gate g
                   where g.task_type = t and g.state = 'asleep' and g.valid_until > clock_timestamp())
           and not exists (select from rowmill.gate g
                   where g.task_type = t and g.state = 'looking' and g.valid_until > clock_timestamp()));
end $$;

-- A key that is free again may let tasks of any type run, whose pools sleep.
create or replace function rowmill.ring_keys(keys text[]) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
    perform rowmill.ring(array(
        select distinct g.task_type
        from rowmill.gate g
        where g.state = 'asleep' and g.valid_until > clock_timestamp()
          and exists (select from unnest(keys) k
                      join public.task_queue t on t.task_type = g.task_type and t.concurrency_key = k
                          and t.concurrency_key >= ''
                      where t.status = 'pending' and t.crashes < 2 and t.scheduled_for <= clock_timestamp())));
end $$;
