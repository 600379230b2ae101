What goes after its days; steps of the engine's retention.

-- name: retain_removed_cells
select busy, walked_to, deleted from spreadsheets_retain_removed(:after::uuid, :step::int, :copies_days::float8,
    :now::timestamptz)

-- name: retain_language_answers
select false as busy, null::uuid as walked_to,
    spreadsheets_retain_answers(:step::int, :copies_days::float8, :now::timestamptz) as deleted
