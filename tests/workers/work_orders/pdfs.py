"""The demo's PDFs and profiles, as tests use them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

from core.db.connect import Connection
from core.settings import PROJECT
from demo.work_orders.make_pdfs import Order, northgate

DEMO = PROJECT / "demo" / "work_orders"
PDFS = DEMO / "pdfs"
EXPECTED: dict[str, dict[str, Any]] = json.loads((PDFS / "expected.json").read_text(encoding="utf-8"))
PROFILES = {
    file.stem: json.loads(file.read_text(encoding="utf-8")) for file in sorted((DEMO / "profiles").glob("*.json"))
}
ALL_PROFILES = [(profile, 1) for profile in PROFILES.values()]
ORDER = Order("northgate", "NG-1", "Mill Lane", "88 Mill Lane", "Fix it", "2026-03-02", "2026-03-09", "120.5")


def pdf(number: str, **changes: str) -> bytes:
    """A PDF of Northgate's layout."""
    return northgate(replace(ORDER, work_order_number=number, **changes))


async def add_profiles(db: Connection, workspace_id: UUID) -> None:
    for fm_key, profile in PROFILES.items():
        await db.execute(
            "insert into fm_profiles (workspace_id, fm_key, profile_version, profile) values ($1, $2, 1, $3)",
            *(workspace_id, fm_key, json.dumps(profile)),
        )


def files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.pdf"))
