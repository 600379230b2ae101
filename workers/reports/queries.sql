Named reads, locks and writers of the reports domain. Entities are locked in the order of their `.lock` here. What hangs
on a team takes its workspace from the team (triggers.sql).

-- name: report_ingestions.lock
with held as (
    select g.id, g.version from report_ingestions g
    where g.id = any (:key::uuid[]) order by g.id for no key update skip locked
)
select i.ord, h.id is not null as held, h.version, g.xmax::text as locker
from unnest(:key::uuid[]) with ordinality as i (id, ord)
join report_ingestions g on g.id = i.id
left join held h on h.id = i.id

-- name: report_ingestions.versions
select i.ord, g.version
from unnest(:key::uuid[]) with ordinality as i (id, ord)
join report_ingestions g on g.id = i.id

-- name: report_files.lock
with held as (
    select f.id, f.version, f.status from report_files f
    where f.id = any (:key::uuid[]) order by f.id for no key update skip locked
)
select i.ord, h.id is not null as held, h.version, h.status, f.xmax::text as locker
from unnest(:key::uuid[]) with ordinality as i (id, ord)
join report_files f on f.id = i.id
left join held h on h.id = i.id

-- name: report_files.versions
select i.ord, f.version
from unnest(:key::uuid[]) with ordinality as i (id, ord)
join report_files f on f.id = i.id

-- name: daily_reports.lock
with held as (
    select d.id, d.version, d.content_sha256, d.revision from daily_reports d
    where d.id = any (:key::uuid[]) order by d.id for no key update skip locked
)
select i.ord, h.id is not null as held, h.version, h.content_sha256, h.revision, d.xmax::text as locker
from unnest(:key::uuid[]) with ordinality as i (id, ord)
join daily_reports d on d.id = i.id
left join held h on h.id = i.id

-- name: daily_reports.versions
select i.ord, d.version
from unnest(:key::uuid[]) with ordinality as i (id, ord)
join daily_reports d on d.id = i.id

-- name: meeting_transcripts.lock
with held as (
    select m.id, m.version, m.content_sha256, m.revision from meeting_transcripts m
    where m.id = any (:key::uuid[]) order by m.id for no key update skip locked
)
select i.ord, h.id is not null as held, h.version, h.content_sha256, h.revision, m.xmax::text as locker
from unnest(:key::uuid[]) with ordinality as i (id, ord)
join meeting_transcripts m on m.id = i.id
left join held h on h.id = i.id

-- name: meeting_transcripts.versions
select i.ord, m.version
from unnest(:key::uuid[]) with ordinality as i (id, ord)
join meeting_transcripts m on m.id = i.id

-- name: generated_reports.lock
with held as (
    select g.id, g.version from generated_reports g
    where g.id = any (:key::uuid[]) order by g.id for no key update skip locked
)
select i.ord, h.id is not null as held, h.version, g.xmax::text as locker
from unnest(:key::uuid[]) with ordinality as i (id, ord)
join generated_reports g on g.id = i.id
left join held h on h.id = i.id

-- name: file reads report_files
select i.ord, f.id as _target, f.version as _version, f.id, f.project_id, f.ingestion_id, f.name, f.blob_sha256,
    f.blob_path, f.size, f.about::text as about, f.status, f.received_at, f.made::text as made
from unnest(:file_id::uuid[]) with ordinality as i (file_id, ord)
join report_files f on f.id = i.file_id

-- name: daily_report reads daily_reports
-- The row that this file has written for this team, author and day, though a person may have given it others since. Else
-- the row that has them. Else version 0 of the id it will have: where a row that was corrected so has the first, the
-- file's own. And whether this text was there before.
select i.ord, coalesce(d.id, n.id) as _target, coalesce(d.version, 0) as _version, d.id, n.id as new_id,
    d.content_sha256, d.received_at, exists (
        select from report_revisions v
        where v.daily_report_id = d.id and v.content_sha256 = i.content_sha256) as is_known
from unnest(:row_id::uuid[], :own_id::uuid[], :file_id::uuid[], :project_id::uuid[], :author_name::text[],
            :report_date::date[], :content_sha256::text[])
    with ordinality as i (row_id, own_id, file_id, project_id, author_name, report_date, content_sha256, ord)
left join daily_reports k on k.project_id = i.project_id and k.author_name = i.author_name
    and k.report_date = i.report_date
left join lateral (
    select o.id, o.id = i.own_id or o.file_id = i.file_id or exists (
        select from report_revisions v where v.daily_report_id = o.id and v.file_id = i.file_id) as is_ours
    from daily_reports o where o.id in (i.row_id, i.own_id)
    order by is_ours desc, o.id = i.own_id desc limit 1) c on true
left join daily_reports d on d.id = coalesce(case when c.is_ours then c.id end, k.id)
cross join lateral (select case when c.id is null then i.row_id else i.own_id end as id) n

-- name: transcript reads meeting_transcripts
-- The same for a team, a file name and a day.
select i.ord, coalesce(m.id, n.id) as _target, coalesce(m.version, 0) as _version, m.id, n.id as new_id,
    m.content_sha256, m.received_at, exists (
        select from report_revisions v
        where v.meeting_transcript_id = m.id and v.content_sha256 = i.content_sha256) as is_known
from unnest(:row_id::uuid[], :own_id::uuid[], :file_id::uuid[], :project_id::uuid[], :filename::text[],
            :transcript_date::date[], :content_sha256::text[])
    with ordinality as i (row_id, own_id, file_id, project_id, filename, transcript_date, content_sha256, ord)
left join meeting_transcripts k on k.project_id = i.project_id and k.filename = i.filename
    and k.transcript_date = i.transcript_date
left join lateral (
    select o.id, o.id = i.own_id or o.file_id = i.file_id or exists (
        select from report_revisions v where v.meeting_transcript_id = o.id and v.file_id = i.file_id) as is_ours
    from meeting_transcripts o where o.id in (i.row_id, i.own_id)
    order by is_ours desc, o.id = i.own_id desc limit 1) c on true
left join meeting_transcripts m on m.id = coalesce(case when c.is_ours then c.id end, k.id)
cross join lateral (select case when c.id is null then i.row_id else i.own_id end as id) n

-- name: daily_report_of_file reads daily_reports
-- The row, where no other file has written it since.
select i.ord, d.id as _target, d.version as _version, d.id
from unnest(:row_id::uuid[], :file_id::uuid[]) with ordinality as i (row_id, file_id, ord)
join daily_reports d on d.id = i.row_id and d.file_id = i.file_id

-- name: transcript_of_file reads meeting_transcripts
select i.ord, m.id as _target, m.version as _version, m.id
from unnest(:row_id::uuid[], :file_id::uuid[]) with ordinality as i (row_id, file_id, ord)
join meeting_transcripts m on m.id = i.row_id and m.file_id = i.file_id

-- name: ingestion reads report_ingestions
-- No file of it is read twice for this: the partial index holds those that wait.
select i.ord, g.id as _target, g.version as _version, g.id, g.closed_at, g.ended_at, u.unread
from unnest(:ingestion_id::uuid[]) with ordinality as i (ingestion_id, ord)
join report_ingestions g on g.id = i.ingestion_id
cross join lateral (
    select count(*) as unread from (
        select from report_files f where f.ingestion_id = g.id and f.status = 'received' limit 1000) few) u

-- name: files_without_task reads report_files
-- Files of the ingestion that nobody will read any more: no live task names them. Each branch has an index of the queue.
with live as materialized (
    select t.payload ->> 'file_id' as file_id from task_queue t
    where t.task_type = 'reports.ingest_file' and t.status = 'pending' and t.crashes < 2 and t.concurrency_key is null
    union all
    select t.payload ->> 'file_id' from task_queue t
    where t.task_type = 'reports.ingest_file' and t.status = 'pending' and t.crashes < 2 and t.concurrency_key >= ''
    union all
    select t.payload ->> 'file_id' from task_queue t
    where t.task_type = 'reports.ingest_file' and t.status = 'pending' and t.crashes >= 2
    union all
    select t.payload ->> 'file_id' from task_queue t
    where t.task_type = 'reports.ingest_file' and t.status = 'processing' and t.worker_id is not null
    union all
    select t.payload ->> 'file_id' from rowmill.waits w join task_queue t on t.id = w.task_id
    where t.task_type = 'reports.ingest_file' and t.status = 'waiting'
)
select i.ord, f.id as _target, f.version as _version, f.id, f.project_id, f.blob_sha256, f.blob_path, f.received_at,
    f.made::text as made
from unnest(:ingestion_id::uuid[]) with ordinality as i (ingestion_id, ord)
cross join lateral (
    select * from report_files f
    where f.ingestion_id = i.ingestion_id and f.status = 'received'
      and f.id::text not in (select lower(l.file_id) from live l where l.file_id is not null)
    order by f.id limit 500) f

-- name: open_ingestion
insert into report_ingestions (id, project_id, source, place, closed_at)
select e.id, e.project_id, e.source, e.place, case when e.closed then clock_timestamp() end
from unnest(:ingestion_id::uuid[], :project_id::uuid[], :source::text[], :place::text[], :closed::bool[])
    as e (id, project_id, source, place, closed)
order by e.id

-- name: receive
insert into report_files (id, project_id, ingestion_id, name, blob_sha256, blob_path, size, about)
select e.id, g.project_id, g.id, e.name, e.blob_sha256, e.blob_path, e.size, e.about
from unnest(:file_id::uuid[], :ingestion_id::uuid[], :name::text[], :blob_sha256::text[], :blob_path::text[],
            :size::bigint[], :about::jsonb[])
    with ordinality as e (id, ingestion_id, name, blob_sha256, blob_path, size, about, ord)
join report_ingestions g on g.id = e.ingestion_id
order by e.ord
on conflict do nothing

-- name: receive.audit
insert into audit_events (workspace_id, entity, entity_id, action, after, task_id, run_no, user_id, command_id)
select e.workspace_id, 'report_file', e.id, 'receive', jsonb_build_object('name', e.name, 'sha256', e.sha256), e.task_id,
    e.run_no, e.user_id, e.command_id
from unnest(:workspace_id::uuid[], :file_id::uuid[], :name::text[], :blob_sha256::text[], :task_id::uuid[],
            :run_no::bigint[], :user_id::uuid[], :command_id::uuid[])
    as e (workspace_id, id, name, sha256, task_id, run_no, user_id, command_id)

-- name: save_daily_report.insert
with made as (
    insert into daily_reports (id, project_id, author_name, report_date, content, content_sha256, blob_sha256, blob_path,
        file_id, received_at)
    select e.id, e.project_id, e.author_name, e.report_date, e.content, e.content_sha256, e.blob_sha256, e.blob_path,
        e.file_id, e.received_at
    from unnest(:row_id::uuid[], :project_id::uuid[], :author_name::text[], :report_date::date[], :content::text[],
                :content_sha256::text[], :blob_sha256::text[], :blob_path::text[], :file_id::uuid[],
                :received_at::timestamptz[])
        as e (id, project_id, author_name, report_date, content, content_sha256, blob_sha256, blob_path, file_id,
              received_at)
    order by e.id
    on conflict do nothing
    returning id
)
select i.ord from unnest(:row_id::uuid[]) with ordinality as i (id, ord) join made m on m.id = i.id

-- name: save_daily_report
-- The triggers count the revision and keep the text that was there.
update daily_reports d
set content = e.content, content_sha256 = e.content_sha256, blob_sha256 = e.blob_sha256, blob_path = e.blob_path,
    file_id = e.file_id, received_at = e.received_at
from unnest(:row_id::uuid[], :content::text[], :content_sha256::text[], :blob_sha256::text[], :blob_path::text[],
            :file_id::uuid[], :received_at::timestamptz[])
    as e (id, content, content_sha256, blob_sha256, blob_path, file_id, received_at)
where d.id = e.id

-- name: save_daily_report.audit
insert into audit_events (workspace_id, entity, entity_id, action, before, after, task_id, run_no, user_id, command_id)
select t.workspace_id, 'daily_report', e.id, case when e.old_sha256 is null then 'add' else 'revise' end,
    case when e.old_sha256 is not null then jsonb_build_object('sha256', e.old_sha256) end,
    jsonb_build_object('sha256', e.sha256, 'file_id', e.file_id, 'author', e.author, 'day', e.day), e.task_id, e.run_no,
    e.user_id, e.command_id
from unnest(:row_id::uuid[], :project_id::uuid[], :before_content_sha256::text[], :content_sha256::text[],
            :file_id::uuid[], :author_name::text[], :report_date::date[], :task_id::uuid[], :run_no::bigint[],
            :user_id::uuid[], :command_id::uuid[])
    as e (id, project_id, old_sha256, sha256, file_id, author, day, task_id, run_no, user_id, command_id)
join teams t on t.id = e.project_id

-- name: save_transcript.insert
with made as (
    insert into meeting_transcripts (id, project_id, filename, transcript_date, title, content, content_sha256, speakers,
        duration_s, blob_sha256, blob_path, file_id, received_at)
    select e.id, e.project_id, e.filename, e.transcript_date, e.title, e.content, e.content_sha256, e.speakers,
        e.duration_s, e.blob_sha256, e.blob_path, e.file_id, e.received_at
    from unnest(:row_id::uuid[], :project_id::uuid[], :filename::text[], :transcript_date::date[], :title::text[],
                :content::text[], :content_sha256::text[], :speakers::jsonb[], :duration_s::int[], :blob_sha256::text[],
                :blob_path::text[], :file_id::uuid[], :received_at::timestamptz[])
        as e (id, project_id, filename, transcript_date, title, content, content_sha256, speakers, duration_s,
              blob_sha256, blob_path, file_id, received_at)
    order by e.id
    on conflict do nothing
    returning id
)
select i.ord from unnest(:row_id::uuid[]) with ordinality as i (id, ord) join made m on m.id = i.id

-- name: save_transcript
update meeting_transcripts m
set title = e.title, content = e.content, content_sha256 = e.content_sha256, speakers = e.speakers,
    duration_s = e.duration_s, blob_sha256 = e.blob_sha256, blob_path = e.blob_path, file_id = e.file_id,
    received_at = e.received_at
from unnest(:row_id::uuid[], :title::text[], :content::text[], :content_sha256::text[], :speakers::jsonb[],
            :duration_s::int[], :blob_sha256::text[], :blob_path::text[], :file_id::uuid[], :received_at::timestamptz[])
    as e (id, title, content, content_sha256, speakers, duration_s, blob_sha256, blob_path, file_id, received_at)
where m.id = e.id

-- name: save_transcript.audit
insert into audit_events (workspace_id, entity, entity_id, action, before, after, task_id, run_no, user_id, command_id)
select t.workspace_id, 'meeting_transcript', e.id, case when e.old_sha256 is null then 'add' else 'revise' end,
    case when e.old_sha256 is not null then jsonb_build_object('sha256', e.old_sha256) end,
    jsonb_build_object('sha256', e.sha256, 'file_id', e.file_id, 'filename', e.filename, 'day', e.day), e.task_id,
    e.run_no, e.user_id, e.command_id
from unnest(:row_id::uuid[], :project_id::uuid[], :before_content_sha256::text[], :content_sha256::text[],
            :file_id::uuid[], :filename::text[], :transcript_date::date[], :task_id::uuid[], :run_no::bigint[],
            :user_id::uuid[], :command_id::uuid[])
    as e (id, project_id, old_sha256, sha256, file_id, filename, day, task_id, run_no, user_id, command_id)
join teams t on t.id = e.project_id

-- name: keep_older
insert into report_revisions (workspace_id, daily_report_id, meeting_transcript_id, content, content_sha256, blob_sha256,
    blob_path, file_id, received_at)
select f.workspace_id, case when e.source = 'daily_report' then e.row_id end,
    case when e.source = 'transcript' then e.row_id end, e.content, e.content_sha256, e.blob_sha256, e.blob_path,
    e.file_id, e.received_at
from unnest(:source::text[], :row_id::uuid[], :content::text[], :content_sha256::text[], :blob_sha256::text[],
            :blob_path::text[], :file_id::uuid[], :received_at::timestamptz[])
    as e (source, row_id, content, content_sha256, blob_sha256, blob_path, file_id, received_at)
join report_files f on f.id = e.file_id
on conflict do nothing

-- name: add_jira_snapshot
-- The id is made of the file's, so reading a file again adds nothing, and healing it replaces what was read wrongly.
insert into jira_snapshots (id, project_id, week_start, week_end, issues, epics, blob_sha256, blob_path, file_id)
select e.id, e.project_id, e.week_start, e.week_end, e.issues, e.epics, e.blob_sha256, e.blob_path, e.file_id
from unnest(:row_id::uuid[], :project_id::uuid[], :week_start::date[], :week_end::date[], :issues::int[], :epics::int[],
            :blob_sha256::text[], :blob_path::text[], :file_id::uuid[])
    as e (id, project_id, week_start, week_end, issues, epics, blob_sha256, blob_path, file_id)
order by e.id
on conflict (id) do update
set week_start = excluded.week_start, week_end = excluded.week_end, issues = excluded.issues, epics = excluded.epics

-- name: add_slack_capture
insert into slack_captures (id, project_id, channel, week_start, week_end, messages, redacted, blob_sha256, blob_path,
    file_id)
select e.id, e.project_id, e.channel, e.week_start, e.week_end, e.messages, e.redacted, e.blob_sha256, e.blob_path,
    e.file_id
from unnest(:row_id::uuid[], :project_id::uuid[], :channel::text[], :week_start::date[], :week_end::date[],
            :messages::int[], :redacted::int[], :blob_sha256::text[], :blob_path::text[], :file_id::uuid[])
    as e (id, project_id, channel, week_start, week_end, messages, redacted, blob_sha256, blob_path, file_id)
order by e.id
on conflict (id) do update
set week_start = excluded.week_start, week_end = excluded.week_end, messages = excluded.messages,
    redacted = excluded.redacted, blob_sha256 = excluded.blob_sha256, blob_path = excluded.blob_path

-- name: withdraw_daily_report
-- Another file's text that stood there before shows again; where there is none, the row goes.
with before as (
    select e.row_id, v.*
    from unnest(:row_id::uuid[], :file_id::uuid[]) as e (row_id, taken_from)
    left join lateral (
        select v.content, v.content_sha256, v.blob_sha256, v.blob_path, v.file_id, v.received_at from report_revisions v
        where v.daily_report_id = e.row_id and v.file_id is distinct from e.taken_from
        order by v.received_at desc limit 1) v on true
), back as (
    update daily_reports t
    set content = b.content, content_sha256 = b.content_sha256, blob_sha256 = b.blob_sha256, blob_path = b.blob_path,
        file_id = b.file_id, received_at = b.received_at
    from before b where t.id = b.row_id and b.content is not null
)
delete from daily_reports t using before b where t.id = b.row_id and b.content is null

-- name: withdraw_daily_report.audit
insert into audit_events (workspace_id, entity, entity_id, action, before, task_id, run_no, user_id, command_id)
select f.workspace_id, 'daily_report', e.row_id, 'withdraw', jsonb_build_object('file_id', e.file_id), e.task_id,
    e.run_no, e.user_id, e.command_id
from unnest(:row_id::uuid[], :file_id::uuid[], :task_id::uuid[], :run_no::bigint[], :user_id::uuid[],
            :command_id::uuid[])
    as e (row_id, file_id, task_id, run_no, user_id, command_id)
join report_files f on f.id = e.file_id

-- name: withdraw_transcript
-- Another file's text that stood there before shows again; where there is none, the row goes.
with before as (
    select e.row_id, v.*
    from unnest(:row_id::uuid[], :file_id::uuid[]) as e (row_id, taken_from)
    left join lateral (
        select v.content, v.content_sha256, v.blob_sha256, v.blob_path, v.file_id, v.received_at from report_revisions v
        where v.meeting_transcript_id = e.row_id and v.file_id is distinct from e.taken_from
        order by v.received_at desc limit 1) v on true
), back as (
    update meeting_transcripts t
    set content = b.content, content_sha256 = b.content_sha256, blob_sha256 = b.blob_sha256, blob_path = b.blob_path,
        file_id = b.file_id, received_at = b.received_at
    from before b where t.id = b.row_id and b.content is not null
)
delete from meeting_transcripts t using before b where t.id = b.row_id and b.content is null

-- name: withdraw_transcript.audit
insert into audit_events (workspace_id, entity, entity_id, action, before, task_id, run_no, user_id, command_id)
select f.workspace_id, 'meeting_transcript', e.row_id, 'withdraw', jsonb_build_object('file_id', e.file_id), e.task_id,
    e.run_no, e.user_id, e.command_id
from unnest(:row_id::uuid[], :file_id::uuid[], :task_id::uuid[], :run_no::bigint[], :user_id::uuid[],
            :command_id::uuid[])
    as e (row_id, file_id, task_id, run_no, user_id, command_id)
join report_files f on f.id = e.file_id

-- name: withdraw_captures
-- No other file writes them: their ids are made of this one's.
with listed as (
    select e.file_id, r.id::uuid as id
    from unnest(:file_id::uuid[], :rows::jsonb[]) as e (file_id, rows)
    cross join lateral jsonb_array_elements_text(e.rows) r (id)
), jira_gone as (
    delete from jira_snapshots j using listed l where j.id = l.id and j.file_id = l.file_id
)
delete from slack_captures s using listed l where s.id = l.id and s.file_id = l.file_id

-- name: withdraw_captures.audit
insert into audit_events (workspace_id, entity, entity_id, action, before, task_id, run_no, user_id, command_id)
select f.workspace_id, 'report_file', e.file_id, 'withdraw', e.rows, e.task_id, e.run_no, e.user_id, e.command_id
from unnest(:file_id::uuid[], :rows::jsonb[], :task_id::uuid[], :run_no::bigint[], :user_id::uuid[],
            :command_id::uuid[])
    as e (file_id, rows, task_id, run_no, user_id, command_id)
join report_files f on f.id = e.file_id

-- name: end_file
update report_files f
set status = e.status, kind = e.kind, encoding = e.encoding, counts = e.counts, made = e.made, problems = e.problems,
    read_at = clock_timestamp(), version = nextval('rowmill.version')
from unnest(:file_id::uuid[], :status::text[], :kind::text[], :encoding::text[], :counts::jsonb[], :made::jsonb[],
            :problems::jsonb[]) as e (id, status, kind, encoding, counts, made, problems)
where f.id = e.id

-- name: read_again
-- The trigger has its ingestion counted anew.
update report_files f
set status = 'received', about = coalesce(e.about, f.about), version = nextval('rowmill.version')
from unnest(:file_id::uuid[], :about::jsonb[]) as e (id, about)
where f.id = e.id and f.status <> 'received'

-- name: read_again.audit
insert into audit_events (workspace_id, entity, entity_id, action, before, after, task_id, run_no, user_id, command_id)
select f.workspace_id, 'report_file', e.id, 'read_again', jsonb_build_object('status', e.status), e.about, e.task_id,
    e.run_no, e.user_id, e.command_id
from unnest(:file_id::uuid[], :before_status::text[], :about::jsonb[], :task_id::uuid[], :run_no::bigint[],
            :user_id::uuid[], :command_id::uuid[])
    as e (id, status, about, task_id, run_no, user_id, command_id)
join report_files f on f.id = e.id

-- name: end_ingestion
-- What all of its files made, in one row with links to every source; counted anew it replaces itself.
with ended as (
    update report_ingestions g set ended_at = clock_timestamp(), version = nextval('rowmill.version')
    from unnest(:ingestion_id::uuid[]) as e (id) where g.id = e.id
    returning g.id, g.project_id, g.workspace_id, g.place, g.source
), counted as (
    select g.id, jsonb_object_agg(c.name, c.number) as counts
    from ended g
    cross join lateral (
        select c.key as name, sum(c.value::bigint) as number
        from report_files f cross join lateral jsonb_each_text(f.counts) c where f.ingestion_id = g.id group by 1
        union all select 'files', count(*) from report_files f where f.ingestion_id = g.id
        union all
        select 'files_' || f.status, count(*) from report_files f where f.ingestion_id = g.id group by 1
        union all
        select 'bytes', coalesce(sum(f.size), 0) from report_files f where f.ingestion_id = g.id) c
    group by g.id
), written as (
    insert into generated_reports (id, project_id, ingestion_id, title, counts)
    select gen_random_uuid(), g.project_id, g.id, 'Ingestion of ' || coalesce(nullif(g.place, ''), g.source), c.counts
    from ended g join counted c on c.id = g.id
    on conflict (ingestion_id) do update
    set counts = excluded.counts, version = nextval('rowmill.version')
    returning id, ingestion_id, workspace_id
)
insert into report_data_links (workspace_id, generated_report_id, daily_report_id, meeting_transcript_id,
    jira_snapshot_id, slack_capture_id)
select distinct w.workspace_id, w.id, d.id, m.id, j.id, s.id
from written w
join report_files f on f.ingestion_id = w.ingestion_id
cross join lateral jsonb_each(f.made) k
cross join lateral jsonb_array_elements_text(k.value) r (id)
left join daily_reports d on k.key = 'daily_reports' and d.id = r.id::uuid
left join meeting_transcripts m on k.key = 'meeting_transcripts' and m.id = r.id::uuid
left join jira_snapshots j on k.key = 'jira_snapshots' and j.id = r.id::uuid
left join slack_captures s on k.key = 'slack_captures' and s.id = r.id::uuid
where num_nonnulls(d.id, m.id, j.id, s.id) = 1
on conflict do nothing
