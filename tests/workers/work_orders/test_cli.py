"""Work orders on the command line: what a person types, and what is said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook

from core.db.connect import Connection
from tests.core.cli.conftest import Rowmill, rowmill  # noqa: F401 - a fixture
from tests.running import Workers, until
from tests.workers.work_orders.letters import letter
from tests.workers.work_orders.orders import USER, make_user
from tests.workers.work_orders.pdfs import DEMO, PDFS, pdf

NORTHGATE = str(DEMO / "profiles" / "northgate.json")
WHERE = ("--workspace", "sheet-1")


@pytest.fixture
async def user(db: Connection, store: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("ROWMILL_WATCHDOG_S", "0")  # it writes to the real stderr, which a test has not
    await make_user(db)
    return USER


async def test_pdfs_and_letters_are_taken_in_once(rowmill: Rowmill, user: str, tmp_path: Path) -> None:  # noqa: F811
    (tmp_path / "a.pdf").write_bytes(pdf("NG-1"))
    (tmp_path / "b.eml").write_bytes(letter(("one.pdf", pdf("NG-2")), ("two.pdf", pdf("NG-3"))))
    files = [str(tmp_path / name) for name in ("a.pdf", "b.eml")]
    told = (await rowmill("work-orders", "ingest", *files, *WHERE, "--user", user, "--json")).json()["ingested"]
    assert [(each["file"], each["is_new"]) for each in told] == [
        ("a.pdf", True),
        ("b.eml: one.pdf", True),
        ("b.eml: two.pdf", True),
    ]
    again = (await rowmill("work-orders", "ingest", *files, *WHERE, "--json")).json()["ingested"]
    assert [each["is_new"] for each in again] == [False] * 3
    assert [each["id"] for each in again] == [each["id"] for each in told]
    assert "3 documents" in (await rowmill("work-orders", "ingest", *files, *WHERE)).words()


async def test_from_pdf_to_workbook_by_commands_alone(
    rowmill: Rowmill,  # noqa: F811
    user: str,
    db: Connection,
    store: Path,
    workers: Workers,
    tmp_path: Path,
) -> None:
    said = await rowmill("work-orders", "profile", NORTHGATE, *WHERE, "--user", user)
    assert "northgate" in said.words()
    order, signed = PDFS / "NG-1008.pdf", PDFS / "signed-NG-1008.pdf"
    await rowmill("work-orders", "ingest", str(order), *WHERE)
    await rowmill("work-orders", "ingest", "--signed", str(signed), *WHERE)
    worker = await workers.start("work_orders.read", "work_orders.read_signed")
    await until(lambda: db.fetchval("select count(*) = 1 from signed_match"), what="the match")
    await worker.stop()
    told = (await rowmill("work-orders", "export", "--limit", "10", "--once", "--json")).json()
    assert told == {"processed": 1, "failed": 0, "quota_error": False}
    table = CalamineWorkbook.from_path(str(store / "work-orders" / "sheet-1.xlsx")).get_sheet_by_index(0).to_python()
    assert table[1][1] == "NG-1008"
    shown = (await rowmill("work-orders", "preview", "--json")).json()
    [row] = shown["work_orders"]
    assert (row["work_order_number"], row["export_status"], shown["exports"]) == ("NG-1008", "DONE", {"DONE": 1})
    assert "NG-1008" in (await rowmill("work-orders", "preview", *WHERE)).words()
    assert "DONE" in (await rowmill("work-orders", "exports")).words()
    image = tmp_path / "page.png"
    assert "written" in (await rowmill("work-orders", "boxes", row["id"], str(image))).words()
    assert image.read_bytes()[:4] == b"\x89PNG"
    nothing = (await rowmill("work-orders", "export", "--once")).words()
    assert nothing == "processed 0, failed 0"


async def test_a_failed_export_is_seen_and_begins_anew(
    rowmill: Rowmill,  # noqa: F811
    user: str,
    db: Connection,
    tmp_path: Path,
    store: Path,
) -> None:
    broken = store / "work-orders" / "sheet-1.xlsx"
    broken.parent.mkdir(parents=True)
    broken.write_text("no workbook")
    (tmp_path / "a.pdf").write_bytes(pdf("NG-1"))
    await rowmill("work-orders", "ingest", str(tmp_path / "a.pdf"), *WHERE, "--user", user)
    await db.execute("update work_orders set status = 'READY'")
    told = (await rowmill("work-orders", "export", "--once", "--json")).json()
    assert told == {"processed": 0, "failed": 1, "quota_error": False}
    [failed] = (await rowmill("work-orders", "exports", "--status", "FAILED", "--json")).json()["exports"]
    assert failed["last_error"].endswith("move it away, then retry")
    broken.unlink()
    assert (await rowmill("work-orders", "retry", "--json")).json() == {"restarted": 1}
    told = (await rowmill("work-orders", "export", "--once", "--json")).json()
    assert told == {"processed": 1, "failed": 0, "quota_error": False}
    gone = "00000000-0000-4000-8000-00000000dead"
    assert "1 of these exports are not there" in (await rowmill("work-orders", "retry", gone)).refusal()


async def test_questions_are_listed_and_answered(rowmill: Rowmill, user: str, db: Connection) -> None:  # noqa: F811
    workspace = await db.fetchval("select get_or_create_workspace('sheet-1', $1)", user)
    ingest = "select * from ingest_work_order($1, $2, 'b', 1, 'API', '{}', $3)"
    fields = {"work_order_number": "1", "amount": "5"}
    made = await db.fetchrow(ingest, workspace, "a" * 64, json.dumps(fields))
    await db.execute(ingest, workspace, "b" * 64, json.dumps({**fields, "amount": "6"}))
    signed = await db.fetchrow(
        "select * from ingest_signed($1, $2, 'b', 1, 'API', '{}', null, 'none')", workspace, "c" * 64
    )
    assert made is not None
    assert signed is not None
    found = {each["kind"]: each["id"] for each in (await rowmill("work-orders", "reviews", "--json")).json()["reviews"]}
    assert set(found) == {"fields_differ", "signed_missing"}
    assert "2 open questions" in (await rowmill("work-orders", "reviews")).words()
    said = await rowmill("work-orders", "resolve", found["fields_differ"], "accept", "contact=Ada", "--user", user)
    assert said.words() == "the question is accepted"
    row = await db.fetchrow("select amount::text as amount, contact, status from work_orders")
    assert row is not None
    assert tuple(row) == ("6.00", "Ada", "READY")
    twice = await rowmill("work-orders", "resolve", found["fields_differ"], "keep")
    assert "is accepted already" in twice.refusal()
    assert "name=value" in (await rowmill("work-orders", "resolve", found["signed_missing"], "keep", "x")).refusal()
    ids = (str(signed["signed_document_id"]), str(made["work_order_id"]))
    assert (await rowmill("work-orders", "match", *ids, "--user", user)).words() == "they are matched"
    assert (await rowmill("work-orders", "reviews", "--json")).json() == {"reviews": []}


async def test_a_profile_is_tried_on_a_sample_without_a_database(rowmill: Rowmill, tmp_path: Path) -> None:  # noqa: F811
    sample = str(PDFS / "NG-1008.pdf")
    told = (await rowmill("work-orders", "try", NORTHGATE, sample, "--json")).json()
    assert (told["outcome"], told["fields"]["work_order_number"]["value"]) == ("OK", "NG-1008")
    assert "NG-1008" in (await rowmill("work-orders", "try", NORTHGATE, sample)).words()
    bad = tmp_path / "bad.json"
    bad.write_text('{"fm_key": "x", "fields": {"work_order_number": {"label": "("}}}')
    assert "the pattern cannot be read" in (await rowmill("work-orders", "try", str(bad), sample)).refusal()
    bad.write_text("{")
    assert "is no JSON" in (await rowmill("work-orders", "try", str(bad), sample)).refusal()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("ingest", "missing.pdf", *WHERE), "missing.pdf cannot be read"),
        (("ingest", *WHERE), "no file is named"),
        (("ingest", str(PDFS / "NG-1008.pdf"), *WHERE), "no workspace has the spreadsheet sheet-1; name a --user"),
        (("preview", "--workspace", "none"), "no workspace has the spreadsheet none"),
        (("ingest", str(PDFS / "NG-1008.pdf"), *WHERE, "--user", "nobody@example.org"), "there is no user"),
    ],
)
async def test_what_cannot_be_done_is_one_sentence(
    rowmill: Rowmill,  # noqa: F811
    store: Path,
    words: tuple[str, ...],
    told: str,
) -> None:
    assert told in (await rowmill("work-orders", *words)).refusal()


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("preview", "No work order yet; `rowmill work-orders ingest FILE"),
        ("reviews", "No open question."),
        ("exports", "No such export"),
        ("profiles", "No profile yet"),
        ("workspaces", "No workspace yet"),
    ],
)
async def test_where_there_is_nothing_the_next_step_is_said(rowmill: Rowmill, command: str, told: str) -> None:  # noqa: F811
    assert told in (await rowmill("work-orders", command)).words()
