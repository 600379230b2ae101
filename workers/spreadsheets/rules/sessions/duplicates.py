"""Which rows of a contact list are likely the same person, and what becomes of them. Pure, and of a cost that grows
with the rows and not with their pairs: only rows that share a mark are compared."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Final
from uuid import UUID

from rapidfuzz import fuzz, utils

from workers.spreadsheets.model import Email, Phone, Transform, Trim
from workers.spreadsheets.model.sessions import Choice, Question, ReplaceCell
from workers.spreadsheets.rules import apply
from workers.spreadsheets.rules.sessions.steps import Column, counted, shown_of

MOST_ROWS: Final = 20_000
MOST_GROUPS: Final = 500  # of one question: more than a person looks through
CROWD: Final = 200  # rows with one mark that are compared with each other: beyond it the mark says nothing
SAME_NAME_BESIDE_PHONE: Final = 60
MERGE, KEEP = "merge", "keep"


@dataclass(frozen=True, slots=True)
class Contact:
    """A row of the list, as it is compared."""

    row: int
    name: str = ""
    email: str = ""
    phone: str = ""
    company: str = ""

    @property
    def filled(self) -> int:
        return sum(map(bool, (self.name, self.email, self.phone, self.company)))

    def told(self) -> str:
        return ", ".join(filter(None, (self.name, self.email, self.phone, self.company))) or "blank"


def cleaned(part: str, content: str, locale: str) -> str | None:
    """The clean form of a content; the content itself where it cannot be read as what it should be."""
    steps: Mapping[str, Sequence[Any]] = {
        "email": (Trim(), Email()),
        "phone": (Trim(), Phone()),
        "name": (Trim(),),
        "company": (Trim(),),
    }
    value = apply([content], Transform(steps=tuple(steps[part]), locale=locale))
    return content if value.cell_type == "error" else value.content


def groups_of(contacts: Sequence[Contact], likeness: int) -> list[dict[str, Any]]:
    """Groups of rows that are likely one contact, the surest first: `rows`, the row to `keep`, `score` and `why`."""
    parents = {contact.row: contact.row for contact in contacts}
    links: dict[frozenset[int], tuple[int, str]] = {}
    for one, other in _pairs(contacts):
        if (link := _alike(one, other, likeness)) is not None:
            links[frozenset((one.row, other.row))] = link
            parents[_root(parents, other.row)] = _root(parents, one.row)
    members: dict[int, list[Contact]] = defaultdict(list)
    for contact in contacts:
        members[_root(parents, contact.row)].append(contact)
    groups = [_group(each, links) for each in members.values() if len(each) > 1]
    return sorted(groups, key=lambda group: (-group["score"], group["rows"]))


def _root(parents: dict[int, int], row: int) -> int:
    while parents[row] != row:
        parents[row] = parents[parents[row]]
        row = parents[row]
    return row


def _pairs(contacts: Sequence[Contact]) -> Iterable[tuple[Contact, Contact]]:
    """Rows with a mark in common, each pair once."""
    by_mark: dict[str, list[Contact]] = defaultdict(list)
    for contact in contacts:
        for mark in _marks(contact):
            by_mark[mark].append(contact)
    seen: set[tuple[int, int]] = set()
    for crowd in by_mark.values():
        for one, other in combinations(crowd[:CROWD], 2):
            if (one.row, other.row) not in seen:
                seen.add((one.row, other.row))
                yield one, other


def _marks(contact: Contact) -> set[str]:
    words = utils.default_process(contact.name).split()
    marks = {f"name {word[:4]}" for word in words if len(word) > 1}
    marks |= {f"mail {contact.email.casefold()}"} if contact.email else set()
    return marks | ({f"phone {contact.phone}"} if contact.phone else set())


def _alike(one: Contact, other: Contact, likeness: int) -> tuple[int, str] | None:
    """How sure it is, in percent, and why; None = two contacts."""
    name = round(fuzz.token_sort_ratio(one.name, other.name, processor=utils.default_process))
    if one.email and one.email.casefold() == other.email.casefold():
        return 100, "the same e-mail address"
    if one.phone and one.phone == other.phone and name >= SAME_NAME_BESIDE_PHONE:
        return max(name, 95), f"the same phone number, names {name} % alike"
    if name < likeness or (one.email and other.email and one.phone and other.phone):
        return None
    if one.company and other.company:
        company = round(fuzz.token_set_ratio(one.company, other.company, processor=utils.default_process))
        return (min(name, company), f"names {name} %, companies {company} % alike") if company >= likeness else None
    return name, f"names {name} % alike"


def _group(contacts: list[Contact], links: Mapping[frozenset[int], tuple[int, str]]) -> dict[str, Any]:
    rows = [contact.row for contact in contacts]
    weakest = min(links[pair] for pair in map(frozenset, combinations(rows, 2)) if pair in links)
    keep = max(contacts, key=lambda contact: (contact.filled, -contact.row)).row
    return {"rows": rows, "keep": keep, "score": weakest[0], "why": weakest[1]}


def question(groups: Sequence[Mapping[str, Any]], contacts: Sequence[Contact], more: int) -> Question:
    by_row = {contact.row: contact for contact in contacts}
    choices = tuple(
        Choice(
            key=str(number),
            label=f"{' and '.join(f'row {row}' for row in group['rows'])}: {group['why']}",
            options={MERGE: f"merge into row {group['keep']}", KEEP: "keep all"},
            default=MERGE,
            detail="\n".join(f"row {row}: {by_row[row].told()}" for row in group["rows"]),
        )
        for number, group in enumerate(groups, start=1)
    )
    left = f" {counted(more, 'group')} more will be proposed by the next session." if more else ""
    found = counted(len(choices), "group of likely duplicates was", "groups of likely duplicates were")
    return Question(f"{found} found. Which are to be merged?{left}", choices)


def shown(group: Mapping[str, Any], cells: Mapping[str, Column]) -> list[dict[str, list[str]]]:
    """What a person is shown of each row of a group."""
    return [shown_of(row, cells) for row in group["rows"]]


def places_of(cells: Mapping[str, Column]) -> dict[str, int]:
    """The row of each cell, by its id."""
    return {str(cell_id): row for by_row in cells.values() for row, (cell_id, _) in by_row.items()}


def placed(group: Mapping[str, Any], places: Mapping[str, int]) -> dict[str, Any] | None:
    """The group at the numbers that its rows have now; None where one of them is gone, or where nobody can tell: older
    sessions kept no cells."""
    if "shown" not in group:
        return None
    found = [next((places[cell] for cell, _ in row.values() if cell in places), None) for row in group["shown"]]
    rows = [row for row in found if row is not None]
    return {**group, "rows": rows, "keep": found[group["rows"].index(group["keep"])]} if rows == found else None


def unchanged(group: Mapping[str, Any], cells: Mapping[str, Column]) -> bool:
    """Whether a group that was placed still holds what a person was shown."""
    told: list[dict[str, list[str]]] = group["shown"]
    return shown(group, cells) == told


def merged(
    group: Mapping[str, Any], cells: Mapping[UUID, Column], blanks: Mapping[UUID, UUID]
) -> tuple[list[ReplaceCell], dict[UUID, str]]:
    """One group: what the kept row lacks comes from the others, in their order, and they are emptied.

    `cells`: by column and row. Returns the changes of cells that are there, and contents for `blanks` (column -> the id
    its new cell in the kept row gets) where the kept row has no cell yet. What fills stands before what empties: any
    first part may be written, and the rest later from the sheet as it is then.
    """
    fills: list[ReplaceCell] = []
    empties: list[ReplaceCell] = []
    new: dict[UUID, str] = {}
    keep, others = group["keep"], [row for row in group["rows"] if row != group["keep"]]
    for column, by_row in cells.items():
        offered = next((found[1] for row in others if (found := by_row.get(row)) and found[1]), None)
        mine = by_row.get(keep)
        if offered is not None and mine is None and column in blanks:
            new[column] = offered
        elif offered is not None and mine is not None and mine[1] is None:
            fills.append(ReplaceCell(mine[0], None, offered))
        empties += [ReplaceCell(cell[0], cell[1], None) for row in others if (cell := by_row.get(row)) and cell[1]]
    return [*fills, *empties], new
