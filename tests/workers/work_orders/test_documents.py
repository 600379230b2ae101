"""A document by itself: what is known of it, its PDF, a page of it; by the command line and over HTTP."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from PIL import Image

from core.db.connect import Connection
from tests.core.cli.conftest import Rowmill, rowmill  # noqa: F401 - a fixture
from tests.running import Workers, until
from tests.serving import Site
from tests.workers.work_orders.letters import letter
from tests.workers.work_orders.orders import USER, make_user
from tests.workers.work_orders.pdfs import DEMO, PDFS, add_profiles, pdf
from tests.workers.work_orders.test_http import ingest, send, workspace_of

ORDER, SIGNED = PDFS / "NG-1008.pdf", PDFS / "signed-NG-1008.pdf"
WHERE = ("--workspace", "sheet-1")
RED = (200, 30, 30)


def outlined(image: bytes) -> int:
    """Pixels in the colour of the boxes."""
    colours = Image.open(io.BytesIO(image)).convert("RGB").getcolors(1 << 24) or []
    return sum(count for count, colour in colours if colour == RED)


@pytest.fixture
async def known(rowmill: Rowmill, db: Connection, store: Path, workers: Workers) -> tuple[str, str]:  # noqa: F811
    """The ids of an order and of its signed document, both read by workers."""
    await make_user(db)
    profile = str(DEMO / "profiles" / "northgate.json")
    await rowmill("work-orders", "profile", profile, *WHERE, "--user", USER)
    [order] = (await rowmill("work-orders", "ingest", str(ORDER), *WHERE, "--json")).json()["ingested"]
    [signed] = (await rowmill("work-orders", "ingest", "--signed", str(SIGNED), *WHERE, "--json")).json()["ingested"]
    await workers.start("work_orders.read", "work_orders.read_signed")
    await until(lambda: db.fetchval("select count(*) = 1 from signed_match"), what="the match")
    return order["id"], signed["id"]


async def test_an_order_and_a_signed_document_are_shown_saved_and_drawn(
    rowmill: Rowmill,  # noqa: F811
    known: tuple[str, str],
    tmp_path: Path,
) -> None:
    for document, file in zip(known, (ORDER, SIGNED), strict=True):
        shown = (await rowmill("work-orders", "show", document, "--json")).json()
        read = shown["sources"][0] if "sources" in shown else shown
        assert read["fields"]["work_order_number"]["value"] == "NG-1008"
        assert read["source_metadata"] == {"filename": file.name}
        assert "blob" not in shown
        words = (await rowmill("work-orders", "show", document)).words()
        assert all(each in words for each in ("NG-1008", f"{file.name}: OK", "confidence"))
        saved, drawn = tmp_path / file.name, tmp_path / f"{file.name}.png"
        assert "written" in (await rowmill("work-orders", "pdf", document, str(saved))).words()
        assert saved.read_bytes() == file.read_bytes()
        await rowmill("work-orders", "boxes", document, str(drawn))
        assert outlined(drawn.read_bytes()) > 1000
    nowhere = await rowmill("work-orders", "pdf", known[0], str(tmp_path / "none" / "x.pdf"))
    assert "name a file in a folder of yours" in nowhere.refusal()
    assert "has 1 pages" in (await rowmill("work-orders", "boxes", known[0], "x.png", "--page", "2")).refusal()


@pytest.mark.parametrize("words", [("show",), ("pdf", "x.pdf"), ("boxes", "x.png")])
async def test_a_document_that_is_not_there_is_said_so(
    rowmill: Rowmill,  # noqa: F811
    store: Path,
    words: tuple[str, ...],
) -> None:
    refused = await rowmill("work-orders", words[0], str(UUID(int=5)), *words[1:])
    assert "there is no such document; see `rowmill work-orders preview`" in refused.refusal()


async def test_profiles_are_listed_with_who_stored_them(
    rowmill: Rowmill,  # noqa: F811
    known: tuple[str, str],
    db: Connection,
) -> None:
    [listed] = (await rowmill("work-orders", "profiles", "--json")).json()["profiles"]
    assert (listed["fm_key"], listed["profile_version"], "fields" in listed["profile"]) == ("northgate", 1, True)
    assert "work_order_number" in (await rowmill("work-orders", "profiles", *WHERE)).words()
    assert await db.fetchval("select u.email from fm_profiles p join users u on u.id = p.created_by") == USER


async def test_another_spreadsheet_or_sheet_gets_all_rows(
    rowmill: Rowmill,  # noqa: F811
    db: Connection,
) -> None:
    await make_user(db)
    workspace = await db.fetchval("select get_or_create_workspace('sheet-1', $1)", USER)
    await db.fetchval("select get_or_create_workspace('taken', $1)", USER)
    for each in "ab":
        query = (
            "select ingest_work_order($1, $2, 'b', 1, 'API', '{}', jsonb_build_object('work_order_number', $3::text))"
        )
        await db.execute(query, workspace, each * 64, each)

    async def change(*words: str) -> tuple[Any, ...]:
        await db.execute("update export_jobs set status = 'DONE'")
        [told] = (await rowmill("work-orders", "workspace", *words, "--json")).json()["workspaces"]
        waiting = await db.fetchval("select count(*) from export_jobs where status = 'PENDING'")
        return told["spreadsheet_id"], told["sheet_name"], waiting

    assert await change(*WHERE, "--sheet-name", "Orders") == ("sheet-1", "Orders", 2)
    assert await change(*WHERE, "--sheet-name", "Orders") == ("sheet-1", "Orders", 0)
    assert await change(*WHERE, "--spreadsheet", "sheet-9") == ("sheet-9", "Orders", 2)
    assert await change("--workspace", str(workspace), "--drive-folder", "f") == ("sheet-9", "Orders", 0)
    assert {row["spreadsheet_id"] for row in await db.fetch("select spreadsheet_id from export_jobs")} == {"sheet-9"}
    check = (
        "select payload ->> 'spreadsheet_id' from rowmill.schedules where name = 'work_orders.check_sheet ' || $1::uuid"
    )
    assert await db.fetchval(check, workspace) == "sheet-9"
    taken = await rowmill("work-orders", "workspace", "--workspace", "sheet-9", "--spreadsheet", "taken")
    assert "another workspace has the spreadsheet taken already" in taken.refusal()
    long = await rowmill("work-orders", "workspace", "--workspace", "sheet-9", "--sheet-name", "x" * 101)
    assert "100 characters at most" in long.refusal()
    assert "sheet-9" in (await rowmill("work-orders", "workspaces")).words()


async def test_a_file_that_cannot_be_taken_keeps_no_other_out(
    rowmill: Rowmill,  # noqa: F811
    db: Connection,
    store: Path,
    tmp_path: Path,
) -> None:
    await make_user(db)
    (tmp_path / "a.eml").write_bytes(letter())
    (tmp_path / "b.pdf").write_bytes(pdf("NG-1"))
    said = await rowmill(
        *("work-orders", "ingest", str(tmp_path / "a.eml"), str(tmp_path / "b.pdf"), *WHERE, "--user", USER)
    )
    assert (said.code, "1 document" in said.out) == (1, True)
    assert "a.eml: the message has no PDF attached" in said.err
    assert await db.fetchval("select count(*) from work_order_sources") == 1


@pytest.mark.parametrize(
    ("name", "size", "told"),
    [("a.pdf", 0, "a.pdf is empty; leave it out"), ("b.pdf", 25_000_001, "25,000,001 bytes and at most 25,000,000")],
)
async def test_a_file_without_bytes_or_with_too_many_is_refused_before_any_is_taken(
    rowmill: Rowmill,  # noqa: F811
    db: Connection,
    tmp_path: Path,
    name: str,
    size: int,
    told: str,
) -> None:
    await make_user(db)
    with (tmp_path / name).open("wb") as file:
        file.truncate(size)
    (tmp_path / "good.pdf").write_bytes(pdf("NG-1"))
    files = (str(tmp_path / "good.pdf"), str(tmp_path / name))
    assert told in (await rowmill("work-orders", "ingest", *files, *WHERE, "--user", USER)).refusal()
    assert await db.fetchval("select count(*) from work_order_sources") == 0


async def test_a_signed_document_is_shown_over_http_with_its_page(site: Site, store: Path, workers: Workers) -> None:
    client = await site.client("operate")
    await ingest(client, b"first", parsed_work_order={"work_order_number": "NG-1008"})
    await add_profiles(site.db, await workspace_of(site))
    made = (await send(client, "/api/signed/ingest", SIGNED.read_bytes(), signed_pdf_url="https://x.example/s")).ok()
    path = f"/api/signed/documents/{made['signed_document_id']}"
    await workers.start("work_orders.read_signed")

    async def matched() -> Any:
        told = (await client.get(path)).ok()
        return told if told["state"] == "MATCHED" else None

    told = await until(matched, what="the match")
    assert (told["outcome"], told["signed_pdf_url"], "blob" in told) == ("OK", "https://x.example/s", False)
    assert told["matched_work_order_id"]
    assert (await client.get(f"{path}/pdf")).body == SIGNED.read_bytes()
    assert outlined((await client.get(f"{path}/boxes")).body) > 200
    (await client.get(f"{path}/boxes?page=2")).refusal(422, "undrawable")
    stranger = await site.client("operate")
    for each in (path, f"{path}/pdf", f"{path}/boxes"):
        (await stranger.get(each)).refusal(404)


async def test_the_preview_shows_the_newest_20_of_all(site: Site, store: Path) -> None:
    client = await site.client("operate")
    made = [
        (await ingest(client, f"{at}".encode(), parsed_work_order={"work_order_number": f"{at}"}))["work_order_id"]
        for at in range(23)
    ]
    preview = (await client.get("/api/db/preview")).ok()
    assert [each["id"] for each in preview["work_orders"]] == made[:2:-1]
    assert preview["exports"] == {"PENDING": 23}
    first = preview["work_orders"][0]
    assert (first["source_type"], first["source_metadata"]["filename"], first["export_status"]) == (
        *("UPLOAD", "order.pdf"),
        "PENDING",
    )
