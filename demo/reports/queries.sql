What the demo asks about reports, as an application would.

-- name: tally
select (select count(*)::int from report_files) as received,
    (select count(*)::int from report_files f where f.status <> 'received') as read,
    (select count(*)::int from task_queue t
     where t.task_type = 'reports.ingest_file' and t.status in ('pending', 'processing')) as reading,
    (select count(*)::int from task_queue t
     where t.task_type <> 'reports.finish_ingestion' and t.status in ('pending', 'processing')) as live

-- name: daily
select d.author_name || '|' || d.report_date as key, d.content, d.revision from daily_reports d

-- name: transcripts
select m.filename || '|' || m.transcript_date as key, m.content from meeting_transcripts m

-- name: revisions
select d.author_name || '|' || d.report_date as key, v.content
from report_revisions v join daily_reports d on d.id = v.daily_report_id

-- name: counts
select (select count(*)::int from jira_snapshots) as jira, (select count(*)::int from slack_captures) as slack,
    (select count(*)::int from report_files f where f.status in ('partly', 'failed')) as problems,
    (select count(*)::int from audit_events a where a.entity in ('daily_report', 'meeting_transcript')
        and a.action = 'add') as added,
    (select count(*)::int from audit_events a where a.entity = 'daily_report' and a.action = 'revise') as revised,
    (select count(distinct f.blob_path)::int from report_files f) as blobs,
    (select count(*)::int from report_data_links) as links,
    (select count(*)::int from generated_reports r where r.report_type_id is not null) as generated

-- name: ended
select bool_and(g.ended_at is not null) as ended from report_ingestions g

-- name: ask_reports
insert into task_queue (task_type, payload, workspace_id)
select 'reports.generate', jsonb_build_object('report_type', y.name, 'project_id', t.id, 'first_day', '2026-01-05',
    'last_day', '2026-01-11'), t.workspace_id
from teams t cross join report_types y where t.name = 'rocks'

-- name: hits
select count(*)::int as hits from report_passages p where p.words @@ websearch_to_tsquery('english', :query::text)
