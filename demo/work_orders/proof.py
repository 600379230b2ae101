"""The proof: what the list of PDFs says must be there, compared with the database and with the workbook by code that
imports neither the engine nor the domain."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from python_calamine import CalamineWorkbook

from demo.work_orders.play import PDFS, QUERIES, Played

FIELDS: Final = ("fm_key", "customer_name", "site_address", "description", "ordered_on", "due_on")
SHOWN: Final = 5


@dataclass(slots=True)
class Verdict:
    """What was found. `lost`: facts that are not as they must be; `doubled`: what is there twice."""

    played: Played
    documents: int = 0
    orders: int = 0
    fields: int = 0
    matched: int = 0
    revisions: int = 0
    exported_rows: int = 0
    lost: int = 0
    doubled: int = 0
    reviews: dict[str, int] = field(default_factory=dict)
    examples: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        return self.documents > 0 and self.played.kills > 0 and not (self.lost or self.doubled)

    def must(self, found: Any, expected: Any, what: str) -> None:
        if found != expected:
            self.lost += 1
            if len(self.examples) < SHOWN:
                self.examples.append(f"{what}: is {found!r}, must be {expected!r}")


async def prove(connection: Any, played: Played) -> Verdict:
    """Every file of the list, every field of its order, every row of the workbook."""
    expected: dict[str, dict[str, Any]] = json.loads((PDFS / "expected.json").read_text(encoding="utf-8"))
    rows = [dict(row) for row in await QUERIES["orders"].fetch(connection)]
    sources = {row["filename"]: dict(row) for row in await QUERIES["sources"].fetch(connection)}
    signed = {row["filename"]: dict(row) for row in await QUERIES["signed"].fetch(connection)}
    verdict = Verdict(played, documents=len(sources) + len(signed), orders=len(rows))
    by_number = {row["work_order_number"]: row for row in rows if row["work_order_number"]}
    verdict.doubled += len([row for row in rows if row["work_order_number"]]) - len(by_number)
    for name, about in expected.items():
        _file(verdict, name, about, by_number, sources, signed)
    wanted = {about["order"]["work_order_number"] for about in expected.values() if "order" in about}
    unreadable = sum("unreadable" in about for about in expected.values())
    verdict.must(sorted(by_number), sorted(wanted), "the numbers of all orders")
    verdict.must(len(rows), len(wanted) + unreadable, "the number of orders")
    verdict.reviews = {row["kind"]: row["open"] for row in await QUERIES["reviews"].fetch(connection)}
    asked = {"fields_differ": 1, "signed_missing": 1, "signed_second": 1, "unreadable": unreadable}
    verdict.must(verdict.reviews, asked, "the open questions")
    [doubles] = await QUERIES["doubles"].fetch(connection)
    verdict.doubled += doubles["runs"] + doubles["acts"]
    verdict.must(played.repeats, sum(7 + ("duplicate" in about) for about in expected.values()), "repeated ingestions")
    _workbook(verdict, played.exported, rows)
    return verdict


def _file(
    verdict: Verdict,
    name: str,
    about: Mapping[str, Any],
    orders: Mapping[str, Any],
    sources: Mapping[str, Any],
    signed: Mapping[str, Any],
) -> None:
    if "order" in about:
        _order(verdict, about["order"], orders.get(about["order"]["work_order_number"], {}))
    elif "revises" in about:
        order = orders.get(about["revises"], {})
        verdict.must(order.get("revision"), 2, f"{name}: the revision")
        verdict.must(sources.get(name, {}).get("work_order_id"), order.get("id"), f"{name}: its order")
        verdict.revisions += 1
    elif "unreadable" in about:
        verdict.must(sources.get(name, {}).get("state"), "FAILED", f"{name}: its state")
    elif "duplicate" in about:
        both = sorted(each for each in ("copy-of-the-first.pdf", f"{about['duplicate']}.pdf") if each in sources)
        verdict.must(len(both), 1, f"{name}: sources of the same bytes")
    elif "signed" in about:
        found = orders.get(about["signed"], {}).get("signed_file")
        states = {each: signed.get(each, {}).get("state") for each in (name, found)}
        verdict.must(found is not None and states.get(found) == "MATCHED", True, f"{name}: its match")
        verdict.matched += 1
    elif "missing" in about:
        verdict.must(signed.get(name, {}).get("state"), "REVIEW", f"{name}: its state")
    elif "second" in about:
        pair = [signed.get(each, {}).get("state") for each in (name, f"signed-{about['second']}.pdf")]
        verdict.must(sorted(map(str, pair)), ["MATCHED", "REFUSED"], f"{name}: it and the other one")


def _order(verdict: Verdict, expected: Mapping[str, Any], row: Mapping[str, Any]) -> None:
    number = expected["work_order_number"]
    for name in FIELDS:
        verdict.fields += 1
        verdict.must(row.get(name), expected[name], f"{number}, {name}")
    verdict.fields += 1
    verdict.must(float(row.get("amount") or 0), float(expected["amount"]), f"{number}, amount")
    verdict.must(row.get("export_status"), "DONE", f"{number}, its export")


def _workbook(verdict: Verdict, file: Path, rows: list[dict[str, Any]]) -> None:
    verdict.must(file.exists(), True, "the exported workbook")
    if not file.exists():
        return
    header, *table = CalamineWorkbook.from_path(str(file)).get_sheet_by_index(0).to_python()
    column = {str(title): at for at, title in enumerate(header)}
    counted = Counter(str(line[column["Id"]]) for line in table)
    verdict.exported_rows = len(table)
    verdict.doubled += sum(count - 1 for count in counted.values())
    shown = {str(line[column["Id"]]): line for line in table}
    verdict.must(sorted(shown), sorted(str(row["id"]) for row in rows), "the rows of the workbook")
    for row in rows:
        line = shown.get(str(row["id"]), [""] * len(header))
        verdict.must(line[column["Work order"]], row["work_order_number"] or "", f"workbook, {row['id']}")
        verdict.must(bool(line[column["Signed"]]), row["signed_file"] is not None, f"workbook, signed of {row['id']}")
