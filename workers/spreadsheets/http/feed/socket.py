"""The WebSocket of a sheet: first a window and its place, or a token's; then every change that is committed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

import orjson

from core.web import Call, Nothing, Refused, Shell, WebSocketResponse, log, service, socket
from workers.spreadsheets.http.cells import window_of
from workers.spreadsheets.http.feed.place import Place, TokenVoid, place_of, require_valid
from workers.spreadsheets.http.feed.poller import Poller
from workers.spreadsheets.http.feed.rights import TROUBLE, Rights
from workers.spreadsheets.http.feed.watcher import FAILED, GONE, ONLY_SENDS, RELOAD, TOO_SLOW, Goodbye, Watcher
from workers.spreadsheets.http.models import AskedFeed
from workers.spreadsheets.http.seeing import seen_sheet
from workers.spreadsheets.http.shown import Row

DOMAIN: Final = "workers.spreadsheets"
ALIVE_S: Final = 10.0  # a word at least this often, so that a page knows that it is live
STALL_S: Final = 10.0  # a client that takes nothing for so long is cut off
FAREWELL_S: Final = 2.0
RESTART_S: Final = 1.0


@service
@asynccontextmanager
async def poller(shell: Shell) -> AsyncIterator[Poller]:
    """The one reader of this process, while it serves."""

    async def ask(statement: str, /, **values: Any) -> Sequence[Row]:
        return await shell.read(DOMAIN, statement, **values)

    reader = Poller(ask, TROUBLE, _note)
    running = asyncio.create_task(_keep_running(reader))
    try:
        yield reader
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def _keep_running(reader: Poller) -> None:
    """A fault of the poller ends the feeds, in sight; the next ones are read again."""
    while True:
        try:
            await reader.run()
        except Exception as error:  # noqa: BLE001 - the outermost guard of a duty
            log.get("feed").error("feed_failed", frames=log.frames(error))
            reader.end_all(FAILED)
            await asyncio.sleep(RESTART_S)


def _note(error: BaseException) -> None:
    log.get("feed").warning("feed_waits", error=type(error).__name__)


@socket("/api/spreadsheets/{id}/feed", scope="read")
async def feed(call: Call[AskedFeed, Nothing], client: WebSocketResponse) -> None:
    """Streams the committed changes of a sheet; `token` goes on where another connection has ended."""
    reader = call.service(poller)
    try:
        place = await _begin(call, client)
    except TokenVoid as void:
        await _end(client, RELOAD, {"type": "reload", "reason": str(void)})
        return
    except Refused as refused:
        await _end(client, GONE, {"type": "refused", "reason": str(refused)})
        return
    watcher, rights = reader.join(place), Rights(call)
    try:
        async with asyncio.TaskGroup() as both:
            sending = both.create_task(_send(client, watcher, rights))
            await _listen(client, watcher)
            sending.cancel()
    finally:
        reader.leave(watcher)
        if call.request.transport is not None and watcher.stalled:
            call.request.transport.abort()  # a farewell that is not taken would keep its buffers for ever


async def _begin(call: Call[AskedFeed, Nothing], client: WebSocketResponse) -> Place:
    """The first message. Raises TokenVoid, Refused."""
    asked = call.asked
    await seen_sheet(call, asked.id)
    if asked.token is None:
        window = await window_of(call, asked.id, asked.first, asked.last)
        await client.send_str(f'{{"type":"window",{window.model_dump_json()[1:]}')
        return place_of(window.token, asked.id)
    place = place_of(asked.token, asked.id)
    (now,) = await call.read("feed_start")
    require_valid(place, now["epoch"], now["xmax"], now["now"])
    await _tell(client, {"type": "resumed", "token": place.token})
    return place


async def _send(client: WebSocketResponse, watcher: Watcher, rights: Rights) -> None:
    """What the poller offers, as fast as the client takes it, to one who may see it."""
    while True:
        message = await watcher.take(ALIVE_S)
        message = await rights.lost(watcher) or message
        if isinstance(message, Goodbye):
            await _end(client, message, {"type": "ended", "reason": message.reason})
            return
        try:
            async with asyncio.timeout(STALL_S):
                if message is None:
                    await _tell(client, {"type": "alive", "token": watcher.place.token})
                else:
                    await client.send_str(message)
        except TimeoutError:
            watcher.stalled = True
            await _end(client, TOO_SLOW)
            return
        except ConnectionError:
            return  # the client is gone; its socket tells the listener


async def _listen(client: WebSocketResponse, watcher: Watcher) -> None:
    """Until the client goes. It has nothing to say here."""
    async for _ in client:
        watcher.end(ONLY_SENDS)


async def _tell(client: WebSocketResponse, message: dict[str, object]) -> None:
    await client.send_str(orjson.dumps(message).decode())


async def _end(client: WebSocketResponse, goodbye: Goodbye, last: dict[str, object] | None = None) -> None:
    """Says why, and closes. A client that takes not even that is cut by the server."""
    with suppress(TimeoutError, ConnectionError):
        async with asyncio.timeout(FAREWELL_S):
            if last is not None:
                await _tell(client, last)
            await client.close(code=goodbye.code, message=goodbye.reason.encode())
