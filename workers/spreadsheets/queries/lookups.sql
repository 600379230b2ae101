A column of lookups, as sets: one statement compares all of its cells with what they should show.

-- name: lookup_sources
-- The columns that a column looks up in, where they are in its workspace.
select i.ord, n.id as column_id, n.spreadsheet_id, n.title
from unnest(:column_id::uuid[]) with ordinality as i (column_id, ord)
join sheet_columns k on k.id = i.column_id
join spreadsheets s on s.id = k.spreadsheet_id
join sheet_columns n on n.id::text in (lower(k.config ->> 'match'), lower(k.config ->> 'value')) and n.deleted_at is null
join spreadsheets o on o.id = n.spreadsheet_id and o.deleted_at is null and o.workspace_id = s.workspace_id

-- name: lookup_differences
-- The next cells below a row that show otherwise than they should, with what they should show; where there is no cell yet,
-- its place. A key that stands in several rows is found in the first of them. `match` and `value` come from the configuration
-- as it was checked, null where there is a problem: read from its text they would find no index.
select i.ord, d.row_number, d.cell_id, d.spreadsheet_id, d.input, d.content, d.cell_type, d.error, d.note
from unnest(:column_id::uuid[], :match::uuid[], :value::uuid[], :after_row::int[], :missing::text[], :problem::text[],
            :most::int[]) with ordinality as i (column_id, match, value, after_row, missing, problem, most, ord)
join sheet_columns k on k.id = i.column_id
cross join lateral (
    with found as materialized (
        select distinct on (v.key) v.key, v.row_number, count(*) over (partition by v.key) as times
        from (select c.row_number,
                  lower(btrim(spreadsheets_read_value(c.content, c.formatted_content, c.cell_type, c.is_formula))) as key
              from cells c where c.column_id = i.match) v
        where v.key <> ''
        order by v.key, v.row_number
    ), asked as (
        select n.row_number,
            spreadsheets_read_value(n.content, n.formatted_content, n.cell_type, n.is_formula) as input
        from column_inputs p
        join cells n on n.column_id = p.input_column_id and n.row_number > i.after_row
        where p.column_id = k.id and p.ordinal = 1
    ), wanted as (
        select a.row_number, a.input, f.times,
            case when i.problem is not null then null
                 when f.key is null then i.missing
                 else spreadsheets_read_value(v.content, v.formatted_content, v.cell_type, v.is_formula) end as content,
            case when i.problem is not null then i.problem
                 when f.key is null and i.missing is null then 'This is not in the column that is looked up.'
                 when v.cell_type = 'error' then 'What was found is an error there.' end as error,
            case when v.is_formula or v.cell_type in ('number', 'date', 'boolean', 'phone', 'email') then v.cell_type
                 else 'text' end as found_type
        from asked a
        left join found f on f.key = lower(btrim(a.input))
        left join cells v on v.column_id = i.value and v.row_number = f.row_number
        where btrim(a.input) <> ''
    ), shown as (
        select coalesce(w.row_number, c.row_number) as row_number, c.id as cell_id, coalesce(w.input, '') as input,
            case when w.error is null then nullif(w.content, '') end as content, w.error,
            case when w.error is not null then 'error' when coalesce(w.content, '') = '' then 'blank'
                 else w.found_type end as cell_type,
            case when w.error is null and w.times > 1 then w.times || ' rows have this; the first one counts' end as note,
            c.content as old_content, c.cell_type as old_type, c.formatted_content ->> 'error' as old_error,
            c.formatted_content ->> 'input' as old_input, c.formatted_content ->> 'note' as old_note
        from wanted w
        full join (select o.* from cells o where o.column_id = k.id and o.row_number > i.after_row) c
            on c.row_number = w.row_number
    )
    select s.*, k.spreadsheet_id from shown s
    where s.cell_id is null
       or s.content is distinct from s.old_content or s.error is distinct from s.old_error
       or s.note is distinct from s.old_note
       or s.error is not null and left(s.input, 80) is distinct from s.old_input
       or s.cell_type <> s.old_type and (s.cell_type <> 'blank' or s.old_type = 'error')
    order by s.row_number
    limit i.most) d
order by i.ord, d.row_number
