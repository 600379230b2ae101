"""The change log: each committed change is in it once, in an order that could have happened, whenever it commits."""

from __future__ import annotations

import asyncio
import json
import random
from decimal import Decimal
from typing import Any

from core.db.connect import Connection
from tests.running import Database
from tests.workers.turns.estate import Estate
from tests.workers.turns.shaping import Dev


async def feed(db: Connection, after: int = 0) -> list[Any]:
    await db.execute("select sync_move()")
    return await db.fetch(
        "select f.*, coalesce(new_row, old_row) ->> 'wo_number' as wo from sync_feed f "
        "where lsn > $1 and rel = 'turns'::regclass order by lsn, pos",
        after,
    )


async def head(db: Connection) -> int:
    found: int = await db.fetchval("select head from sync_move()")
    return found


async def test_a_transaction_that_commits_late_is_not_missed(estate: Estate, database: Database) -> None:
    """Its id in the outbox is lower than that of a change which was read before."""
    late, start = await database.connect(), await head(estate.db)
    turn = await estate.turn()
    transaction = late.transaction()
    await transaction.start()
    await late.execute("update properties set name = 'late'")
    await estate.set(turn, wo_number="early")
    assert [row["wo"] for row in await feed(estate.db, start)] == [None, "early"]
    before = await head(estate.db)
    await transaction.commit()
    await estate.db.execute("select sync_move()")
    rows = await estate.db.fetch("select * from sync_feed where lsn > $1 and rel = 'properties'::regclass", before)
    assert len(rows) == 1


async def test_an_open_transaction_holds_nobody_up_and_a_rolled_back_one_leaves_nothing(
    estate: Estate, database: Database
) -> None:
    stuck, turn = await database.connect(), await estate.turn()
    start = await head(estate.db)
    transaction = stuck.transaction()
    await transaction.start()
    await stuck.execute("update properties set name = 'never'")
    for number in range(3):
        await estate.set(turn, wo_number=str(number))
    assert [row["wo"] for row in await feed(estate.db, start)] == ["0", "1", "2"]
    await transaction.rollback()
    await head(estate.db)
    assert await estate.db.fetchval("select count(*) from sync_feed where new_row ->> 'name' = 'never'") == 0


async def test_a_savepoint_that_was_undone_is_not_in_the_log(estate: Estate) -> None:
    turn = await estate.turn()
    start = await head(estate.db)
    async with estate.db.transaction():
        await estate.set(turn, wo_number="kept")
        inner = estate.db.transaction()
        await inner.start()
        await estate.set(turn, wo_number="undone")
        await inner.rollback()
    assert [row["wo"] for row in await feed(estate.db, start)] == ["kept"]


async def test_one_transaction_has_one_number_and_rising_places(estate: Estate) -> None:
    start = await head(estate.db)
    async with estate.db.transaction():
        turn = await estate.turn()
        await estate.set(turn, wo_number="a")
        await estate.db.execute("delete from turns where id = $1", turn)
    rows = await feed(estate.db, start)
    assert [(row["op"], row["lsn"]) for row in rows] == [("I", start + 1), ("U", start + 1), ("D", start + 1)]
    assert [row["pos"] for row in rows] == sorted({row["pos"] for row in rows})


async def test_the_order_of_the_log_is_that_of_the_row_when_writers_overlap(estate: Estate, database: Database) -> None:
    """Every update of the row finds what the one before it in the log has left."""
    turns = [await estate.turn(turn_amount=Decimal(0)) for _ in range(3)]
    start = await head(estate.db)
    draw = random.Random(7)

    async def write(session: Connection, seed: int) -> None:
        own = random.Random(seed)
        for _ in range(60):
            transaction = session.transaction()
            await transaction.start()
            for turn in sorted(own.sample(turns, own.randint(1, 2))):
                await session.execute("update turns set turn_amount = turn_amount + 1 where id = $1", turn)
                await asyncio.sleep(0)
            await (transaction.rollback() if own.random() < 0.2 else transaction.commit())

    async def move(session: Connection) -> None:
        while True:
            await session.execute("select sync_move()")
            await asyncio.sleep(draw.random() / 500)

    sessions = [await database.connect() for _ in range(8)]
    movers = [asyncio.create_task(move(session)) for session in sessions[6:]]
    await asyncio.gather(*(write(session, number) for number, session in enumerate(sessions[:6])))
    for mover in movers:
        mover.cancel()
    await asyncio.gather(*movers, return_exceptions=True)
    rows = await database.connect()
    await rows.execute("select sync_move()")
    links = await rows.fetch(
        "select f.old_row ->> 'version' as before, "
        "lag(f.new_row ->> 'version') over (partition by f.new_row ->> 'id' order by f.lsn, f.pos) as left_by "
        "from sync_feed f where f.lsn > $1 and f.op = 'U'",
        start,
    )
    assert [row for row in links if row["left_by"] not in {None, row["before"]}] == []
    numbers = await rows.fetch("select distinct lsn from sync_feed where lsn > $1 order by lsn", start)
    assert [row["lsn"] for row in numbers] == list(range(start + 1, start + 1 + len(numbers)))
    assert len(links) > 300


async def test_a_sequencer_that_dies_before_its_commit_loses_and_doubles_nothing(
    estate: Estate, database: Database
) -> None:
    dying, start = await database.connect(), await head(estate.db)
    await estate.turn(wo_number="once")
    transaction = dying.transaction()
    await transaction.start()
    await dying.execute("select sync_move()")
    await estate.db.execute("select pg_terminate_backend($1)", dying.get_server_pid())
    rows: list[Any] = []
    while not rows:
        rows = await feed(estate.db, start)
    assert [(row["wo"], row["lsn"]) for row in rows] == [("once", start + 1)]


async def test_the_steps_of_an_approval_that_goes_on_are_read_in_their_order(estate: Estate, dev: Dev) -> None:
    """Above the limit the second step is made by a trigger of the first one."""
    asked = "DFO_APPROVAL_NEEDED"
    turn, start = await estate.turn(turn_amount=Decimal(5001), approval_status=asked), await head(estate.db)
    every = await dev.follower(table="turns").catch_up()
    approved = await dev.follower(table="turns", where="approval_status = 'DFO_APPROVED'").catch_up()
    await estate.set(turn, approval_status="DFO_APPROVED")
    steps = [json.loads(row["new_row"]) for row in await feed(estate.db, start)]
    assert [(row["version"], row["approval_status"]) for row in steps] == [
        (2, "DFO_APPROVED"),
        (3, "HO_APPROVAL_NEEDED"),
    ]
    [row] = (await every.catch_up()).values
    assert (row["version"], row["approval_status"]) == ("3", "HO_APPROVAL_NEEDED")
    assert (await approved.catch_up()).values == []
    told = await estate.db.fetch(
        "select new_values from audit_logs where row_id = $1 and action = 'update' order by id", turn
    )
    assert [json.loads(each["new_values"])["version"] for each in told] == [2, 3]
