"""Some devices in one process that may be killed at any moment: edit offline, then converge.

python -m benchmarks.turns.device FOLDER URL TOKEN PROPERTY STAGE EDITS NUMBER...
An edit and the count of it are one transaction of the local file: whoever starts again goes on where it was.
"""

from __future__ import annotations

import asyncio
import random
import sys
from pathlib import Path
from uuid import UUID, uuid5

import aiohttp

from workers.turns.client import TurnsClient, open_client

NAMES = UUID("6ba7b810-9dad-11d1-80b4-00c04fd430c8")


async def device(folder: Path, url: str, token: str, about: tuple[str, str], edits: int, number: int) -> None:
    async with open_client(folder / f"{number}.db", url, token, quiet_s=0.05) as client:
        await client.subscribe_to_shape("turns", "turns")
        await until_pulled(client)
        await edit(client, about, edits, number)
        (folder / f"{number}.edited").touch()
        draw = random.Random()
        while not (folder / "online").exists():
            await asyncio.sleep(0.05)
        await asyncio.sleep(draw.random() * 5)  # they come back in no order
        await client.go_online()
        while not (folder / "finish").exists():
            (folder / f"{number}.pending").write_text(str(await client.pending()), encoding="utf-8")
            await asyncio.sleep(0.3)


async def until_pulled(client: TurnsClient) -> None:
    while True:
        try:
            await client.pull()
        except (aiohttp.ClientError, OSError, TimeoutError):
            await asyncio.sleep(0.2)
        else:
            return


async def edit(client: TurnsClient, about: tuple[str, str], edits: int, number: int) -> None:
    """Own rows are inserted, edited and deleted; shared ones edited. Every written text is there once in the world."""
    store = client.store
    await store.write("create table if not exists _bench (done integer not null)")
    if not await store.fetch("select * from _bench"):
        await store.write("insert into _bench values (0)")
    shared = [row["id"] for row in await store.fetch("select id from turns where turn_id like 'T-%' order by turn_id")]
    (state,) = await store.fetch("select done from _bench")
    for at in range(state["done"], edits):
        draw = random.Random(number * 1_000_003 + at)
        text, kind = f"d{number}-{at}", draw.random()
        own = str(uuid5(NAMES, f"{number}-{draw.randint(0, max(1, edits // 8))}"))
        async with store.transaction(syncing=False):
            if kind < 0.5:  # noqa: PLR2004 - half of the edits are of rows that all share
                column = draw.choice(("wo_number", "turn_completion_date"))
                value = text if column == "wo_number" else f"20{draw.randint(10, 90)}-{draw.randint(1, 12):02}-01"
                await store.run(f"update turns set {column} = ? where id = ?", value, draw.choice(shared))  # noqa: S608
            elif not await store.fetch("select id from turns where id = ?", own):
                await store.run(
                    "insert into turns (id, turn_id, property_id, stage_id, wo_number) values (?, ?, ?, ?, ?)",
                    *(own, f"own {own}", *about, text),
                )
            elif kind < 0.97:  # noqa: PLR2004 - a few are deleted
                await store.run("update turns set wo_number = ? where id = ? and _deleted = 0", text, own)
            else:
                await store.run("delete from turns where id = ?", own)
            await store.run("update _bench set done = ?", at + 1)


async def main() -> None:
    folder, url, token, place, stage, edits, *numbers = sys.argv[1:]
    await asyncio.gather(
        *(device(Path(folder), url, token, (place, stage), int(edits), int(number)) for number in numbers)
    )


if __name__ == "__main__":
    asyncio.run(main())
