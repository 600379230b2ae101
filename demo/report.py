"""What the demo shows: a progress bar while it runs, a table at the end, JSON for machines."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from demo.play import Played, Show


@contextmanager
def progress_bar(*, quiet: bool) -> Iterator[Show]:
    """A live bar on stderr; a terminal sees it move, a file gets its last state."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), disable=quiet) as progress:
        bar = progress.add_task("starting", total=None)

        def show(doing: str, finished: int, known: int) -> None:
            progress.update(bar, description=doing, completed=finished, total=known)

        yield show


def as_json(played: Played) -> dict[str, Any]:
    """The figures with units in their names."""
    figures, verdict = played.figures, played.verdict
    return {
        "tasks": figures["tasks"],
        "runs_audited": figures["runs"],
        "cells_checked": verdict.cells,
        "cells_written_by_robots": figures["robot_edits"],
        "cell_audit_rows": figures["edits"],
        "seconds": round(figures["seconds"], 2),
        "tasks_per_s": round(figures["tasks"] / figures["seconds"]),
        "wait_p50_ms": round(figures["wait_p50"], 1),
        "wait_p99_ms": round(figures["wait_p99"], 1),
        "run_p50_ms": round(figures["run_p50"], 1),
        "run_p99_ms": round(figures["run_p99"], 1),
        "kills_survived": played.kills,
        "effects_lost": verdict.lost,
        "effects_doubled": verdict.doubled,
        "audit_breaks": verdict.broken,
        "export_differences": verdict.misshown,
        "exported": str(played.exported),
        "holds": played.holds,
    }


def print_report(console: Console, played: Played, folder: Path) -> None:
    """The closing table and sentence."""
    table = Table(title="A messy contact list, imported, filled in, exported", show_header=False, min_width=52)
    told = as_json(played)
    for name in told:
        if name not in {"exported", "holds"}:
            value = told[name]
            table.add_row(name.replace("_", " "), f"{value:,}" if isinstance(value, (int, float)) else str(value))
    console.print(table)
    for example in played.verdict.examples:
        console.print(f"  {example}", highlight=False)
    console.print(f"exported: {_short(played.exported)}", highlight=False, soft_wrap=True)
    console.print(f"worker logs: {_short(folder / 'workers.log')}", highlight=False, soft_wrap=True)
    verdict = "[green]Every effect is there, once." if played.holds else "[red]The promise was broken; see above."
    console.print(verdict)


def _short(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
