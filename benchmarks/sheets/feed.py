"""Many WebSocket clients on one sheet while it changes: nothing missed, nothing twice, slow ones cut off and back
again."""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import aiohttp

from benchmarks.sheets.ground import Sheet, quantiles, web

PIECE: Final = 50  # changes of one statement
CHANGE: Final = re.compile(r'"id":"([0-9a-f-]{36})","at"')
TOKEN: Final = re.compile(r'"token":"([^"]*)"')
SLOW_S: Final = 14.0  # the server waits for 10 s


@dataclass
class Client:
    """One client: the messages it has had, how it was closed, and its place."""

    token: str
    messages: list[str] = field(default_factory=list)
    closes: list[int] = field(default_factory=list)

    async def watch(self, session: aiohttp.ClientSession, address: str, done: asyncio.Event, *, slow: bool) -> None:
        """Until everything has come; where the connection ends it comes back with its last token."""
        while not done.is_set():
            async with session.ws_connect(address, params={"token": self.token}, max_msg_size=0) as socket:
                if slow and not self.closes:
                    await self._stop_reading(socket)
                await self._take(socket, done)
                self.closes.append(socket.close_code or 0)

    async def _stop_reading(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        transport = socket._response.connection.transport  # type: ignore[union-attr]  # noqa: SLF001 - the fault itself
        transport.pause_reading()  # type: ignore[union-attr]
        await asyncio.sleep(SLOW_S)
        transport.resume_reading()  # type: ignore[union-attr]

    async def _take(self, socket: aiohttp.ClientWebSocketResponse, done: asyncio.Event) -> None:
        while not done.is_set():
            try:
                got = await socket.receive(timeout=0.5)
            except TimeoutError:
                continue
            if got.type is not aiohttp.WSMsgType.TEXT:
                return
            if '"type":"changes"' in got.data[:200]:
                self.messages.append(got.data)
            if found := TOKEN.search(got.data[:6000]):
                self.token = found[1]


async def many_clients(
    sheet: Sheet, folder: Path, clients: int, per_s: int, seconds: float, slow: int
) -> dict[str, Any]:
    """`slow` of the clients stop reading for a while."""
    lags: list[float] = []
    async with (
        web(sheet.dsn, folder) as url,
        aiohttp.ClientSession(
            headers={"Authorization": f"Bearer {sheet.token}"}, connector=aiohttp.TCPConnector(limit=0)
        ) as session,
    ):
        address = f"{url}/api/spreadsheets/{sheet.id}"
        async with session.get(f"{address}/cells", params={"first": "1", "last": "1"}) as answer:
            token = (await answer.json())["token"]
        watching = [Client(token) for _ in range(clients)]
        done = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            for at, client in enumerate(watching):
                group.create_task(client.watch(session, f"{address}/feed", done, slow=at < slow))
            begun = time.monotonic()
            written = await _write(sheet, per_s, seconds, lags, watching[-1])
            took = time.monotonic() - begun
            await _all_came(watching, written, slow)
            done.set()
    expected = await _audited(sheet)
    return {
        "clients": clients,
        "changes": written,
        "changes_per_s": round(written / took),
        "delivered": written * clients,
        "clients_with_a_gap_or_a_double": sum(received(client) != expected for client in watching),
        "cut_off": sum(4008 in each.closes or 1006 in each.closes for each in watching[:slow]),  # noqa: PLR2004
        "slow": slow,
        "lag": quantiles(lags or [0.0]),
    }


async def _write(sheet: Sheet, per_s: int, seconds: float, lags: list[float], witness: Client) -> int:
    """So many changes a second, in statements of some; each so often the time until a client has one."""
    column, written, begun = sheet.columns["C1"], 0, time.monotonic()
    while written < per_s * seconds:
        await sheet.db.execute(
            "insert into cells (spreadsheet_id, column_id, row_number, content) "
            "select $1, $2, n, 'change ' || n from generate_series($3::int + 1, $3::int + $4::int) n",
            sheet.id,
            column,
            1_000_000 + written,
            PIECE,
        )
        written += PIECE
        if written % (PIECE * 20) == 0:
            lags.append(await _lag(witness, f'"new":"change {1_000_000 + written}"'))
        await asyncio.sleep(max(0.0, begun + written / per_s - time.monotonic()))
    return written


async def _lag(witness: Client, wanted: str) -> float:
    began = time.monotonic()
    while not any(wanted in text for text in witness.messages[-3:]):
        await asyncio.sleep(0.002)
        if time.monotonic() - began > 5:  # noqa: PLR2004 - told as it is
            break
    return time.monotonic() - began


async def _all_came(watching: list[Client], written: int, slow: int) -> None:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        counts = [received(client).total() for client in watching]
        if min(counts) >= written and all(client.closes for client in watching[:slow]):
            await asyncio.sleep(1)  # whatever came twice would come now
            return
        await asyncio.sleep(0.5)


_ids: dict[str, tuple[str, ...]] = {}


def received(client: Client) -> Counter[str]:
    """How often each change came. Most clients have got the same messages: each is read once."""
    found: Counter[str] = Counter()
    for text in client.messages:
        if text not in _ids:
            _ids[text] = tuple(CHANGE.findall(text))
        found.update(_ids[text])
    return found


async def _audited(sheet: Sheet) -> Counter[str]:
    rows = await sheet.db.fetch(
        "select id from cell_edit_events where spreadsheet_id = $1 and row_number > 1000000", sheet.id
    )
    return Counter(str(row["id"]) for row in rows)
