-- Who is to be rung: types of which a pool sleeps and none is looking anyway.
create or replace view rowmill.sleepers as
select s.task_type
from rowmill.gate s
where s.state = 'asleep' and s.valid_until > clock_timestamp()
  and not exists (select from rowmill.gate l
                  where l.task_type = s.task_type and l.state = 'looking' and l.valid_until > clock_timestamp());

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
       or exists (select from rowmill.sleepers s where s.task_type = t);
end $$;

-- A key that is free again may let tasks of any type run, whose pools sleep. A probe for each key, whatever the statistics
-- say: as a join it reads the whole backlog of a sleeping type, once for every key.
create or replace function rowmill.ring_keys(keys text[]) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
    perform rowmill.ring(array(
        select a.task_type
        from (select distinct g.task_type from rowmill.gate g
              where g.state = 'asleep' and g.valid_until > clock_timestamp()) a
        where exists (
            select from unnest(keys) k
            cross join lateral (
                select from public.task_queue t
                where t.task_type = a.task_type and t.concurrency_key = k and t.concurrency_key >= ''
                  and t.status = 'pending' and t.crashes < 2 and t.scheduled_for <= clock_timestamp()
                limit 1) t)));
end $$;
