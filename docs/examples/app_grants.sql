-- An application's own role that edits sheets with plain SQL. The triggers do the rest as their owner: audit, tasks of
-- what depends on a cell, versions. Row policies keep the session to the workspace it has said.
create role sheets_app nologin;
grant select, insert, update, delete on spreadsheets, sheet_columns, column_inputs, cells to sheets_app;
grant select on sheet_cells, cell_edit_events, sheet_edit_events to sheets_app;
grant usage on sequence rowmill.version to sheets_app;
