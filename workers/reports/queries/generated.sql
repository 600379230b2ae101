What generated reports are written from, and how they are stored.

-- name: team
select i.ord, t.id, t.name, t.workspace_id, y.id as report_type_id
from unnest(:project_id::uuid[], :report_type::text[]) with ordinality as i (project_id, report_type, ord)
join teams t on t.id = i.project_id
left join report_types y on y.name = i.report_type

-- name: daily_of_team
-- Long texts are cut: a digest repeats their first points.
select i.ord, d.id, d.author_name, d.report_date, left(d.content, 20000) as content, d.revision
from unnest(:project_id::uuid[], :first_day::date[], :last_day::date[])
    with ordinality as i (project_id, first_day, last_day, ord)
join daily_reports d on d.project_id = i.project_id and d.report_date between i.first_day and i.last_day
order by i.ord, d.report_date, d.author_name

-- name: transcripts_of_team
select i.ord, m.id, m.filename, m.title, m.transcript_date, m.duration_s,
    array(select jsonb_array_elements_text(m.speakers)) as speakers
from unnest(:project_id::uuid[], :first_day::date[], :last_day::date[])
    with ordinality as i (project_id, first_day, last_day, ord)
join meeting_transcripts m on m.project_id = i.project_id and m.transcript_date between i.first_day and i.last_day
order by i.ord, m.transcript_date, m.filename

-- name: jira_of_team
-- The newest snapshot of each week that meets the days.
select i.ord, j.id, j.week_start, j.week_end, j.issues, j.epics
from unnest(:project_id::uuid[], :first_day::date[], :last_day::date[])
    with ordinality as i (project_id, first_day, last_day, ord)
cross join lateral (
    select distinct on (j.week_start, j.week_end) j.* from jira_snapshots j
    where j.project_id = i.project_id and j.week_start <= i.last_day and j.week_end >= i.first_day
    order by j.week_start, j.week_end, j.created_at desc, j.id) j
order by i.ord, j.week_start

-- name: slack_of_team
select i.ord, s.id, s.channel, s.week_start, s.week_end, s.messages
from unnest(:project_id::uuid[], :first_day::date[], :last_day::date[])
    with ordinality as i (project_id, first_day, last_day, ord)
cross join lateral (
    select distinct on (s.week_start, s.channel) s.* from slack_captures s
    where s.project_id = i.project_id and s.week_start <= i.last_day and s.week_end >= i.first_day
    order by s.week_start, s.channel, s.created_at desc, s.id) s
order by i.ord, s.week_start, s.channel

-- name: authors_of_team
-- Who has reported in the four weeks before the last day, or in the days.
select i.ord, d.author_name
from unnest(:project_id::uuid[], :first_day::date[], :last_day::date[])
    with ordinality as i (project_id, first_day, last_day, ord)
cross join lateral (
    select distinct d.author_name from daily_reports d
    where d.project_id = i.project_id and d.report_date between least(i.first_day, i.last_day - 28) and i.last_day) d
order by i.ord, d.author_name

-- name: generated reads generated_reports
select i.ord, coalesce(g.id, i.row_id) as _target, coalesce(g.version, 0) as _version, g.id
from unnest(:row_id::uuid[], :project_id::uuid[], :report_type::text[], :subject::text[], :first_day::date[],
            :last_day::date[])
    with ordinality as i (row_id, project_id, report_type, subject, first_day, last_day, ord)
left join generated_reports g on g.project_id = i.project_id and g.subject = i.subject and g.first_day = i.first_day
    and g.last_day = i.last_day and g.report_type_id = (select y.id from report_types y where y.name = i.report_type)

-- name: generated_reports.versions
select i.ord, g.version
from unnest(:key::uuid[]) with ordinality as i (id, ord)
join generated_reports g on g.id = i.id

-- name: save_generated.insert
with made as (
    insert into generated_reports (id, project_id, report_type_id, title, subject, first_day, last_day, markdown, html,
        counts)
    select e.id, e.project_id, y.id, e.title, e.subject, e.first_day, e.last_day, e.markdown, e.html, e.counts
    from unnest(:row_id::uuid[], :project_id::uuid[], :report_type::text[], :title::text[], :subject::text[],
                :first_day::date[], :last_day::date[], :markdown::text[], :html::text[], :counts::jsonb[])
        as e (id, project_id, report_type, title, subject, first_day, last_day, markdown, html, counts)
    join report_types y on y.name = e.report_type
    order by e.id
    on conflict do nothing
    returning id
)
select i.ord from unnest(:row_id::uuid[]) with ordinality as i (id, ord) join made m on m.id = i.id

-- name: save_generated
update generated_reports g
set title = e.title, markdown = e.markdown, html = e.html, counts = e.counts, version = nextval('rowmill.version')
from unnest(:row_id::uuid[], :title::text[], :markdown::text[], :html::text[], :counts::jsonb[])
    as e (id, title, markdown, html, counts)
where g.id = e.id and (g.markdown, g.title) is distinct from (e.markdown, e.title)

-- name: save_generated.audit
insert into audit_events (workspace_id, entity, entity_id, action, after, task_id, run_no, user_id, command_id)
select t.workspace_id, 'generated_report', e.id, 'generate', jsonb_build_object('title', e.title, 'counts', e.counts),
    e.task_id, e.run_no, e.user_id, e.command_id
from unnest(:row_id::uuid[], :project_id::uuid[], :title::text[], :counts::jsonb[], :task_id::uuid[], :run_no::bigint[],
            :user_id::uuid[], :command_id::uuid[])
    as e (id, project_id, title, counts, task_id, run_no, user_id, command_id)
join teams t on t.id = e.project_id

-- name: link_sources
-- Stands behind the report it links. What is linked already stays as it is.
with wanted as (
    select e.generated_report_id, g.workspace_id, d.id as daily_report_id, m.id as meeting_transcript_id,
        j.id as jira_snapshot_id, s.id as slack_capture_id
    from unnest(:generated_report_id::uuid[], :sources::jsonb[]) as e (generated_report_id, sources)
    join generated_reports g on g.id = e.generated_report_id
    cross join lateral jsonb_each(e.sources) k
    cross join lateral jsonb_array_elements_text(k.value) r (id)
    left join daily_reports d on k.key = 'daily_reports' and d.id = r.id::uuid
    left join meeting_transcripts m on k.key = 'meeting_transcripts' and m.id = r.id::uuid
    left join jira_snapshots j on k.key = 'jira_snapshots' and j.id = r.id::uuid
    left join slack_captures s on k.key = 'slack_captures' and s.id = r.id::uuid
    where num_nonnulls(d.id, m.id, j.id, s.id) = 1
), gone as (
    delete from report_data_links l
    where l.generated_report_id = any (:generated_report_id::uuid[])
      and not exists (
        select from wanted w
        where w.generated_report_id = l.generated_report_id
          and coalesce(w.daily_report_id, w.meeting_transcript_id, w.jira_snapshot_id, w.slack_capture_id)
            = coalesce(l.daily_report_id, l.meeting_transcript_id, l.jira_snapshot_id, l.slack_capture_id))
)
insert into report_data_links (workspace_id, generated_report_id, daily_report_id, meeting_transcript_id,
    jira_snapshot_id, slack_capture_id)
select w.workspace_id, w.generated_report_id, w.daily_report_id, w.meeting_transcript_id, w.jira_snapshot_id,
    w.slack_capture_id
from wanted w
on conflict do nothing

-- name: ask_report
insert into task_queue (id, task_type, payload, workspace_id)
select e.id, 'reports.generate', e.payload, e.workspace_id
from unnest(:task_id_made::uuid[], :workspace_id_of::uuid[], :payload::jsonb[]) as e (id, workspace_id, payload)

-- name: ask_report.audit
insert into audit_events (workspace_id, entity, entity_id, action, after, user_id, command_id)
select e.workspace_id, 'task', e.id, 'enqueue', e.payload, e.user_id, e.command_id
from unnest(:task_id_made::uuid[], :workspace_id_of::uuid[], :payload::jsonb[], :user_id::uuid[], :command_id::uuid[])
    as e (id, workspace_id, payload, user_id, command_id)
