Writers of deliveries: the outbox. A draft has at most one delivery that is not refused. Each change gives the draft a new
version: whoever read it before decides anew.

-- name: open_delivery
-- One that was refused has reached nobody: it begins anew, with the address and the thread as they are now.
with opened as (
    insert into email_deliveries as y (workspace_id, draft_id, state, message_id, sender, recipient, subject, body,
        body_sha256, in_reply_to, reference_ids)
    select d.workspace_id, e.draft_id, 'ready', e.message_id, e.sender, e.recipient, e.subject, e.body, e.body_sha256,
        e.in_reply_to, e.reference_ids
    from unnest(:draft_id::int[], :message_id::text[], :sender::text[], :recipient::text[], :subject::text[],
                :body::text[], :body_sha256::text[], :in_reply_to::text[], :reference_ids::jsonb[])
        as e (draft_id, message_id, sender, recipient, subject, body, body_sha256, in_reply_to, reference_ids)
    join email_drafts d on d.id = e.draft_id
    on conflict (draft_id, body_sha256) do update
        set state = 'ready', message_id = excluded.message_id, sender = excluded.sender, recipient = excluded.recipient,
            subject = excluded.subject, in_reply_to = excluded.in_reply_to, reference_ids = excluded.reference_ids,
            changed_at = now()
        where y.state = 'refused'
    returning y.draft_id
)
update email_drafts d set version = nextval('rowmill.version') from opened o where d.id = o.draft_id

-- name: open_delivery.audit
insert into audit_events (workspace_id, entity, entity_id, action, after, task_id, run_no, user_id, command_id)
select e.workspace_id, 'draft', e.draft_id, 'send_asked',
    jsonb_build_object('messageId', e.message_id, 'to', e.recipient), e.task_id, e.run_no, e.user_id, e.command_id
from unnest(:before_workspace_id::uuid[], :draft_id::int[], :message_id::text[], :recipient::text[], :task_id::uuid[],
            :run_no::bigint[], :user_id::uuid[], :command_id::uuid[])
    as e (workspace_id, draft_id, message_id, recipient, task_id, run_no, user_id, command_id)

-- name: begin_delivery
with begun as (
    update email_deliveries y
    set state = 'sending', tries = y.tries + 1, task_id = e.task_id, reply = null, changed_at = now()
    from unnest(:draft_id::int[], :task_id::uuid[]) as e (draft_id, task_id)
    where y.draft_id = e.draft_id and y.state <> 'refused'
    returning y.draft_id
)
update email_drafts d set version = nextval('rowmill.version') from begun b where d.id = b.draft_id

-- name: begin_delivery.audit
insert into audit_events (workspace_id, entity, entity_id, action, after, task_id, run_no, user_id, command_id)
select y.workspace_id, 'draft', y.draft_id, 'sending', jsonb_build_object('messageId', y.message_id, 'try', y.tries),
    e.task_id, e.run_no, e.user_id, e.command_id
from unnest(:draft_id::int[], :task_id::uuid[], :run_no::bigint[], :user_id::uuid[], :command_id::uuid[])
    as e (draft_id, task_id, run_no, user_id, command_id)
join email_deliveries y on y.draft_id = e.draft_id and y.state = 'sending'

-- name: move_delivery
with moved as (
    update email_deliveries y
    set state = e.to_state, reply = e.reply, changed_at = now(), resolved_by = coalesce(e.by, y.resolved_by)
    from unnest(:draft_id::int[], :to_state::text[], :reply::text[], :by::text[]) as e (draft_id, to_state, reply, by)
    where y.draft_id = e.draft_id and y.state <> 'refused'
    returning y.draft_id
)
update email_drafts d set version = nextval('rowmill.version') from moved m where d.id = m.draft_id

-- name: move_delivery.audit
insert into audit_events (workspace_id, entity, entity_id, action, after, task_id, run_no, user_id, command_id)
select e.workspace_id, 'draft', e.draft_id, 'delivery_' || e.to_state,
    jsonb_strip_nulls(jsonb_build_object('reply', e.reply, 'by', e.by)), e.task_id, e.run_no, e.user_id, e.command_id
from unnest(:before_workspace_id::uuid[], :draft_id::int[], :to_state::text[], :reply::text[], :by::text[],
            :task_id::uuid[], :run_no::bigint[], :user_id::uuid[], :command_id::uuid[])
    as e (workspace_id, draft_id, to_state, reply, by, task_id, run_no, user_id, command_id)

-- name: complete_delivery
-- A draft that was archived meanwhile stays archived, and was sent before that.
with done as (
    update email_deliveries y
    set state = 'sent', reply = e.reply, changed_at = now(), resolved_by = coalesce(e.by, y.resolved_by)
    from unnest(:draft_id::int[], :reply::text[], :by::text[]) as e (draft_id, reply, by)
    where y.draft_id = e.draft_id and y.state <> 'refused'
    returning y.*
), mailed as (
    insert into emails (workspace_id, deal_id, "from", "to", subject, body, ai_generated, ai_metadata, direction,
        message_id, in_reply_to, reference_ids)
    select y.workspace_id, d.deal_id, y.sender, y.recipient, y.subject, y.body, true, e.ai_metadata, 'outbound',
        y.message_id, y.in_reply_to, y.reference_ids
    from done y
    join email_drafts d on d.id = y.draft_id
    join unnest(:draft_id::int[], :ai_metadata::jsonb[]) as e (draft_id, ai_metadata) on e.draft_id = y.draft_id
    returning id, message_id, workspace_id
)
update email_drafts d
set status = case when d.status = 'archived' then 'archived' else 'sent' end,
    archived_from = case when d.status = 'archived' then 'sent' end,
    sent_at = now(), sent_email_id = m.id, version = nextval('rowmill.version')
from done y
join mailed m on m.message_id = y.message_id and m.workspace_id = y.workspace_id
where d.id = y.draft_id

-- name: complete_delivery.audit
insert into audit_events (workspace_id, entity, entity_id, action, before, after, task_id, run_no, user_id, command_id)
select d.workspace_id, 'draft', d.id, 'sent', jsonb_build_object('status', e.status),
    jsonb_strip_nulls(jsonb_build_object('status', d.status, 'sentEmailId', d.sent_email_id, 'reply', e.reply, 'by', e.by)),
    e.task_id, e.run_no, e.user_id, e.command_id
from unnest(:draft_id::int[], :before_status::text[], :reply::text[], :by::text[], :task_id::uuid[], :run_no::bigint[],
            :user_id::uuid[], :command_id::uuid[]) as e (id, status, reply, by, task_id, run_no, user_id, command_id)
join email_drafts d on d.id = e.id
