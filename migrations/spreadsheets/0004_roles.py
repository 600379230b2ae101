"""Row policies of the spreadsheets: everything belongs to the workspace of its sheet.

The grants stand in workers/spreadsheets/roles.sql."""

from core.db.migrate import run_sql, run_sql_file
from core.settings import PROJECT

revision = "spreadsheets_0004"
down_revision = "spreadsheets_0003"
branch_labels = None
depends_on = ("engine_0008",)

OF_A_SHEET = ("sheet_columns", "cells", "cell_edit_events", "sheet_edit_events")

# The sheet's own policy holds inside the probe as well. The planner asks once per statement or probes per row.
SHEETS = """
alter table spreadsheets enable row level security;
create policy spreadsheets_of_workspace on spreadsheets
    using (workspace_id = rowmill.current_workspace()) with check (workspace_id = rowmill.current_workspace());

alter table column_inputs enable row level security;
create policy column_inputs_of_workspace on column_inputs
    using (exists (select from sheet_columns k where k.id = column_id)
           and exists (select from sheet_columns k where k.id = input_column_id));
"""
PART = """
alter table {table} enable row level security;
create policy {table}_of_workspace on {table} using (
    exists (select from spreadsheets s
            where s.id = {table}.spreadsheet_id and s.workspace_id = rowmill.current_workspace()));
"""


def upgrade() -> None:
    run_sql_file(PROJECT / "workers" / "spreadsheets" / "triggers.sql")
    run_sql(SHEETS)
    for table in OF_A_SHEET:
        run_sql(PART.format(table=table))
