Writers of deals, spaces and mails that come in.

-- name: next_deal_id
select nextval('public.deals_id_seq')::int as id, :one::int as one

-- name: next_space_id
select nextval('public.spaces_id_seq')::int as id, :one::int as one

-- name: add_deal
-- A drawn id is nobody's: the row is always absent, and add_deal.insert makes it.
update deals d set version = nextval('rowmill.version') from unnest(:deal_id::int[]) as e (id) where d.id = e.id

-- name: add_deal.insert
with made as (
    insert into deals (id, workspace_id, seeker_name, seeker_email, company_name, team_size, monthly_budget, requirements,
        stage)
    select * from unnest(:deal_id::int[], :workspace_id::uuid[], :seeker_name::text[], :seeker_email::text[],
        :company_name::text[], :team_size::int[], :monthly_budget::int[], :requirements::jsonb[], :stage::text[])
    on conflict do nothing
    returning id
)
select i.ord from unnest(:deal_id::int[]) with ordinality as i (id, ord) join made m on m.id = i.id

-- name: add_deal.audit
insert into audit_events (workspace_id, entity, entity_id, action, after, task_id, run_no, user_id, command_id)
select d.workspace_id, 'deal', d.id, 'added', to_jsonb(d), e.task_id, e.run_no, e.user_id, e.command_id
from unnest(:deal_id::int[], :task_id::uuid[], :run_no::bigint[], :user_id::uuid[], :command_id::uuid[])
    as e (id, task_id, run_no, user_id, command_id)
join deals d on d.id = e.id

-- name: change_deal
update deals d
set seeker_name = e.seeker_name, seeker_email = e.seeker_email, company_name = e.company_name, team_size = e.team_size,
    monthly_budget = e.monthly_budget, requirements = e.requirements, stage = e.stage,
    deleted_at = case when e.deleted then coalesce(d.deleted_at, now()) end, version = nextval('rowmill.version')
from unnest(:deal_id::int[], :seeker_name::text[], :seeker_email::text[], :company_name::text[], :team_size::int[],
            :monthly_budget::int[], :requirements::jsonb[], :stage::text[], :deleted::bool[])
    as e (id, seeker_name, seeker_email, company_name, team_size, monthly_budget, requirements, stage, deleted)
where d.id = e.id

-- name: change_deal.audit
insert into audit_events (workspace_id, entity, entity_id, action, before, after, task_id, run_no, user_id, command_id)
select d.workspace_id, 'deal', d.id, case when e.deleted then 'deleted' else 'changed' end, e.before, to_jsonb(d),
    e.task_id, e.run_no, e.user_id, e.command_id
from unnest(:deal_id::int[], :deleted::bool[], :before_row::jsonb[], :task_id::uuid[], :run_no::bigint[],
            :user_id::uuid[], :command_id::uuid[]) as e (id, deleted, before, task_id, run_no, user_id, command_id)
join deals d on d.id = e.id

-- name: place_space
insert into deal_spaces (workspace_id, deal_id, space_id, status)
select d.workspace_id, e.deal_id, e.space_id, e.status
from unnest(:deal_id::int[], :space_id::int[], :status::text[]) as e (deal_id, space_id, status)
join deals d on d.id = e.deal_id
on conflict (deal_id, space_id) do update set status = excluded.status

-- name: place_space.audit
insert into audit_events (workspace_id, entity, entity_id, action, after, task_id, run_no, user_id, command_id)
select e.workspace_id, 'deal', e.deal_id, 'space_' || e.status, jsonb_build_object('spaceId', e.space_id), e.task_id,
    e.run_no, e.user_id, e.command_id
from unnest(:before_workspace_id::uuid[], :deal_id::int[], :space_id::int[], :status::text[], :task_id::uuid[],
            :run_no::bigint[], :user_id::uuid[], :command_id::uuid[])
    as e (workspace_id, deal_id, space_id, status, task_id, run_no, user_id, command_id)

-- name: add_space
-- As add_deal.
update spaces s set version = nextval('rowmill.version') from unnest(:space_id::int[]) as e (id) where s.id = e.id

-- name: add_space.insert
with made as (
    insert into spaces (id, workspace_id, name, address, neighborhood, host_company, host_email, host_context, amenities,
        availability, monthly_rate, detailed_amenities)
    select * from unnest(:space_id::int[], :workspace_id::uuid[], :name::text[], :address::text[],
        :neighborhood::text[], :host_company::text[], :host_email::text[], :host_context::text[], :amenities::jsonb[],
        :availability::jsonb[], :monthly_rate::int[], :detailed_amenities::jsonb[])
    on conflict do nothing
    returning id
)
select i.ord from unnest(:space_id::int[]) with ordinality as i (id, ord) join made m on m.id = i.id

-- name: add_space.audit
insert into audit_events (workspace_id, entity, entity_id, action, after, task_id, run_no, user_id, command_id)
select s.workspace_id, 'space', s.id, 'added', to_jsonb(s), e.task_id, e.run_no, e.user_id, e.command_id
from unnest(:space_id::int[], :task_id::uuid[], :run_no::bigint[], :user_id::uuid[], :command_id::uuid[])
    as e (id, task_id, run_no, user_id, command_id)
join spaces s on s.id = e.id

-- name: change_space
update spaces s
set name = e.name, address = e.address, neighborhood = e.neighborhood, host_company = e.host_company,
    host_email = e.host_email, host_context = e.host_context, amenities = e.amenities, availability = e.availability,
    monthly_rate = e.monthly_rate, detailed_amenities = e.detailed_amenities, version = nextval('rowmill.version')
from unnest(:space_id::int[], :name::text[], :address::text[], :neighborhood::text[], :host_company::text[],
            :host_email::text[], :host_context::text[], :amenities::jsonb[], :availability::jsonb[],
            :monthly_rate::int[], :detailed_amenities::jsonb[])
    as e (id, name, address, neighborhood, host_company, host_email, host_context, amenities, availability,
          monthly_rate, detailed_amenities)
where s.id = e.id

-- name: change_space.audit
insert into audit_events (workspace_id, entity, entity_id, action, before, after, task_id, run_no, user_id, command_id)
select s.workspace_id, 'space', s.id, 'changed', e.before, to_jsonb(s), e.task_id, e.run_no, e.user_id, e.command_id
from unnest(:space_id::int[], :before_row::jsonb[], :task_id::uuid[], :run_no::bigint[], :user_id::uuid[],
            :command_id::uuid[]) as e (id, before, task_id, run_no, user_id, command_id)
join spaces s on s.id = e.id

-- name: take_in
-- Once by its Message-ID, and its task with it: a mail that is there already changes nothing and enqueues nothing.
with made as (
    insert into inbound_emails (id, workspace_id, message_id, in_reply_to, reference_ids, "from", "to", subject, body,
        sent_at, source, automatic, attachments)
    select e.* from unnest(:inbound_id::uuid[], :workspace_id::uuid[], :message_id::text[], :in_reply_to::text[],
        :reference_ids::jsonb[], :from_address::text[], :to_address::text[], :subject::text[], :body::text[],
        :sent_at::timestamptz[], :source::text[], :automatic::bool[], :attachments::jsonb[]) e
    on conflict do nothing
    returning id, workspace_id, message_id, "from", source
), audited as (
    insert into audit_events (workspace_id, entity, entity_id, action, after, task_id, run_no, user_id, command_id)
    select m.workspace_id, 'inbound_email', m.id, 'received',
        jsonb_build_object('messageId', m.message_id, 'from', m."from", 'source', m.source), e.task_id, e.run_no,
        e.user_id, e.command_id
    from made m
    join (select distinct on (e.id) e.*
          from unnest(:inbound_id::uuid[], :task_id::uuid[], :run_no::bigint[], :user_id::uuid[], :command_id::uuid[])
              as e (id, task_id, run_no, user_id, command_id)) e on e.id = m.id
)
insert into task_queue (task_type, payload, concurrency_key, workspace_id, parent_id)
select 'deals.receive_email', jsonb_build_object('inbound_id', m.id), 'inbound ' || m.id, m.workspace_id, e.task_id
from made m
join (select distinct on (e.id) e.* from unnest(:inbound_id::uuid[], :task_id::uuid[]) as e (id, task_id)) e on e.id = m.id

-- name: file_email
-- The row of the thread, and a task for its draft. A mail that has a row already keeps it.
with made as (
    insert into emails (workspace_id, deal_id, "from", "to", subject, body, sent_at, message_id, in_reply_to,
        reference_ids)
    select m.workspace_id, e.deal_id, m."from", m."to", m.subject, m.body, m.sent_at, m.message_id, m.in_reply_to,
        m.reference_ids
    from unnest(:inbound_id::uuid[], :deal_id::int[]) as e (inbound_id, deal_id)
    join inbound_emails m on m.id = e.inbound_id and m.email_id is null
    returning id, workspace_id, deal_id, message_id
), placed as (
    update inbound_emails m
    set email_id = n.id, unassigned_reason = null, candidates = '[]', version = nextval('rowmill.version')
    from made n
    where m.workspace_id = n.workspace_id and m.message_id = n.message_id
    returning m.id, n.id as email_id, n.workspace_id
), audited as (
    insert into audit_events (workspace_id, entity, entity_id, action, after, task_id, run_no, user_id, command_id)
    select p.workspace_id, 'inbound_email', p.id, 'filed',
        jsonb_build_object('dealId', e.deal_id, 'emailId', p.email_id, 'how', e.how), e.task_id, e.run_no, e.user_id,
        e.command_id
    from placed p
    join unnest(:inbound_id::uuid[], :deal_id::int[], :how::text[], :task_id::uuid[], :run_no::bigint[],
                :user_id::uuid[], :command_id::uuid[])
        as e (id, deal_id, how, task_id, run_no, user_id, command_id) on e.id = p.id
)
insert into task_queue (task_type, payload, concurrency_key, workspace_id, parent_id)
select 'deals.generate_draft', jsonb_build_object('email_id', p.email_id), 'email ' || p.email_id, p.workspace_id,
    e.task_id
from placed p
join unnest(:inbound_id::uuid[], :wants_draft::bool[], :task_id::uuid[]) as e (id, wants_draft, task_id) on e.id = p.id
where e.wants_draft

-- name: leave_unassigned
update inbound_emails m
set unassigned_reason = e.reason, candidates = e.candidates, version = nextval('rowmill.version')
from unnest(:inbound_id::uuid[], :reason::text[], :candidates::jsonb[]) as e (id, reason, candidates)
where m.id = e.id and m.email_id is null

-- name: leave_unassigned.audit
insert into audit_events (workspace_id, entity, entity_id, action, after, task_id, run_no, user_id, command_id)
select e.workspace_id, 'inbound_email', e.id, 'left_unassigned',
    jsonb_build_object('reason', e.reason, 'candidates', e.candidates), e.task_id, e.run_no, e.user_id, e.command_id
from unnest(:before_workspace_id::uuid[], :inbound_id::uuid[], :reason::text[], :candidates::jsonb[],
            :task_id::uuid[], :run_no::bigint[], :user_id::uuid[], :command_id::uuid[])
    as e (workspace_id, id, reason, candidates, task_id, run_no, user_id, command_id)

-- name: dismiss_email
update inbound_emails m
set unassigned_reason = null, candidates = '[]', version = nextval('rowmill.version')
from unnest(:inbound_id::uuid[]) as e (id)
where m.id = e.id

-- name: dismiss_email.audit
insert into audit_events (workspace_id, entity, entity_id, action, before, task_id, run_no, user_id, command_id)
select e.workspace_id, 'inbound_email', e.id, 'dismissed', jsonb_build_object('reason', e.reason), e.task_id, e.run_no,
    e.user_id, e.command_id
from unnest(:before_workspace_id::uuid[], :before_unassigned_reason::text[], :inbound_id::uuid[], :task_id::uuid[],
            :run_no::bigint[], :user_id::uuid[], :command_id::uuid[])
    as e (workspace_id, reason, id, task_id, run_no, user_id, command_id)
