"""How the lines of several programs become one readable stream: who says it, when, what.

A program's log lines are JSON, because it does not write to a terminal; everything else it says passes as it is.
"""

from __future__ import annotations

import asyncio
import sys
from datetime import datetime
from typing import Any, Final

import orjson
from rich.console import Console
from rich.text import Text

from core.cli.showing import CONTROLS

STYLES: Final = ("cyan", "green", "magenta", "blue", "yellow")
LEVELS: Final = {"warning": "yellow", "error": "red", "critical": "red"}
KNOWN: Final = frozenset({"event", "level", "timestamp", "room", "worker_id"})  # said by the columns, or by nobody
LONGEST: Final = 2**20  # bytes of a line


class Stream:
    """Writes lines of any number of programs to stdout, each whole."""

    def __init__(self, *, as_json: bool) -> None:
        self._json = as_json
        self._console = Console(file=sys.stdout, highlight=False, soft_wrap=True)
        self._styles: dict[str, str] = {}

    async def follow(self, name: str, source: asyncio.StreamReader) -> None:
        """Until the program closes its end."""
        while True:
            try:
                line = await source.readline()
            except ValueError:  # longer than the reader's limit: what is left of it follows
                continue
            if not line:
                return
            self.say(name, line.decode(errors="replace").rstrip())

    def say(self, name: str, line: str) -> None:
        logged = _logged(line)
        if self._json:
            document = {"from": name, **(logged or {"event": line})}
            print(orjson.dumps(document).decode(), flush=True)  # noqa: T201 - the answer
            return
        self._console.print(Text.assemble(self._margin(name), *(_told(logged) if logged else [_plain(line)])))

    def _margin(self, name: str) -> tuple[str, str]:
        kind = name.partition("-")[0]
        style = self._styles.setdefault(kind, STYLES[len(self._styles) % len(STYLES)])
        return f"{name:<9} │ ", style


def _logged(line: str) -> dict[str, Any] | None:
    if not line.startswith("{"):
        return None
    try:
        found = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, dict) and "event" in found else None


def _told(logged: dict[str, Any]) -> list[str | tuple[str, str]]:
    """`12:01:03 run task_type=… ms=4`, with the level where it is a warning or worse."""
    level = str(logged.get("level", "info"))
    told: list[str | tuple[str, str]] = [(f"{_time(logged.get('timestamp'))} ", "dim")]
    if level in LEVELS:
        told.append((f"{level} ", LEVELS[level]))
    told.append((_plain(str(logged["event"])), "bold"))
    told += [f" {name}={_plain(_short(value))}" for name, value in logged.items() if name not in KNOWN]
    return told


def _time(stamp: object) -> str:
    try:
        return datetime.fromisoformat(str(stamp)).astimezone().strftime("%H:%M:%S")
    except ValueError:
        return "--:--:--"


def _short(value: object) -> str:
    return value if isinstance(value, str) else orjson.dumps(value, default=str).decode()


def _plain(line: str) -> str:
    return line.translate(CONTROLS)
