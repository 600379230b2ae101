"""What a sheet keeps only to have it again goes after its days: a deletion as a whole, answers one by one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from core.db.connect import Slots
from core.queue.retain import Place, retain_step, rings
from core.settings import Settings
from tests.running import Database
from tests.workers.spreadsheets.serving import Client
from tests.workers.spreadsheets.sheets import Sheet, write_rows

DAYS = Settings().retain_copies_days
RINGS = list(rings(tuple(Settings().domains)))
Retain = AsyncIterator[Slots]


@pytest.fixture
async def slots(database: Database) -> Retain:
    made = Slots(database.dsn, Settings(), "test", 1)
    yield made
    await made.close()


async def retained(slots: Slots, ring: str, days: float, settings: Settings | None = None) -> int:
    """The rows that a ring deletes so many days from now."""
    now = datetime.now(UTC) + timedelta(days=days)
    place, deleted = Place(RINGS.index(f"spreadsheets.{ring}")), 0
    first = place.ring
    while place.ring == first:
        step = await retain_step(slots, settings or Settings(), place, now)
        place, deleted = step.following, deleted + step.deleted
    return deleted


async def test_deleted_rows_can_be_brought_back_for_their_days_and_then_are_gone_with_their_history_kept(
    sheet: Sheet, client: Client, slots: Slots
) -> None:
    await write_rows(sheet, "A", [f"r{row}" for row in range(1, 8)])
    path = f"/api/spreadsheets/{sheet.id}/rows"
    for first, last in ((1, 2), (3, 5)):
        await client.post(f"{path}/delete", {"first": first, "last": last, "keep_gap": True})
    assert await retained(slots, "retain_removed_cells", DAYS - 1) == 0
    edits = await sheet.db.fetchval("select count(*) from cell_edit_events")
    assert await retained(slots, "retain_removed_cells", DAYS + 1) == 5
    assert (await client.get(f"/api/spreadsheets/{sheet.id}/deleted")).body["deleted"] == []
    assert await sheet.db.fetchval("select count(*) from cell_edit_events") == edits
    assert await sheet.contents("A") == ["r6", "r7"]


async def test_a_deletion_larger_than_a_step_goes_as_a_whole(sheet: Sheet, client: Client, slots: Slots) -> None:
    await write_rows(sheet, "A", ["x"] * 1500)
    path = f"/api/spreadsheets/{sheet.id}/rows/delete"
    await client.post(path, {"first": 1, "last": 1200, "keep_gap": True})
    await client.post(path, {"first": 1201, "last": 1201, "keep_gap": True})
    gone: set[int] = set()
    place, now = Place(RINGS.index("spreadsheets.retain_removed_cells")), datetime.now(UTC) + timedelta(days=DAYS + 1)
    while sum(gone) < 1201:
        step = await retain_step(slots, Settings(), place, now)
        place = step.following
        gone.add(step.deleted)
    assert gone - {0} in ({1200, 1}, {1201})


async def test_answers_are_asked_anew_after_their_days(sheet: Sheet, slots: Slots) -> None:
    await sheet.db.execute(
        "insert into language_answers (workspace_id, prompt_hash, answer, model, tokens, created_at) "
        "select workspace_id, 'hash ' || n, 'yes', 'model', 5, now() - n * interval '10 days' "
        "from spreadsheets, generate_series(1, 3) n where id = $1",
        sheet.id,
    )
    assert await retained(slots, "retain_language_answers", DAYS - 25) == 1
    kept = await sheet.db.fetch("select prompt_hash from language_answers order by 1")
    assert [row["prompt_hash"] for row in kept] == ["hash 1", "hash 2"]


async def test_zero_days_keep_both_for_ever(sheet: Sheet, client: Client, slots: Slots) -> None:
    await write_rows(sheet, "A", ["x"])
    await client.post(f"/api/spreadsheets/{sheet.id}/rows/delete", {"first": 1, "last": 1})
    for_ever = Settings(retain_copies_days=0)
    for ring in ("retain_removed_cells", "retain_language_answers"):
        assert await retained(slots, ring, 10_000, for_ever) == 0
    assert await sheet.db.fetchval("select count(*) from removed_cells") == 1
