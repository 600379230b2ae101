"""Two servers: a primary and a synchronous standby; the primary dies, the standby is promoted, a new standby is made
of the old place. Writers reach whichever takes writes, by one address with two hosts."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final
from urllib.parse import quote

import asyncpg

from core.db.account import Account, server_account
from core.db.binaries import find_binaries, reachable_binaries
from core.settings import Settings
from tests.running import until

OPTIONS: Final = {"listen_addresses": "", "max_connections": "200", "max_wal_size": "2GB", "wal_keep_size": "256MB"}
SYNCHRONOUS: Final = "select count(*) > 0 from pg_stat_replication where sync_state in ('sync', 'quorum')"


class Node:
    """One server of a pair, in its own folder."""

    def __init__(self, place: Path, account: Account, binaries: Path, options: Mapping[str, str]) -> None:
        self._place, self._account, self._binaries, self._options = place, account, binaries, {**OPTIONS, **options}
        self.data, self.sockets = place / "data", place / "run"
        place.mkdir(parents=True)
        place.chmod(0o755)
        self._make(self.sockets)

    def _make(self, folder: Path) -> None:
        folder.mkdir(mode=0o700)
        self._account.own(folder)

    def dsn(self, database: str = "postgres") -> str:
        return f"postgresql://postgres@/{database}?host={quote(str(self.sockets))}"

    async def initialise(self) -> None:
        self._make(self.data)
        await self._run("initdb", "-D", self.data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C")

    async def copy_from(self, primary: Node) -> None:
        """Its data of before is gone; it will start as a standby of this primary."""
        shutil.rmtree(self.data, ignore_errors=True)
        self._make(self.data)
        source = ("-d", f"host={primary.sockets} user=postgres application_name={self._place.name}")
        await self._run("pg_basebackup", *source, "-D", self.data, "-R", "-X", "stream", "-c", "fast")

    async def start(self, sockets: Path | None = None) -> None:
        words = {**self._options, "unix_socket_directories": str(sockets or self.sockets)}
        options = " ".join(f"-c {name}='{value}'" for name, value in words.items())
        log = self.data / "postgres.log"
        await self._run("pg_ctl", "-D", self.data, "-o", options, "-l", log, "-w", "-t", "60", "start")

    async def promote(self) -> None:
        await self._run("pg_ctl", "-D", self.data, "-w", "promote")

    def kill(self) -> None:
        """Kill -9 of its postmaster; nothing where it does not run."""
        with suppress(OSError, ValueError):
            first = (self.data / "postmaster.pid").read_text(encoding="utf-8").splitlines()[0]
            os.kill(int(first), signal.SIGKILL)

    async def gone(self) -> None:
        """Its processes have noticed the postmaster's end."""

        async def nobody() -> bool:
            return not any(works_in(each, self.data) for each in Path("/proc").glob("[0-9]*"))

        await until(nobody, 30, "the end of a killed server's processes")
        (self.data / "postmaster.pid").unlink(missing_ok=True)

    async def _run(self, program: str, *words: str | Path) -> None:
        ran = await asyncio.to_thread(self._account.run, [self._binaries / program, *words])
        if ran.returncode:
            raise AssertionError(f"{program} failed: {ran.stderr.strip() or ran.stdout.strip()}")


def works_in(process: Path, folder: Path) -> bool:
    try:
        return (process / "cwd").samefile(folder)
    except OSError:
        return False


class Pair:
    """`dsn()` leads to the one that takes writes. Made by `open`, ended by `close`."""

    def __init__(self, place: Path, standby: Mapping[str, str] | None = None) -> None:
        account = server_account()
        binaries = reachable_binaries(find_binaries(Settings().pg_bin), account)
        self.primary = Node(place / "a", account, binaries, {})
        self.standby = Node(place / "b", account, binaries, standby or {})
        self.place = place

    def dsn(self, database: str = "postgres") -> str:
        hosts = ",".join(
            quote(str(node.sockets)) for node in sorted((self.primary, self.standby), key=lambda n: str(n.data))
        )
        return f"postgresql://postgres@/{database}?host={hosts}&target_session_attrs=read-write"

    async def open(self) -> None:
        """Both run; every commit waits for the standby from now on."""
        await self.primary.initialise()
        await self.primary.start()
        # Before the copy is made: a promoted standby must not acknowledge what no other server has.
        await self._say("alter system set synchronous_standby_names = '*'")
        await self._attach()
        await self._synchronous()

    async def _say(self, *statements: str) -> None:
        session = await asyncpg.connect(self.primary.dsn(), server_settings={"synchronous_commit": "local"})
        for each in (*statements, "select pg_reload_conf()"):
            await session.execute(each)
        await session.close()

    async def _attach(self) -> None:
        await self.standby.copy_from(self.primary)
        await self.standby.start()

    async def _synchronous(self) -> None:
        session = await asyncpg.connect(self.primary.dsn())
        try:
            await until(lambda: session.fetchval(SYNCHRONOUS), 30, "a synchronous standby")
        finally:
            await session.close()

    async def fail_over(self) -> None:
        """Kill -9 of the primary; the standby takes over at once."""
        self.primary.kill()
        await self.standby.promote()
        self.primary, self.standby = self.standby, self.primary
        await self.standby.gone()

    async def revived_refuses_writes(self) -> bool:
        """The old primary comes back, alone, for those who still know its address: it acknowledges nothing."""
        apart = self.place / "apart"
        shutil.rmtree(apart, ignore_errors=True)
        apart.mkdir(mode=0o700)
        server_account().own(apart)
        await self.standby.start(apart)
        session = await asyncpg.connect(f"postgresql://postgres@/postgres?host={quote(str(apart))}")
        try:
            async with asyncio.timeout(2):
                await session.execute("create table split_brain (id int)")
        except TimeoutError:
            return True
        finally:
            session.terminate()
            self.standby.kill()
            await self.standby.gone()
        return False

    async def repair(self) -> None:
        """The old primary's place becomes the new standby."""
        await self._attach()
        await self._synchronous()

    async def close(self) -> None:
        for node in (self.primary, self.standby):
            node.kill()
        for node in (self.primary, self.standby):
            await node.gone()
