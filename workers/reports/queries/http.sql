What the routes ask. `workspaces` null: everything may be seen.

-- name: http_team
select t.id, t.workspace_id from teams t
where t.name = :team::text and (:workspaces::uuid[] is null or t.workspace_id = any (:workspaces::uuid[]))
order by t.workspace_id <> rowmill.default_workspace(), t.workspace_id
limit 1

-- name: http_teams
select o.name as organization, t.name as team, t.id, t.search_language,
    (select count(*) from daily_reports d where d.project_id = t.id) as daily_reports,
    (select count(distinct d.author_name) from daily_reports d where d.project_id = t.id) as authors,
    (select count(*) from meeting_transcripts m where m.project_id = t.id) as transcripts,
    (select count(*) from jira_snapshots j where j.project_id = t.id) as jira_snapshots,
    (select count(*) from slack_captures s where s.project_id = t.id) as slack_captures,
    (select count(*) from generated_reports r where r.project_id = t.id and r.report_type_id is not null) as generated,
    (select count(*) from report_files f where f.project_id = t.id and f.status in ('partly', 'failed')) as problems,
    greatest((select max(d.report_date) from daily_reports d where d.project_id = t.id),
             (select max(m.transcript_date) from meeting_transcripts m where m.project_id = t.id)) as newest_day
from teams t join organizations o on o.id = t.organization_id
where :workspaces::uuid[] is null or t.workspace_id = any (:workspaces::uuid[])
order by o.name, t.name

-- name: http_daily_list
select d.id, t.name as team, d.author_name, d.report_date, d.revision, d.updated_at
from daily_reports d join teams t on t.id = d.project_id
where (:workspaces::uuid[] is null or d.workspace_id = any (:workspaces::uuid[]))
  and (:project_id::uuid is null or d.project_id = :project_id::uuid)
  and (:author::text is null or d.author_name = :author::text)
  and (:first_day::date is null or d.report_date >= :first_day::date)
  and (:last_day::date is null or d.report_date <= :last_day::date)
order by d.report_date desc, d.author_name, d.id
limit :most::int offset :skip::int

-- name: http_daily
select d.id, d.workspace_id, t.name as team, d.author_name as name, d.report_date as day, d.content, d.revision,
    d.blob_sha256, d.blob_path, d.file_id, d.received_at
from daily_reports d join teams t on t.id = d.project_id where d.id = :id::uuid

-- name: http_transcript
select m.id, m.workspace_id, t.name as team, m.filename as name, m.transcript_date as day, m.content, m.revision,
    m.blob_sha256, m.blob_path, m.file_id, m.received_at
from meeting_transcripts m join teams t on t.id = m.project_id where m.id = :id::uuid

-- name: http_revisions
select v.received_at, v.content, v.blob_sha256 from report_revisions v
where v.daily_report_id = :id::uuid or v.meeting_transcript_id = :id::uuid
order by v.received_at desc, v.id desc
limit 50

-- name: http_jira
select j.id, j.workspace_id, t.name as team, null::text as channel, j.week_start, j.week_end, j.blob_sha256, j.blob_path
from jira_snapshots j join teams t on t.id = j.project_id where j.id = :id::uuid

-- name: http_slack
select s.id, s.workspace_id, t.name as team, s.channel, s.week_start, s.week_end, s.blob_sha256, s.blob_path
from slack_captures s join teams t on t.id = s.project_id where s.id = :id::uuid

-- name: http_files
select f.id, f.ingestion_id, t.name as team, f.name, f.size, f.blob_sha256, f.status, f.kind, f.encoding,
    f.counts::text as counts, f.problems::text as problems, f.received_at, f.read_at
from report_files f join teams t on t.id = f.project_id
where (:workspaces::uuid[] is null or f.workspace_id = any (:workspaces::uuid[]))
  and (:project_id::uuid is null or f.project_id = :project_id::uuid)
  and (:status::text is null or f.status = :status::text)
  and (:before::uuid is null
       or (f.received_at, f.id) < (select b.received_at, b.id from report_files b where b.id = :before::uuid))
order by f.received_at desc, f.id desc
limit :most::int

-- name: http_file
select f.id, f.workspace_id, f.status from report_files f where f.id = :id::uuid

-- name: http_generated_list
select r.id, y.name as type, t.name as team, r.title, r.subject, r.first_day, r.last_day, r.counts::text as counts,
    r.updated_at
from generated_reports r
join report_types y on y.id = r.report_type_id
join teams t on t.id = r.project_id
where (:workspaces::uuid[] is null or r.workspace_id = any (:workspaces::uuid[]))
  and (:project_id::uuid is null or r.project_id = :project_id::uuid)
  and (:type::text is null or y.name = :type::text)
order by r.updated_at desc, r.id
limit :most::int

-- name: http_generated
select r.id, r.workspace_id, y.name as type, t.name as team, r.title, r.subject, r.first_day, r.last_day,
    r.counts::text as counts, r.updated_at, r.markdown, r.html
from generated_reports r
join report_types y on y.id = r.report_type_id
join teams t on t.id = r.project_id
where r.id = :id::uuid

-- name: http_links
select case when l.daily_report_id is not null then 'daily' when l.meeting_transcript_id is not null then 'transcripts'
            when l.jira_snapshot_id is not null then 'jira' else 'slack' end as kind,
    coalesce(l.daily_report_id, l.meeting_transcript_id, l.jira_snapshot_id, l.slack_capture_id) as id
from report_data_links l where l.generated_report_id = :id::uuid
order by 1, 2
