-- Asks a living worker to drain, as SIGTERM does; it hears of it with its next beat. True = asked, now or before.
create or replace function rowmill.drain_worker(p_worker_id text) returns boolean
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$ begin
    update rowmill.workers w
    set drain_asked_at = coalesce(w.drain_asked_at, clock_timestamp())
    where w.worker_id = p_worker_id and w.lease_until > clock_timestamp();
    return found;
end $$;
