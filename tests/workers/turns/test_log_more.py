"""The change log across restores and other services; and witnesses: what the oracle must notice."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest

from core.cli.recovered import recover
from core.db.connect import Connection
from core.domains import discover
from core.settings import PROJECT
from tests.running import Database
from tests.workers.turns.estate import Estate
from tests.workers.turns.shaping import Broken, Dev, Follower, developing
from tests.workers.turns.test_oracle import TABLE, round_of, shapes
from tests.workers.turns.test_sequencer import head
from workers.turns.shapes import messages
from workers.turns.shapes.messages import Message


async def test_after_a_restore_numbers_jump_and_every_follower_starts_anew(
    estate: Estate, db: Connection, dev: Dev
) -> None:
    await estate.turn(wo_number="before")
    follower = await dev.follower(table="turns").catch_up()
    before, handle = follower.lsn, follower.handle
    done = await recover(db, discover(["workers.turns"]))
    assert done.marked == {"turns": 1}
    await estate.turn(wo_number="after")
    await follower.catch_up()
    assert follower.handle != handle
    assert [row["wo_number"] for row in follower.values] in (["after", "before"], ["before", "after"])
    assert await head(db) > before + 1_000_000


async def test_the_tables_can_be_published_for_electric(db: Connection) -> None:
    script = (PROJECT / "sql" / "compat" / "electric.sql").read_text(encoding="utf-8")
    for _ in range(2):
        await db.execute(script)
    rows = await db.fetch("select tablename from pg_publication_tables where pubname = 'electric_publication_default'")
    assert len(rows) == 5
    kinds = await db.fetch("select relreplident::text as kind from pg_class where relname in ('turns', 'properties')")
    assert {row["kind"] for row in kinds} == {"f"}


async def rounds(dev: Dev, db: Connection, followers: list[Follower], draw: random.Random) -> None:
    for _ in range(10):
        await round_of(dev, db, followers, draw)


async def test_the_oracle_notices_a_row_that_moves_in_as_an_update(
    database: Database, db: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The witness of the oracle."""
    original = messages.of_change

    def mutant(definition: Any, row: Any) -> Iterator[Message]:
        for message in original(definition, row):
            if message.headers["operation"] == "insert" and row["op"] == "U":
                message.headers["operation"] = "update"
            yield message

    monkeypatch.setattr("workers.turns.shapes.log.messages.of_change", mutant)
    draw = random.Random(1)
    await db.execute(TABLE)
    async with developing(database) as dev:
        followers = [dev.follower(**params) for params in shapes(draw, 8)]
        with pytest.raises(Broken):
            await rounds(dev, db, followers, draw)
