-- What holds for properties, vendors, stages and turns, whoever writes them: base columns, the rules of stages, the steps
-- of an approval, the audit, and the change log that every shape is served from.
--
-- A program that writes for a person says so in its transaction: set_config('rowmill.user_id', …, true). Then the role
-- of that user must allow each step of an approval. Plain SQL without a user may take any step that exists; the audit
-- names its login.

-- Base columns ---------------------------------------------------------------------------------------------------------

-- A row that is made again under the id of a deleted one goes on from its version: whoever knows that one would take
-- this one for older.
create or replace function public.turns_stamp() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
    v_user uuid := nullif(current_setting('rowmill.user_id', true), '')::uuid;
begin
    if tg_op = 'INSERT' then
        new.created_by := coalesce(v_user, new.created_by);
        new.updated_by := coalesce(v_user, new.updated_by);
        new.version := greatest(new.version, 1 + (
            select (a.old_values ->> 'version')::integer from public.audit_logs a
            where a.row_id = new.id and a.table_name = tg_table_name and a.action = 'delete'
            order by a.id desc limit 1));
    else
        new.version := old.version + 1;
        new.updated_at := clock_timestamp();
        new.updated_by := coalesce(v_user, new.updated_by);
    end if;
    return new;
end $$;

create or replace trigger properties_stamped_new before insert on public.properties
for each row execute function public.turns_stamp();
create or replace trigger properties_stamped before update on public.properties
for each row when (old.* is distinct from new.*) execute function public.turns_stamp();

create or replace trigger vendors_stamped_new before insert on public.vendors
for each row execute function public.turns_stamp();
create or replace trigger vendors_stamped before update on public.vendors
for each row when (old.* is distinct from new.*) execute function public.turns_stamp();

create or replace trigger turn_stages_stamped_new before insert on public.turn_stages
for each row execute function public.turns_stamp();
create or replace trigger turn_stages_stamped before update on public.turn_stages
for each row when (old.* is distinct from new.*) execute function public.turns_stamp();

create or replace trigger turns_stamped_new before insert on public.turns
for each row execute function public.turns_stamp();
create or replace trigger turns_stamped before update on public.turns
for each row when (old.* is distinct from new.*) execute function public.turns_stamp();

-- Approval -------------------------------------------------------------------------------------------------------------

-- Approved for good: by the head office, or by the DFO where the amount is within the limit of turn_policy.
create or replace function public.turns_is_approved(p_status public.approval_status, p_amount numeric) returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
    select coalesce(p_status = 'HO_APPROVED'
        or (p_status = 'DFO_APPROVED' and p_amount <= (select l.ho_approval_limit from public.turn_policy l)), false)
$$;

-- Whether this step exists and the acting user may take it.
create or replace function public.turns_check_step(p_from public.approval_status, p_to public.approval_status,
    p_amount numeric) returns void
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
declare
    v_user uuid := nullif(current_setting('rowmill.user_id', true), '')::uuid;
begin
    if not exists (select from public.approval_steps s where (s.from_status, s.to_status) = (p_from, p_to)) then
        raise exception 'an approval goes from % to % by no step; approval_steps lists those there are', p_from, p_to
            using errcode = 'RM104';
    end if;
    if p_to <> 'PENDING' and p_amount is null then
        raise exception 'an approval needs an amount; set turn_amount first' using errcode = 'RM101';
    end if;
    if p_to = 'HO_APPROVAL_NEEDED'
            and p_amount <= (select l.ho_approval_limit from public.turn_policy l) then
        raise exception 'this amount needs no approval of the head office; it is within the limit of turn_policy'
            using errcode = 'RM104';
    end if;
    if v_user is not null and pg_trigger_depth() < 2 and not exists (
            select from public.approval_steps s
            join public.users u on u.role = s.role and u.is_active
            where (s.from_status, s.to_status) = (p_from, p_to) and u.id = v_user) then
        raise exception 'your role may not take an approval from % to %; ask somebody whose role may', p_from, p_to
            using errcode = 'RM105';
    end if;
end $$;

-- The rules of stages, and what an approval does to its turn.
create or replace function public.turns_check() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
    v_stage public.turn_stages;
    v_from public.turn_stages;
    v_by_user boolean := nullif(current_setting('rowmill.user_id', true), '') is not null;
begin
    select * into v_stage from public.turn_stages s where s.id = new.stage_id;
    new.approval_status := coalesce(new.approval_status, 'PENDING');
    if tg_op = 'INSERT' then
        if v_by_user and (new.approval_status not in ('PENDING', 'DFO_APPROVAL_NEEDED')
                          or new.approved_turn_amount is not null) then
            raise exception 'a new turn is not approved yet; leave approval_status and approved_turn_amount out'
                using errcode = 'RM104';
        end if;
    else
        new.approved_turn_amount := old.approved_turn_amount;
        if new.turn_amount is distinct from old.turn_amount and old.approval_status <> 'PENDING' then
            if new.approval_status is distinct from old.approval_status then
                raise exception 'an amount is not changed and approved at once; change it, then ask for the approval again'
                    using errcode = 'RM104';
            end if;
            new.approval_status := 'PENDING';
        elsif new.approval_status is distinct from old.approval_status then
            perform public.turns_check_step(old.approval_status, new.approval_status, new.turn_amount);
        end if;
        if public.turns_is_approved(new.approval_status, new.turn_amount) then
            new.approved_turn_amount := coalesce(old.approved_turn_amount, new.turn_amount);
        else
            new.approved_turn_amount := null;
        end if;
    end if;
    if v_stage.requires_approval and new.approval_status = 'PENDING' and new.turn_amount is not null then
        new.approval_status := 'DFO_APPROVAL_NEEDED';
    end if;
    if v_stage.is_amount_required and new.turn_amount is null then
        raise exception 'the stage % needs an amount; set turn_amount', v_stage.name using errcode = 'RM101';
    end if;
    if v_stage.is_vendor_required and new.vendor_id is null then
        raise exception 'the stage % needs a vendor; set vendor_id', v_stage.name using errcode = 'RM102';
    end if;
    if tg_op = 'UPDATE' and new.stage_id <> old.stage_id then
        select * into v_from from public.turn_stages s where s.id = old.stage_id;
        if v_from.requires_approval and v_stage.display_order > v_from.display_order
                and not public.turns_is_approved(new.approval_status, new.turn_amount) then
            raise exception 'the turn leaves the stage % only when it is approved; get the approval first', v_from.name
                using errcode = 'RM103';
        end if;
    end if;
    if v_stage.is_complete_stage and v_stage.requires_approval
            and not public.turns_is_approved(new.approval_status, new.turn_amount) then
        raise exception 'the turn enters the stage % only when it is approved; get the approval first', v_stage.name
            using errcode = 'RM103';
    end if;
    return new;
end $$;

create or replace trigger turns_checked_new before insert on public.turns
for each row execute function public.turns_check();
create or replace trigger turns_checked before update on public.turns
for each row when (old.* is distinct from new.*) execute function public.turns_check();

-- A turn names rows of its own workspace alone. Looked at where a name changes: what was there before this rule is still
-- edited. Its triggers run before turns_checked, whose sentences tell the name of a stage.
create or replace function public.turns_belong() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
    v_column text;
begin
    select n.name into v_column from (
        select 'property_id', p.workspace_id from public.properties p where p.id = new.property_id
        union all
        select 'stage_id', s.workspace_id from public.turn_stages s where s.id = new.stage_id
        union all
        select 'vendor_id', v.workspace_id from public.vendors v where v.id = new.vendor_id
    ) as n (name, workspace_id) where n.workspace_id <> new.workspace_id limit 1;
    if found then
        raise exception 'the % of a turn names a row of another workspace; choose one of its own', v_column
            using errcode = 'RM106';
    end if;
    return new;
end $$;

create or replace trigger turns_belong_new before insert on public.turns
for each row execute function public.turns_belong();
create or replace trigger turns_belong before update on public.turns
for each row when ((old.property_id, old.stage_id, old.vendor_id, old.workspace_id)
    is distinct from (new.property_id, new.stage_id, new.vendor_id, new.workspace_id))
execute function public.turns_belong();

-- Who has to approve is told by a task. What the DFO has approved above the limit goes on to the head office.
create or replace function public.turns_approval_moved() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    if tg_op = 'UPDATE' and new.approval_status is not distinct from old.approval_status then
        return null;
    end if;
    if new.approval_status in ('DFO_APPROVAL_NEEDED', 'HO_APPROVAL_NEEDED') then
        insert into public.task_queue (task_type, payload, workspace_id)
        values ('turns.notify_approvers',
                jsonb_build_object('turn_id', new.id, 'version', new.version, 'status', new.approval_status),
                new.workspace_id);
    elsif tg_op = 'UPDATE' and new.approval_status = 'DFO_APPROVED'
            and not public.turns_is_approved(new.approval_status, new.turn_amount) then
        update public.turns t set approval_status = 'HO_APPROVAL_NEEDED' where t.id = new.id;
    end if;
    return null;
end $$;

-- Triggers run in the order of their names: behind turns_captured, or the second step would stand before the first one in
-- the log and in the audit.
create or replace trigger turns_moved_on after insert or update on public.turns
for each row execute function public.turns_approval_moved();

-- Audit: who changed what, for ever ------------------------------------------------------------------------------------

create or replace function public.turns_audit() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
    v_old jsonb := case when tg_op <> 'INSERT' then to_jsonb(old) end;
    v_new jsonb := case when tg_op <> 'DELETE' then to_jsonb(new) end;
    v_columns text[];
begin
    if tg_op = 'UPDATE' then
        select array_agg(n.key order by n.key) into v_columns
        from jsonb_each(v_new) n where n.value is distinct from v_old -> n.key;
        select jsonb_object_agg(c.name, v_old -> c.name), jsonb_object_agg(c.name, v_new -> c.name)
        into v_old, v_new from unnest(v_columns) as c (name);
    end if;
    insert into public.audit_logs (workspace_id, table_name, row_id, action, user_id, task_id, run_no, command_id,
        changed_columns, old_values, new_values)
    values (coalesce(case when tg_op <> 'DELETE' then new.workspace_id end, case when tg_op <> 'INSERT' then old.workspace_id end),
        tg_table_name, case when tg_op = 'DELETE' then old.id else new.id end, lower(tg_op),
        nullif(current_setting('rowmill.user_id', true), '')::uuid,
        nullif(current_setting('rowmill.task_id', true), '')::uuid,
        nullif(current_setting('rowmill.run_no', true), '')::bigint,
        nullif(current_setting('rowmill.command_id', true), '')::uuid,
        v_columns, v_old, v_new);
    return null;
end $$;

create or replace trigger properties_audited after insert or update or delete on public.properties
for each row execute function public.turns_audit();
create or replace trigger vendors_audited after insert or update or delete on public.vendors
for each row execute function public.turns_audit();
create or replace trigger turn_stages_audited after insert or update or delete on public.turn_stages
for each row execute function public.turns_audit();
create or replace trigger turns_audited after insert or update or delete on public.turns
for each row execute function public.turns_audit();

create or replace trigger audit_logs_kept before update or delete or truncate on public.audit_logs
for each statement execute function rowmill.keep_audit();

-- The change log -------------------------------------------------------------------------------------------------------

-- Every change goes to the outbox in its own transaction. The argument 'workspace' says that rows have a workspace_id.
create or replace function public.sync_capture() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
    v_old jsonb := case when tg_op in ('UPDATE', 'DELETE') then to_jsonb(old) end;
    v_new jsonb := case when tg_op in ('INSERT', 'UPDATE') then to_jsonb(new) end;
begin
    insert into public.sync_outbox (rel, op, old_row, new_row, workspace_id)
    values (coalesce(pg_partition_root(tg_relid), tg_relid), left(tg_op, 1), v_old, v_new,
        case when tg_argv[0] = 'workspace' then (coalesce(v_new, v_old) ->> 'workspace_id')::uuid end);
    return null;
end $$;

create or replace function public.sync_capture_truncate() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    insert into public.sync_outbox (rel, op) values (coalesce(pg_partition_root(tg_relid), tg_relid), 'T');
    return null;
end $$;

create or replace trigger properties_captured after insert or update or delete on public.properties
for each row execute function public.sync_capture('workspace');
create or replace trigger vendors_captured after insert or update or delete on public.vendors
for each row execute function public.sync_capture('workspace');
create or replace trigger turn_stages_captured after insert or update or delete on public.turn_stages
for each row execute function public.sync_capture('workspace');
create or replace trigger turns_captured after insert or update or delete on public.turns
for each row execute function public.sync_capture('workspace');
create or replace trigger audit_logs_captured after insert or update or delete on public.audit_logs
for each row execute function public.sync_capture('workspace');

create or replace trigger properties_truncated after truncate on public.properties
for each statement execute function public.sync_capture_truncate();
create or replace trigger vendors_truncated after truncate on public.vendors
for each statement execute function public.sync_capture_truncate();
create or replace trigger turn_stages_truncated after truncate on public.turn_stages
for each statement execute function public.sync_capture_truncate();
create or replace trigger turns_truncated after truncate on public.turns
for each statement execute function public.sync_capture_truncate();
create or replace trigger audit_logs_truncated after truncate on public.audit_logs
for each statement execute function public.sync_capture_truncate();

-- The one sequencer: moves whatever is visible in the outbox to the feed and gives each transaction the next number.
--
-- There is no cursor over ids, "unread" is "still in the outbox": a transaction that commits late is moved later.
-- Transactions are ranked by their highest id: if B had to end before A could go on, all ids of B are lower than A's
-- last one, so rank is a legal serial order. The lock is held to the commit, so numbers rise in the order of commits and
-- a reader may go on from the last number it has seen. Whoever does not get the lock is told the head as it is.
create or replace function public.sync_move(out head bigint, out moved integer)
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    moved := 0;
    if exists (select from public.sync_outbox) and pg_try_advisory_xact_lock(1785684600) then
        with gone as (
            delete from public.sync_outbox returning *
        ), placed as (
            select g.*, max(g.id) over (partition by g.xact_id) as last_id from gone g
        ), ranked as (
            select p.*, dense_rank() over (order by p.last_id) as rank,
                row_number() over (partition by p.xact_id order by p.id) - 1 as pos
            from placed p
        ), kept as (
            insert into public.sync_feed (lsn, pos, xact_id, rel, op, old_row, new_row, workspace_id)
            select h.lsn + r.rank, r.pos, r.xact_id, r.rel, r.op, r.old_row, r.new_row, r.workspace_id
            from ranked r cross join public.sync_head h
            returning lsn
        ), counted as (
            select count(*)::integer as rows, max(k.lsn) as lsn from kept k
        ), raised as (
            update public.sync_head h set lsn = c.lsn from counted c where c.lsn is not null
        )
        select c.rows into moved from counted c;
    end if;
    select h.lsn into head from public.sync_head h;
end $$;

-- The log is one for all workspaces, like its head: what keeps it short sees all of it, whatever row policies bind the
-- login that asks.

-- How many changes are older than this; no more than `p_most` are counted.
create or replace function public.sync_count_old(p_keep_s double precision, p_most bigint) returns bigint
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
    select count(*) from (select from public.sync_feed f
                          where f.created_at < clock_timestamp() - p_keep_s * interval '1 second' limit p_most) f
$$;

-- Whole transactions, the oldest first; who stands before the last of them starts anew. What waits in the outbox is moved
-- before, so that it gets its place without a web server too.
create or replace function public.sync_prune(p_keep_s double precision, p_most bigint) returns void
language sql security definer set search_path = pg_catalog, pg_temp
as $$
    select from public.sync_move();
    with bound as (
        select max(o.lsn) as lsn
        from (select f.lsn from public.sync_feed f
              where f.created_at < clock_timestamp() - p_keep_s * interval '1 second'
              order by f.lsn limit p_most) o
    ), gone as (
        delete from public.sync_feed f using bound b where f.lsn <= b.lsn
    )
    update public.sync_head h set pruned = greatest(h.pruned, b.lsn) from bound b where b.lsn is not null;
$$;
