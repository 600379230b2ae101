"""The part of the turns: two devices on one estate, one of them offline; a conflict, a person's word, convergence."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

import asyncpg
from rich.console import Console
from rich.table import Table

from core.db.connect import Connection
from core.db.workspace import DEFAULT_WORKSPACE
from core.people import logins, passwords, tokens, users
from core.settings import PROJECT, Settings
from core.web.serve import served
from demo.part import Asked, Told
from workers.turns.client import TurnsClient, open_client

PACKAGE: Final = "workers.turns"
MANAGER: Final = "manager@example.org"
TURNS: Final = 60
EDITS: Final = 40
STAGES: Final = (("Moved out", 1, False, False), ("Scoped", 2, True, False), ("Approval", 3, True, True))


@dataclass
class Played:
    """What was done, and what does not hold; nothing in `broken` = all holds."""

    steps: list[tuple[str, str]] = field(default_factory=list)
    edits_offline: int = 0
    conflicts_asked: int = 0
    rows_compared: int = 0
    broken: list[str] = field(default_factory=list)

    def say(self, who: str, what: str) -> None:
        self.steps.append((who, what))

    def need(self, holds: object, what: str) -> None:
        if not holds:
            self.broken.append(what)


def perform(asked: Asked) -> Told:
    """The office and a device on site edit the same turns, one of them offline; both end with what the server has."""
    with asked.database(PACKAGE) as dsn:
        played = asyncio.run(_perform(dsn, PROJECT / "out" / f"{asked.run_name}-turns", asked))
    figures = {**asdict(played), "holds": not played.broken}
    return Told(not played.broken, figures)


async def _perform(dsn: str, folder: Path, asked: Asked) -> Played:
    folder.mkdir(parents=True, exist_ok=True)
    played = Played()
    connection = await asyncpg.connect(dsn, server_settings={"application_name": "rowmill demo"})
    settings = Settings(domains=(PACKAGE,), web_rate=10_000, shape_poll_s=2)
    try:
        async with served(dsn, settings, "127.0.0.1", 0) as web:
            token = await _people(connection)
            await _estate(connection)
            async with _devices(folder, web.url, token) as (office, site):
                await _play(connection, played, office, site, sabotage=asked.sabotage)
            console = Console(stderr=asked.quiet)
            if not asked.quiet:
                _print(console, played)
            if asked.keep:
                password = await _password(connection)
                console.print(f"\nThe page: {web.url}/turns/ (first `rowmill turns-packages`)")
                console.print(f"Log in as {MANAGER} with the password {password}")
                await asyncio.Event().wait()
    finally:
        await connection.close()
    return played


@asynccontextmanager
async def _devices(folder: Path, url: str, token: str) -> AsyncIterator[tuple[TurnsClient, TurnsClient]]:
    async with (
        open_client(folder / "office.db", url, token, strategy="merge", quiet_s=0.05) as office,
        open_client(folder / "site.db", url, token, strategy="user", quiet_s=0.05) as site,
    ):
        for device in (office, site):
            await device.initialize_user_shapes()
            await device.pull()
        yield office, site


async def _people(db: Connection) -> str:
    made = await tokens.create(db, MANAGER, "operate", create_user=True, workspaces=[DEFAULT_WORKSPACE])
    await users.change(db, (await users.needed(db, MANAGER))["id"], role="PROPERTY_MANAGER")
    return made.secret


async def _password(db: Connection) -> str:
    """One that is made up, for the person who looks at the page."""
    password = passwords.made_up()
    user = await users.needed(db, MANAGER)
    await logins.set_hash(db, user["id"], await asyncio.to_thread(passwords.hashed, password), by=None, verified=True)
    return password


async def _estate(db: Connection) -> None:
    manager = (await users.needed(db, MANAGER))["id"]
    await db.executemany(
        "insert into turn_stages (name, display_order, is_amount_required, requires_approval) values ($1, $2, $3, $4)",
        STAGES,
    )
    await db.execute(
        "insert into properties (property_id, name, street_address, property_manager_id) "
        "select 'P-' || g, 'Elm Street ' || g, g || ' Elm Street', $1 from generate_series(1, 12) g",
        manager,
    )
    await db.execute(
        "insert into turns (turn_id, property_id, stage_id) select 'T-' || lpad(g::text, 3, '0'), p.id, s.id "
        "from generate_series(1, $1::int) g join properties p on p.property_id = 'P-' || (g % 12 + 1) "
        "cross join turn_stages s where s.display_order = 1",
        TURNS,
    )


async def _play(db: Connection, played: Played, office: TurnsClient, site: TurnsClient, *, sabotage: bool) -> None:
    rows = sorted(await office.rows("turns"), key=lambda row: str(row["turn_id"]))
    first = rows[0]["id"]
    played.say("both", f"hold {len(rows)} turns")
    await office.go_online()
    for row in rows[:EDITS]:
        await site.update("turns", row["id"], wo_number=f"site {row['turn_id']}")
    made = await site.insert("turns", turn_id="T-900", property_id=rows[0]["property_id"], stage_id=rows[0]["stage_id"])
    await site.delete("turns", rows[-1]["id"])
    played.edits_offline = EDITS + 2
    played.say("site", f"offline: edits {EDITS} turns, adds one, deletes one")
    await office.update("turns", first, wo_number="office", turn_amount="1250.5")
    await office.sync_pending_writes()
    played.say("office", "online: changes one of them, another number and an amount")
    if sabotage:
        await site.store.write("update _sync_state set syncing = 1")
        await site.store.write("update turns set _synced = 1, _base = null where id = ?", rows[5]["id"])
        await site.store.write("update _sync_state set syncing = 0")
    await site.go_online()
    await site.wait_caught_up()
    await site.sync_pending_writes()
    conflicts = await site.conflicts()
    played.conflicts_asked = len(conflicts)
    played.need([row for _, row, _ in conflicts] == [first], "exactly the turn that both changed asks a person")
    for table, row_id, clash in conflicts:
        for column, sides in clash.items():
            played.say("site", f"is asked: {column} is {sides['local']!r} here and {sides['remote']!r} there")
        await site.resolve(table, row_id, "local")
    played.say("site", "the person keeps the own number; the office's amount stays")
    await site.sync_pending_writes()
    await _prove(db, played, (office, site), first, made)


async def _prove(db: Connection, played: Played, devices: tuple[TurnsClient, ...], first: str, made: str) -> None:
    for device in devices:
        await device.go_offline()
        await device.pull()
    server = await db.fetch("select id::text, wo_number, turn_amount::text, version::text from turns order by 1")
    expected = [tuple(row) for row in server]
    for name, device in zip(("office", "site"), devices, strict=True):
        rows = [(row["id"], row["wo_number"], row["turn_amount"], row["version"]) for row in await device.rows("turns")]
        played.need(rows == expected, f"the {name} has what the server has")
        played.need(await device.pending() == 0, f"nothing waits on the {name}")
        played.rows_compared += len(rows)
    by_id = {row["id"]: row for row in server}
    played.need(by_id[first]["wo_number"] == "site T-001", "the decided number is on the server")
    played.need(by_id[first]["turn_amount"] == "1250.50", "the other side's amount is on the server")
    played.need(made in by_id, "the turn that was added offline is on the server")
    numbers = await db.fetchval("select count(*) from turns where wo_number like 'site %'")
    played.need(numbers == EDITS, f"{EDITS} offline edits are on the server, not {numbers}")
    twice = await db.fetchval(
        "select count(*) from (select command_id from audit_logs where command_id is not null "
        "group by command_id having count(*) > 1) x"
    )
    played.need(twice == 0, "every operation was done once")
    played.say("both", f"end with the server's {len(expected)} turns, value for value")


def _print(console: Console, played: Played) -> None:
    table = Table(title="Two devices, one offline, a conflict", title_justify="left")
    for name in ("who", "what"):
        table.add_column(name, overflow="fold")
    for who, what in played.steps:
        table.add_row(who, what)
    console.print(table)
    console.print("Every effect is there, once." if not played.broken else "BROKEN: " + "; ".join(played.broken))
