"""A mailbox on loopback: as much of IMAP as polling needs, with real mails and flags."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass
class ImapServer:
    """`mails` by number, 1 up; `flags` what was set on them. A size may be claimed that is not true."""

    mails: list[bytes]
    port: int = 0
    flags: dict[int, set[str]] = field(default_factory=dict)
    sizes: dict[int, int] = field(default_factory=dict)
    encrypted: bool = False
    refuse_login: bool = False
    drop_store: bool = False

    @property
    def url(self) -> str:
        if self.encrypted:
            return f"imaps://agent@127.0.0.1:{self.port}/INBOX"
        return f"imap://agent@127.0.0.1:{self.port}/INBOX?tls=none"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"* OK ready\r\n")
        try:
            while line := await reader.readline():
                tag, _, rest = line.decode().strip().partition(" ")
                lines = self._answers(rest)
                if lines is None:
                    return
                for each in lines[:-1]:
                    writer.write(each)
                writer.write(f"{tag} ".encode() + lines[-1] + b"\r\n")
                await writer.drain()
        finally:
            writer.close()

    def _answers(self, command: str) -> list[bytes] | None:  # noqa: PLR0911 - one answer for each command
        words = command.upper().split()
        match words[:2]:
            case ["CAPABILITY", *_]:
                return [b"* CAPABILITY IMAP4rev1\r\n", b"OK done"]
            case ["LOGIN", *_]:
                return [b"NO wrong"] if self.refuse_login else [b"OK in"]
            case ["SELECT", *_]:
                return [f"* {len(self.mails)} EXISTS\r\n".encode(), b"OK [READ-WRITE] done"]
            case ["UID", "SEARCH"]:
                new = [at for at in range(1, len(self.mails) + 1) if not self.flags.get(at)]
                return [f"* SEARCH {' '.join(map(str, new))}\r\n".encode(), b"OK done"]
            case ["UID", "FETCH"]:
                return self._fetched(int(words[2]), command)
            case ["UID", "STORE"] if self.drop_store:
                return None
            case ["UID", "STORE"]:
                for at in words[2].split(","):
                    self.flags.setdefault(int(at), set()).update(re.findall(r"\\(\w+)", command))
                return [b"OK done"]
            case _:
                return [b"OK done"]

    def _fetched(self, at: int, command: str) -> list[bytes]:
        raw = self.mails[at - 1]
        if "SIZE" in command:
            size = self.sizes.get(at, len(raw))
            return [f"* {at} FETCH (UID {at} RFC822.SIZE {size})\r\n".encode(), b"OK done"]
        return [f"* {at} FETCH (UID {at} BODY[] {{{len(raw)}}}\r\n".encode() + raw + b")\r\n", b"OK done"]


@asynccontextmanager
async def imap_server(*mails: bytes, context: ssl.SSLContext | None = None) -> AsyncIterator[ImapServer]:
    """With a context it speaks TLS from the first byte on."""
    made = ImapServer([each.replace(b"\n", b"\r\n") for each in mails], encrypted=context is not None)
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0, ssl=context)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
