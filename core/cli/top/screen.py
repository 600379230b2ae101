"""How a frame looks on a terminal of any size: columns that do not fit are left out, the least important first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import asyncpg
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from core.cli.showing import counted, duration, text
from core.cli.top.frame import Frame

NAME_WIDTH: Final = 24  # of a task type, at least
GAP: Final = 2
AROUND: Final = 5  # lines of the head, the titles and the foot


@dataclass(frozen=True, slots=True)
class Column:
    """`place` says what goes first where it is narrow: the highest."""

    title: str
    width: int
    place: int
    shown: Callable[[asyncpg.Record], str]


def _count(row: asyncpg.Record, name: str) -> str:
    least = "≥" if row.get(f"{name}_is_minimum") else ""
    return f"{least}{row[name]:,}" if row[name] else "·"


def _length(seconds: float | None) -> str:
    return "·" if seconds is None else duration(timedelta(seconds=seconds))


def _ms(number: float | None) -> str:
    return "·" if number is None else duration(timedelta(milliseconds=number))


def _rate(number: float) -> str:
    return f"{number:,.0f}" if number >= 0.5 else "·"  # noqa: PLR2004 - what rounds to one


TYPES: Final = (
    Column("ready", 8, 0, lambda row: _count(row, "ready")),
    Column("oldest", 10, 2, lambda row: _length(row["oldest_s"])),
    Column("running", 7, 1, lambda row: _count(row, "processing")),
    Column("per min", 8, 1, lambda row: _rate(row["ended_per_min"])),
    Column("failed", 7, 3, lambda row: _rate(row["failed_per_min"])),
    Column("retried", 7, 7, lambda row: _rate(row["retried_per_min"])),
    Column("later", 8, 6, lambda row: _count(row, "scheduled")),
    Column("waiting", 8, 5, lambda row: _count(row, "waiting")),
    Column("wait p50", 9, 8, lambda row: _ms(row["wait_p50_ms"])),
    Column("wait p99", 9, 4, lambda row: _ms(row["wait_p99_ms"])),
    Column("run p50", 9, 8, lambda row: _ms(row["run_p50_ms"])),
    Column("run p99", 9, 4, lambda row: _ms(row["run_p99_ms"])),
    Column("workers", 7, 5, lambda row: _count(row, "workers")),
)
WORKERS: Final = (
    Column("running", 7, 0, lambda row: _count(row, "processing")),
    Column("longest", 10, 2, lambda row: _length(row["oldest_run_s"])),
    Column("last beat", 9, 1, lambda row: _length(row["beat_age_s"])),
    Column("code", 12, 4, lambda row: row["code_version"] or "·"),
    Column("host and pid", 24, 3, lambda row: f"{row['host']} {row['pid']}"),
)


def drawn(frame: Frame, width: int, height: int, *, note: str = "") -> RenderableType:
    """The whole picture, no larger than the terminal."""
    room = max(height - AROUND, 2)
    types = _busy_first(frame.types, room)
    left = room - len(types) - 2
    parts: list[RenderableType] = [_head(frame, width), Text(), _table("type", types, TYPES, width, _type)]
    if len(types) < len(frame.types):
        parts.append(Text(f"and {len(frame.types) - len(types)} more types", style="dim"))
    if left > 1 and frame.workers:
        parts += [Text(), _table("worker", frame.workers[: left - 1], WORKERS, width, _worker)]
    if note:
        parts.append(Text(note, style="yellow"))
    return Group(*parts)


def _head(frame: Frame, width: int) -> Text:
    server = frame.server
    told = [
        f"{server['database']} {server['now'].astimezone():%H:%M:%S}",
        counted(len(frame.alive()), "worker"),
        f"{frame.running:,} running",
        f"{frame.ended_per_min:,.0f} per min",
        f"{frame.failed_per_min:,.0f} failed per min",
        f"{server['connections']} of {server['max_connections']} connections",
        f"{server['queue_dead_rows']:,} dead rows",
    ]
    while len(told) > 1 and len(" · ".join(told)) > width:
        told.pop()
    return Text(" · ".join(told), style="bold", no_wrap=True, overflow="ellipsis")


def _busy_first(rows: Sequence[asyncpg.Record], room: int) -> list[asyncpg.Record]:
    """By name as long as all fit, so that nothing jumps; else the idle ones are left out."""
    if len(rows) <= room:
        return list(rows)
    busiest = sorted(rows, key=lambda row: (-row["processing"], -row["ready"], row["task_type"]))[: room - 1]
    return sorted(busiest, key=lambda row: str(row["task_type"]))


def fitting(columns: Sequence[Column], width: int) -> list[Column]:
    """The columns that fit beside a name, in their order."""
    kept = list(columns)
    while len(kept) > 1 and NAME_WIDTH + sum(each.width + GAP for each in kept) > width:
        kept.remove(max(kept, key=lambda each: each.place))
    return kept


def _table(
    name: str,
    rows: Sequence[asyncpg.Record],
    columns: Sequence[Column],
    width: int,
    named: Callable[[asyncpg.Record], Text],
) -> Table:
    kept = fitting(columns, width)
    made = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="dim")
    room = width - sum(each.width + GAP for each in kept) - GAP
    made.add_column(name, no_wrap=True, overflow="ellipsis", max_width=max(room, 1))
    for each in kept:
        made.add_column(each.title, no_wrap=True, justify="right", width=each.width)
    for row in rows:
        made.add_row(named(row), *(each.shown(row) for each in kept))
    return made


def _type(row: asyncpg.Record) -> Text:
    shown = text(row["task_type"])
    if row["paused"]:
        return Text.assemble(shown, (" paused", "yellow"))
    if row["ready"] and not row["workers"]:
        return Text.assemble(shown, (" no worker", "red"))
    return shown


def _worker(row: asyncpg.Record) -> Text:
    shown = text(str(row["worker_id"])[:8])
    if not row["alive"]:
        return Text.assemble(shown, (" gone", "red"))
    return Text.assemble(shown, (" draining", "yellow")) if row["draining"] else shown
