What a migrator asks.

-- name: migrators_lock
select pg_try_advisory_xact_lock(:key::bigint) as ours

-- name: oldest_transaction
-- Of somebody else on this database: the likeliest holder of a lock that could not be had.
select a.usename || ', pid ' || a.pid || ' (' || coalesce(nullif(a.application_name, ''), 'no name') || ')' as who,
    extract(epoch from clock_timestamp() - a.xact_start)::int as since_s
from pg_stat_activity a
where a.datname = current_database() and a.pid <> pg_backend_pid() and a.xact_start is not null
  and a.backend_type = 'client backend'
order by a.xact_start
limit 1
