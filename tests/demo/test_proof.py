"""The proof notices what it is there for: one lost cell, one doubled write, one break in a cell's history, one wrong
cell of the export."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from demo.expected import Expected
from demo.expected_formulas import NONE
from demo.proof import TITLES, Row, Verdict, expected_sheet, prove, prove_export
from demo.sheet import CONTACTS
from workers.spreadsheets.adapter import write_xlsx
from workers.spreadsheets.model import CellType, Value

KINDS: dict[str, CellType] = {
    "Joined on": "date",
    **dict.fromkeys(("Value", "Rounded", "Gross", "Figures"), "number"),
}
Lines = list[list[Value | None]]


class Story:
    """Two rows of the demo's file, imported by one task, filled in by others, as the database would tell it."""

    def __init__(self, folder: Path) -> None:
        self.contacts = folder / "contacts.csv"
        self.contacts.write_bytes(b"".join(CONTACTS.read_bytes().splitlines(keepends=True)[:3]))
        self.edits = folder / "edits.jsonl"
        self.cells: list[dict[str, Any]] = []
        self.events: list[dict[str, Any]] = []
        for number, row in enumerate(expected_sheet(self.contacts, self.edits), start=1):
            for title, cell in row.items():
                self.write(number, title, cell.content, task=f"task {title}")

    def write(self, row: int, title: str, content: str | None, task: str | None) -> None:
        place = f"{row} {title}"
        known = next((cell for cell in self.cells if cell["id"] == place), None)
        if known is None:
            self.cells.append({"id": place, "row_number": row, "title": title, "content": None})
            known = self.cells[-1]
        if known["content"] != content:
            old = known["content"]
            self.events.append({"cell_id": place, "task_id": task, "old_content": old, "new_content": content})
        known["content"] = content

    def verdict(self) -> Verdict:
        cells: list[Row] = list(self.cells)
        return prove(self.contacts, self.edits, cells, self.events)


@pytest.fixture
def story(tmp_path: Path) -> Story:
    return Story(tmp_path)


def told(verdict: Verdict) -> tuple[bool, int, int, int]:
    return verdict.holds, verdict.lost, verdict.doubled, verdict.broken


def test_a_true_story_holds(story: Story) -> None:
    verdict = story.verdict()
    assert told(verdict) == (True, 0, 0, 0)
    assert verdict.cells == len(story.cells) > 40


def test_a_lost_cell_is_noticed_and_shown(story: Story) -> None:
    story.write(2, "Full name", "somebody else", task="another")
    verdict = story.verdict()
    assert told(verdict) == (False, 1, 0, 0)
    assert verdict.examples[0].startswith("row 2, 'Full name': holds 'somebody else', must hold ")


def test_a_cell_that_was_never_written_is_lost(story: Story) -> None:
    story.cells.pop(0)
    assert told(story.verdict())[:2] == (False, 1)


def test_a_write_whose_audit_row_is_missing_breaks_the_history(story: Story) -> None:
    story.events.pop(0)
    assert told(story.verdict()) == (False, 0, 0, 1)


def test_a_doubled_audit_row_is_noticed(story: Story) -> None:
    story.events.append(story.events[0] | {"old_content": story.events[0]["new_content"]})
    assert told(story.verdict()) == (False, 0, 1, 0)


def test_two_writes_of_one_cell_by_two_tasks_are_no_doubling(story: Story) -> None:
    right = story.cells[0]["content"]
    story.write(1, story.cells[0]["title"], "meanwhile", task="one")
    story.write(1, story.cells[0]["title"], right, task="other")
    assert told(story.verdict()) == (True, 0, 0, 0)


def test_a_broken_chain_is_noticed(story: Story) -> None:
    story.events[3] = story.events[3] | {"old_content": "never there"}
    assert told(story.verdict()) == (False, 0, 0, 1)


def test_an_acknowledged_edit_that_is_not_in_the_sheet_is_lost(story: Story) -> None:
    story.edits.write_text(json.dumps({"row": 1, "title": "City", "content": "Atlantis"}) + "\n", encoding="utf-8")
    assert told(story.verdict()) == (False, 1, 0, 0)
    story.write(1, "City", "Atlantis", task=None)
    assert told(story.verdict()) == (True, 0, 0, 0)


def test_a_formula_that_was_entered_shows_its_value_with_the_next_event(story: Story) -> None:
    place = {"cell_id": "1 Gross", "task_id": None, "sql_user": "somebody"}
    shown = story.cells[[cell["id"] for cell in story.cells].index("1 Gross")]["content"]
    story.events.append({**place, "old_content": None, "new_content": "=T1"})
    assert told(story.verdict()) == (False, 0, 0, 1)
    again = {"cell_id": "1 Gross", "task_id": "next", "old_content": None, "new_content": shown}
    story.events.append(again)
    assert told(story.verdict()) == (True, 0, 0, 0)


def test_an_empty_sheet_proves_nothing(story: Story) -> None:
    story.contacts.write_text(story.contacts.read_text(encoding="utf-8").splitlines()[0] + "\n", encoding="utf-8")
    story.cells, story.events = [], []
    assert told(story.verdict()) == (False, 0, 0, 0)


def test_a_row_beyond_the_file_is_doubled(story: Story) -> None:
    story.write(3, "Name", "imported twice", task="import")
    verdict = story.verdict()
    assert told(verdict) == (False, 0, 1, 0)
    assert verdict.examples == ["row 3, 'Name': holds 'imported twice', must not be there"]


def test_a_second_cell_at_one_place_is_doubled(story: Story) -> None:
    story.cells.append(story.cells[0] | {"id": "another", "content": None})
    story.cells.reverse()  # the right one stays the last
    assert told(story.verdict()) == (False, 0, 1, 0)


# --- the export ------------------------------------------------------------------------------------------------------


def shown(title: str, cell: Expected) -> Value | None:
    if cell.is_error:
        return Value(None, {"error": "This is wrong."}, "error")
    return Value(cell.content, None, "text" if cell.content == NONE else KINDS.get(title, "text"))


def exported(story: Story, change: Callable[[list[str], Lines], None] | None = None) -> Verdict:
    """The verdict on an export of the demo's first rows, after a change; an error, a number and a date are in it."""
    story.contacts.write_bytes(b"".join(CONTACTS.read_bytes().splitlines(keepends=True)[:60]))
    header = list(TITLES)
    lines: Lines = [
        [shown(title, row.get(title, Expected(None))) for title in TITLES]
        for row in expected_sheet(story.contacts, story.edits)
    ]
    if change is not None:
        change(header, lines)
    path = story.contacts.with_name("contacts.xlsx")
    write_xlsx(path, header, lines)
    verdict = Verdict(cells=1)
    prove_export(verdict, story.contacts, story.edits, path)
    return verdict


def place(lines: Lines, kind: str) -> tuple[int, int]:
    """The first cell of a kind with something to show."""
    return next(
        (line, column)
        for line, row in enumerate(lines)
        for column, value in enumerate(row)
        if value is not None and value.cell_type == kind and (value.content or value.shown)
    )


def test_a_true_export_holds(story: Story) -> None:
    verdict = exported(story)
    assert (verdict.holds, verdict.misshown, verdict.examples) == (True, 0, [])


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("text", "other"),
        ("number", "0.01"),
        ("date", "1999-01-01"),
        ("error", None),
        ("error", "#ERROR"),
        ("text", None),
    ],
)
def test_one_wrong_cell_of_the_export_is_noticed_and_shown(story: Story, kind: CellType, content: str | None) -> None:
    def change(_header: list[str], lines: Lines) -> None:
        line, column = place(lines, kind)
        lines[line][column] = Value(content, None, "text" if kind == "error" else kind)

    verdict = exported(story, change)
    assert (verdict.holds, verdict.misshown, len(verdict.examples)) == (False, 1, 1)
    assert verdict.examples[0].startswith("export, line ")


def test_a_result_where_there_must_be_none_and_an_error_where_there_is_none_are_noticed(story: Story) -> None:
    def change(_header: list[str], lines: Lines) -> None:
        lines[0][0] = Value(None, {"error": "This is wrong."}, "error")
        line, column = next((at, row.index(cell)) for at, row in enumerate(lines) for cell in row if not shows(cell))
        lines[line][column] = Value("surplus", None, "text")

    assert exported(story, change).misshown == 2


def shows(cell: Value | None) -> bool:
    return cell is not None and bool(cell.content or cell.shown)


def test_rows_and_titles_of_the_export_are_counted_too(story: Story) -> None:
    def one_more(_header: list[str], lines: Lines) -> None:
        lines.append([Value("surplus", None, "text")])

    def one_less(_header: list[str], lines: Lines) -> None:
        lines.pop()

    def another_title(header: list[str], _lines: Lines) -> None:
        header[0] = "Client"

    assert exported(story, one_more).misshown == 1
    assert exported(story, one_less).misshown > 10
    assert exported(story, another_title).misshown == 1
