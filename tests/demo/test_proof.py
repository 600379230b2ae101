"""The proof notices what it is there for: one lost cell, one doubled write, one break in a cell's history."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from demo.expected import expected_row, read_rows
from demo.proof import Row, Verdict, prove
from demo.sheet import CONTACTS


class Story:
    """Two rows of the demo's file, imported by one task, filled in by others, as the database would tell it."""

    def __init__(self, folder: Path) -> None:
        self.contacts = folder / "contacts.csv"
        self.contacts.write_bytes(b"".join(CONTACTS.read_bytes().splitlines(keepends=True)[:3]))
        self.edits = folder / "edits.jsonl"
        self.cells: list[dict[str, Any]] = []
        self.events: list[dict[str, Any]] = []
        for number, source in enumerate(read_rows(self.contacts), start=1):
            for title, content in {**source, **expected_row(source)}.items():
                self.write(number, title, content, task=f"task {title}")

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


def test_an_empty_sheet_proves_nothing(story: Story) -> None:
    story.contacts.write_text(story.contacts.read_text(encoding="utf-8").splitlines()[0] + "\n", encoding="utf-8")
    story.cells, story.events = [], []
    assert told(story.verdict()) == (False, 0, 0, 0)
