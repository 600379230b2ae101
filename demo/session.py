"""The demo's session: a list of contacts with planted duplicates is cleaned, a person is asked, every worker is killed
while the question is open, and the answer is done once."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import phonenumbers

from core.cli.acting import Acting
from core.db import catalogs
from core.db.connect import Connection, Slots
from core.errors import RowmillError
from core.queue.fleet import Fleet
from core.settings import Settings
from demo.expected import Expected
from demo.sheet import FAIR_TITLES as TITLES
from demo.stage import QUERIES
from workers.spreadsheets import desk

PACKAGE: Final = "workers.spreadsheets"
MARK: Final = "Merged into row"
PEOPLE: Final = 40
TWINS: Final = range(0, PEOPLE, 4)  # people who stand in the list twice
KEPT_APART: Final = 8  # one of them: the person who answers says that these are two
PATIENCE_S: Final = 60.0
LOOK_S: Final = 0.05


@dataclass(frozen=True, slots=True)
class Answered:
    """What the session came to: groups proposed and merged, and how many workers were killed while it asked."""

    proposed: int
    merged: int
    kills: int


def rows() -> list[tuple[str, str, str | None]]:
    """The list as it comes in: everybody once, and the twins once more, otherwise written, with a telephone."""
    first = [(f"  Person{at:02}   Family{at:02} ", f"p{at:02}@Example.ORG", None) for at in range(PEOPLE)]
    return [*first, *((f"Family{at:02}, Person{at:02}", f"P{at:02}@example.org", f"030 12345{at:02}") for at in TWINS)]


def expected_session() -> list[dict[str, Expected]]:
    """Every row after the session, from the list itself: clean, and the twins' second rows in the first ones."""
    clean = [[_visible(name), _address(address), _number(phone)] for name, address, phone in rows()]
    sheet = [dict(zip(TITLES, map(Expected, row), strict=True)) for row in clean]
    for place, at in enumerate(TWINS, start=PEOPLE):
        if at != KEPT_APART:
            one, other = sorted((sheet[at], sheet[place]), key=lambda row: row["Phone"].content is None)
            other.update(dict.fromkeys(TITLES, Expected(None)))
            other[MARK] = Expected(str(sheet.index(one) + 1))
    return sheet


def _visible(text: str) -> str:
    return " ".join(text.split())


def _address(text: str) -> str:
    name, _, host = text.rpartition("@")
    return f"{name}@{host.lower()}"


def _number(text: str | None) -> str | None:
    if text is None:
        return None
    return phonenumbers.format_number(phonenumbers.parse(text, "DE"), phonenumbers.PhoneNumberFormat.E164)


async def hold_session(
    connection: Connection, fleet: Fleet, dsn: str, spreadsheet_id: UUID, doing: Callable[[str], None]
) -> Answered:
    """From the INSERT that starts it to its end, with a kill of every worker between question and answer."""
    given = json.dumps({"locale": "de_DE", "likeness": 95})
    made = await QUERIES["start_session"].fetch(connection, spreadsheet_id=spreadsheet_id, given=given)
    session: UUID = made[0]["id"]
    doing("a session cleans contacts")
    row = await _until(connection, session, "asks")
    form = json.loads(row["user_input_form"])
    kills = await _kill_all(fleet)
    doing("a person answers")
    await _answer(dsn, row, _apart(form))
    row = await _until(connection, session, "completed")
    found = json.loads(row["step_data"])
    return Answered(found["2"]["proposed"], found["3"]["groups_merged"], kills)


def _apart(form: Sequence[dict[str, Any]]) -> dict[str, str]:
    """Of all that is proposed one is refused."""
    wanted = f"Person{KEPT_APART:02}"
    return {choice["key"]: "keep" for choice in form if wanted in choice["detail"]}


async def _kill_all(fleet: Fleet) -> int:
    """SIGKILL, all at once. Who looks after them starts others."""
    dying = [child.process for child in fleet.children.values()]
    for process in dying:
        process.kill()
    await asyncio.gather(*(process.wait() for process in dying))
    return len(dying)


async def _answer(dsn: str, row: Any, choices: dict[str, str]) -> None:
    """As the command line does it."""
    slots = Slots(dsn, Settings(), "demo", 1)
    try:
        effects = desk.answering(row, row["current_step"], {"choices": choices})
        seen = {("transformer_sessions", row["id"]): row["version"]}
        async with slots.acquire() as connection:
            owner = (await QUERIES["owner"].fetch(connection))[0]["id"]
        person = Acting(slots, PACKAGE, owner, "")
        await person.apply("sessions.answer", effects, seen=seen, workspace_id=row["workspace_id"])
    finally:
        await slots.close()


async def _until(connection: Connection, session: UUID, state: str) -> Any:
    deadline = time.monotonic() + PATIENCE_S
    statement = catalogs.of_package(PACKAGE)["http_sessions"]
    while True:
        (row,) = await statement.fetch(connection, session_id=session, spreadsheet_id=None, most=1)
        if row["state"] == state:
            return dict(row)
        if row["state"] == "failed" or time.monotonic() > deadline:
            raise RowmillError(f"the session is {row['state']}, not {state}: {row['problem']}")
        await asyncio.sleep(LOOK_S)
