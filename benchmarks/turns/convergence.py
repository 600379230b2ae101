"""Devices edit offline, come back in random order, and are killed with the server meanwhile: nothing is lost, nothing
is done twice, and in the end everybody has what the server has, byte for byte."""

from __future__ import annotations

import asyncio
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.turns.ground import Figures, Ground, database, ground
from core.settings import PROJECT
from workers.turns.client.model import TABLES

SHARED = 200
PER_PROCESS = 4
LIMIT_S = 1200.0
KILLS = 6
COLUMNS = TABLES["turns"]


def measure(folder: Path, clients: int, operations: int) -> Figures:
    folder.mkdir(parents=True, exist_ok=True)
    with database("figures_turns_convergence") as dsn:
        return asyncio.run(_measure(dsn, folder, clients, operations))


async def _measure(dsn: str, folder: Path, clients: int, operations: int) -> Figures:
    async with ground(dsn, folder, ROWMILL_SHAPE_POLL_S="3") as on:
        await on.fill(SHARED)
        fleet = Fleet(on, folder, clients, operations // clients)
        try:
            fleet.start()
            begun = time.monotonic()
            await fleet.wait(lambda: all((folder / f"{at}.edited").exists() for at in range(clients)))
            edited_s = time.monotonic() - begun
            (folder / "online").touch()
            begun = time.monotonic()
            await fleet.kill_some(KILLS)
            await fleet.wait(fleet.is_quiet)
            sent_s = time.monotonic() - begun
            different = await fleet.until_same()
        finally:
            (folder / "finish").touch()
            fleet.stop()
        return {
            "clients": clients,
            "operations": clients * (operations // clients),
            "edited_s": round(edited_s, 1),
            "converged_s": round(sent_s, 1),
            "kills_of_clients": fleet.kills,
            "kills_of_server": on.web.kills,
            "clients_that_differ": different,
            **await proof(on, fleet),
        }


class Fleet:
    """Processes of devices."""

    def __init__(self, on: Ground, folder: Path, clients: int, edits: int) -> None:
        self.on, self.folder, self.clients, self.edits, self.kills = on, folder, clients, edits, 0
        self._groups = [range(at, min(at + PER_PROCESS, clients)) for at in range(0, clients, PER_PROCESS)]
        self._running: dict[int, subprocess.Popen[bytes]] = {}

    def start(self) -> None:
        for group in range(len(self._groups)):
            self._start(group)

    def _start(self, group: int) -> None:
        on = self.on
        about = (str(self.folder), on.web.url, on.token, str(on.property_id), str(on.stage_id), str(self.edits))
        with (self.folder / f"devices{group}.log").open("ab") as log:
            self._running[group] = subprocess.Popen(
                (sys.executable, "-m", "benchmarks.turns.device", *about, *(str(at) for at in self._groups[group])),
                cwd=PROJECT,
                stdout=log,
                stderr=log,
            )

    async def wait(self, condition: object) -> None:
        deadline = time.monotonic() + LIMIT_S
        while not condition():  # type: ignore[operator]
            if time.monotonic() > deadline:
                raise TimeoutError(f"the devices did not come to an end; see {self.folder}")
            for group, process in list(self._running.items()):
                if process.poll() is not None:
                    self._start(group)
            await asyncio.sleep(0.1)

    async def kill_some(self, times: int) -> None:
        """Clients and the server in turn, while they send."""
        for at in range(times):
            await asyncio.sleep(random.uniform(1.5, 4))
            if at % 2:
                self.on.web.kill()
                await self.on.web.start()
            else:
                group = random.choice(list(self._running))
                self._running[group].send_signal(signal.SIGKILL)
                self._running[group].wait()
                self.kills += len(self._groups[group])
                self._start(group)
        for number in range(self.clients):
            (self.folder / f"{number}.pending").unlink(missing_ok=True)

    def is_quiet(self) -> bool:
        told = [self.folder / f"{number}.pending" for number in range(self.clients)]
        return all(file.exists() and file.read_text(encoding="utf-8") == "0" for file in told)

    async def until_same(self) -> int:
        """Waits until every device has the server's rows; tells how many never did."""
        different = self.clients
        for _ in range(300):
            rows = await server_rows(self.on)
            different = sum(self.rows(number) != rows for number in range(self.clients))
            if not different:
                return 0
            await asyncio.sleep(0.2)
        return different

    def rows(self, number: int) -> list[tuple[str | None, ...]]:
        with sqlite3.connect(self.folder / f"{number}.db") as local:
            query = f"select {', '.join(COLUMNS)} from turns where _deleted = 0 order by id"  # noqa: S608 - our columns
            return local.execute(query).fetchall()

    def stop(self) -> None:
        for process in self._running.values():
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()


async def server_rows(on: Ground) -> list[tuple[str | None, ...]]:
    async with on.db.transaction():
        await on.db.execute("set local timezone = 'UTC'; set local datestyle = 'ISO'")
        listed = ", ".join(f"({name})::text" for name in COLUMNS)
        rows = await on.db.fetch(f'select {listed} from turns where is_active order by id::text collate "C"')  # noqa: S608
    return [tuple(row) for row in rows]


async def proof(on: Ground, fleet: Fleet) -> Figures:
    """Lost: an own row whose last edit is not on the server. Twice: a text that became a row's more than once."""
    lost = merged = refused = 0
    for number in range(fleet.clients):
        with sqlite3.connect(fleet.folder / f"{number}.db") as local:
            own = local.execute(
                "select id, wo_number from turns where wo_number like ? and turn_id like 'own %'", (f"d{number}-%",)
            )
            for row_id, text in own.fetchall():
                lost += await on.db.fetchval("select wo_number from turns where id = $1::text::uuid", row_id) != text
            lost += sum(count for (count,) in local.execute("select count(*) from turns where _synced = 0"))
            lost += local.execute("select count(*) from _operations").fetchone()[0]
            merged += local.execute("select count(*) from turns where _conflict_resolution is not null").fetchone()[0]
            refused += local.execute("select count(*) from turns where _sync_error is not null").fetchone()[0]
    twice = await on.db.fetchval(
        "select count(*) from (select from audit_logs where table_name = 'turns' and new_values ->> 'wo_number' ~ '^d' "
        "and (action = 'insert' or 'wo_number' = any (changed_columns)) group by new_values ->> 'wo_number', row_id, "
        "(new_values ->> 'version') having count(*) > 1) x"
    )
    texts = await on.db.fetchval(
        "select count(*) - count(distinct new_values ->> 'wo_number') from audit_logs where table_name = 'turns' "
        "and new_values ->> 'wo_number' ~ '^d' and (action = 'insert' or 'wo_number' = any (changed_columns))"
    )
    applied = await on.db.fetchval("select count(*) from turn_operations where answer ->> 'status' = 'applied'")
    audited = await on.db.fetchval(
        "select count(distinct command_id) from audit_logs where table_name = 'turns' and command_id is not null"
    )
    return {
        "lost": lost,
        "twice": twice + texts,
        "operations_applied": applied,
        "of_them_in_the_audit": audited,
        "rows_merged": merged,
        "refused": refused,
    }
