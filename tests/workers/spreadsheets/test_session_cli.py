"""`rowmill sessions`: a person follows a session through to its end on a terminal."""

from __future__ import annotations

from uuid import UUID, uuid4

from core.db.connect import Connection
from tests.core.cli.conftest import Rowmill, rowmill
from tests.running import Workers
from tests.workers.spreadsheets.sessions import comes_to, fill, form_of
from tests.workers.spreadsheets.sheets import make_sheet

__all__ = ["rowmill"]
STEPS = ("spreadsheets.clean_contacts", "spreadsheets.find_duplicates", "spreadsheets.merge_duplicates")


async def test_a_session_is_started_shown_answered_and_listed(
    db: Connection, workers: Workers, rowmill: Rowmill
) -> None:
    sheet = await make_sheet(db)
    await fill(sheet)
    await workers.start(*STEPS)
    assert "No session yet" in (await rowmill("sessions", "list")).words()
    made = (await rowmill("sessions", "start", str(sheet.id), "clean_contacts", "locale=de_DE", "--json")).json()
    session = UUID(made["id"])
    await form_of(db, session)
    shown = (await rowmill("sessions", "show", str(session))).words()
    assert "2 groups of likely duplicates were found. Which are to be merged?" in shown
    assert "merge (merge into row 2, the default) · keep (keep all)" in shown
    assert (await rowmill("sessions", "answer", str(session), "2=keep")).words() == "answered; the session goes on"
    await comes_to(db, session, "completed")
    (listed,) = (await rowmill("sessions", "list", str(sheet.id), "--json")).json()["sessions"]
    assert (listed["state"], listed["initial_input"]["locale"]) == ("completed", "de_DE")
    assert "completed" in (await rowmill("sessions", "list")).words()


async def test_a_session_is_cancelled_and_what_cannot_be_is_refused_in_a_sentence(
    db: Connection, rowmill: Rowmill
) -> None:
    sheet = await make_sheet(db)
    await fill(sheet)
    made = (await rowmill("sessions", "start", str(sheet.id), "clean_contacts", "--json")).json()
    assert "the session asks nothing at step 1" in (await rowmill("sessions", "answer", made["id"])).refusal()
    assert "only a step that has failed" in (await rowmill("sessions", "retry", made["id"])).refusal()
    assert (await rowmill("sessions", "cancel", made["id"])).words() == "cancelled"
    assert "there is nothing left to cancel" in (await rowmill("sessions", "cancel", made["id"])).refusal()
    assert "there is no session" in (await rowmill("sessions", "show", str(uuid4()))).refusal()
    for words, told in (
        ((str(uuid4()), "clean_contacts"), "there is no spreadsheet"),
        ((str(sheet.id), "baking"), "there is no kind of session 'baking'"),
        ((str(sheet.id), "clean_contacts", "likeness=7"), "input.likeness"),
        ((str(sheet.id), "clean_contacts", "name"), "is no pair"),
    ):
        assert told in (await rowmill("sessions", "start", *words)).refusal()
