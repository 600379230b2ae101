-- For whoever wants Electric's own service instead of ours: old rows in the write-ahead log, and a publication. Needs
-- wal_level = logical and a login with REPLICATION. Run it with psql as the owner; nothing of Rowmill depends on it.
-- Mind that the service knows no roles and no workspaces: put a proxy of your own in front that adds the conditions.
alter table properties replica identity full;
alter table vendors replica identity full;
alter table turn_stages replica identity full;
alter table turns replica identity full;
alter table audit_logs replica identity full;

do $$ begin
if not exists (select from pg_publication p where p.pubname = 'electric_publication_default') then
    create publication electric_publication_default for table properties, vendors, turn_stages, turns, audit_logs;
end if;
end $$;
