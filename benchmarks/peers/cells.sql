The cells that a peer's handlers write.

-- name: add_cells
insert into bench_cells (id) select n from generate_series(1, :rows::int) n

-- name: proof
-- As many edits as jobs, all different, and no row left out.
select (select count(*) from bench_cell_edits) as edits, (select count(distinct e.after) from bench_cell_edits e) as contents,
    (select count(*) from bench_cells k where k.content is null and k.id <= :rows::int) as untouched
