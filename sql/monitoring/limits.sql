-- Limits on calls to the outside: what a host may still be asked now, and who waits.

create or replace view monitoring.limits as
select l.name, l.rate, l.burst,
    case when l.paused_until > clock_timestamp() then 0
         else least(l.burst, l.tokens + l.rate * greatest(extract(epoch from clock_timestamp() - l.filled_at), 0))
    end::double precision as tokens,
    case when l.paused_until > clock_timestamp() then l.paused_until end as paused_until,
    case when l.paused_until > clock_timestamp() then l.paused_reason end as paused_reason,
    greatest(ceil(extract(epoch from l.told_until - greatest(clock_timestamp(), l.paused_until)) * l.rate), 0)::integer
        as waiting,
    l.filled_at as last_asked_at
from rowmill.limits l;
comment on view monitoring.limits is
    'Token buckets of calls to the outside: rate per second, tokens now, pause asked for by the server, turns told to waiters';
