"""Shadow writes: the three hooks of the example run, and no failure of ours reaches the caller."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from core.settings import PROJECT
from tests.running import Workers, until
from tests.serving import Site
from tests.workers.work_orders.orders import USER, Orders
from tests.workers.work_orders.pdfs import add_profiles, pdf
from workers.work_orders import shadow

EXAMPLE = PROJECT / "demo" / "work_orders" / "shadow_writes.py"


async def run_hooks(folder: Path, url: str, token: str) -> dict[str, Any]:
    for name, number in (("order", "WO-4711"), ("signed", "signed 4711"), ("other", "NG-12")):
        (folder / f"{name}.pdf").write_bytes(pdf(number))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(EXAMPLE), str(folder), "sheet-1"),
        env=os.environ
        | {
            "ROWMILL_URL": url,
            "ROWMILL_TOKEN": token,
            "SHADOW_FOLDER": str(folder / "kept"),
            "PYTHONPATH": str(PROJECT),
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(60):
        said, wrong = await process.communicate()
    assert process.returncode == 0, wrong.decode()
    answer: dict[str, Any] = json.loads(said)
    return answer


async def test_the_three_hooks_of_the_example_hand_their_documents_over(
    site: Site, store: Path, tmp_path: Path, workers: Workers
) -> None:
    client = await site.client("operate")
    assert client.token is not None
    told = await run_hooks(tmp_path, client.url, client.token.secret)
    assert told == {"done": ["processed"] * 3, "left": 0}
    row = await site.db.fetchrow(
        "select w.*, m.signed_document_id from work_orders w join signed_match m on m.work_order_id = w.id"
    )
    assert row is not None
    assert (row["work_order_number"], row["customer_name"]) == ("WO-4711", "Mill Lane")
    document = await site.db.fetchrow("select * from signed_documents where id = $1", row["signed_document_id"])
    assert document is not None
    assert (document["signed_pdf_url"], document["signed_preview_image_url"]) == (
        *("https://x.example/s.pdf", "https://x.example/s.pdf.png"),
    )
    [workspace] = await site.db.fetch("select workspace_id from work_order_settings")
    await add_profiles(site.db, workspace["workspace_id"])
    await workers.start("work_orders.read_signed")
    query = "select count(*) = 1 from signed_documents where state = 'REVIEW' and number_key = 'NG12'"
    await until(lambda: site.db.fetchval(query), what="the reading of the third")


async def test_the_hooks_go_on_when_nobody_answers_and_what_was_kept_is_sent_later(
    site: Site, store: Path, tmp_path: Path
) -> None:
    told = await run_hooks(tmp_path, "http://127.0.0.1:9", "none")
    assert told == {"done": ["processed"] * 3, "left": 3}
    client = await site.client("operate")
    assert client.token is not None
    told = await run_hooks(tmp_path, client.url, client.token.secret)
    assert told == {"done": ["processed"] * 3, "left": 0}
    assert await site.db.fetchval("select count(*) from work_order_sources") == 1
    assert await site.db.fetchval("select count(*) from signed_documents") == 2


@pytest.mark.parametrize("trouble", [OSError("down"), RuntimeError("a surprise"), TimeoutError(), KeyError("x")])
async def test_nothing_that_sending_raises_gets_out_and_it_is_logged(
    tmp_path: Path, trouble: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    async def send(*_: Any) -> None:
        raise trouble

    made = shadow.Shadow(tmp_path / "kept", send)
    with caplog.at_level(logging.WARNING):
        assert await made.write("work_order", {}, b"pdf") is None
    assert "tried again later" in caplog.text
    assert await made.retry() == 1


async def test_a_sender_that_hangs_is_cut_and_a_full_disk_is_no_reason_to_fail(tmp_path: Path) -> None:
    async def hang(*_: Any) -> None:
        await asyncio.Event().wait()

    assert await shadow.Shadow(tmp_path / "kept", hang, limit_s=0.05).write("signed", {}, b"pdf") is None
    (tmp_path / "file").write_text("no folder")

    async def answer(*_: Any) -> str:
        return "sent"

    assert await shadow.Shadow(tmp_path / "file", answer).write("signed", {}, b"pdf") == "sent"


async def test_what_cannot_be_kept_is_sent_all_the_same_and_a_damaged_call_keeps_no_other(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sent: list[Any] = []

    async def answer(kind: str, parameters: Any, _pdf: bytes) -> str:
        sent.append((kind, parameters))
        return "sent"

    strange: Any = {("a", "tuple"): 1}
    made = shadow.Shadow(tmp_path, answer)
    assert await made.write("signed", strange, b"pdf") == "sent"
    assert "cannot be kept" in caplog.text
    for name, text in (("a.json", "{"), ("b.json", '{"kind": "signed"}')):
        (tmp_path / name).write_text(text)
    (tmp_path / "c.json").write_text('{"kind": "signed", "parameters": {}, "pdf": ""}')
    assert await made.retry() == 2
    assert sent == [("signed", strange), ("signed", {})]
    assert "look at it, then remove it" in caplog.text


async def test_the_python_functions_answer_as_documented(orders: Orders, store: Path) -> None:
    workspace = await shadow.get_or_create_workspace(orders.db, "sheet-1", USER)
    parsed = {"work_order_number": "7", "fm_key": "acme"}
    first = await shadow.ingest_work_order(orders.db, workspace, b"a", parsed_work_order=parsed, source_type="GMAIL")
    again = await shadow.ingest_work_order(orders.db, workspace, b"a", parsed_work_order=parsed)
    assert (first.is_new, again.is_new, first.work_order_id) == (True, False, again.work_order_id)
    signed = await shadow.ingest_signed(orders.db, workspace, b"s", work_order_number="7", fm_key="acme")
    assert (signed.is_new, signed.matched_work_order_id) == (True, first.work_order_id)
    odd = {"workOrderNumber": "8", "customerName": "a\x00b", "seen": {1.5: "x"}}
    later = await shadow.ingest_work_order(orders.db, workspace, b"b", parsed_work_order=odd)
    order = await orders.order(later.work_order_id)
    assert (order["work_order_number"], order["customer_name"]) == ("8", "a\ufffdb")
