"""A million cells: reading, editing and filling in stay fast, and 200 clients of the feed miss nothing. The quick
ones look at the same measurements on small sheets, without a clock."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.sheets import feed, speed
from benchmarks.sheets.ground import Sheet, large_sheet
from tests.running import Database


@pytest.fixture
async def small(database: Database) -> AsyncIterator[Sheet]:
    async with large_sheet(database.dsn, 1000, 2) as made:
        yield made


@pytest.mark.timeout(240)
async def test_a_sheet_is_read_filled_in_and_edited_while_other_tasks_run(small: Sheet, tmp_path: Path) -> None:
    window = await speed.windows(small, tmp_path, 1000, reads=10)
    assert (window["cells_of_the_sheet"], window["samples"]) == (2000, 10)
    filled = await speed.fill(small, tmp_path, 1000)
    assert (filled["cells"], filled["audited"]) == (1000, 1000)
    cascade = await speed.cascades(small, tmp_path, tasks=2000, edits=10, processes=2)
    assert cascade["samples"] == 10


@pytest.mark.timeout(240)
async def test_many_clients_of_a_feed_miss_nothing(small: Sheet, tmp_path: Path) -> None:
    told = await feed.many_clients(small, tmp_path, clients=20, per_s=500, seconds=2, slow=0)
    assert (told["changes"], told["clients_with_a_gap_or_a_double"]) == (1000, 0)


@pytest.mark.full
@pytest.mark.timeout(1200)
async def test_a_million_cells_are_as_fast_as_asked(
    database: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with large_sheet(database.dsn, 100_000, 10) as sheet:
        window = await speed.windows(sheet, tmp_path, 100_000, reads=300)
        told(capsys, window)
        assert window["cells_of_the_sheet"] == 1_000_000
        assert window["p99_ms"] < 50
        filled = await speed.fill(sheet, tmp_path, 100_000)
        told(capsys, filled)
        assert filled["audited"] == 100_000
        assert filled["cells_per_s"] >= 10_000
        assert filled["worker_peak_mb"] < 300
        cascade = await speed.cascades(sheet, tmp_path, tasks=100_000, edits=200, processes=1)
        told(capsys, cascade)
        assert cascade["tasks_after"] > 0, "the other tasks ended too early to be in the way"
        assert cascade["p99_ms"] < 100
        assert cascade["worker_peak_mb"] < 300


@pytest.mark.full
@pytest.mark.timeout(600)
async def test_200_clients_at_1000_changes_a_second_miss_nothing_and_slow_ones_come_back(
    small: Sheet, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = await feed.many_clients(small, tmp_path, clients=200, per_s=1000, seconds=20, slow=4)
    told(capsys, found)
    assert found["clients_with_a_gap_or_a_double"] == 0
    assert found["changes_per_s"] >= 900
    assert found["cut_off"] == found["slow"]


def told(capsys: pytest.CaptureFixture[str], found: dict[str, Any]) -> None:
    with capsys.disabled():
        print(f"\n{found}")
