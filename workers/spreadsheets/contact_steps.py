"""The steps of `clean_contacts`: clean a contact list, find its duplicates, merge those that a person has confirmed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from core import Fail, Outcome, Task, operator
from workers.spreadsheets.model import AddColumn, PutCell
from workers.spreadsheets.model.sessions import ReplaceCell, SessionStep
from workers.spreadsheets.rules.sessions import answers, duplicates
from workers.spreadsheets.rules.sessions.duplicates import Contact
from workers.spreadsheets.rules.sessions.steps import Session, chunks, named, plain_columns
from workers.spreadsheets.steps import STEP, WORDS, Cells, cells_of, columns_of, content_of, session_of

PARTS: Final = ("name", "email", "phone", "company")


@operator("spreadsheets.clean_contacts", **STEP)
async def clean_contacts(task: Task[SessionStep]) -> Outcome:
    """Names and companies without stray space, e-mail addresses and phone numbers in one form. What a person edits
    meanwhile stays as he has written it."""
    session = await session_of(task)
    if not isinstance(session, Session):
        return session
    columns = plain_columns(await columns_of(task, session))
    found = {part: named(getattr(session.given, part), columns, WORDS[part]) for part in PARTS}
    for part, column in found.items():
        if column is None and (wanted := getattr(session.given, part)) is not None:
            return Fail(f"the sheet has no plain column {wanted!r}; name another one in a new session")
    if found["name"] is None:
        return Fail("the sheet has no column of names; start a new session that says which one it is, as `name`")
    cleaned = (task.progress or {}).get("cleaned", 0)
    for part, column in found.items():
        if column is None:
            continue
        locale = session.given.locale
        changes = await asyncio.to_thread(_cleaned, part, await cells_of(task, column["id"]), locale)
        for chunk in chunks(changes):
            cleaned += len(chunk)
            await task.commit(chunk, progress={"cleaned": cleaned})
    places = {part: str(column["id"]) for part, column in found.items() if column is not None}
    return session.done(columns=places, cells_cleaned=cleaned)


def _cleaned(part: str, cells: Cells, locale: str) -> list[ReplaceCell]:
    clean = {row: duplicates.cleaned(part, was, locale) for row, (_, was) in cells.items() if was is not None}
    return [ReplaceCell(cells[row][0], cells[row][1], now) for row, now in clean.items() if now != cells[row][1]]


@operator("spreadsheets.find_duplicates", **STEP)
async def find_duplicates(task: Task[SessionStep]) -> Outcome:
    """Groups of rows that are likely one contact; a person says which are."""
    session = await session_of(task)
    if not isinstance(session, Session):
        return session
    places: Mapping[str, str] = session.before["columns"]
    if task.signal is not None:
        found = session.so_far
        numbered = {str(at): group for at, group in enumerate(found["groups"], start=1)}
        chosen = answers.decided(task.signal.payload, dict.fromkeys(numbered, duplicates.MERGE))
        wanted = [group for key, group in numbered.items() if chosen[key] == duplicates.MERGE]
        return session.done(columns=places, groups=wanted, proposed=len(found["groups"]))
    cells = {part: await cells_of(task, UUID(column)) for part, column in places.items()}
    rows = sorted({row for each in cells.values() for row, (_, content) in each.items() if content})
    if len(rows) > duplicates.MOST_ROWS:
        return Fail(f"{len(rows):,} contacts are more than {duplicates.MOST_ROWS:,}; divide the list among sheets")
    contacts = [Contact(row, **{part: content_of(each, row) for part, each in cells.items()}) for row in rows]
    groups = await asyncio.to_thread(duplicates.groups_of, contacts, session.given.likeness)
    asked = [{**group, "shown": duplicates.shown(group, cells)} for group in groups[: duplicates.MOST_GROUPS]]
    if not asked:
        return session.done(columns=places, groups=[], proposed=0)
    return session.asks(duplicates.question(asked, contacts, len(groups) - len(asked)), groups=asked)


@operator("spreadsheets.merge_duplicates", **STEP)
async def merge_duplicates(task: Task[SessionStep]) -> Outcome:
    """What a kept row lacks comes from its duplicates, which are emptied; a column says into which row they went. A
    group that is not any more as a person was shown it stays as it is."""
    session = await session_of(task)
    if not isinstance(session, Session):
        return session
    groups: list[dict[str, Any]] = session.before["groups"]
    if not groups:
        return session.done(groups_merged=0, groups_left_out=0, rows_emptied=0)
    marks = session.part_id("merged into")
    columns = await columns_of(task, session)
    plain = [column["id"] for column in plain_columns(columns) if column["id"] != marks]
    cells = {column_id: await cells_of(task, column_id) for column_id in plain}
    agreed = await _agreed(task, session, cells)
    if all(column["id"] != marks for column in columns):
        last = max(column["position"] for column in columns)
        await task.commit([AddColumn(marks, session.spreadsheet_id, last + 1, "Merged into row")])
    effects = [each for group in agreed for each in _merged(session, group, cells, marks)]
    for chunk in chunks(effects):
        await task.commit(chunk)
    emptied, left_out = sum(len(group["rows"]) - 1 for group in agreed), len(groups) - len(agreed)
    return session.done(groups_merged=len(agreed), groups_left_out=left_out, rows_emptied=emptied)


async def _agreed(
    task: Task[SessionStep], session: Session, cells: Mapping[UUID, Cells]
) -> Sequence[Mapping[str, Any]]:
    """The groups that are merged, at the rows where they stand now. The first run settles which: a later one finds them
    half merged."""
    compared = {part: cells.get(UUID(column), {}) for part, column in session.before["columns"].items()}
    places = duplicates.places_of(compared)
    now = [duplicates.placed(group, places) for group in session.before["groups"]]
    settled = (task.progress or {}).get("unchanged")
    if settled is None:
        settled = [at for at, group in enumerate(now) if group and duplicates.unchanged(group, compared)]
        await task.commit([], progress={"unchanged": settled})
    return [group for at in settled if (group := now[at])]


def _merged(
    session: Session, group: Mapping[str, Any], cells: Mapping[UUID, Cells], marks: UUID
) -> list[ReplaceCell | PutCell]:
    keep, sheet = group["keep"], session.spreadsheet_id
    blanks = {column: session.part_id(f"{column} {keep}") for column, by_row in cells.items() if keep not in by_row}
    changes, new = duplicates.merged(group, cells, blanks)
    filled = [PutCell(blanks[column], sheet, column, keep, content) for column, content in new.items()]
    others = [row for row in group["rows"] if row != keep]
    told = [PutCell(session.part_id(f"{marks} {row}"), sheet, marks, row, str(keep)) for row in others]
    return [*filled, *changes, *told]
