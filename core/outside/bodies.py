"""Reads what a stranger sends, up to a limit, compressed or not: a bomb is noticed before it is unpacked."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator

from core.outside.guard import FetchFailed, FetchRefused

ENCODINGS = "gzip, deflate"  # all that is asked for, so all that is understood
_PIECE = 1 << 16


class TooLarge(FetchRefused):
    """More came than may be kept."""


async def read(pieces: AsyncIterator[bytes], encoding: str, limit: int) -> bytes:
    """The whole body, at most `limit` bytes of it both as sent and unpacked. Raises TooLarge, FetchRefused, or
    FetchFailed where the stream is cut or broken."""
    match encoding.strip().lower():
        case "" | "identity":
            unpack = None
        case "gzip" | "x-gzip" | "deflate":
            unpack = _Unpacker(limit)
        case other:
            raise FetchRefused(f"the answer is packed with {other[:40]!r}, which was not asked for")
    kept, sent = bytearray(), 0
    async for piece in pieces:
        sent += len(piece)
        kept += piece if unpack is None else unpack.feed(piece, len(kept))
        if max(sent, len(kept)) > limit:
            raise TooLarge(f"the answer is larger than {limit:,} bytes")
    if unpack is not None and sent and not unpack.finished:
        raise FetchFailed("the packed answer has no end")
    return bytes(kept)


class _Unpacker:
    """gzip, zlib and raw deflate, never more than the limit and one piece in memory."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._inflate = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)
        self._fresh = True

    @property
    def finished(self) -> bool:
        return self._inflate.eof

    def feed(self, piece: bytes, have: int) -> bytes:
        made = bytearray()
        while piece and not self._inflate.eof:
            made += self._some(piece)
            if have + len(made) > self._limit:
                raise TooLarge(f"the answer unpacks to more than {self._limit:,} bytes")
            piece = self._inflate.unconsumed_tail
        return bytes(made)

    def _some(self, piece: bytes) -> bytes:
        try:
            some = self._inflate.decompress(piece, _PIECE)
        except zlib.error as reason:
            if not self._fresh:
                raise FetchFailed("the packed answer is broken") from reason
            self._inflate = zlib.decompressobj(wbits=-zlib.MAX_WBITS)  # servers that say deflate and send it raw
            self._fresh = False
            return self._some(piece)
        self._fresh = False
        return some
