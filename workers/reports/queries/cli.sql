What the commands ask and write, as the login of the person who types them.

-- name: cli_team
select t.id, t.workspace_id, t.name, t.search_language, o.name as organization
from teams t join organizations o on o.id = t.organization_id
where t.name = :name::text and t.workspace_id = rowmill.default_workspace()

-- name: cli_languages
select case when c.cfgnamespace = 'pg_catalog'::regnamespace then c.cfgname::text else c.oid::regconfig::text end as name
from pg_ts_config c
order by 1

-- name: cli_organization
insert into organizations (name) values (:name::text) on conflict do nothing

-- name: cli_team_made
insert into teams (organization_id, name, search_language)
select o.id, :name::text, coalesce(:search_language::text, 'english')
from organizations o
where o.name = :organization::text and o.workspace_id = rowmill.default_workspace()
on conflict do nothing
returning id

-- name: cli_team_schedules
select reports_schedule(:id::uuid)

-- name: cli_team_language
update teams set search_language = :search_language::text
where id = :id::uuid and search_language <> :search_language::text
returning id

-- name: cli_open
-- One open ingestion per team and place: a command that died is gone on with, not begun anew.
with made as (
    insert into report_ingestions (project_id, source, place) values (:project_id::uuid, :source::text, :place::text)
    on conflict do nothing returning id
)
select id, false as is_resumed from made
union all
select g.id, true from report_ingestions g
where g.project_id = :project_id::uuid and g.source = :source::text and g.place = :place::text and g.closed_at is null
  and not exists (select from made)

-- name: cli_known
select f.id from report_files f where f.id = any (:ids::uuid[])

-- name: cli_watched
-- What a watcher took last under these names, so that a restart takes nothing twice.
select l.name, l.blob_sha256
from unnest(:names::text[]) as n (name)
cross join lateral (
    select f.name, f.blob_sha256
    from report_files f join report_ingestions g on g.id = f.ingestion_id
    where f.project_id = :project_id::uuid and f.name = n.name and g.source = 'watch'
    order by f.received_at desc limit 1) l

-- name: cli_receive
insert into report_files (id, project_id, ingestion_id, name, blob_sha256, blob_path, size, about)
select e.id, :project_id::uuid, :ingestion_id::uuid, e.name, e.blob_sha256, e.blob_path, e.size, :about::jsonb
from unnest(:ids::uuid[], :names::text[], :blob_sha256s::text[], :blob_paths::text[], :sizes::bigint[])
    with ordinality as e (id, name, blob_sha256, blob_path, size, ord)
order by e.ord
on conflict do nothing

-- name: cli_close
update report_ingestions set closed_at = clock_timestamp() where id = :ingestion_id::uuid and closed_at is null

-- name: cli_ingestion
select g.closed_at, g.ended_at, r.id as report_id, r.counts::text as counts,
    (select count(*) from report_files f where f.ingestion_id = g.id) as files,
    (select count(*) from report_files f where f.ingestion_id = g.id and f.status = 'received') as unread
from report_ingestions g left join generated_reports r on r.ingestion_id = g.id
where g.id = :ingestion_id::uuid

-- name: cli_readers
select count(*) as living from rowmill.workers w
where w.lease_until > clock_timestamp() and 'reports.ingest_file' = any (w.task_types)

-- name: cli_problems
select f.id, f.name, f.status, f.kind, t.name as team, f.received_at, p.line, p.reason, p.is_note
from report_files f
join teams t on t.id = f.project_id
cross join lateral jsonb_to_recordset(f.problems) as p (line int, reason text, is_note boolean)
where f.status in ('partly', 'failed') and (:team::text is null or t.name = :team::text)
  and (:ingestion_id::uuid is null or f.ingestion_id = :ingestion_id::uuid) and not p.is_note
order by f.received_at desc, f.name, p.line nulls first
limit :most::int

-- name: cli_again
-- What was said about a file before stays, unless it is said anew. The trigger has its ingestion counted anew.
with again as (
    update report_files f
    set status = 'received', about = f.about || :about::jsonb, version = nextval('rowmill.version')
    from teams t
    where t.id = f.project_id and f.status <> 'received'
      and (f.id = any (:ids::uuid[]) or :ids::uuid[] is null and f.status in ('partly', 'failed'))
      and (:team::text is null or t.name = :team::text)
    returning f.id
)
select count(*) as files from again

-- name: cli_ids
select 'organizations' as kind, o.name, o.id from organizations o where o.workspace_id = rowmill.default_workspace()
union all
select 'teams', t.name, t.id from teams t where t.workspace_id = rowmill.default_workspace()
union all
select 'reportTypes', y.name, y.id from report_types y
order by 1, 2

-- name: cli_teams
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
order by o.name, t.name

-- name: cli_types
select y.name, y.id, count(r.id) as generated, max(r.updated_at) as newest
from report_types y left join generated_reports r on r.report_type_id = y.id
group by y.id order by y.name

-- name: cli_ingestions
select g.id, t.name as team, g.source, g.place, g.started_at, g.closed_at, g.ended_at, r.counts::text as counts,
    (select count(*) from report_files f where f.ingestion_id = g.id) as files,
    (select count(*) from report_files f where f.ingestion_id = g.id and f.status = 'received') as unread
from report_ingestions g
join teams t on t.id = g.project_id
left join generated_reports r on r.ingestion_id = g.id
order by g.started_at desc
limit 10

-- name: cli_end_watched
-- A look that took nothing leaves no ingestion behind.
with empty as (
    delete from report_ingestions g
    where g.id = :ingestion_id::uuid and not exists (select from report_files f where f.ingestion_id = g.id)
)
update report_ingestions g set closed_at = clock_timestamp()
where g.id = :ingestion_id::uuid and g.closed_at is null
  and exists (select from report_files f where f.ingestion_id = g.id)

-- name: cli_generate
select e.id, e.created
from enqueue_task('reports.generate', :payload::jsonb, workspace_id => :workspace_id::uuid) e

-- name: cli_generated
select r.id, y.name as type, t.name as team, r.title, r.subject, r.first_day, r.last_day, r.counts::text as counts,
    r.markdown, r.html, r.updated_at,
    (select count(*) from report_data_links l where l.generated_report_id = r.id) as sources
from generated_reports r
join report_types y on y.id = r.report_type_id
join teams t on t.id = r.project_id
where (:id::uuid is null or r.id = :id::uuid) and (:team::text is null or t.name = :team::text)
order by r.updated_at desc, r.id
limit :most::int
