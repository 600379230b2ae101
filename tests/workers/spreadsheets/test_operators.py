"""What the operators decide, without a database."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID, uuid4

import pytest

from core import Done, Enqueue, Fail, Row
from core.testing import Recorded, run_operator
from tests.workers.spreadsheets.sheets import TRANSFORM
from workers.spreadsheets.model import AppendRows, SetCell
from workers.spreadsheets.operators import import_file, transform
from workers.spreadsheets.rules import decisions

CELL = UUID(int=7)
SHEET = uuid4()
MARK = decisions.file_mark(10, 2, ("A", "B"))
ROWS: dict[str, list[Row]] = {
    "column_of_cell": [{"operator": TRANSFORM, "config": '{"steps": [{"op": "trim"}]}', "title": "T"}],
    "cell_with_inputs": [{"ordinal": 0, "content": None}, {"ordinal": 1, "content": " a "}],
}

# --- transform -------------------------------------------------------------------------------------------------------


def test_a_task_without_a_key_reads_and_writes_nothing_and_hands_over() -> None:
    assert run_operator(transform, {"cell_id": str(CELL)}) == Done(
        [Enqueue(TRANSFORM, {"cell_id": str(CELL)}, concurrency_key=f"cell:{CELL}")]
    )


@pytest.mark.parametrize("key", [None, "", "mine", "cell:", f"cell:{UUID(int=1)}", f"cell:{CELL} "])
def test_any_key_but_the_cells_own_hands_over(key: str | None) -> None:
    assert isinstance(decisions.handed_over(CELL, key), Done)


def test_a_task_of_the_cells_own_key_computes() -> None:
    outcome = run_operator(transform, {"cell_id": str(CELL)}, rows=ROWS, concurrency_key=f"cell:{CELL}")
    assert outcome == Done([SetCell(CELL, "a")])


# --- import_file -----------------------------------------------------------------------------------------------------


def test_the_result_of_a_completed_import_is_no_progress_but_a_fresh_start(files: Path) -> None:
    (files / "list.csv").write_text("A,B\n1,2\n", encoding="utf-8")
    columns: list[Row] = [
        {"id": uuid4(), "position": at, "title": title, "operator": None} for at, title in enumerate("AB", start=1)
    ]
    engine = Recorded({"sheet": [{"id": SHEET}], "columns_of_sheet": columns})
    payload = {"spreadsheet_id": str(SHEET), "file": "list.csv"}
    outcome = run_operator(import_file, payload, progress={"rows": 1, "columns": 2}, context=engine)
    assert isinstance(outcome, Done)
    assert outcome.output == {"rows": 1, "columns": 2}
    (begun, _), ((appended,), _) = engine.commits
    assert isinstance(appended, AppendRows)
    assert (begun, [tuple(row) for row in appended.rows]) == ([], [("1", "2")])


def test_an_import_goes_on_in_the_file_it_began_with() -> None:
    progress = {"column_ids": [str(CELL)], "rows_done": 5, "rows_total": 9, "file": MARK}
    assert decisions.resumed(progress, dict(MARK)) == progress


@pytest.mark.parametrize(
    "other",
    [
        decisions.file_mark(11, 2, ("A", "B")),
        decisions.file_mark(10, 3, ("A", "B")),
        decisions.file_mark(10, 2, ("A", "C")),
        decisions.file_mark(10, 2, ("B", "A")),
    ],
)
def test_another_size_time_or_header_is_another_file(other: dict[str, object]) -> None:
    progress = {"column_ids": [str(CELL)], "rows_done": 1200, "rows_total": 9000, "file": MARK}
    refused = decisions.resumed(progress, other)
    assert isinstance(refused, Fail)
    assert refused.reason.startswith("the file has changed since row 1,200 was imported; import it anew")
    assert decisions.resumed(progress | {"rows_done": 0}, other) == {}


@pytest.mark.parametrize("progress", [None, {}, {"rows": 3, "columns": 2}])
def test_without_columns_there_is_no_progress(progress: dict[str, int] | None) -> None:
    assert decisions.resumed(progress, MARK) == {}
