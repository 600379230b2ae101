"""The steps of `enrich_from_web`: fetch a page for each row, review the doubtful ones, do as a person has decided."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from uuid import UUID

from core import Fail, Outcome, Snooze, Task, operator
from workers.spreadsheets.model import AddColumn, AppendColumn, PutCell
from workers.spreadsheets.model.sessions import ReplaceCell, SessionStep
from workers.spreadsheets.rules import pages
from workers.spreadsheets.rules.sessions import answers, review
from workers.spreadsheets.rules.sessions.review import Fetched
from workers.spreadsheets.rules.sessions.steps import Session, chunks, named, shown_of
from workers.spreadsheets.steps import STEP, WORDS, Cells, cells_of, columns_of, content_of, session_of

LOOK_AGAIN_S: Final = 1.0


@operator("spreadsheets.fetch_pages", **STEP)
async def fetch_pages(task: Task[SessionStep]) -> Outcome:
    """Three columns more: one that fetches the page of each row, and its title and description."""
    session = await session_of(task)
    if not isinstance(session, Session):
        return session
    columns = await columns_of(task, session)
    address = named(session.given.address, columns, WORDS["address"])
    name = named(session.given.name, columns, WORDS["name"])
    if name is None and session.given.name is not None:
        return Fail(f"the sheet has no column {session.given.name!r}; name another one in a new session")
    if address is None:
        return Fail("the sheet has no such column of addresses; start a new session that says which one, as `address`")
    made = {part: session.part_id(part) for part in ("page", "title", "description")}
    if all(column["id"] != made["page"] for column in columns):
        sheet, last = session.spreadsheet_id, max(column["position"] for column in columns)
        outputs = {part: str(made[part]) for part in ("title", "description")}
        await task.commit(
            [
                AddColumn(made["title"], sheet, last + 1, "Page title"),
                AddColumn(made["description"], sheet, last + 2, "Page description"),
                AppendColumn(
                    sheet,
                    made["page"],
                    "Page",
                    operator=pages.FETCH_PAGE,
                    config={"outputs": outputs},
                    input_ids=(address["id"],),
                ),
            ]
        )
    places = {part: str(column) for part, column in made.items()} | {"address": str(address["id"])}
    return session.done(columns=places | ({"name": str(name["id"])} if name is not None else {}))


@operator("spreadsheets.review_pages", **STEP)
async def review_pages(task: Task[SessionStep]) -> Outcome:
    """Waits until every page is there, then asks a person about the doubtful ones."""
    session = await session_of(task)
    if not isinstance(session, Session):
        return session
    places: Mapping[str, str] = session.before["columns"]
    if task.signal is not None:
        doubtful = session.so_far["doubtful"]
        defaults = {str(each["row"]): review.CLEAR if each["error"] else review.KEEP for each in doubtful}
        chosen = answers.decided(task.signal.payload, defaults)
        return session.done(columns=places, rows=session.so_far["rows"], decided=chosen, doubtful=doubtful)
    fetched = (await task.read("pages_of_column", UUID(places["page"])))[0]
    if fetched["live"]:
        return Snooze(LOOK_AGAIN_S, "waits for the pages of the sheet")
    cells = {part: await cells_of(task, UUID(column)) for part, column in places.items() if part != "page"}
    found = _fetched(cells, dict(zip(fetched["rows"] or (), fetched["errors"] or (), strict=True)))
    doubtful = review.doubts(found, session.given.likeness)
    asked = [{**each, "shown": shown_of(each["row"], cells)} for each in doubtful[: review.MOST_DOUBTS]]
    if not asked:
        return session.done(columns=places, rows=len(found), decided={}, doubtful=[])
    question = review.question(asked, found, len(doubtful) - len(asked))
    return session.asks(question, doubtful=asked, rows=len(found))


def _fetched(cells: Mapping[str, Cells], errors: Mapping[int, str | None]) -> list[Fetched]:
    rows = [row for row, (_, content) in sorted(cells["address"].items()) if content and content.strip()]
    return [
        Fetched(row, **{part: content_of(each, row) for part, each in cells.items()}, error=errors.get(row))
        for row in rows
    ]


@operator("spreadsheets.apply_review", **STEP)
async def apply_review(task: Task[SessionStep]) -> Outcome:
    """Clears what a person has not kept, and says in a column what was decided. A row with another address by now
    stays as it is, and so does every cell that holds something else than he was shown."""
    session = await session_of(task)
    if not isinstance(session, Session):
        return session
    places, decided = session.before["columns"], session.before["decided"]
    cells = {part: await cells_of(task, UUID(places[part])) for part in ("address", "title", "description")}
    standing = review.standing(session.before.get("doubtful", ()), cells["address"])
    if standing:
        marks = session.part_id("review")
        columns = await columns_of(task, session)
        if all(column["id"] != marks for column in columns):
            last = max(column["position"] for column in columns)
            await task.commit([AddColumn(marks, session.spreadsheet_id, last + 1, "Review")])
        for chunk in chunks(_reviewed(session, marks, standing, cells)):
            await task.commit(chunk)
    cleared = sum(decided[asked] == review.CLEAR for asked in standing)
    left_out = len(decided) - len(standing)
    return session.done(
        rows=session.before["rows"], doubtful=len(decided), cleared=cleared, left_out=left_out, columns=places
    )


def _reviewed(
    session: Session, marks: UUID, standing: Mapping[str, int], cells: Mapping[str, Cells]
) -> list[ReplaceCell | PutCell]:
    decided, shown = session.before["decided"], {str(each["row"]): each["shown"] for each in session.before["doubtful"]}
    effects: list[ReplaceCell | PutCell] = []
    for asked, row in standing.items():
        word = "cleared" if decided[asked] == review.CLEAR else "kept"
        made = session.part_id(f"{marks} {asked}")
        effects.append(PutCell(made, session.spreadsheet_id, marks, row, word))
        if decided[asked] == review.CLEAR:
            found = [cells[part][row] for part in ("title", "description") if row in cells[part]]
            as_shown = [(cell, was) for cell, was in found if [str(cell), was] in shown[asked].values()]
            effects += [ReplaceCell(cell, was, None) for cell, was in as_shown]
    return effects
