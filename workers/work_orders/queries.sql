Named reads, locks and writers of the work orders. Writers call the functions of triggers.sql: every way in does the same.

-- name: work_order_sources.lock
with held as (
    select s.id, s.version from work_order_sources s
    where s.id = any (:key::uuid[]) order by s.id for no key update skip locked
)
select i.ord, h.id is not null as held, h.version, s.xmax::text as locker
from unnest(:key::uuid[]) with ordinality as i (id, ord)
join work_order_sources s on s.id = i.id
left join held h on h.id = i.id

-- name: work_order_sources.versions
select i.ord, s.version
from unnest(:key::uuid[]) with ordinality as i (id, ord)
join work_order_sources s on s.id = i.id

-- name: signed_documents.lock
with held as (
    select s.id, s.version from signed_documents s
    where s.id = any (:key::uuid[]) order by s.id for no key update skip locked
)
select i.ord, h.id is not null as held, h.version, s.xmax::text as locker
from unnest(:key::uuid[]) with ordinality as i (id, ord)
join signed_documents s on s.id = i.id
left join held h on h.id = i.id

-- name: signed_documents.versions
select i.ord, s.version
from unnest(:key::uuid[]) with ordinality as i (id, ord)
join signed_documents s on s.id = i.id

-- name: work_order_reviews.lock
with held as (
    select r.id, r.version from work_order_reviews r
    where r.id = any (:key::uuid[]) order by r.id for no key update skip locked
)
select i.ord, h.id is not null as held, h.version, r.xmax::text as locker
from unnest(:key::uuid[]) with ordinality as i (id, ord)
join work_order_reviews r on r.id = i.id
left join held h on h.id = i.id

-- name: work_order_reviews.versions
select i.ord, r.version
from unnest(:key::uuid[]) with ordinality as i (id, ord)
join work_order_reviews r on r.id = i.id

-- name: export_jobs.lock
with held as (
    select j.id, j.version, j.status, j.attempts, j.workspace_id from export_jobs j
    where j.id = any (:key::uuid[]) order by j.id for no key update skip locked
)
select i.ord, h.id is not null as held, h.version, h.status, h.attempts, h.workspace_id, j.xmax::text as locker
from unnest(:key::uuid[]) with ordinality as i (id, ord)
join export_jobs j on j.id = i.id
left join held h on h.id = i.id

-- name: source_to_read reads work_order_sources
select i.ord, s.id as _target, s.version as _version, s.workspace_id, s.blob, s.state,
    s.source_metadata ->> 'sender' as sender
from unnest(:source_id::uuid[]) with ordinality as i (id, ord)
join work_order_sources s on s.id = i.id

-- name: signed_to_read reads signed_documents
select i.ord, s.id as _target, s.version as _version, s.workspace_id, s.blob, s.state,
    s.source_metadata ->> 'sender' as sender
from unnest(:signed_document_id::uuid[]) with ordinality as i (id, ord)
join signed_documents s on s.id = i.id

-- name: profiles_of
-- The newest active version of each facility manager's profile.
select i.ord, p.fm_key, p.profile_version, p.profile::text as profile
from unnest(:workspace_id::uuid[]) with ordinality as i (workspace_id, ord)
cross join lateral (
    select distinct on (p.fm_key) p.fm_key, p.profile_version, p.profile, p.is_active
    from fm_profiles p where p.workspace_id = i.workspace_id
    order by p.fm_key, p.profile_version desc) p
where p.is_active
order by i.ord, p.fm_key

-- name: sheet_of
select i.ord, s.workspace_id, s.sheet_name
from unnest(:spreadsheet_id::text[]) with ordinality as i (spreadsheet_id, ord)
join work_order_settings s on s.spreadsheet_id = i.spreadsheet_id

-- name: due_jobs
-- What is to be written now, and what a run that died was writing: its key says that no other run is.
select i.ord, j.id, j.attempts
from unnest(:spreadsheet_id::text[], :now::timestamptz[]) with ordinality as i (spreadsheet_id, now, ord)
cross join lateral (
    select j.id, j.attempts, j.next_attempt_at from export_jobs j
    where j.spreadsheet_id = i.spreadsheet_id and j.status in ('PENDING', 'PROCESSING')
      and (j.status = 'PROCESSING' or j.next_attempt_at <= coalesce(i.now, clock_timestamp()))
    order by j.next_attempt_at, j.id
    limit 1000) j
order by i.ord, j.next_attempt_at, j.id

-- name: export_row
-- One row as it stands now, with the version of its job: what changes after this makes another one.
select i.ord, j.id as job_id, j.version as job_version, j.status as job_status, w.id, w.work_order_number, w.fm_key,
    w.status, w.customer_name, w.site_address, w.description, w.priority, w.contact, w.ordered_on, w.due_on, w.amount,
    w.currency, w.revision, d.created_at as signed_at
from unnest(:job_id::uuid[]) with ordinality as i (id, ord)
join export_jobs j on j.id = i.id
join work_orders w on w.id = j.work_order_id
left join signed_match m on m.work_order_id = w.id
left join signed_documents d on d.id = m.signed_document_id

-- name: rows_of_sheet
select i.ord, j.id as job_id, j.version as job_version, j.status as job_status, w.id, w.work_order_number, w.fm_key,
    w.status, w.customer_name, w.site_address, w.description, w.priority, w.contact, w.ordered_on, w.due_on, w.amount,
    w.currency, w.revision, d.created_at as signed_at
from unnest(:spreadsheet_id::text[]) with ordinality as i (spreadsheet_id, ord)
join export_jobs j on j.spreadsheet_id = i.spreadsheet_id
join work_orders w on w.id = j.work_order_id
left join signed_match m on m.work_order_id = w.id
left join signed_documents d on d.id = m.signed_document_id
order by i.ord, w.created_at, w.id

-- name: save_profile
insert into fm_profiles (id, workspace_id, fm_key, profile_version, profile, created_by)
select e.id, e.workspace_id, e.fm_key,
    1 + coalesce((select max(p.profile_version) from fm_profiles p
                  where p.workspace_id = e.workspace_id and p.fm_key = e.fm_key), 0), e.profile, e.user_id
from unnest(:profile_id::uuid[], :workspace_id::uuid[], :fm_key::text[], :profile::jsonb[], :user_id::uuid[])
    as e (id, workspace_id, fm_key, profile, user_id)

-- name: ingest_order
select r.work_order_id
from unnest(:workspace_id::uuid[], :file_hash::text[], :blob::text[], :size_bytes::bigint[], :source_type::text[],
            :source_metadata::jsonb[], :fields::jsonb[], :user_id::uuid[], :command_id::uuid[], :task_id::uuid[],
            :run_no::bigint[])
    as e (workspace_id, file_hash, blob, size_bytes, source_type, source_metadata, fields, user_id, command_id, task_id,
          run_no)
cross join lateral ingest_work_order(e.workspace_id, e.file_hash, e.blob, e.size_bytes, e.source_type,
    e.source_metadata, e.fields, jsonb_build_object('user_id', e.user_id, 'command_id', e.command_id,
        'task_id', e.task_id, 'run_no', e.run_no)) r

-- name: ingest_signed
select r.signed_document_id
from unnest(:workspace_id::uuid[], :file_hash::text[], :blob::text[], :size_bytes::bigint[], :source_type::text[],
            :source_metadata::jsonb[], :fm_key::text[], :work_order_number::text[], :extraction_result::jsonb[],
            :signed_pdf_url::text[], :signed_preview_image_url::text[], :user_id::uuid[], :command_id::uuid[],
            :task_id::uuid[], :run_no::bigint[])
    as e (workspace_id, file_hash, blob, size_bytes, source_type, source_metadata, fm_key, work_order_number,
          extraction_result, signed_pdf_url, signed_preview_image_url, user_id, command_id, task_id, run_no)
cross join lateral ingest_signed(e.workspace_id, e.file_hash, e.blob, e.size_bytes, e.source_type, e.source_metadata,
    e.fm_key, e.work_order_number, e.extraction_result, e.signed_pdf_url, e.signed_preview_image_url,
    jsonb_build_object('user_id', e.user_id, 'command_id', e.command_id, 'task_id', e.task_id, 'run_no', e.run_no)) r

-- name: record_reading
select work_orders_record_reading(e.source_id, 'robot', e.fm_key, e.profile_version, e.outcome, e.fields, e.found,
    e.warnings, e.duration_ms, jsonb_build_object('user_id', e.user_id, 'command_id', e.command_id,
        'task_id', e.task_id, 'run_no', e.run_no))
from unnest(:source_id::uuid[], :outcome::text[], :fm_key::text[], :profile_version::int[], :fields::jsonb[],
            :found::jsonb[], :warnings::jsonb[], :duration_ms::int[], :user_id::uuid[], :command_id::uuid[],
            :task_id::uuid[], :run_no::bigint[])
    as e (source_id, outcome, fm_key, profile_version, fields, found, warnings, duration_ms, user_id, command_id,
          task_id, run_no)

-- name: record_signed
select work_orders_record_signed(e.signed_id, 'robot', e.fm_key, e.profile_version, e.outcome, e.number, e.found,
    e.warnings, e.duration_ms, jsonb_build_object('user_id', e.user_id, 'command_id', e.command_id,
        'task_id', e.task_id, 'run_no', e.run_no))
from unnest(:signed_document_id::uuid[], :outcome::text[], :fm_key::text[], :profile_version::int[],
            :work_order_number::text[], :found::jsonb[], :warnings::jsonb[], :duration_ms::int[], :user_id::uuid[],
            :command_id::uuid[], :task_id::uuid[], :run_no::bigint[])
    as e (signed_id, outcome, fm_key, profile_version, number, found, warnings, duration_ms, user_id, command_id,
          task_id, run_no)

-- name: match_signed
select work_orders_rematch(e.signed_id, e.order_id, e.replace, jsonb_build_object('user_id', e.user_id,
    'command_id', e.command_id, 'task_id', e.task_id, 'run_no', e.run_no))
from unnest(:signed_document_id::uuid[], :work_order_id::uuid[], :replace::bool[], :user_id::uuid[],
            :command_id::uuid[], :task_id::uuid[], :run_no::bigint[])
    as e (signed_id, order_id, replace, user_id, command_id, task_id, run_no)

-- name: resolve_review
select work_orders_resolve(e.review_id, e.decision, e.fields, jsonb_build_object('user_id', e.user_id,
    'command_id', e.command_id, 'task_id', e.task_id, 'run_no', e.run_no))
from unnest(:review_id::uuid[], :decision::text[], :fields::jsonb[], :user_id::uuid[], :command_id::uuid[],
            :task_id::uuid[], :run_no::bigint[])
    as e (review_id, decision, fields, user_id, command_id, task_id, run_no)

-- name: begin_export
update export_jobs j set status = 'PROCESSING', updated_at = now()
from unnest(:job_id::uuid[]) as e (job_id) where j.id = e.job_id

-- name: finish_export
-- A row that has changed since it was read for the export is due again, after a second as any other change.
update export_jobs j
set status = case when j.version = e.version then 'DONE' else 'PENDING' end, attempts = 0, last_error = null,
    next_attempt_at = case when j.version = e.version then j.next_attempt_at
        else clock_timestamp() + interval '1 second' end,
    exported_version = e.version, exported_at = now(), updated_at = now()
from unnest(:job_id::uuid[], :exported_version::bigint[]) as e (job_id, version) where j.id = e.job_id

-- name: fail_export
update export_jobs j
set status = case when e.delay_s is null then 'FAILED' else 'PENDING' end, attempts = least(j.attempts + 1, 5),
    last_error = e.error, updated_at = now(),
    next_attempt_at = case when e.delay_s is null then j.next_attempt_at
        else coalesce(e.at, clock_timestamp()) + make_interval(secs => e.delay_s) end
from unnest(:job_id::uuid[], :error::text[], :delay_s::float8[], :at::timestamptz[])
    as e (job_id, error, delay_s, at)
where j.id = e.job_id

-- name: hold_export
update export_jobs j set status = 'PENDING', last_error = e.error, updated_at = now()
from unnest(:job_id::uuid[], :error::text[]) as e (job_id, error) where j.id = e.job_id

-- name: restart_export
update export_jobs j
set status = 'PENDING', attempts = 0, next_attempt_at = clock_timestamp(), version = nextval('rowmill.version'),
    updated_at = now()
from unnest(:job_id::uuid[]) as e (job_id) where j.id = e.job_id

-- name: restart_export.audit
insert into audit_events (workspace_id, entity, entity_id, action, before, task_id, run_no, user_id, command_id)
select e.workspace_id, 'export_job', e.job_id::text, 'restarted',
    jsonb_build_object('status', e.status, 'attempts', e.attempts), e.task_id, e.run_no, e.user_id, e.command_id
from unnest(:job_id::uuid[], :before_workspace_id::uuid[], :before_status::text[], :before_attempts::int[],
            :task_id::uuid[], :run_no::bigint[], :user_id::uuid[], :command_id::uuid[])
    as e (job_id, workspace_id, status, attempts, task_id, run_no, user_id, command_id)

-- name: forget_runs
delete from extraction_runs r
using unnest(:before::timestamptz[], :workspace_id::uuid[]) as e (before, workspace_id)
where r.workspace_id = e.workspace_id and r.created_at < e.before
  and exists (select from extraction_runs n
              where (n.work_order_source_id = r.work_order_source_id or n.signed_document_id = r.signed_document_id)
                and (n.created_at, n.id) > (r.created_at, r.id))

-- name: recovered
-- After a restore sheets may show what the database has lost: every row that was exported is exported anew. What stands in
-- a sheet without an order here is counted by the nightly look, for a person.
update export_jobs j
set status = 'PENDING', attempts = 0, next_attempt_at = clock_timestamp(), version = nextval('rowmill.version'),
    last_error = 'exported anew after a restore from about ' || coalesce(:since::timestamptz::text, 'an unknown time'),
    updated_at = now()
where j.status in ('DONE', 'PROCESSING')
returning j.id
