"""Which pages that were fetched for rows are doubtful, and what a person may decide about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from rapidfuzz import fuzz, utils

from workers.spreadsheets.model.sessions import Choice, Question
from workers.spreadsheets.rules.sessions.steps import Column, counted

MOST_DOUBTS: Final = 500
KEEP, CLEAR = "keep", "clear"


@dataclass(frozen=True, slots=True)
class Fetched:
    """A row after its page was fetched."""

    row: int
    address: str
    name: str = ""
    title: str = ""
    description: str = ""
    error: str | None = None


def likeness(page: Fetched) -> int:
    """How well the page fits the row's name, in percent; 100 where there is no name to compare with."""
    if not page.name:
        return 100
    host = (urlsplit(page.address).hostname or page.address).removeprefix("www.").rpartition(".")[0]
    said = (page.title, page.description, host)
    return round(max(fuzz.partial_token_set_ratio(page.name, each, processor=utils.default_process) for each in said))


def doubt(page: Fetched, least: int) -> str | None:
    """Why a person should look at it."""
    if page.error:
        return page.error
    if not page.title and not page.description:
        return "the page has neither a title nor a description"
    fits = likeness(page)
    return None if fits >= least else f"the page fits the name {page.name!r} by {fits} % only"


def doubts(pages: Sequence[Fetched], least: int) -> list[dict[str, Any]]:
    """The doubtful rows, in their order, with the reason."""
    found = ((page, doubt(page, least)) for page in pages)
    return [{"row": page.row, "why": why, "error": page.error is not None} for page, why in found if why]


def standing(doubtful: Sequence[Mapping[str, Any]], addresses: Column) -> dict[str, int]:
    """The rows that still have the address a person was shown: the number he was asked by -> the one of now. Older
    sessions kept no cells: nobody can tell."""
    now = {str(cell_id): (row, content) for row, (cell_id, content) in addresses.items()}
    asked = {str(each["row"]): each["shown"]["address"] for each in doubtful if "shown" in each}
    return {key: now[cell][0] for key, (cell, content) in asked.items() if cell in now and now[cell][1] == content}


def question(doubtful: Sequence[Mapping[str, Any]], pages: Sequence[Fetched], more: int) -> Question:
    by_row = {page.row: page for page in pages}
    choices = tuple(
        Choice(
            key=str(each["row"]),
            label=f"row {each['row']}: {each['why']}",
            options={KEEP: "keep what was found", CLEAR: "clear it"},
            default=CLEAR if each["error"] else KEEP,
            detail=" · ".join(filter(None, (by_row[each["row"]].address, by_row[each["row"]].title))),
        )
        for each in doubtful
    )
    left = f" {counted(more, 'row')} more stay as they are." if more else ""
    found = counted(len(choices), "page is", "pages are")
    return Question(f"{found} doubtful. What is to become of them?{left}", choices)
