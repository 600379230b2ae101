-- The text of a statement up to its first literal, at most 500 characters: what stands in quotes may be a payload.
create or replace function rowmill.without_literals(p_query text) returns text
language sql immutable parallel safe set search_path = pg_catalog, pg_temp
as $$
select regexp_replace(left(regexp_replace(p_query, $re$('|\$([A-Za-z_][A-Za-z_0-9]*)?\$).*$re$, '…'), 500), '\s+', ' ', 'g')
$$;

-- The statements of this database that took the most time. The extension may be absent when this is created, may come
-- and go, and may be installed without being loaded: no rows then.
create or replace function rowmill.slow_queries(p_limit int)
returns table (query text, calls bigint, total_ms double precision, mean_ms double precision, "rows" bigint)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
declare
    v_schema text;
begin
    select n.nspname into v_schema
    from pg_extension e join pg_namespace n on n.oid = e.extnamespace
    where e.extname = 'pg_stat_statements';
    if not found then
        return;
    end if;
    return query execute format(
        'select rowmill.without_literals(s.query), s.calls, s.total_exec_time, s.mean_exec_time, s.rows
         from %I.pg_stat_statements s
         where s.dbid = (select d.oid from pg_database d where d.datname = current_database())
         order by s.total_exec_time desc limit %s', v_schema, p_limit);
exception when object_not_in_prerequisite_state then
    return;
end $$;
