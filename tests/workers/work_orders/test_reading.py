"""PDFs are read by profiles in processes of their own, and nothing a PDF holds can take a worker along."""

from __future__ import annotations

import io
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pypdfium2 as pdfium
import pytest
from pydantic import ValidationError

from core.outside import AsideFailed, blob_store
from demo.work_orders.make_pdfs import bomb, make, scanned, suedwerk
from tests.running import Workers, ended
from tests.workers.work_orders.orders import Orders
from tests.workers.work_orders.pdfs import ALL_PROFILES, EXPECTED, ORDER, PDFS, PROFILES, add_profiles, files, pdf
from workers.work_orders.adapter.pdf import draw_page, read_pdf
from workers.work_orders.model.profiles import Profile
from workers.work_orders.rules.texts import amount_of, date_of

READABLE = [name for name, about in EXPECTED.items() if "order" in about]


async def read(name: str, profiles: Any = ALL_PROFILES, sender: str | None = None) -> dict[str, Any]:
    return await read_pdf((PDFS / name).read_bytes(), profiles, sender)


def values(told: dict[str, Any]) -> dict[str, str]:
    return {name: found["value"] for name, found in told["fields"].items()}


@pytest.mark.parametrize("name", READABLE)
async def test_every_field_of_every_layout_is_read_as_it_was_written(name: str) -> None:
    """By label, by region, by pattern and by table column; scans through tesseract."""
    told, order = await read(name), EXPECTED[name]["order"]
    found = values(told)
    assert (told["outcome"], told["fm_key"], told["pages"]) == ("OK", order.pop("fm_key"), 1)
    assert float(found.pop("amount")) == float(order.pop("amount"))
    assert found.pop("currency") in {"GBP", "EUR"}
    assert found == order
    assert bool(told["warnings"]) == ("scan" in name)


async def test_a_field_says_where_it_stands_and_how_sure_it_is() -> None:
    number = (await read("NG-1001.pdf"))["fields"]["work_order_number"]
    assert (number["page"], number["confidence"]) == (1, 1.0)
    left, top, right, bottom = number["box"]
    assert (29 < left < right < 45, 13 < top < bottom < 16) == (True, True)


async def test_every_field_has_its_own_box_also_in_a_table_and_where_a_pattern_picks_from_a_line() -> None:
    for name in READABLE:
        told = await read(name)
        found = {field: each for field, each in told["fields"].items() if field != "currency"}
        assert all(len(each["box"]) == 4 and each["page"] == 1 for each in found.values()), name
        assert len({tuple(each["box"]) for each in found.values()}) == len(found), name
    fields = (await read("CL-001001.pdf"))["fields"]
    raised, target, client = (fields[each]["box"] for each in ("ordered_on", "due_on", "customer_name"))
    assert (14 < raised[0] < raised[2] < 25, 60 < target[0] < target[2] < 70) == (True, True)
    assert (9 < client[0] < client[2] < 29, 20 < client[1] < client[3] < 30) == (True, True)


def changed(data: bytes, change: Callable[[Any], None]) -> bytes:
    document = pdfium.PdfDocument(data)
    page = document[0]
    change(page)
    page.gen_content()
    made = io.BytesIO()
    document.save(made)
    return made.getvalue()


def turn(page: Any, quarters: int) -> None:
    """Everything is drawn turned to the left, and the page is shown turned to the right: upright again."""
    width, height = page.get_size()
    for _ in range(quarters):
        turned = pdfium.PdfMatrix().rotate(90, ccw=True).translate(height, 0)
        for each in page.get_objects():
            each.transform(turned)
        width, height = height, width
    page.set_mediabox(0, 0, width, height)
    page.set_rotation(90 * quarters)


def crop(page: Any) -> None:
    page.set_cropbox(30, 300, 560, 830)


@pytest.mark.parametrize("quarters", [1, 2, 3])
async def test_a_page_that_is_shown_turned_is_read_as_it_is_shown(quarters: int) -> None:
    """As scanners and printers make them."""
    upright = (PDFS / "NG-1001.pdf").read_bytes()
    turned = changed(upright, lambda page: turn(page, quarters))
    expected, told = [await read_pdf(data, ALL_PROFILES, None) for data in (upright, turned)]
    assert (told["outcome"], values(told)) == ("OK", values(expected))
    for name, found in told["fields"].items():
        assert found.get("box", []) == pytest.approx(expected["fields"][name].get("box", []), abs=0.2), name


async def test_boxes_are_measured_on_what_is_shown_of_a_page() -> None:
    told = await read_pdf(changed((PDFS / "NG-1001.pdf").read_bytes(), crop), ALL_PROFILES, None)
    left, top, right, bottom = told["fields"]["work_order_number"]["box"]
    assert (left, bottom) == pytest.approx((100 * (180 - 30) / 530, 100 * (830 - 720) / 530), abs=1)
    assert (right > left, top < bottom) == (True, True)


async def test_the_page_is_drawn_with_its_boxes() -> None:
    data = (PDFS / "NG-1001.pdf").read_bytes()
    box = (await read("NG-1001.pdf"))["fields"]["work_order_number"]["box"]
    plain, drawn = await draw_page(data, 1, []), await draw_page(data, 1, [box])
    assert plain[:4] == drawn[:4] == b"\x89PNG"
    assert plain != drawn
    with pytest.raises(AsideFailed, match="has 1 pages"):
        await draw_page(data, 2, [])


async def test_the_sender_decides_before_the_best_match() -> None:
    other = {**PROFILES["northgate"], "fm_key": "other", "senders": ["@other.example"], "marks": ["no such words"]}
    known = [*ALL_PROFILES, (other, 7)]
    assert (await read("NG-1001.pdf", known))["fm_key"] == "northgate"
    told = await read("NG-1001.pdf", known, "orders@other.example")
    assert (told["fm_key"], told["profile_version"]) == ("other", 7)


async def test_without_a_fitting_profile_nothing_is_guessed() -> None:
    told = await read("NG-1001.pdf", [(PROFILES["cityline"], 1)])
    assert (told["outcome"], told["fields"], told["warnings"]) == ("PARTIAL", {}, ["no profile fits this document"])


async def test_what_cannot_be_understood_is_a_warning_and_no_value() -> None:
    data = pdf("NG-1", due_on="2026-02-03")
    profile = {**PROFILES["northgate"], "date_formats": ["%Y"]}
    told = await read_pdf(data, [(profile, 1)], None)
    assert "due_on" not in told["fields"]
    assert "due_on: '03 Feb 2026' is no date" in told["warnings"]


@pytest.mark.parametrize(
    ("name", "why"), [("broken.pdf", "no PDF, or a broken one"), ("encrypted.pdf", "is encrypted")]
)
async def test_a_file_that_cannot_be_opened_says_why(name: str, why: str) -> None:
    told = await read(name)
    assert (told["outcome"], why in told["warnings"][0]) == ("FAILED", True)


def of_pages(count: int) -> bytes:
    kids = " ".join(f"{at + 3} 0 R" for at in range(count))
    pages = "".join(
        f"{at + 3} 0 obj\n<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] >>\nendobj\n" for at in range(count)
    )
    head = "%PDF-1.4\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n2 0 obj\n"
    return f"{head}<< /Type /Pages /Kids [{kids}] /Count {count} >>\nendobj\n{pages}trailer << /Root 1 0 R >>".encode()


async def test_a_document_of_too_many_pages_is_refused() -> None:
    told = await read_pdf(of_pages(51), ALL_PROFILES, None)
    assert told["warnings"] == ["the PDF has 51 pages and at most 50 are read; send the order alone"]


@pytest.mark.parametrize("profiles", [["northgate"], ["northgate", "cityline"]], ids=["text", "text and tables"])
async def test_a_bomb_of_one_page_takes_its_own_process_and_the_next_document_is_read(profiles: list[str]) -> None:
    began = time.monotonic()
    with pytest.raises(AsideFailed):
        await read("bomb.pdf", [(PROFILES[name], 1) for name in profiles])
    assert time.monotonic() - began < 25
    assert (await read("NG-1001.pdf"))["outcome"] == "OK"


async def test_a_page_that_claims_to_be_a_country_is_drawn_small() -> None:
    huge = of_pages(1).replace(b"[0 0 9 9]", b"[0 0 99999999 99999999]")
    assert (await draw_page(huge, 1, []))[:4] == b"\x89PNG"


async def test_a_pattern_that_never_ends_is_stopped() -> None:
    slow = {"pattern": "(a|a|b|ab)*c$"}
    profile = {**PROFILES["northgate"], "fields": {**PROFILES["northgate"]["fields"], "contact": slow}}
    told = await read_pdf(pdf("NG-1", description="ab" * 400), [(profile, 1)], None)
    assert values(told)["work_order_number"] == "NG-1"
    assert "contact" not in told["fields"]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"fields": {"work_order_number": {"label": "("}}}, "the pattern cannot be read"),
        ({"fields": {"amount": {"label": "x"}}}, "must say where work_order_number is"),
        ({"fields": {"work_order_number": {}}}, "a field has one place"),
        ({"fields": {"work_order_number": {"label": "x", "column": "y"}}}, "a field has one place"),
        ({"unknown": 1}, "Extra inputs"),
    ],
)
def test_a_profile_that_cannot_work_is_refused_with_the_reason(change: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        Profile.model_validate({**PROFILES["northgate"], **change})


@pytest.mark.parametrize(
    ("text", "decimal", "amount"),
    [
        ("GBP 1,234.50", ".", "1234.50"),
        ("1.234,5 EUR", ",", "1234.50"),
        ("-12", ".", "-12.00"),
        ("1,23", ".", None),
        ("12 or 13", ".", None),
        ("1.234.5", ".", None),
    ],
)
def test_an_amount_is_read_in_one_way_of_writing_only(text: str, decimal: str, amount: str | None) -> None:
    assert amount_of(text, decimal) == amount


def test_a_date_is_read_by_the_formats_of_the_profile_only() -> None:
    assert date_of("03.04.2026", ["%d.%m.%Y"]) == "2026-04-03"
    assert date_of("03/04/2026", ["%d.%m.%Y"]) is None


def test_the_pdfs_of_the_repository_are_those_of_the_script(tmp_path: Path) -> None:
    """Those without images, whose bytes no other version of a library changes."""
    make(tmp_path)
    assert [file.name for file in files(tmp_path)] == [file.name for file in files(PDFS)]
    for file in files(tmp_path):
        if not {"scan", "encrypted", "bomb"} & set(file.stem.split("-")):
            assert file.read_bytes() == (PDFS / file.name).read_bytes(), file.name


# --- in workers ------------------------------------------------------------------------------------------------------


async def ingest(orders: Orders, data: bytes, sender: str = "x@northgate.example") -> Any:
    kept = await blob_store().keep(data)
    return await orders.db.fetchrow(
        "select * from ingest_work_order($1, $2, $3, $4, 'GMAIL', jsonb_build_object('sender', $5::text))",
        *(orders.workspace_id, kept.sha256, kept.path, kept.size, sender),
    )


async def test_a_task_reads_the_pdf_into_its_order(orders: Orders, workers: Workers, store: Path) -> None:
    await add_profiles(orders.db, orders.workspace_id)
    made = await ingest(orders, pdf("NG-5"))
    await workers.start("work_orders.read")
    task = await ended(
        orders.db, await orders.db.fetchval("select id from task_queue where task_type = 'work_orders.read'")
    )
    assert (task["status"], task["error_message"]) == ("completed", None)
    order = await orders.order(made["work_order_id"])
    assert (order["work_order_number"], order["fm_key"], order["status"]) == ("NG-5", "northgate", "READY")
    run = await orders.db.fetchrow("select * from extraction_runs")
    assert run is not None
    assert (run["outcome"], run["profile_version"], run["task_id"], run["source"]) == ("OK", 1, task["id"], "robot")
    assert run["duration_ms"] >= 0


async def test_a_revision_that_a_task_finds_keeps_one_order_and_the_answered_id(
    orders: Orders, workers: Workers, store: Path
) -> None:
    await add_profiles(orders.db, orders.workspace_id)
    answers = [await ingest(orders, pdf("NG-5", customer_name=f"Customer {at}")) for at in range(6)]
    await workers.start("work_orders.read")
    for row in await orders.db.fetch("select id from task_queue where task_type = 'work_orders.read'"):
        assert (await ended(orders.db, row["id"]))["status"] == "completed"
    [order] = await orders.db.fetch("select id, revision from work_orders")
    assert order["revision"] == 6
    known = "select count(*) from work_order_sources where answered_id = any ($1) and work_order_id = $2"
    assert await orders.db.fetchval(known, [each["work_order_id"] for each in answers], order["id"]) == 6
    assert await orders.reviews() == ["fields_differ"] * 5


async def test_what_cannot_be_read_is_a_question_and_harms_nobody(
    orders: Orders, workers: Workers, store: Path
) -> None:
    await add_profiles(orders.db, orders.workspace_id)
    for name in ("bomb.pdf", "broken.pdf", "encrypted.pdf"):
        await ingest(orders, (PDFS / name).read_bytes())
    await ingest(orders, pdf("NG-6"))
    worker = await workers.start("work_orders.read")
    for row in await orders.db.fetch("select id from task_queue where task_type = 'work_orders.read'"):
        assert (await ended(orders.db, row["id"], 60))["status"] == "completed"
    assert not worker.task.done()
    assert await orders.reviews() == ["unreadable"] * 3
    states = await orders.db.fetch("select status from work_orders order by status")
    assert [row["status"] for row in states] == ["READY", "REVIEW", "REVIEW", "REVIEW"]


async def test_ten_bombs_among_others_cost_nobody_else_anything(orders: Orders, workers: Workers, store: Path) -> None:
    await add_profiles(orders.db, orders.workspace_id)
    for at in range(10):
        await ingest(orders, bomb(1 << 28) + b"%" + str(at).encode())
    for at in range(60):
        await ingest(orders, pdf(f"NG-{at}"))
    await workers.start("work_orders.read")
    for row in await orders.db.fetch("select id from task_queue where task_type = 'work_orders.read'"):
        task = await ended(orders.db, row["id"], 90)
        assert (task["status"], task["crashes"], task["attempts"]) == ("completed", 0, 1)
    assert await orders.db.fetchval("select count(*) from work_orders where status = 'READY'") == 60
    assert await orders.db.fetchval("select count(*) from extraction_runs where outcome = 'FAILED'") == 10


async def test_a_scan_of_the_other_layout_is_read_by_its_regions() -> None:
    told = await read_pdf(scanned(suedwerk(ORDER)), [(PROFILES["suedwerk"], 1)], None)
    assert told["outcome"] in {"OK", "PARTIAL"}
    assert "pages without text were recognised as images" in told["warnings"]


def test_the_bomb_is_one() -> None:
    """Six thousand bytes that unpack to two gigabytes."""
    data = (PDFS / "bomb.pdf").read_bytes()
    packed = data.partition(b"stream\n")[2].partition(b"\nendstream")[0]
    assert len(data) < 10_000
    assert len(zlib.decompress(packed)) > 1_000_000
