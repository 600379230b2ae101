-- People and their tokens: an administrator's business. A worker knows nobody. The web process does both kinds of work,
-- so its login is a member of rowmill_worker and of rowmill_admin.
do $$ begin
if (select count(*) from pg_roles
    where rolname in ('rowmill_producer', 'rowmill_worker', 'rowmill_monitor', 'rowmill_admin')) < 4 then
    return;
end if;
grant select, insert, update on public.users, public.workspaces, public.workspace_members, public.api_tokens
    to rowmill_admin;
grant select, insert, update, delete on public.sessions, public.login_attempts to rowmill_admin;
end $$;
