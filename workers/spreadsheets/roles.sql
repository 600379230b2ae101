-- Who may do what with sheets. A worker reads and writes the sheets of one workspace at a time: the row policies see to
-- that. Runs as the owner, any number of times; the grants of an application's own role stand in docs/sql-contract.md.

revoke execute on function
    public.spreadsheets_new_cell_version(), public.spreadsheets_new_column_version(),
    public.spreadsheets_hold_sheets(uuid[], boolean), public.spreadsheets_enqueue_cells(uuid[], integer[]),
    public.spreadsheets_cells_changed(), public.spreadsheets_cells_deleted(),
    public.spreadsheets_enqueue_columns(uuid[]), public.spreadsheets_columns_changed(),
    public.spreadsheets_check_inputs(uuid[]), public.spreadsheets_inputs_changed(),
    public.spreadsheets_note_formula(), public.spreadsheets_enqueue_formulas(uuid[]),
    public.spreadsheets_turn_formulas(uuid[]),
    public.spreadsheets_is_formula(uuid, text), public.spreadsheets_read_value(text, jsonb, text, boolean),
    public.spreadsheets_audit_structure(uuid, uuid, text, jsonb, jsonb), public.spreadsheets_sheet_audited(),
    public.spreadsheets_column_audited(), public.spreadsheets_feed_epoch(),
    public.spreadsheets_is_moving(), public.spreadsheets_move_column(uuid, uuid, uuid),
    public.spreadsheets_renumber_rows(uuid, integer[], integer[], integer[]),
    public.spreadsheets_shape_changed(uuid),
    public.spreadsheets_remove_rows(uuid, uuid, integer, integer, boolean),
    public.spreadsheets_return_rows(uuid, uuid, integer, integer, boolean),
    public.spreadsheets_run_column(uuid, int4multirange, text), public.spreadsheets_cancel_column(uuid),
    public.spreadsheets_enqueue_lookups(uuid[], uuid[]), public.spreadsheets_looked_up(uuid[]),
    public.spreadsheets_reads_of(uuid, uuid), public.spreadsheets_nth_id(uuid, bigint),
    public.spreadsheets_retain_removed(uuid, integer, double precision, timestamptz),
    public.spreadsheets_retain_answers(integer, double precision, timestamptz),
    public.spreadsheets_reserve_tokens(uuid[], uuid[], uuid[], bigint[], bigint[], uuid[], bigint[]),
    public.spreadsheets_settle_tokens(uuid[], bigint[]),
    public.spreadsheets_session_steps(text), public.spreadsheets_session_begins(), public.spreadsheets_session_audited()
    from public;

do $$ begin
if (select count(*) from pg_roles
    where rolname in ('rowmill_producer', 'rowmill_worker', 'rowmill_monitor', 'rowmill_admin')) < 4 then
    return;
end if;
grant select, insert, update on public.spreadsheets, public.sheet_columns, public.cells to rowmill_worker;
grant select, insert, update, delete on public.column_inputs to rowmill_worker;
grant select, insert on public.cell_edit_events, public.sheet_edit_events to rowmill_worker;
grant select on public.sheet_cells to rowmill_worker;
grant select, insert, update on public.transformer_sessions to rowmill_worker;
grant execute on function public.spreadsheets_is_formula(uuid, text), public.spreadsheets_nth_id(uuid, bigint),
    public.spreadsheets_read_value(text, jsonb, text, boolean) to rowmill_worker;
grant execute on function public.spreadsheets_feed_epoch(),
    public.spreadsheets_retain_removed(uuid, integer, double precision, timestamptz),
    public.spreadsheets_retain_answers(integer, double precision, timestamptz),
    public.spreadsheets_reserve_tokens(uuid[], uuid[], uuid[], bigint[], bigint[], uuid[], bigint[]),
    public.spreadsheets_settle_tokens(uuid[], bigint[]) to rowmill_worker;
grant execute on function public.spreadsheets_move_column(uuid, uuid, uuid),
    public.spreadsheets_renumber_rows(uuid, integer[], integer[], integer[]),
    public.spreadsheets_remove_rows(uuid, uuid, integer, integer, boolean),
    public.spreadsheets_return_rows(uuid, uuid, integer, integer, boolean),
    public.spreadsheets_run_column(uuid, int4multirange, text), public.spreadsheets_cancel_column(uuid)
    to rowmill_worker;
grant select, insert, update, delete on public.sheet_rows to rowmill_worker;
grant select on public.removed_cells to rowmill_worker;
grant select, insert, update on public.sheet_budgets, public.language_calls, public.language_answers to rowmill_worker;
end $$;
