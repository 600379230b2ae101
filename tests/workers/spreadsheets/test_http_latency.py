"""The figure of the demo: it measures edits that are written, and does not run into the API's own limit."""

from __future__ import annotations

from demo.latency import measure_edits
from tests.running import Database
from tests.workers.spreadsheets.serving import serving
from tests.workers.spreadsheets.sheets import Sheet


async def test_the_latency_of_edits_is_measured_on_edits_that_happen(database: Database, sheet: Sheet) -> None:
    async with serving(database, web_rate=20.0) as api:
        found = await measure_edits(api.url, api.admin, sheet.id, sheet.columns["A"], row=3, edits=15)
    print(found)
    assert found.edits == 15
    assert 0 < found.p50_ms <= found.p99_ms
    assert len(await sheet.edits("A", 3)) == 20
