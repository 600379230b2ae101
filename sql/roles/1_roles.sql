-- The four roles: groups that nobody logs in as. Make your logins members of them:
--     create role billing login password '…' in role rowmill_producer;
-- Roles belong to the whole server, so this may run any number of times, for several databases at once, and in a
-- database that knows nothing of Rowmill. A login that may not create roles gets a notice, and everything works without
-- them for the owner; let somebody who may run this file, then run `rowmill migrate` again for the grants.
do $$
declare
    v_role text;
begin
    foreach v_role in array array['rowmill_producer', 'rowmill_worker', 'rowmill_monitor', 'rowmill_admin'] loop
        if not exists (select from pg_roles r where r.rolname = v_role) then
            begin
                execute format('create role %I nologin', v_role);
            exception
                when duplicate_object or unique_violation then null;  -- somebody made it at the same moment
                when insufficient_privilege then
                    raise notice 'this login may not create the role %; let an administrator run sql/roles/1_roles.sql, then run rowmill migrate again',
                        v_role;
            end;
        end if;
    end loop;
end $$;
