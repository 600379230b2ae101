Full text search over daily reports and transcripts, by passages: a text of any length is found to its end.

-- name: search
-- The best passage of each text, best first; around the hits U+E000 and U+E001, which no text can have meant. The words
-- are asked for once in each language that a team has.
with asked as (
    select l.search_language, websearch_to_tsquery(l.search_language::regconfig, :query::text) as query
    from (select distinct t.search_language from teams t) l
), hits as (
    select p.daily_report_id, p.meeting_transcript_id, p.project_id, p.day, p.first_character, a.search_language, a.query,
        ts_rank_cd(p.words, a.query, 1) as rank
    from asked a join report_passages p on p.words @@ a.query and p.search_language = a.search_language
    where (:workspaces::uuid[] is null or p.workspace_id = any (:workspaces::uuid[]))
      and (:project_id::uuid is null or p.project_id = :project_id::uuid)
      and (:first_day::date is null or p.day >= :first_day::date)
      and (:last_day::date is null or p.day <= :last_day::date)
      and (:kind::text is null or (:kind::text = 'daily') = (p.daily_report_id is not null))
), texts as (
    select distinct on (coalesce(h.daily_report_id, h.meeting_transcript_id)) h.*
    from hits h order by coalesce(h.daily_report_id, h.meeting_transcript_id), h.rank desc, h.first_character
), best as (
    select x.*, count(*) over () as total from texts x
    order by x.rank desc, x.day desc, coalesce(x.daily_report_id, x.meeting_transcript_id)
    limit :most::int offset :skip::int
)
select case when b.daily_report_id is null then 'transcript' else 'daily' end as kind,
    coalesce(b.daily_report_id, b.meeting_transcript_id) as id, t.name as team, b.day,
    coalesce(d.author_name, nullif(m.title, ''), m.filename) as name, b.rank::float8 as rank, b.total,
    ts_headline(b.search_language::regconfig,
        translate(substr(coalesce(d.content, m.content), b.first_character, 8200), U&'\E000\E001', ''), b.query,
        U&'StartSel=\E000, StopSel=\E001, MaxFragments=2, MaxWords=30, MinWords=12, FragmentDelimiter=" … "') as around
from best b
join teams t on t.id = b.project_id
left join daily_reports d on d.id = b.daily_report_id
left join meeting_transcripts m on m.id = b.meeting_transcript_id
order by b.rank desc, b.day desc, id
