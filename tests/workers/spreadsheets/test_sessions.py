"""Sessions of several steps: each once, in order, whoever starts them; a person is asked, and his answer checked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from core.db.connect import Connection
from core.task import Task
from tests.logins import MakeLogin
from tests.running import Database, Workers, ended, until
from tests.workers.spreadsheets.serving import Client
from tests.workers.spreadsheets.sessions import (
    CONTACTS,
    answer,
    comes_to,
    fill,
    form_of,
    found_in,
    session_row,
    start,
)
from tests.workers.spreadsheets.sheets import Sheet, make_sheet
from workers.spreadsheets.model.sessions import ReplaceCell
from workers.spreadsheets.rules.sessions import steps

STEPS = ("spreadsheets.clean_contacts", "spreadsheets.find_duplicates", "spreadsheets.merge_duplicates")


@pytest.fixture
async def contacts(db: Connection) -> Sheet:
    sheet = await make_sheet(db)
    await fill(sheet)
    return sheet


@pytest.fixture
async def client(api: Any, contacts: Sheet) -> Client:
    email = await contacts.db.fetchval("select email from users where id = $1", contacts.owner_id)
    made: Client = await api.client(contacts.db, email)
    return made


# --- the three kinds, each from its start to its end -----------------------------------------------------------------


async def test_a_contact_list_is_cleaned_and_its_duplicates_are_merged_as_a_person_says(
    contacts: Sheet, workers: Workers, client: Client
) -> None:
    await workers.start(*STEPS)
    session = await start(contacts, "clean_contacts", locale="de_DE")
    first, second = await form_of(contacts.db, session)
    assert first["label"] == "row 1 and row 3: the same phone number, names 100 % alike"
    assert second["label"] == "row 2 and row 4: the same e-mail address"
    assert (await answer(client, session, {first["key"]: "keep"})).status == 200
    row = await comes_to(contacts.db, session, "completed")
    assert await contacts.contents("Name") == ["Ada Lovelace", "Grace Hopper", "Lovelace, Ada", None, "Alan Turing"]
    assert await contacts.contents("E-mail") == ["ADA@example.org", "grace@navy.example", None, "alan@example.org"]
    assert (await contacts.content("Phone", 1), await contacts.content("Phone", 2)) == ("+49301234567", "+12125550100")
    marks = await contacts.db.fetch(
        "select c.row_number, c.content from cells c join sheet_columns k on k.id = c.column_id "
        "where k.title = 'Merged into row'"
    )
    assert [tuple(mark) for mark in marks] == [(4, "2")]
    assert found_in(row, 3) == {"groups_merged": 1, "groups_left_out": 0, "rows_emptied": 1}
    assert (row["current_step"], row["total_steps"]) == (3, 3)
    assert row["completed_at"] is not None


async def test_a_list_without_duplicates_asks_nobody(contacts: Sheet, workers: Workers) -> None:
    await contacts.db.execute("delete from cells where row_number in (3, 4)")
    await workers.start(*STEPS)
    session = await start(contacts, "clean_contacts")
    row = await comes_to(contacts.db, session, "completed")
    assert found_in(row, 2)["proposed"] == 0
    assert await contacts.db.fetchval("select count(*) from sheet_columns where title = 'Merged into row'") == 0


async def test_a_foreign_file_lands_in_the_columns_that_a_person_has_confirmed(
    contacts: Sheet, workers: Workers, client: Client, files: Path
) -> None:
    (files / "theirs.csv").write_text(
        "Kundenname;Mailadresse;Telefon;Umsatz;intern\n"
        "Emmy Noether;emmy@goettingen.example;+49 551 390;1000;x\n"
        "Lise Meitner;lise@kwi.example;+49 30 8413;2000;y\n",
        encoding="utf-8",
    )
    await workers.start("spreadsheets.propose_mapping", "spreadsheets.import_mapped")
    session = await start(contacts, "import_mapped", file="theirs.csv")
    form = await form_of(contacts.db, session)
    guessed = {choice["label"]: choice["default"] for choice in form}
    columns = {title: str(column) for title, column in contacts.columns.items()}
    assert guessed == {
        "Kundenname": columns["Name"],
        "Mailadresse": columns["E-mail"],
        "Telefon": columns["Phone"],
        "Umsatz": "new",
        "intern": "new",
    }
    assert (await answer(client, session, {"4": "out"})).status == 200
    await comes_to(contacts.db, session, "completed")
    assert (await contacts.content("Name", 6), await contacts.content("E-mail", 7)) == (
        "Emmy Noether",
        "lise@kwi.example",
    )
    titles = await contacts.db.fetch("select title from sheet_columns where spreadsheet_id = $1", contacts.id)
    assert {row["title"] for row in titles} == {*columns, "Umsatz"}


async def test_two_columns_into_one_are_asked_again(
    contacts: Sheet, workers: Workers, client: Client, files: Path
) -> None:
    (files / "two.csv").write_text("A,B\n1,2\n", encoding="utf-8")
    await workers.start("spreadsheets.propose_mapping", "spreadsheets.import_mapped")
    session = await start(contacts, "import_mapped", file="two.csv")
    await form_of(contacts.db, session)
    name = str(contacts.columns["Name"])
    await answer(client, session, {"0": name, "1": name})

    async def again() -> bool:
        row = await session_row(contacts.db, session)
        return row["state"] == "asks" and "cannot both go into 'Name'" in row["user_input_prompt"]

    await until(again, what="the second question")
    await answer(client, session, {"0": name, "1": "out"})
    await comes_to(contacts.db, session, "completed")
    assert await contacts.content("Name", 6) == "1"


# --- who may do what, and when ---------------------------------------------------------------------------------------


async def test_an_answer_that_does_not_fit_is_refused_and_the_question_stays(
    contacts: Sheet, workers: Workers, client: Client
) -> None:
    await workers.start(*STEPS)
    session = await start(contacts, "clean_contacts")
    await form_of(contacts.db, session)
    unfit: list[dict[str, Any]] = [{"choices": {"1": "perhaps"}}, {"choices": {"99": "merge"}}, {}, {"choices": []}]
    for wrong in unfit:
        refused = await answer(client, session, answer=wrong)
        assert (refused.status, refused.error["code"], refused.error["field"]) == (422, "unfit", "answer")
    assert (await session_row(contacts.db, session))["state"] == "asks"
    assert (await answer(client, session, step=1)).status == 409
    assert (await answer(client, session, version=1)).status == 409


async def test_an_answer_is_taken_once(contacts: Sheet, workers: Workers, client: Client) -> None:
    await workers.start(*STEPS)
    session = await start(contacts, "clean_contacts")
    await form_of(contacts.db, session)
    read = (await client.get(f"/api/sessions/{session}")).body
    body = {"step": 2, "version": read["version"], "answer": {"choices": {}}}
    key = uuid4()
    first = await client.post(f"/api/sessions/{session}/answer", body, key)
    again = await client.post(f"/api/sessions/{session}/answer", body, key)
    assert (first.status, again.status, first.body) == (200, 200, again.body)
    await comes_to(contacts.db, session, "completed")
    other = await client.post(f"/api/sessions/{session}/answer", body)
    assert (other.status, other.error["code"]) == (409, "wrong_state")
    assert await contacts.db.fetchval("select count(*) from rowmill.signals") == 1
    answers = await contacts.db.fetch("select user_id from sheet_edit_events where action = 'session_answered'")
    assert [row["user_id"] for row in answers] == [contacts.owner_id]


async def test_a_cancelled_session_stops_wherever_it_is_and_keeps_what_it_wrote(
    contacts: Sheet, workers: Workers, client: Client
) -> None:
    await workers.start(*STEPS)
    session = await start(contacts, "clean_contacts")
    await form_of(contacts.db, session)
    assert (await client.post(f"/api/sessions/{session}/cancel")).status == 200
    row = await session_row(contacts.db, session)
    assert (row["state"], row["requires_user_input"]) == ("cancelled", False)
    assert (await ended(contacts.db, row["task_id"]))["status"] == "cancelled"
    assert await contacts.content("Name", 1) == "Ada Lovelace"
    for verb in ("cancel", "retry"):
        assert (await client.post(f"/api/sessions/{session}/{verb}")).error["code"] == "wrong_state"
    assert (await answer(client, session)).status == 409


async def test_a_failed_step_says_why_and_runs_again_from_where_it_was(
    contacts: Sheet, workers: Workers, client: Client, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = "".join(f"Person {number},p{number}@example.org\n" for number in range(5000))
    (files / "many.csv").write_text(f"Name,E-mail\n{lines}", encoding="utf-8")
    honest, commits = Task.commit, list[Any]()

    async def broken_once(task: Task[Any], effects: Any, *, progress: Any = None) -> None:
        await honest(task, effects, progress=progress)
        commits.append(progress)
        if len(commits) == 1:
            raise OSError("the disk is full")

    await workers.start("spreadsheets.propose_mapping", "spreadsheets.import_mapped")
    session = await start(contacts, "import_mapped", file="many.csv")
    await form_of(contacts.db, session)
    monkeypatch.setattr(Task, "commit", broken_once)
    await contacts.db.execute("alter table task_queue alter max_attempts set default 1")
    await answer(client, session)
    failed = await comes_to(contacts.db, session, "failed")
    assert "the disk is full" in failed["problem"]
    assert (await client.post(f"/api/sessions/{session}/retry")).status == 200
    row = await comes_to(contacts.db, session, "completed")
    assert found_in(row, 2) == {"rows": 5000, "columns": 2}
    counted = "select count(*), count(distinct content) from cells where column_id = $1 and content like 'Person %'"
    assert tuple(await contacts.one(counted, contacts.columns["Name"])) == (5000, 5000)


async def test_a_step_that_fails_by_itself_names_the_next_step(contacts: Sheet, workers: Workers) -> None:
    await workers.start("spreadsheets.propose_mapping")
    session = await start(contacts, "import_mapped", file="missing.csv")
    row = await comes_to(contacts.db, session, "failed")
    assert "does not exist; check the name" in row["problem"]


async def test_a_persons_edit_meanwhile_wins(
    database: Database, contacts: Sheet, workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = await database.connect()
    honest = Task.commit

    async def overtaken(task: Task[Any], effects: Any, *, progress: Any = None) -> None:
        await contacts.edit("Name", 1, "Ada King", person)
        await honest(task, effects, progress=progress)

    monkeypatch.setattr(Task, "commit", overtaken)
    await workers.start(STEPS[0])
    session = await start(contacts, "clean_contacts")
    await until(
        lambda: contacts.db.fetchval("select current_step = 2 from transformer_sessions where id = $1", session)
    )
    assert await contacts.content("Name", 1) == "Ada King"
    history = [edit for _, edit, _ in await contacts.history("Name", 1)]
    assert history == ["Ada  Lovelace", "Ada King"]


async def test_rows_that_move_while_a_question_waits_take_their_answer_along(
    contacts: Sheet, workers: Workers, client: Client
) -> None:
    await workers.start(*STEPS)
    session = await start(contacts, "clean_contacts", locale="de_DE")
    await form_of(contacts.db, session)
    await client.post(f"/api/spreadsheets/{contacts.id}/rows/insert", {"before": 1})
    await client.post(f"/api/spreadsheets/{contacts.id}/rows/move", {"first": 6, "last": 6, "before": 2})
    await answer(client, session)
    row = await comes_to(contacts.db, session, "completed")
    assert await contacts.contents("Name") == ["Alan Turing", "Ada Lovelace", "Grace Hopper", None, None]
    marks = await contacts.db.fetch(
        "select c.row_number, c.content from cells c join sheet_columns k on k.id = c.column_id "
        "where k.title = 'Merged into row' order by 1"
    )
    assert [tuple(mark) for mark in marks] == [(5, "3"), (6, "4")]
    assert found_in(row, 3) == {"groups_merged": 2, "groups_left_out": 0, "rows_emptied": 2}


@pytest.mark.parametrize(
    "change", ["update cells set content = $2 where id = $1", "delete from cells where id = $1 and $2::text <> ''"]
)
async def test_a_group_that_is_changed_while_a_question_waits_is_left_out(
    contacts: Sheet, workers: Workers, client: Client, change: str
) -> None:
    await workers.start(*STEPS)
    session = await start(contacts, "clean_contacts", locale="de_DE")
    await form_of(contacts.db, session)
    before = [await contacts.contents(title) for title in ("E-mail", "Phone", "Company")]
    cell_id = (await contacts.cell("Name", 3))["id"]
    await contacts.db.execute(change, cell_id, "Another Person")
    names = await contacts.contents("Name")
    await answer(client, session, {"2": "keep"})
    row = await comes_to(contacts.db, session, "completed")
    assert await contacts.contents("Name") == names
    assert [await contacts.contents(title) for title in ("E-mail", "Phone", "Company")] == before
    assert found_in(row, 3) == {"groups_merged": 0, "groups_left_out": 1, "rows_emptied": 0}


async def test_a_merge_that_dies_between_two_chunks_is_finished_by_the_next_run(
    contacts: Sheet, workers: Workers, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps.chunks, "__defaults__", (1,))
    honest, emptied = Task.commit, list[Any]()

    async def broken_once(task: Task[Any], effects: Any, *, progress: Any = None) -> None:
        await honest(task, effects, progress=progress)
        emptied.extend(each for each in effects if isinstance(each, ReplaceCell) and each.content is None)
        if len(emptied) == 1:
            emptied.append(None)
            raise OSError("the disk is full")

    await workers.start(*STEPS)
    session = await start(contacts, "clean_contacts", locale="de_DE")
    await form_of(contacts.db, session)
    monkeypatch.setattr(Task, "commit", broken_once)
    await answer(client, session)
    row = await comes_to(contacts.db, session, "completed")
    assert await contacts.contents("Name") == ["Ada Lovelace", "Grace Hopper", None, None, "Alan Turing"]
    assert found_in(row, 3) == {"groups_merged": 2, "groups_left_out": 0, "rows_emptied": 2}


async def test_what_a_plain_insert_names_wrongly_is_refused_or_told(contacts: Sheet, workers: Workers) -> None:
    with pytest.raises(asyncpg.CheckViolationError, match="there is no kind of session baking"):
        await start(contacts, "baking")
    await workers.start(*STEPS)
    unfit = await start(contacts, "clean_contacts", surname="x")
    assert "input of the session does not fit: surname" in (await comes_to(contacts.db, unfit, "failed"))["problem"]
    absent = await start(contacts, "clean_contacts", name="Surname")
    assert "no plain column 'Surname'" in (await comes_to(contacts.db, absent, "failed"))["problem"]


async def test_every_step_leaves_its_trace_and_nothing_else(contacts: Sheet, workers: Workers, client: Client) -> None:
    await workers.start(*STEPS)
    session = await start(contacts, "clean_contacts")
    await form_of(contacts.db, session)
    await answer(client, session)
    await comes_to(contacts.db, session, "completed")
    events = await contacts.db.fetch(
        "select action, num_nonnulls(user_id) as person from sheet_edit_events where after ->> 'session' = $1 "
        "order by created_at, id",
        str(session),
    )
    assert [tuple(event) for event in events] == [
        ("session_started", 0),
        ("session_step_done", 0),
        ("session_asks", 0),
        ("session_answered", 1),
        ("session_step_done", 0),
        ("session_step_done", 0),
    ]
    tasks = await contacts.db.fetch("select task_type, status, run_no from task_queue order by id")
    assert [tuple(task) for task in tasks] == [
        (STEPS[0], "completed", 1),
        (STEPS[1], "completed", 2),
        (STEPS[2], "completed", 1),
    ]


# --- over HTTP -------------------------------------------------------------------------------------------------------


async def test_a_session_is_started_listed_and_read_over_http(
    contacts: Sheet, workers: Workers, client: Client
) -> None:
    path = f"/api/spreadsheets/{contacts.id}/sessions"
    new, key = {"kind": "clean_contacts", "input": {"likeness": 90}}, uuid4()
    made = (await client.post(path, new, key)).body
    assert (await client.post(path, new, key)).body == made
    await workers.start(*STEPS)
    await form_of(contacts.db, made["id"])
    (listed,) = (await client.get(path)).body["sessions"]
    read = (await client.get(f"/api/sessions/{made['id']}")).body
    assert listed == read
    assert (read["state"], read["current_step"], read["name"]) == ("asks", 2, "clean contacts of Sheet")
    assert read["question"]["answer_schema"]["properties"]["choices"]["properties"]["1"] == {"enum": ["merge", "keep"]}
    wrong = await client.post(path, {"kind": "clean_contacts", "input": {"likeness": 900}})
    assert (wrong.status, wrong.error["field"]) == (422, "input.likeness")


async def test_a_stranger_sees_and_changes_no_session(contacts: Sheet, workers: Workers, api: Any) -> None:
    await workers.start(*STEPS)
    session = await start(contacts, "clean_contacts")
    await form_of(contacts.db, session)
    other = await contacts.db.fetchval("insert into workspaces (name) values ('Other') returning id")
    stranger = await api.client(contacts.db, "stranger@example.org", workspaces=[other])
    assert (await stranger.get(f"/api/sessions/{session}")).status == 404
    assert (await stranger.get(f"/api/spreadsheets/{contacts.id}/sessions")).status == 404
    body = {"step": 2, "version": 1, "answer": {"choices": {}}}
    for verb, sent in (("answer", body), ("retry", None), ("cancel", None)):
        assert (await stranger.post(f"/api/sessions/{session}/{verb}", sent)).status == 404
    assert (await session_row(contacts.db, session))["state"] == "asks"


def test_the_contacts_of_these_tests_have_duplicates() -> None:
    assert len({row[0] for row in CONTACTS}) == 5
    assert json.dumps(CONTACTS)


async def test_a_session_of_a_sheet_in_another_workspace_belongs_there(database: Database, contacts: Sheet) -> None:
    other = await contacts.db.fetchval("insert into workspaces (name) values ('Other') returning id")
    await contacts.db.execute("update spreadsheets set workspace_id = $1 where id = $2", other, contacts.id)
    session = await start(contacts, "clean_contacts")
    row = await session_row(contacts.db, session)
    assert row["workspace_id"] == other
    workspace = await contacts.db.fetchval("select workspace_id from task_queue where id = $1", row["task_id"])
    assert workspace == other


async def test_row_policies_keep_sessions_to_their_workspace_and_workers_go_on(
    contacts: Sheet, workers: Workers, client: Client, login: MakeLogin
) -> None:
    other = await contacts.db.fetchval("insert into workspaces (name) values ('Other') returning id")
    await contacts.db.execute("update spreadsheets set workspace_id = $1 where id = $2", other, contacts.id)
    bound = await login("rowmill_worker")
    await workers.start(*STEPS, dsn=bound.dsn)
    session = await start(contacts, "clean_contacts")
    await form_of(contacts.db, session)
    assert (await answer(client, session)).status == 200
    await comes_to(contacts.db, session, "completed")
    stranger: Connection = await asyncpg.connect(bound.dsn)
    try:
        assert await stranger.fetchval("select count(*) from transformer_sessions") == 0
        async with stranger.transaction():
            await stranger.execute(f"set local app.workspace_id = '{other}'")
            assert await stranger.fetchval("select count(*) from transformer_sessions") == 1
        async with stranger.transaction():
            await stranger.execute("set local app.workspace_id = '00000000-0000-4000-8000-000000000001'")
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await start(contacts, "clean_contacts", stranger)
    finally:
        await stranger.close()
