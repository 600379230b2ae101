What the demo asks and does, as an application would.

-- name: set_up
with made as (
    insert into users (email) values (:email::text) on conflict (email) do update set email = excluded.email
    returning id
)
select get_or_create_workspace(:spreadsheet_id::text, (select id::text from made)) as workspace_id

-- name: add_profile
insert into fm_profiles (workspace_id, fm_key, profile_version, profile)
values (:workspace_id::uuid, :fm_key::text, 1, :profile::jsonb)

-- name: ingest_order
select i.work_order_id as id, i.is_new from ingest_work_order(:workspace_id::uuid, :file_hash::text, :blob::text,
    :size::bigint, 'GMAIL', jsonb_build_object('filename', :filename::text)) i

-- name: ingest_signed
select i.signed_document_id as id, i.is_new from ingest_signed(:workspace_id::uuid, :file_hash::text, :blob::text,
    :size::bigint, 'GMAIL', jsonb_build_object('filename', :filename::text)) i

-- name: tally
select count(*)::int as tasks, count(*) filter (where t.status not in ('pending', 'processing'))::int as finished,
    count(*) filter (where t.status in ('pending', 'processing'))::int as live,
    count(*) filter (where t.task_type like 'work_orders.read%' and t.status in ('pending', 'processing'))::int
        as reading,
    count(*) filter (where t.task_type like 'work_orders.read%' and t.status = 'completed')::int as read,
    (select count(*)::int from export_jobs j where j.status in ('PENDING', 'PROCESSING')) as exporting
from task_queue t

-- name: orders
select w.id, w.fm_key, w.work_order_number, w.customer_name, w.site_address, w.description, w.ordered_on::text as ordered_on,
    w.due_on::text as due_on, w.amount::text as amount, w.status, w.revision, j.status as export_status,
    d.source_metadata ->> 'filename' as signed_file
from work_orders w
left join export_jobs j on j.work_order_id = w.id
left join signed_match m on m.work_order_id = w.id
left join signed_documents d on d.id = m.signed_document_id
order by w.work_order_number

-- name: sources
select s.source_metadata ->> 'filename' as filename, s.work_order_id, s.state, s.revision from work_order_sources s

-- name: signed
select d.source_metadata ->> 'filename' as filename, d.state, d.reason from signed_documents d

-- name: reviews
select r.kind, count(*)::int as open from work_order_reviews r where r.resolution is null group by r.kind order by r.kind

-- name: doubles
-- Effects written twice would show here: runs of a document beyond one, and audit rows of one act beyond one.
select (select count(*)::int from (select 1 from extraction_runs r group by r.work_order_source_id, r.signed_document_id
                                   having count(*) > 1) x) as runs,
    (select count(*)::int from (select 1 from audit_events a where a.action in ('received', 'matched')
                                group by a.entity, a.entity_id, a.action having count(*) > 1) x) as acts

-- name: failures
select t.task_type, t.status, t.error_message from task_queue t where t.error_message is not null limit 10
