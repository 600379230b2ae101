Writers of drafts. A new text is always pending: an approval means the text that was read. Times are the database's.

-- name: save_draft
-- A draft of the same mail that is there already stays: two tasks for one mail make one draft.
with made as (
    insert into email_drafts (workspace_id, deal_id, inbound_email_id, ai_generated_body, final_body, confidence_score,
        reasoning, metadata, validation, draft_versions)
    select m.workspace_id, e.deal_id, e.inbound_email_id, e.body, e.body, e.confidence, e.reasoning, e.metadata,
        e.validation,
        jsonb_build_array(jsonb_build_object('version', 0, 'body', e.body, 'prompt', null, 'confidence', e.confidence,
            'reasoning', e.reasoning, 'metadata', e.metadata, 'createdAt', now()))
    from unnest(:deal_id::int[], :inbound_email_id::int[], :body::text[], :confidence::int[], :reasoning::jsonb[],
                :metadata::jsonb[], :validation::jsonb[])
        as e (deal_id, inbound_email_id, body, confidence, reasoning, metadata, validation)
    join emails m on m.id = e.inbound_email_id
    on conflict (inbound_email_id) where status <> 'archived' do nothing
    returning id, workspace_id, inbound_email_id, validation
)
insert into audit_events (workspace_id, entity, entity_id, action, after, task_id, run_no, user_id, command_id)
select n.workspace_id, 'draft', n.id, 'generated',
    jsonb_build_object('emailId', n.inbound_email_id, 'version', 0, 'validation', n.validation), e.task_id, e.run_no,
    e.user_id, e.command_id
from made n
join (select distinct on (e.inbound_email_id) e.*
      from unnest(:inbound_email_id::int[], :task_id::uuid[], :run_no::bigint[], :user_id::uuid[], :command_id::uuid[])
          as e (inbound_email_id, task_id, run_no, user_id, command_id)) e on e.inbound_email_id = n.inbound_email_id

-- name: add_version
update email_drafts d
set status = 'pending', final_body = e.body, edited_body = case when e.edited_by is not null then e.body end,
    confidence_score = e.confidence, reasoning = e.reasoning, metadata = e.metadata, validation = e.validation,
    current_version = jsonb_array_length(d.draft_versions),
    draft_versions = d.draft_versions || jsonb_build_array(jsonb_strip_nulls(jsonb_build_object('editedBy', e.edited_by))
        || jsonb_build_object('version', jsonb_array_length(d.draft_versions), 'body', e.body, 'prompt', e.prompt,
            'confidence', e.confidence, 'reasoning', e.reasoning, 'metadata', e.metadata, 'createdAt', now())),
    reviewed_at = null, reviewed_by = null, approved_sha256 = null, override_reason = null,
    version = nextval('rowmill.version')
from unnest(:draft_id::int[], :body::text[], :confidence::int[], :reasoning::jsonb[], :metadata::jsonb[],
            :validation::jsonb[], :prompt::text[], :edited_by::text[])
    as e (id, body, confidence, reasoning, metadata, validation, prompt, edited_by)
where d.id = e.id

-- name: add_version.audit
insert into audit_events (workspace_id, entity, entity_id, action, before, after, task_id, run_no, user_id, command_id)
select d.workspace_id, 'draft', d.id, case when e.edited_by is null then 'regenerated' else 'edited' end,
    jsonb_build_object('status', e.status, 'version', e.was_version, 'body', e.was_body),
    jsonb_build_object('status', d.status, 'version', d.current_version, 'body', d.final_body, 'prompt', e.prompt,
                       'by', e.edited_by, 'validation', d.validation),
    e.task_id, e.run_no, e.user_id, e.command_id
from unnest(:draft_id::int[], :before_status::text[], :before_current_version::int[], :before_final_body::text[],
            :prompt::text[], :edited_by::text[], :task_id::uuid[], :run_no::bigint[], :user_id::uuid[],
            :command_id::uuid[])
    as e (id, status, was_version, was_body, prompt, edited_by, task_id, run_no, user_id, command_id)
join email_drafts d on d.id = e.id

-- name: switch_version
update email_drafts d
set status = 'pending', current_version = e.to_version, final_body = v.entry ->> 'body',
    edited_body = case when v.entry ? 'editedBy' then v.entry ->> 'body' end,
    confidence_score = (v.entry ->> 'confidence')::int, reasoning = v.entry -> 'reasoning',
    metadata = v.entry -> 'metadata', validation = e.validation,
    reviewed_at = null, reviewed_by = null, approved_sha256 = null, override_reason = null,
    version = nextval('rowmill.version')
from unnest(:draft_id::int[], :to_version::int[], :validation::jsonb[]) as e (id, to_version, validation)
join email_drafts o on o.id = e.id
cross join lateral (select o.draft_versions -> e.to_version as entry) v
where d.id = e.id

-- name: switch_version.audit
insert into audit_events (workspace_id, entity, entity_id, action, before, after, task_id, run_no, user_id, command_id)
select d.workspace_id, 'draft', d.id, 'switched', jsonb_build_object('status', e.status, 'version', e.was_version),
    jsonb_build_object('status', d.status, 'version', d.current_version, 'validation', d.validation), e.task_id,
    e.run_no, e.user_id, e.command_id
from unnest(:draft_id::int[], :before_status::text[], :before_current_version::int[], :task_id::uuid[],
            :run_no::bigint[], :user_id::uuid[], :command_id::uuid[])
    as e (id, status, was_version, task_id, run_no, user_id, command_id)
join email_drafts d on d.id = e.id

-- name: recheck_draft
update email_drafts d set validation = e.validation, version = nextval('rowmill.version')
from unnest(:draft_id::int[], :validation::jsonb[]) as e (id, validation)
where d.id = e.id

-- name: recheck_draft.audit
insert into audit_events (workspace_id, entity, entity_id, action, before, after, task_id, run_no, user_id, command_id)
select e.workspace_id, 'draft', e.id, 'rechecked', e.was, e.validation, e.task_id, e.run_no, e.user_id, e.command_id
from unnest(:before_workspace_id::uuid[], :draft_id::int[], :before_validation::jsonb[], :validation::jsonb[],
            :task_id::uuid[], :run_no::bigint[], :user_id::uuid[], :command_id::uuid[])
    as e (workspace_id, id, was, validation, task_id, run_no, user_id, command_id)

-- name: count_regeneration
-- A fourth one breaks the CHECK, whoever asks for it. 24 hours after the third the count begins anew.
update email_drafts d
set regeneration_count = case when d.regeneration_count >= 3 and d.last_regeneration_at <= now() - interval '24 hours'
                              then 1 else d.regeneration_count + 1 end,
    last_regeneration_at = now(), version = nextval('rowmill.version')
from unnest(:draft_id::int[]) as e (id)
where d.id = e.id

-- name: count_regeneration.audit
insert into audit_events (workspace_id, entity, entity_id, action, before, after, task_id, run_no, user_id, command_id)
select e.workspace_id, 'draft', e.id, 'regeneration_asked', jsonb_build_object('count', e.was),
    jsonb_build_object('count', d.regeneration_count, 'instruction', e.instruction, 'by', e.by), e.task_id, e.run_no,
    e.user_id, e.command_id
from unnest(:before_workspace_id::uuid[], :draft_id::int[], :before_regeneration_count::int[], :instruction::text[],
            :by::text[], :task_id::uuid[], :run_no::bigint[], :user_id::uuid[], :command_id::uuid[])
    as e (workspace_id, id, was, instruction, by, task_id, run_no, user_id, command_id)
join email_drafts d on d.id = e.id

-- name: uncount_regeneration
update email_drafts d
set regeneration_count = greatest(d.regeneration_count - 1, 0), version = nextval('rowmill.version')
from unnest(:draft_id::int[]) as e (id)
where d.id = e.id

-- name: uncount_regeneration.audit
insert into audit_events (workspace_id, entity, entity_id, action, after, task_id, run_no, user_id, command_id)
select e.workspace_id, 'draft', e.id, 'regeneration_failed', jsonb_build_object('reason', e.reason), e.task_id,
    e.run_no, e.user_id, e.command_id
from unnest(:before_workspace_id::uuid[], :draft_id::int[], :reason::text[], :task_id::uuid[], :run_no::bigint[],
            :user_id::uuid[], :command_id::uuid[]) as e (workspace_id, id, reason, task_id, run_no, user_id, command_id)

-- name: approve_draft
update email_drafts d
set status = 'approved', reviewed_at = now(), reviewed_by = e.by, approved_sha256 = e.body_sha256,
    validation = e.validation, override_reason = e.override_reason, version = nextval('rowmill.version')
from unnest(:draft_id::int[], :by::text[], :body_sha256::text[], :validation::jsonb[], :override_reason::text[])
    as e (id, by, body_sha256, validation, override_reason)
where d.id = e.id

-- name: approve_draft.audit
insert into audit_events (workspace_id, entity, entity_id, action, before, after, task_id, run_no, user_id, command_id)
select d.workspace_id, 'draft', d.id, case when e.override_reason is null then 'approved' else 'approved_by_override' end,
    jsonb_build_object('status', e.status),
    jsonb_strip_nulls(jsonb_build_object('status', d.status, 'version', d.current_version, 'sha256', d.approved_sha256,
        'by', d.reviewed_by, 'overrideReason', e.override_reason, 'validation', d.validation)),
    e.task_id, e.run_no, e.user_id, e.command_id
from unnest(:draft_id::int[], :before_status::text[], :override_reason::text[], :task_id::uuid[], :run_no::bigint[],
            :user_id::uuid[], :command_id::uuid[]) as e (id, status, override_reason, task_id, run_no, user_id, command_id)
join email_drafts d on d.id = e.id

-- name: archive_draft
update email_drafts d
set status = 'archived', archived_from = d.status, archived_at = now(), archived_by = e.by, archive_reason = e.reason,
    version = nextval('rowmill.version')
from unnest(:draft_id::int[], :by::text[], :reason::text[]) as e (id, by, reason)
where d.id = e.id

-- name: archive_draft.audit
insert into audit_events (workspace_id, entity, entity_id, action, before, after, task_id, run_no, user_id, command_id)
select e.workspace_id, 'draft', e.id, 'archived', jsonb_build_object('status', e.status),
    jsonb_build_object('status', 'archived', 'by', e.by, 'reason', e.reason), e.task_id, e.run_no, e.user_id,
    e.command_id
from unnest(:before_workspace_id::uuid[], :draft_id::int[], :before_status::text[], :by::text[], :reason::text[],
            :task_id::uuid[], :run_no::bigint[], :user_id::uuid[], :command_id::uuid[])
    as e (workspace_id, id, status, by, reason, task_id, run_no, user_id, command_id)

-- name: restore_draft
update email_drafts d
set status = d.archived_from, archived_from = null, archived_at = null, archived_by = null, archive_reason = null,
    version = nextval('rowmill.version')
from unnest(:draft_id::int[]) as e (id)
where d.id = e.id

-- name: restore_draft.audit
insert into audit_events (workspace_id, entity, entity_id, action, before, after, task_id, run_no, user_id, command_id)
select e.workspace_id, 'draft', e.id, 'restored', jsonb_build_object('status', 'archived', 'reason', e.reason),
    jsonb_build_object('status', d.status, 'by', e.by), e.task_id, e.run_no, e.user_id, e.command_id
from unnest(:before_workspace_id::uuid[], :draft_id::int[], :before_archive_reason::text[], :by::text[],
            :task_id::uuid[], :run_no::bigint[], :user_id::uuid[], :command_id::uuid[])
    as e (workspace_id, id, reason, by, task_id, run_no, user_id, command_id)
join email_drafts d on d.id = e.id
