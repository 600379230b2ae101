"""What the demo shows: a progress bar while it runs, a table at the end, JSON for machines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from demo.play import Played, Show

# What was asked for, and aimed at; told beside the figure, asserted nowhere.
GOALS: Final = {
    "tasks_per_s": "100 asked, 10,000 aimed at",
    "query_mean_ms": "50 asked",
    "edit_p50_ms": "100 asked",
    "edit_p99_ms": "100 asked, 20 aimed at",
    "edit_busy_p99_ms": "100 asked",
}


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
        "pages_checked": verdict.pages,
        "cells_written_by_robots": figures["robot_edits"],
        "cell_audit_rows": figures["edits"],
        "seconds": round(figures["seconds"], 2),
        "tasks_per_s": round(figures["tasks"] / figures["seconds"]),
        **_asked(figures),
        "wait_p50_ms": round(figures["wait_p50"], 1),
        "wait_p99_ms": round(figures["wait_p99"], 1),
        "run_p50_ms": round(figures["run_p50"], 1),
        "run_p99_ms": round(figures["run_p99"], 1),
        "session_groups_proposed": played.session.proposed,
        "session_groups_merged": played.session.merged,
        "kills_survived": played.kills + played.session.kills,
        "effects_lost": verdict.lost,
        "effects_doubled": verdict.doubled,
        "audit_breaks": verdict.broken,
        "export_differences": verdict.misshown,
        "exported": str(played.exported),
        "holds": played.holds,
    }


def _asked(figures: Mapping[str, Any]) -> dict[str, Any]:
    """What else was asked for; a server without statement statistics knows less."""
    names = ("query_mean_ms", "edit_p50_ms", "edit_p99_ms", "edit_busy_p99_ms")
    return {name: round(figures[name], 2) for name in names if figures.get(name) is not None}


def print_report(console: Console, played: Played, folder: Path) -> None:
    """The closing table and sentence."""
    table = Table(title="A messy contact list, imported, filled in, exported", show_header=False, min_width=52)
    told = as_json(played)
    for name in told:
        if name not in {"exported", "holds"}:
            value = told[name]
            shown = f"{value:,}" if isinstance(value, (int, float)) else str(value)
            table.add_row(name.replace("_", " "), shown, GOALS.get(name, ""))
    console.print(table)
    for example in played.verdict.examples:
        console.print(f"  {example}", highlight=False)
    console.print(f"exported: {_short(played.exported)}", highlight=False, soft_wrap=True)
    console.print(f"worker logs: {_short(folder / 'workers.log')}", highlight=False, soft_wrap=True)
    verdict = "[green]Every effect is there, once." if played.holds else "[red]The promise was broken; see above."
    console.print(verdict)


def _short(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
