-- Limits on calls to the outside, shared by all workers: a token bucket per name. One short statement takes a token or
-- says how long to wait; the row is locked for that statement alone.

-- 0 = a token was taken. Otherwise the seconds until the next one that nobody has been told of: who waits is told times
-- one after the other, so they do not come back together. Who has waited (`p_waited`) goes before who has not.
create or replace function rowmill.take_token(p_name text, p_rate double precision, p_burst double precision,
    p_waited boolean) returns double precision
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz;
    v_row rowmill.limits;
    v_next timestamptz;
begin
    insert into rowmill.limits (name, rate, burst, tokens, filled_at) values (p_name, p_rate, p_burst, p_burst,
        clock_timestamp()) on conflict do nothing;
    select * into v_row from rowmill.limits l where l.name = p_name for update;
    v_now := clock_timestamp();
    v_row.tokens := least(p_burst, v_row.tokens + p_rate * greatest(extract(epoch from v_now - v_row.filled_at), 0));
    v_next := greatest(v_row.paused_until, v_now);
    if v_next <= v_now and v_row.tokens >= 1 and (p_waited or v_row.told_until is null or v_row.told_until <= v_now) then
        update rowmill.limits l set rate = p_rate, burst = p_burst, tokens = v_row.tokens - 1, filled_at = v_now
        where l.name = p_name;
        return 0;
    end if;
    v_next := v_next + make_interval(secs => greatest(1 - v_row.tokens, 0) / p_rate);
    v_next := greatest(v_next, v_row.told_until, v_now + interval '1 millisecond');
    update rowmill.limits l
    set rate = p_rate, burst = p_burst, tokens = v_row.tokens, filled_at = greatest(v_row.filled_at, v_now),
        told_until = v_next + make_interval(secs => 1 / p_rate)
    where l.name = p_name;
    return extract(epoch from v_next - v_now);
end $$;

-- Nobody takes a token before then; a longer pause stays. The bucket begins empty afterwards: no burst at a server that has
-- just asked for mercy.
create or replace function rowmill.pause_limit(p_name text, p_seconds double precision, p_reason text) returns void
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
    insert into rowmill.limits as l (name, rate, burst, tokens, filled_at, paused_until, paused_reason)
    values (p_name, 1, 1, 0, clock_timestamp() + make_interval(secs => p_seconds),
            clock_timestamp() + make_interval(secs => p_seconds), p_reason)
    on conflict (name) do update
    set tokens = 0, filled_at = excluded.filled_at, paused_until = excluded.paused_until,
        paused_reason = excluded.paused_reason
    where l.paused_until is null or l.paused_until < excluded.paused_until
$$;

-- Buckets that have been full and unused for a day: they say nothing that a new one would not say.
create or replace function rowmill.forget_limits(p_most integer) returns integer
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
    with idle as (
        select l.name from rowmill.limits l
        where l.filled_at < clock_timestamp() - interval '1 day' order by l.name limit p_most for update skip locked
    ), gone as (
        delete from rowmill.limits l using idle i where l.name = i.name returning 1
    )
    select count(*)::integer from gone
$$;
