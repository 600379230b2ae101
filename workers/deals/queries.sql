Locks, versions and named reads of the deals domain. Rows are locked in this order: deals, spaces, inbound mails, drafts.
A delivery is changed only under the lock of its draft. jsonb goes out as text.

-- name: deals.lock
with held as (
    select d.id, d.version, d.workspace_id, to_jsonb(d) as row from deals d
    where d.id = any (:key::int[]) order by d.id for no key update skip locked
)
select i.ord, h.id is not null as held, h.version, h.workspace_id, h.row::text as row, d.xmax::text as locker
from unnest(:key::int[]) with ordinality as i (id, ord)
join deals d on d.id = i.id
left join held h on h.id = i.id

-- name: deals.versions
select i.ord, d.version from unnest(:key::int[]) with ordinality as i (id, ord) join deals d on d.id = i.id

-- name: spaces.lock
with held as (
    select s.id, s.version, s.workspace_id, to_jsonb(s) as row from spaces s
    where s.id = any (:key::int[]) order by s.id for no key update skip locked
)
select i.ord, h.id is not null as held, h.version, h.workspace_id, h.row::text as row, s.xmax::text as locker
from unnest(:key::int[]) with ordinality as i (id, ord)
join spaces s on s.id = i.id
left join held h on h.id = i.id

-- name: spaces.versions
select i.ord, s.version from unnest(:key::int[]) with ordinality as i (id, ord) join spaces s on s.id = i.id

-- name: inbound_emails.lock
with held as (
    select m.id, m.version, m.workspace_id, m.unassigned_reason from inbound_emails m
    where m.id = any (:key::uuid[]) order by m.id for no key update skip locked
)
select i.ord, h.id is not null as held, h.version, h.workspace_id, h.unassigned_reason, m.xmax::text as locker
from unnest(:key::uuid[]) with ordinality as i (id, ord)
join inbound_emails m on m.id = i.id
left join held h on h.id = i.id

-- name: inbound_emails.versions
select i.ord, m.version from unnest(:key::uuid[]) with ordinality as i (id, ord) join inbound_emails m on m.id = i.id

-- name: email_drafts.lock
with held as (
    select d.id, d.version, d.workspace_id, d.status, d.current_version, d.final_body, d.validation, d.regeneration_count,
        d.archive_reason, d.archived_from
    from email_drafts d
    where d.id = any (:key::int[]) order by d.id for no key update skip locked
)
select i.ord, h.id is not null as held, h.version, h.workspace_id, h.status, h.current_version, h.final_body,
    h.validation::text as validation, h.regeneration_count, h.archive_reason, h.archived_from, d.xmax::text as locker
from unnest(:key::int[]) with ordinality as i (id, ord)
join email_drafts d on d.id = i.id
left join held h on h.id = i.id

-- name: email_drafts.versions
select i.ord, d.version from unnest(:key::int[]) with ordinality as i (id, ord) join email_drafts d on d.id = i.id

-- name: inbound_email reads inbound_emails
select i.ord, m.id as _target, m.version as _version, m.id, m.workspace_id, m.message_id, m.in_reply_to,
    m.reference_ids::text as reference_ids, m."from" as from_address, m.subject, m.automatic, m.email_id,
    m.unassigned_reason,
    exists (select from email_deliveries y where y.workspace_id = m.workspace_id and y.message_id = m.message_id) as is_ours
from unnest(:inbound_id::uuid[]) with ordinality as i (id, ord)
join inbound_emails m on m.id = i.id

-- name: deals_of_thread
-- The deals of the mails that this one names as its ancestors, our own sent ones included.
select i.ord, e.deal_id, bool_or(e.message_id = m.in_reply_to) as directly
from unnest(:inbound_id::uuid[]) with ordinality as i (id, ord)
join inbound_emails m on m.id = i.id
join emails e on e.workspace_id = m.workspace_id
    and (e.message_id = m.in_reply_to
         or e.message_id in (select r from jsonb_array_elements_text(m.reference_ids) r))
join deals d on d.id = e.deal_id and d.deleted_at is null
group by i.ord, e.deal_id
order by i.ord, e.deal_id

-- name: open_deals_of_sender
-- Many mails are asked about at once: the limit is each mail's own, so that none hears of one deal where there are two.
select i.ord, o.deal_id
from unnest(:inbound_id::uuid[]) with ordinality as i (id, ord)
join inbound_emails m on m.id = i.id
cross join lateral (
    select d.id as deal_id from deals d
    where d.workspace_id = m.workspace_id and lower(d.seeker_email) = lower(m."from") and d.stage <> 'closed'
      and d.deleted_at is null
    order by d.id limit 100) o
order by i.ord, o.deal_id

-- name: email_to_answer
select i.ord, e.id as email_id, e.workspace_id, e.deal_id, e."from" as from_address, e.subject, e.body, e.direction,
    e.sent_at, d.seeker_name, d.seeker_email, d.company_name, d.team_size, d.monthly_budget,
    d.requirements::text as requirements, d.stage, d.deleted_at,
    (select x.id from email_drafts x where x.inbound_email_id = e.id and x.status <> 'archived') as draft_id
from unnest(:email_id::int[]) with ordinality as i (id, ord)
join emails e on e.id = i.id
join deals d on d.id = e.deal_id

-- name: thread_of_deal
-- The newest mails of a deal in the order they were sent.
select i.ord, t.* from unnest(:deal_id::int[]) with ordinality as i (deal_id, ord)
cross join lateral (
    select n.* from (
        select e.id as email_id, e."from" as from_address, e.subject, e.body, e.sent_at, e.direction, e.ai_generated
        from emails e where e.deal_id = i.deal_id order by e.sent_at desc, e.id desc limit 20) n
    order by n.sent_at, n.email_id) t

-- name: spaces_of_deal
select i.ord, s.id as space_id, s.name, s.address, s.neighborhood, s.host_company, s.host_email, s.host_context,
    s.amenities::text as amenities, s.availability::text as availability, s.monthly_rate,
    s.detailed_amenities::text as detailed_amenities, x.status
from unnest(:deal_id::int[]) with ordinality as i (deal_id, ord)
join deal_spaces x on x.deal_id = i.deal_id
join spaces s on s.id = x.space_id
order by i.ord, s.id

-- name: named_elsewhere
-- Which of these names and addresses belong to other deals of the workspace, or to spaces that are not of this deal.
select i.ord, f.kind, f.name, f.whose
from unnest(:deal_id::int[], :names::jsonb[]) with ordinality as i (deal_id, names, ord)
join deals d on d.id = i.deal_id
cross join lateral jsonb_array_elements_text(i.names) n
cross join lateral (
    select 'client' as kind, n as name, o.id as whose from deals o
    where o.workspace_id = d.workspace_id and o.id <> d.id and lower(o.seeker_name) = n
    union all
    select 'company', n, o.id from deals o
    where o.workspace_id = d.workspace_id and o.id <> d.id and lower(o.company_name) = n
    union all
    select 'address', n, o.id from deals o
    where o.workspace_id = d.workspace_id and o.id <> d.id and lower(o.seeker_email) = n
    union all
    select 'space', n, s.id from spaces s
    where s.workspace_id = d.workspace_id and lower(s.name) = n
      and not exists (select from deal_spaces x where x.deal_id = d.id and x.space_id = s.id)
    union all
    select 'host', n, s.id from spaces s
    where s.workspace_id = d.workspace_id and lower(s.host_company) = n
      and not exists (select from deal_spaces x where x.deal_id = d.id and x.space_id = s.id)
    limit 20) f
order by i.ord, f.kind, f.name, f.whose

-- name: draft reads email_drafts
select i.ord, d.id as _target, d.version as _version, d.id as draft_id, d.version, d.workspace_id, d.deal_id,
    d.inbound_email_id, d.status, d.final_body, d.ai_generated_body, d.confidence_score, d.reasoning::text as reasoning,
    d.metadata::text as metadata, d.validation::text as validation, d.current_version,
    d.draft_versions::text as draft_versions, d.regeneration_count, d.last_regeneration_at, d.archived_from,
    d.approved_sha256, d.override_reason, now() as now, y.state as delivery, y.message_id as delivery_message_id
from unnest(:draft_id::int[]) with ordinality as i (id, ord)
join email_drafts d on d.id = i.id
left join lateral (select y.state, y.message_id from email_deliveries y
                   where y.draft_id = d.id order by y.changed_at desc, y.id desc limit 1) y on true

-- name: mail_to_send
-- What goes out and where it stands: the draft, the mail it answers, and its delivery.
select i.ord, d.id as draft_id, d.workspace_id, d.status, d.final_body, d.approved_sha256, d.current_version,
    d.confidence_score, d.reasoning::text as reasoning, d.validation::text as validation, d.override_reason,
    e.subject as inbound_subject, e.message_id as inbound_message_id, e.in_reply_to as inbound_in_reply_to,
    e.reference_ids::text as inbound_reference_ids, k.seeker_email, k.seeker_name,
    k.deleted_at, y.state as delivery, y.message_id, y.sender, y.recipient, y.subject, y.body, y.body_sha256, y.in_reply_to,
    y.reference_ids::text as reference_ids, y.tries
from unnest(:draft_id::int[]) with ordinality as i (id, ord)
join email_drafts d on d.id = i.id
join emails e on e.id = d.inbound_email_id
join deals k on k.id = d.deal_id
left join lateral (select y.* from email_deliveries y
                   where y.draft_id = d.id order by y.state = 'refused', y.changed_at desc, y.id desc limit 1) y on true
