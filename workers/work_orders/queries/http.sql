What the HTTP API and the command line ask. `:workspaces` are those the person may see; null = all.

-- name: http_workspace_of
-- The workspace of a spreadsheet, made where there is none.
select get_or_create_workspace(:spreadsheet_id::text, :user_id::text) as workspace_id

-- name: http_may_see
select exists (select from workspace_members m
               where m.workspace_id = :workspace_id::uuid and m.user_id = :user_id::uuid) as may_see

-- name: http_sheet_workspace
select s.workspace_id from work_order_settings s where s.spreadsheet_id = :spreadsheet_id::text

-- name: http_workspaces
select s.workspace_id, s.spreadsheet_id, s.drive_folder_id, s.sheet_name
from work_order_settings s
where (:workspaces::uuid[] is null or s.workspace_id = any (:workspaces::uuid[]))
order by s.created_at, s.workspace_id

-- name: http_answer_order
-- What ingestion answers: new is what this very command has made.
select s.work_order_id, s.id as source_id, w.status,
    exists (select from audit_events a
            where a.entity = 'work_order' and a.entity_id = s.answered_id::text and a.action = 'received'
              and a.command_id = :command_id::uuid) as is_new
from work_order_sources s
join work_orders w on w.id = s.work_order_id
where s.workspace_id = :workspace_id::uuid and s.file_hash = :file_hash::text

-- name: http_answer_signed
select d.id as signed_document_id, m.work_order_id as matched_work_order_id, d.state, d.reason,
    exists (select from audit_events a
            where a.entity = 'signed_document' and a.entity_id = d.id::text and a.action = 'received'
              and a.command_id = :command_id::uuid) as is_new
from signed_documents d
left join signed_match m on m.signed_document_id = d.id
where d.workspace_id = :workspace_id::uuid and d.file_hash = :file_hash::text

-- name: http_orders
-- The newest orders, each with its newest source, its signed document and its export.
select w.id, w.workspace_id, w.fm_key, w.work_order_number, w.status, w.customer_name, w.site_address, w.due_on,
    w.amount::text as amount, w.currency, w.revision, w.created_at, s.source_type,
    s.source_metadata::text as source_metadata, s.state as source_state, m.signed_document_id,
    j.status as export_status, j.attempts as export_attempts, j.last_error as export_error, j.exported_at
from work_orders w
left join lateral (
    select s.* from work_order_sources s where s.work_order_id = w.id order by s.created_at desc, s.id desc limit 1) s
    on true
left join signed_match m on m.work_order_id = w.id
left join export_jobs j on j.work_order_id = w.id
where (:workspaces::uuid[] is null or w.workspace_id = any (:workspaces::uuid[]))
  and (:workspace_id::uuid is null or w.workspace_id = :workspace_id::uuid)
order by w.created_at desc, w.id desc
limit :most::int

-- name: http_order
-- By its id, or by the one that ingestion answered before the PDF proved to be a revision.
select w.id, w.workspace_id, w.fm_key, w.work_order_number, w.status, w.revision, w.version, w.created_at, w.updated_at,
    work_orders_fields(w)::text as fields, m.signed_document_id,
    j.status as export_status, j.last_error as export_error
from work_orders w
left join signed_match m on m.work_order_id = w.id
left join export_jobs j on j.work_order_id = w.id
where w.id = coalesce((select s.work_order_id from work_order_sources s where s.answered_id = :id::uuid limit 1), :id::uuid)
  and (:workspaces::uuid[] is null or w.workspace_id = any (:workspaces::uuid[]))

-- name: http_sources
select s.id, s.source_type, s.source_metadata::text as source_metadata, s.state, s.revision, s.size_bytes, s.file_hash,
    s.blob, s.created_at, r.source as read_by, r.outcome, r.fm_key, r.profile_version, r.fields::text as fields,
    r.warnings::text as warnings, r.duration_ms
from work_order_sources s
left join lateral (
    select r.* from extraction_runs r where r.work_order_source_id = s.id order by r.created_at desc, r.id desc limit 1)
    r on true
where s.work_order_id = :work_order_id::uuid
order by s.created_at, s.id

-- name: http_reviews
select r.id, r.workspace_id, r.kind, r.work_order_id, w.work_order_number, r.source_id, r.signed_document_id,
    r.details::text as details, r.created_at
from work_order_reviews r
left join work_orders w on w.id = r.work_order_id
where r.resolution is null
  and (:workspaces::uuid[] is null or r.workspace_id = any (:workspaces::uuid[]))
  and (:workspace_id::uuid is null or r.workspace_id = :workspace_id::uuid)
  and (:after::uuid is null or r.id > :after::uuid)
order by r.id
limit :most::int

-- name: http_review
select r.id, r.workspace_id, r.kind, r.resolution from work_order_reviews r where r.id = :id::uuid

-- name: http_signed
select d.id, d.workspace_id, d.state from signed_documents d where d.id = :id::uuid

-- name: http_signed_document
-- One signed document with its order, and how it was last read.
select d.id, d.workspace_id, d.fm_key, d.work_order_number, d.state, d.reason, d.source_type,
    d.source_metadata::text as source_metadata, d.signed_pdf_url, d.signed_preview_image_url,
    d.extraction_result::text as extraction_result, m.work_order_id as matched_work_order_id, d.size_bytes, d.file_hash,
    d.blob, d.created_at, r.source as read_by, r.outcome, r.profile_version, r.fields::text as fields,
    r.warnings::text as warnings, r.duration_ms
from signed_documents d
left join signed_match m on m.signed_document_id = d.id
left join lateral (
    select r.* from extraction_runs r where r.signed_document_id = d.id order by r.created_at desc, r.id desc limit 1) r
    on true
where d.id = :id::uuid and (:workspaces::uuid[] is null or d.workspace_id = any (:workspaces::uuid[]))

-- name: http_export
select j.id, j.workspace_id, j.status from export_jobs j where j.id = :id::uuid

-- name: http_exports
select j.id, j.workspace_id, j.work_order_id, w.work_order_number, j.spreadsheet_id, j.status, j.attempts,
    j.next_attempt_at, j.last_error, j.exported_at
from export_jobs j
join work_orders w on w.id = j.work_order_id
where (:workspaces::uuid[] is null or j.workspace_id = any (:workspaces::uuid[]))
  and (:workspace_id::uuid is null or j.workspace_id = :workspace_id::uuid)
  and (:status::text is null or j.status = :status::text)
order by j.updated_at desc, j.id
limit :most::int

-- name: http_export_counts
select j.status, count(*)::int as jobs
from export_jobs j
where (:workspaces::uuid[] is null or j.workspace_id = any (:workspaces::uuid[]))
  and (:workspace_id::uuid is null or j.workspace_id = :workspace_id::uuid)
group by j.status

-- name: http_take_up
select work_orders_take_up(:workspaces::uuid[]) as taken_up

-- name: http_waiting_exports
-- Jobs whose time has come or comes within the coalescing second; they are processed first come, first served.
select j.id, j.attempts from export_jobs j
where (j.status = 'PROCESSING'
       or (j.status = 'PENDING' and j.next_attempt_at <= clock_timestamp() + interval '1 second'))
  and (:workspaces::uuid[] is null or j.workspace_id = any (:workspaces::uuid[]))
order by j.next_attempt_at, j.id
limit :most::int

-- name: http_processed
-- How far these jobs are since somebody saw them with so many attempts: written, failed once more, held by a pause that the
-- destination has asked for, or not tried yet.
select count(*) filter (where j.status = 'DONE')::int as processed,
    count(*) filter (where j.status = 'FAILED' or (j.status = 'PENDING' and j.attempts > e.attempts))::int as failed,
    count(*) filter (where j.status = 'PROCESSING'
        or (j.status = 'PENDING' and j.attempts <= e.attempts and l.paused_until is null))::int as waiting,
    coalesce(bool_or(j.status = 'PENDING' and j.attempts <= e.attempts and l.paused_until is not null), false)
        as quota_error
from unnest(:ids::uuid[], :attempts::int[]) as e (id, attempts)
join export_jobs j on j.id = e.id
left join monitoring.limits l on l.name = 'sheet:' || j.spreadsheet_id

-- name: http_failed_exports
select j.id from export_jobs j
where j.status = 'FAILED' and (:workspaces::uuid[] is null or j.workspace_id = any (:workspaces::uuid[]))
  and (:workspace_id::uuid is null or j.workspace_id = :workspace_id::uuid)
order by j.id
limit :most::int

-- name: http_profiles
select p.workspace_id, p.fm_key, p.profile_version, p.profile::text as profile, p.created_at
from fm_profiles p
where (:workspaces::uuid[] is null or p.workspace_id = any (:workspaces::uuid[]))
  and (:workspace_id::uuid is null or p.workspace_id = :workspace_id::uuid)
order by p.fm_key, p.profile_version desc

-- name: http_ingest_order
select i.work_order_id, i.is_new, i.source_id
from ingest_work_order(:workspace_id::uuid, :file_hash::text, :blob::text, :size_bytes::bigint, :source_type::text,
    :source_metadata::jsonb, :fields::jsonb, :author::jsonb) i

-- name: http_ingest_signed
select i.signed_document_id, i.is_new, i.matched_work_order_id
from ingest_signed(:workspace_id::uuid, :file_hash::text, :blob::text, :size_bytes::bigint, :source_type::text,
    :source_metadata::jsonb, :fm_key::text, :work_order_number::text, :extraction_result::jsonb, :signed_pdf_url::text,
    :signed_preview_image_url::text, :author::jsonb) i

-- name: http_save_profile
insert into fm_profiles (workspace_id, fm_key, profile_version, profile, created_by)
select :workspace_id::uuid, :fm_key::text, 1 + coalesce((select max(p.profile_version) from fm_profiles p
    where p.workspace_id = :workspace_id::uuid and p.fm_key = :fm_key::text), 0), :profile::jsonb, :user_id::uuid
returning profile_version

-- name: http_rematch
select work_orders_rematch(:signed_document_id::uuid, :work_order_id::uuid, :replace::bool, :author::jsonb)

-- name: http_resolve
select work_orders_resolve(:review_id::uuid, :decision::text, :fields::jsonb, :author::jsonb)

-- name: http_restart_exports
-- For the command line; HTTP sends the effect, which does the same.
with restarted as (
    update export_jobs j
    set status = 'PENDING', attempts = 0, next_attempt_at = clock_timestamp(), version = nextval('rowmill.version'),
        updated_at = now()
    where j.id = any (:ids::uuid[])
    returning j.id, j.workspace_id
)
insert into audit_events (workspace_id, entity, entity_id, action, user_id)
select r.workspace_id, 'export_job', r.id::text, 'restarted', :user_id::uuid from restarted r
returning entity_id

-- name: http_settings
-- What is null stays as it is.
update work_order_settings s
set spreadsheet_id = coalesce(:spreadsheet_id::text, s.spreadsheet_id),
    sheet_name = coalesce(:sheet_name::text, s.sheet_name),
    drive_folder_id = coalesce(:drive_folder_id::text, s.drive_folder_id), updated_at = now()
where s.workspace_id = :workspace_id::uuid
returning s.workspace_id, s.spreadsheet_id, s.sheet_name, s.drive_folder_id

-- name: http_user
select u.id from users u where u.email = :email::text
