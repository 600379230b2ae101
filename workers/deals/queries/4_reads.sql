What people ask, over HTTP and on the command line. `visible` are the workspaces of the person who asks; null = all.

-- name: list_deals
-- Open needs by containment: the GIN index on requirements.
select d.id, d.workspace_id, d.seeker_name, d.seeker_email, d.company_name, d.team_size, d.monthly_budget,
    d.requirements::text as requirements, d.stage, d.version, d.created_at,
    (select count(*)::int from email_drafts x where x.deal_id = d.id and x.status = 'pending') as to_review
from deals d
where (:visible::uuid[] is null or d.workspace_id = any (:visible::uuid[])) and d.deleted_at is null
  and d.requirements @> :needs::jsonb and (:stage::text is null or d.stage = :stage::text)
  and (:before::int is null or d.id < :before::int)
order by d.id desc limit :most::int

-- name: whole_deal
-- The deal with its thread in order, its spaces and its drafts: one question, one answer.
select d.id, d.workspace_id, d.seeker_name, d.seeker_email, d.company_name, d.team_size, d.monthly_budget,
    d.requirements::text as requirements, d.stage, d.version, d.created_at, d.deleted_at,
    (select coalesce(json_agg(json_build_object('id', e.id, 'from', e."from", 'to', e."to", 'subject', e.subject,
            'body', e.body, 'sent_at', e.sent_at, 'direction', e.direction, 'ai_generated', e.ai_generated)
            order by e.sent_at, e.id), '[]')::text
     from emails e where e.deal_id = d.id) as thread,
    (select coalesce(json_agg(json_build_object('id', s.id, 'name', s.name, 'status', x.status,
            'monthly_rate', s.monthly_rate, 'neighborhood', s.neighborhood, 'amenities', s.amenities) order by s.id), '[]')::text
     from deal_spaces x join spaces s on s.id = x.space_id where x.deal_id = d.id) as spaces,
    (select coalesce(json_agg(json_build_object('id', x.id, 'status', x.status, 'version', x.version,
            'inbound_email_id', x.inbound_email_id, 'validation', x.validation ->> 'status') order by x.id), '[]')::text
     from email_drafts x where x.deal_id = d.id and x.status <> 'archived') as drafts
from deals d
where d.id = :deal_id::int and (:visible::uuid[] is null or d.workspace_id = any (:visible::uuid[]))

-- name: find_spaces
-- What fits a deal: every flag it needs (the GIN index on amenities), within its budget, at its place where it names one.
-- Without a deal: by the flags alone.
with wanted as (
    select d.workspace_id, d.monthly_budget, nullif(btrim(d.requirements ->> 'location'), '') as location,
        coalesce((select jsonb_object_agg(r.key, true) from jsonb_each(d.requirements) r where r.value = 'true'), '{}')
            as needs
    from deals d
    where d.id = :deal_id::int and d.deleted_at is null
      and (:visible::uuid[] is null or d.workspace_id = any (:visible::uuid[]))
)
select s.id, s.workspace_id, s.name, s.address, s.neighborhood, s.host_company, s.amenities::text as amenities,
    s.availability::text as availability, s.monthly_rate, s.version
from spaces s
where (:visible::uuid[] is null or s.workspace_id = any (:visible::uuid[]))
  and s.amenities @> (:needs::jsonb || coalesce((select w.needs from wanted w), '{}'))
  and (:deal_id::int is null or exists (
        select from wanted w
        where w.workspace_id = s.workspace_id and s.monthly_rate <= w.monthly_budget
          and (w.location is null or position(lower(w.location) in lower(concat_ws(' ', s.neighborhood, s.address))) > 0)))
order by s.monthly_rate, s.id limit :most::int

-- name: whole_space
select s.id, s.workspace_id, s.name, s.address, s.neighborhood, s.host_company, s.host_email, s.host_context,
    s.amenities::text as amenities, s.availability::text as availability, s.monthly_rate,
    s.detailed_amenities::text as detailed_amenities, s.version, s.created_at
from spaces s
where s.id = :space_id::int and (:visible::uuid[] is null or s.workspace_id = any (:visible::uuid[]))

-- name: list_drafts
-- Archived ones only where they are asked for by name, those of deleted deals never. With the deal and the mail they
-- answer. `used_space`: those whose reasoning stands on a fact of this space (the GIN index on reasoning).
select d.id, d.workspace_id, d.deal_id, d.status, d.confidence_score, d.validation::text as validation, d.version,
    d.current_version, d.created_at, d.reviewed_by, d.archived_by, d.archive_reason, k.company_name, k.seeker_email,
    e.subject as inbound_subject, y.state as delivery
from email_drafts d
join deals k on k.id = d.deal_id
join emails e on e.id = d.inbound_email_id
left join lateral (select y.state from email_deliveries y
                   where y.draft_id = d.id order by y.changed_at desc, y.id desc limit 1) y on true
where (:visible::uuid[] is null or d.workspace_id = any (:visible::uuid[])) and d.status = :status::text
  and k.deleted_at is null and (:deal_id::int is null or d.deal_id = :deal_id::int)
  and (:used_space::int is null or d.reasoning @> jsonb_build_object('dataUsed', jsonb_build_array(
        jsonb_build_object('sourceType', 'space', 'sourceId', :used_space::int))))
  and (:before::int is null or d.id < :before::int)
order by d.id desc limit :most::int

-- name: whole_draft
select d.id, d.workspace_id, d.deal_id, d.inbound_email_id, d.ai_generated_body, d.edited_body, d.final_body,
    d.confidence_score, d.status, d.reasoning::text as reasoning, d.metadata::text as metadata,
    d.validation::text as validation, d.regeneration_count, d.last_regeneration_at, d.current_version,
    d.draft_versions::text as draft_versions, d.created_at, d.reviewed_at, d.reviewed_by, d.sent_at, d.sent_email_id,
    d.archived_at, d.archived_by, d.archive_reason, d.override_reason, d.version, k.company_name, k.seeker_email,
    e.subject as inbound_subject, e.body as inbound_body, y.state as delivery, y.message_id, y.reply,
    exists (select from email_drafts o
            where o.inbound_email_id = d.inbound_email_id and o.id <> d.id and o.status <> 'archived') as has_other
from email_drafts d
join deals k on k.id = d.deal_id
join emails e on e.id = d.inbound_email_id
left join lateral (select y.* from email_deliveries y
                   where y.draft_id = d.id order by y.changed_at desc, y.id desc limit 1) y on true
where d.id = :draft_id::int and (:visible::uuid[] is null or d.workspace_id = any (:visible::uuid[]))

-- name: history_of_draft
select a.id, a.at, a.action, a.before::text as before, a.after::text as after, a.task_id, a.user_id, a.command_id,
    u.email as by
from audit_events a
left join users u on u.id = a.user_id
where a.entity = 'draft' and a.entity_id = (:draft_id::int)::text
order by a.id

-- name: list_unassigned
select m.id, m.workspace_id, m.message_id, m."from" as from_address, m.subject, left(m.body, 10000) as body, m.sent_at,
    m.received_at,
    m.unassigned_reason, m.candidates::text as candidates, m.version
from inbound_emails m
where m.unassigned_reason is not null and (:visible::uuid[] is null or m.workspace_id = any (:visible::uuid[]))
  and (:after::uuid is null
       or (m.received_at, m.id) > (select a.received_at, a.id from inbound_emails a where a.id = :after::uuid))
order by m.received_at, m.id limit :most::int

-- name: unassigned_mail
select m.id, m.workspace_id, m.automatic, m.email_id, m.unassigned_reason, m.version
from inbound_emails m
where m.id = :inbound_id::uuid and (:visible::uuid[] is null or m.workspace_id = any (:visible::uuid[]))

-- name: inbound_known
-- Whether a mail came in, and where it lies.
select m.id, m.email_id, m.unassigned_reason from inbound_emails m where m.id = :inbound_id::uuid

-- name: workspace_for
-- The workspace named, or the default one, where it is one of the person's own.
select w.id, now() as now from workspaces w
where w.id = coalesce(:workspace_id::uuid, rowmill.default_workspace())
  and (:visible::uuid[] is null or w.id = any (:visible::uuid[]))

-- name: archive_reasons
select r.reason, r.archived_from, sum(r.drafts)::int as drafts, round(avg(r.mean_confidence), 1)::float8 as mean_confidence,
    max(r.last_at) as last_at
from draft_archive_reasons r
where :visible::uuid[] is null or r.workspace_id = any (:visible::uuid[])
group by 1, 2 order by 3 desc, 1 limit 100

-- name: command_known
-- Whether a request was applied before: then it hears its answer, whatever the rows look like now.
select c.kind from rowmill.commands c where c.command_id = :command_id::uuid
