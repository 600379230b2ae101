"""Logging: one canonical structured line per run and per incident. JSON when not on a terminal. Never payloads.

What an operator or the database says about a run may quote its payload: it is stored with the task and its run row, and
a log line carries its `error_fingerprint` only.
"""

from __future__ import annotations

import logging
import sys
import traceback
from contextlib import suppress
from typing import BinaryIO, cast

import orjson
import structlog

Logger = structlog.typing.FilteringBoundLogger


class _Unbroken:
    """A stream whose reader may be gone, or whose disk is full: such a line is dropped, and no work stops for it."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def write(self, line: bytes) -> None:
        with suppress(OSError, ValueError):
            self._stream.write(line)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            self._stream.flush()


def configure(level: str = "info") -> None:
    """Sets up logging for this process, to stderr."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    numeric = logging.getLevelNamesMapping()[level.upper()]
    if sys.stderr.isatty():
        structlog.configure(
            processors=[*shared, structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)],
            wrapper_class=structlog.make_filtering_bound_logger(numeric),
            logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        )
        return
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer(serializer=orjson.dumps)],
        wrapper_class=structlog.make_filtering_bound_logger(numeric),
        logger_factory=structlog.BytesLoggerFactory(cast("BinaryIO", _Unbroken(sys.stderr.buffer))),
    )


def frames(error: BaseException) -> list[str]:
    """Kind and places of an exception, the raising one last, without its message: that may quote a payload."""
    places = [f"{each.filename}:{each.lineno} {each.name}" for each in traceback.extract_tb(error.__traceback__)]
    return [*places, type(error).__name__]


def get(room: str) -> Logger:
    """The logger of a room; `room` is bound to every line."""
    logger: Logger = structlog.get_logger(room=room)
    return logger
