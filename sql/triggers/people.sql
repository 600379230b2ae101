-- Base columns are right whoever writes: a row that changes gets the next version and the time, plain SQL included.
create or replace function rowmill.touch() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
    new.version := old.version + 1;
    new.updated_at := clock_timestamp();
    return new;
end $$;

create or replace trigger users_touched before update on public.users
for each row when (old.* is distinct from new.*) execute function rowmill.touch();

create or replace trigger sessions_touched before update on public.sessions
for each row when (old.* is distinct from new.*) execute function rowmill.touch();
