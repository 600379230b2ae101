"""The oracle: random transactions against random shapes; after every step each follower has what SELECT has."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace

import asyncpg
import pytest

from core.db.connect import Connection
from tests.running import Database
from tests.workers.turns.shaping import Dev, Follower, developing

TABLE = """
create table oracle (a int, b text, n int, f bool, t text, x numeric(8, 2), primary key (a, b));
"""
WHERES = (
    None,
    "n > 5",
    "f is not true",
    "not (n = 3)",
    "t like 'a%' or n between 2 and 4",
    "n in (1, 2, 3) and t is not null",
    "x >= 50 or f",
    "coalesce(t, 'z') <> 'z'",
    "a = 1",
    "lower(t) = 'abc' or b in ('p', 'q')",
)
COLUMNS = ("a", "b", "n", "f", "t", "x")
TEXTS = ("abc", "ABC", "a/b", None, "", 'q"uote', "zoë")


def value(draw: random.Random, column: str) -> str:
    text = draw.choice(TEXTS)
    made = {
        "n": draw.choice(["null", *map(str, range(9))]),
        "f": draw.choice(["true", "false", "null"]),
        "t": "null" if text is None else "'" + text.replace("'", "''") + "'",
        "x": draw.choice(["null", f"{draw.uniform(0, 100):.2f}"]),
        "a": str(draw.randint(1, 6)),
        "b": draw.choice(["'p'", "'q'", "'/'", "'é'"]),
    }
    return made[column]


async def act(session: Connection, draw: random.Random) -> None:
    """A statement; one that cannot be done is undone alone."""
    kind = draw.random()
    if kind < 0.4:
        statement = f"insert into oracle values ({', '.join(value(draw, column) for column in COLUMNS)})"
    elif kind < 0.85:
        column = draw.choice(COLUMNS[2:] if draw.random() < 0.8 else COLUMNS)
        statement = f"update oracle set {column} = {value(draw, column)} where a = {value(draw, 'a')}"
        statement += "" if draw.random() < 0.5 else f" and b = {value(draw, 'b')}"
    else:
        statement = f"delete from oracle where a = {value(draw, 'a')} and b = {value(draw, 'b')}"
    try:
        async with session.transaction():
            await session.execute("set local lock_timeout = '20ms'")
            await session.execute(statement)
            if draw.random() < 0.1:
                await session.execute("select 1 / 0")
    except (asyncpg.UniqueViolationError, asyncpg.LockNotAvailableError, asyncpg.DivisionByZeroError):
        return
    except asyncpg.DeadlockDetectedError:
        return


async def writing(session: Connection, draw: random.Random, rounds: int) -> None:
    """Transactions that stay open for a while, some rolled back; a deadlock ends one."""
    for _ in range(rounds):
        transaction = session.transaction()
        await transaction.start()
        for _ in range(draw.randint(1, 5)):
            await act(session, draw)
            await asyncio.sleep(draw.random() / 200)
        await (transaction.rollback() if draw.random() < 0.15 else transaction.commit())


def shapes(draw: random.Random, count: int) -> list[dict[str, str]]:
    made = []
    for _ in range(count):
        where, params = draw.choice(WHERES), {"table": "oracle"}
        if where:
            params["where"] = where
        if draw.random() < 0.5:
            others = [each for each in COLUMNS[2:] if draw.random() < 0.5]
            params["columns"] = ",".join(f'"{each}"' for each in ["a", "b", *others])
        if draw.random() < 0.3:
            params["replica"] = "full"
        made.append(params)
    return made


async def expected(db: Connection, params: dict[str, str]) -> list[dict[str, str | None]]:
    columns = [each.strip('"') for each in params["columns"].split(",")] if "columns" in params else list(COLUMNS)
    listed = ", ".join(f"({each})::text as {each}" for each in columns)
    rows = await db.fetch(f"select {listed} from oracle where {params.get('where', 'true')}")
    return sorted((dict(row) for row in rows), key=str)


async def check(db: Connection, follower: Follower) -> None:
    await follower.catch_up()
    columns = list((await expected(db, follower.params) or [{}])[0])
    rows = [{name: row[name] for name in columns} for row in follower.rows.values()] if columns else []
    assert sorted(rows, key=str) == await expected(db, follower.params), follower.params
    assert bool(rows) == bool(follower.rows)


async def round_of(dev: Dev, db: Connection, followers: list[Follower], draw: random.Random) -> None:
    """Writers and followers at once; then everybody has what there is."""
    sessions = [await dev.database.connect() for _ in range(3)]
    writers = [asyncio.create_task(writing(each, random.Random(draw.random()), 4)) for each in sessions]
    while not all(each.done() for each in writers):
        follower = draw.choice(followers)
        await follower.step()
        if draw.random() < 0.05:
            await dev.ask("DELETE", handle=follower.handle or "")
        await asyncio.sleep(draw.random() / 100)
    await asyncio.gather(*writers)
    for session in sessions:
        await session.close()
    for at, follower in enumerate(followers):
        await check(db, follower)
        if draw.random() < 0.3:  # the application starts again: what is kept is rows, handle and offset
            followers[at] = replace(follower, up_to_date=False, cursor=None)
        if draw.random() < 0.1:
            followers[at] = dev.follower(**follower.params)


@pytest.mark.parametrize("seed", range(6))
async def test_every_follower_has_what_select_has(database: Database, db: Connection, seed: int) -> None:
    draw = random.Random(seed)
    await db.execute(TABLE)
    async with developing(database, chunk_bytes=draw.choice([1000, 2000, 100_000])) as dev:
        followers = [dev.follower(**params) for params in shapes(draw, 8)]
        for _ in range(5):
            await round_of(dev, db, followers, draw)
        assert sum(len(follower.rows) for follower in followers) > 0
