What the live feed reads. A place in the feed is a snapshot `since`: what it did not see is still to come. That is
whatever was under way then (`xip`) or began later (`>= xmax`); both are probes of an index, so a transaction that has
been open for hours costs nothing. Cursors by id or time would miss whoever commits late.

-- name: feed_changes
-- The next changes of each place, and the snapshot they are from: one statement, so no change can fall in between.
-- A place in the middle of a backlog also has `upto`, the snapshot it is catching up to, and the last change it was
-- given; what lies between two snapshots is a fixed set, whichever snapshot reads it. Rows that came with a restore carry
-- the transactions of another server: what is older than the last `rowmill recovered` is history and never news.
select i.ord, (select pg_current_snapshot()::text) as snapshot, (select public.spreadsheets_feed_epoch()) as epoch,
    extract(epoch from clock_timestamp())::bigint as now, e.xact_id::text as xact_id, e.id, e.action, e.cell_id,
    e.column_id, e.row_number, e.old_content, e.new_content, e.found, e.edit_type, e.details::text as details, e.user_id,
    e.task_id, e.run_no, e.sql_user, e.created_at,
    c.id is not null as exists, c.content, c.formatted_content::text as formatted_content, c.cell_type, c.version
from unnest(:spreadsheet_id::uuid[], :since::text[], :upto::text[], :after_xact::text[], :after_id::uuid[])
    with ordinality as i (spreadsheet_id, since, upto, after_xact, after_id, ord)
cross join lateral (
    select i.since::pg_snapshot as since, coalesce(i.upto::pg_snapshot, pg_current_snapshot()) as upto,
        i.after_xact::xid8 as xact_id, array(select pg_snapshot_xip(i.since::pg_snapshot)) as under_way,
        coalesce((select max(r.at) from rowmill.recoveries r where r.recovery_no > 0), '-infinity') as restored_at) p
left join lateral (
  select f.* from (
    select e.*, count(*) over () as found,
        sum(octet_length(coalesce(e.old_content, '')) + octet_length(coalesce(e.new_content, '')))
            over (order by e.xact_id, e.id rows between unbounded preceding and 1 preceding) as bytes_before
    from (
        (select v.xact_id, v.id, 'cell' as action, v.cell_id, v.column_id, v.row_number, v.old_content, v.new_content,
            v.edit_type, null::jsonb as details, v.user_id, v.task_id, v.run_no, v.sql_user, v.created_at
         from cell_edit_events v
         where v.spreadsheet_id = i.spreadsheet_id and v.xact_id = any (p.under_way)
           and v.xact_id >= p.xact_id and (v.xact_id, v.id) > (p.xact_id, i.after_id)
           and pg_visible_in_snapshot(v.xact_id, p.upto)
         order by v.xact_id, v.id limit :most::int)
        union all
        (select v.xact_id, v.id, 'cell', v.cell_id, v.column_id, v.row_number, v.old_content, v.new_content,
            v.edit_type, null, v.user_id, v.task_id, v.run_no, v.sql_user, v.created_at
         from cell_edit_events v
         where v.spreadsheet_id = i.spreadsheet_id and v.xact_id >= pg_snapshot_xmax(p.since)
           and v.xact_id < pg_snapshot_xmax(p.upto) and v.created_at > p.restored_at
           and v.xact_id >= p.xact_id and (v.xact_id, v.id) > (p.xact_id, i.after_id)
           and pg_visible_in_snapshot(v.xact_id, p.upto)
         order by v.xact_id, v.id limit :most::int)
        union all
        (select s.xact_id, s.id, s.action, null, s.column_id, null, null, null, null, s.after, s.user_id, s.task_id,
            s.run_no, s.sql_user, s.created_at
         from sheet_edit_events s
         where s.spreadsheet_id = i.spreadsheet_id
           and (s.xact_id = any (p.under_way)
                or s.xact_id >= pg_snapshot_xmax(p.since) and s.xact_id < pg_snapshot_xmax(p.upto))
           and s.created_at > p.restored_at
           and (s.xact_id, s.id) > (p.xact_id, i.after_id)
           and pg_visible_in_snapshot(s.xact_id, p.upto)
         order by s.xact_id, s.id limit :most::int)
        order by xact_id, id limit :most::int
    ) e
  ) f
  where coalesce(f.bytes_before, 0) < :most_bytes::int) e on true
left join lateral (select c.* from cells c where c.id = e.cell_id limit 1) c on true
order by i.ord, e.xact_id, e.id

-- name: feed_start
-- Where whoever joins now stands, and whether a place of before can be gone on from: a snapshot of another history or
-- from the future cannot.
select pg_current_snapshot()::text as snapshot, public.spreadsheets_feed_epoch() as epoch,
    pg_snapshot_xmax(pg_current_snapshot())::text as xmax, extract(epoch from clock_timestamp())::bigint as now
