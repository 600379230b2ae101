"""A mail server on loopback that does at each step of SMTP what a test tells it to, and keeps what it accepted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage

# What a step may do: answer in a way of its own, `drop` the connection, be `silent`, or `hold` until the test opens it.
STEPS = ("connect", "ehlo", "mail", "rcpt", "data", "body")


@dataclass
class MailServer:
    """`faults` are used up, one per try of the step; after them everything is accepted."""

    port: int = 0
    faults: dict[str, list[str]] = field(default_factory=dict)
    accepted: list[EmailMessage] = field(default_factory=list)
    tried: int = 0
    held: asyncio.Event = field(default_factory=asyncio.Event)
    opened: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}?tls=none"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.tried += 1
        try:
            await self._conversation(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, _Dropped):
            pass
        finally:
            writer.close()

    async def _conversation(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._step("connect", "220 test", writer)
        while line := await reader.readline():
            verb = line.decode("ascii", "replace").split(":")[0].split()[0].upper()
            match verb:
                case "EHLO":
                    await self._step("ehlo", "250-test\r\n250 8BITMIME", writer)
                case "MAIL" | "RCPT":
                    await self._step(verb.lower(), "250 ok", writer)
                case "DATA":
                    if await self._step("data", "354 go on", writer):
                        await self._body(reader, writer)
                case "QUIT":
                    await self._say("221 bye", writer)
                    return
                case _:
                    await self._say("250 ok", writer)

    async def _body(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        content = (await reader.readuntil(b"\r\n.\r\n")).removesuffix(b".\r\n").replace(b"\r\n..", b"\r\n.")
        fault = self._fault("body")
        if fault is None or fault.startswith("keep "):
            self.accepted.append(message_from_bytes(content, policy=policy.default))
        await self._do((fault or "").removeprefix("keep ") or None, "250 kept", writer)

    async def _step(self, name: str, answer: str, writer: asyncio.StreamWriter) -> bool:
        return await self._do(self._fault(name), answer, writer)

    def _fault(self, name: str) -> str | None:
        waiting = self.faults.get(name)
        return waiting.pop(0) if waiting else None

    async def _do(self, fault: str | None, answer: str, writer: asyncio.StreamWriter) -> bool:
        match fault:
            case None:
                await self._say(answer, writer)
                return True
            case "drop":
                raise _Dropped
            case "silent":
                await asyncio.Event().wait()
            case "hold":
                self.held.set()
                await self.opened.wait()
                await self._say(answer, writer)
                return True
            case _:
                await self._say(fault, writer)
        return False

    async def _say(self, line: str, writer: asyncio.StreamWriter) -> None:
        writer.write(f"{line}\r\n".encode())
        await writer.drain()


class _Dropped(Exception):
    pass


@asynccontextmanager
async def mail_server(**faults: list[str]) -> AsyncIterator[MailServer]:
    made = MailServer(faults=faults)
    conversations: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        conversations.add(task)
        await made.serve(reader, writer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
        for each in conversations:
            each.cancel()
        await asyncio.gather(*conversations, return_exceptions=True)
