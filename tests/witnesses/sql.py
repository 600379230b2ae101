"""Swaps a naive variant into one test's database."""

from __future__ import annotations

from pathlib import Path

from core.db.connect import Connection


async def swap_in(db: Connection, name: str) -> None:
    """Runs `tests/witnesses/<name>.sql`. The invariant's test must fail on what is left."""
    await db.execute((Path(__file__).parent / f"{name}.sql").read_text(encoding="utf-8"))
