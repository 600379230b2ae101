"""Results for a person: a line for each scenario while they play, a table at the end."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from rich.console import Console
from rich.table import Table

from core.db.binaries import find_binaries, major_version
from core.settings import Settings
from tests.torture.figures import Figure, Result

COLOURS = {"passed": "green", "FAILED": "red", "skipped": "yellow"}


def print_result(console: Console, result: Result) -> None:
    colour = COLOURS[result.verdict]
    tests = ", ".join(result.tests)
    console.print(f"[{colour}]{result.verdict}[/{colour}] {result.scenario} ({tests}), {result.seconds:.1f} s")
    for reason in (result.skipped, result.error):
        if reason:
            console.print(f"  {reason}", markup=False, highlight=False)
    for figure in (each for each in result.figures if each.ok is False):
        console.print(f"  {figure.name}: {figure.shown}, wanted {figure.wanted}", markup=False, highlight=False)
    for violation in result.violations:
        console.print(f"  {violation}", markup=False, highlight=False)


def print_table(console: Console, results: list[Result]) -> None:
    table = Table(title="Torture")
    table.add_column("scenario")
    table.add_column("figure")
    table.add_column("found", justify="right")
    table.add_column("wanted", justify="right")
    table.add_column("")
    for result in results:
        for at, figure in enumerate(result.figures):
            table.add_row("" if at else result.scenario, figure.name, figure.shown, figure.wanted, mark(figure))
        if not result.figures:
            table.add_row(result.scenario, result.skipped or result.error or "", "", "", result.verdict)
    console.print(table)


def mark(figure: Figure) -> str:
    return "" if figure.ok is None else "ok" if figure.ok else "MISSED"


def machine() -> str:
    """What the figures were found on, in a line."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    major = major_version(find_binaries(Settings().pg_bin))
    return (
        f"{os.cpu_count()} processors ({_processor()}), {memory:.0f} GB of memory, {platform.system()}, "
        f"Python {platform.python_version()}, PostgreSQL {major} with fsync"
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
