-- The last look before sleep as a claim would see it: a row that somebody else has locked is not there.
create or replace function rowmill.has_claimable(p_type text, p_floor timestamptz default null) returns boolean
language plpgsql volatile
as $$
begin
    perform from public.task_queue t
    where t.task_type = p_type and t.status = 'pending' and t.scheduled_for <= statement_timestamp()
    limit 1
    for update skip locked;
    return found;
end $$;
