-- The server underneath. Texts of statements end before their first literal: a literal may be a payload.

-- Whoever keeps old row versions alive. A queue under such a session, slot or prepared transaction gets slower.
create or replace view monitoring.blockers_of_vacuum as
select b.source, b.pid, b.name, b.state, b.query, extract(epoch from clock_timestamp() - b.since)::double precision as age_s,
    b.transactions_behind
from (
    select case a.backend_type when 'walsender' then 'standby' else 'session' end as source, a.pid,
        a.application_name as name, a.state, rowmill.without_literals(a.query) as query, a.xact_start as since,
        greatest(age(a.backend_xmin), age(a.backend_xid)) as transactions_behind
    from pg_stat_activity a
    where (a.backend_xmin is not null or a.backend_xid is not null) and a.pid <> pg_backend_pid()
      and a.backend_type <> 'autovacuum worker'
      and (a.datname = current_database() or a.datname is null or a.backend_type = 'walsender')
    union all
    select 'replication slot', s.active_pid, s.slot_name::text, case when s.active then 'active' else 'unused' end,
        null, null, greatest(age(s.xmin), age(s.catalog_xmin))
    from pg_replication_slots s
    where s.xmin is not null or s.catalog_xmin is not null
    union all
    select 'prepared transaction', null, p.gid, 'prepared', null, p.prepared, age(p.transaction)
    from pg_prepared_xacts p
    where p.database = current_database()
) b;
comment on view monitoring.blockers_of_vacuum is
    'Sessions, standbys, replication slots and prepared transactions that keep dead rows alive; the oldest does the harm';

-- Estimates of the statistics collector, not counts.
create or replace view monitoring.db_health as
select pg_database_size(d.oid) as database_bytes,
    pg_table_size(q.relid) as queue_table_bytes,
    pg_indexes_size(q.relid) as queue_index_bytes,
    q.n_live_tup as queue_live_rows,
    q.n_dead_tup as queue_dead_rows,
    greatest(q.last_autovacuum, q.last_vacuum) as queue_vacuumed_at,
    greatest(q.last_autoanalyze, q.last_analyze) as queue_analyzed_at,
    age(d.datfrozenxid) as transaction_id_age,
    (select max(b.transactions_behind) from monitoring.blockers_of_vacuum b) as vacuum_transactions_behind,
    (select count(*) from pg_stat_activity a where a.backend_type = 'client backend') as connections,
    current_setting('max_connections')::int as max_connections,
    round(100.0 * s.blks_hit / nullif(s.blks_hit + s.blks_read, 0), 1)::double precision as cache_hit_percent,
    s.deadlocks,
    s.temp_bytes,
    pg_is_in_recovery() as in_recovery,
    exists (select from pg_extension e where e.extname = 'pg_stat_statements') as has_slow_queries
from pg_database d
join pg_stat_database s on s.datid = d.oid
join pg_stat_all_tables q on q.relid = 'public.task_queue'::regclass
where d.datname = current_database();
comment on view monitoring.db_health is 'One row about this database: sizes, dead rows, vacuum, connections, cache';

create or replace view monitoring.slow_queries as
select s.query, s.calls, s.total_ms, s.mean_ms, s."rows" from rowmill.slow_queries(50) s;
comment on view monitoring.slow_queries is
    'The 50 statements that took the most time; empty without the extension pg_stat_statements, see db_health.has_slow_queries';
