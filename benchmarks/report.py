"""What a person sees: one table per workload, then the goals, then where somebody else is ahead."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from benchmarks.figures import (
    BUFFERS,
    CLIENT_CPU,
    COMMITS,
    DEAD,
    OURS,
    SERVER_CPU,
    SERVER_SHARE,
    STATEMENT_WAL,
    STATEMENTS,
    WAL,
    Figure,
    Figures,
    number,
)
from benchmarks.goals import Goal, goals, leads

BESIDE: Final = {WAL: "WAL B/task", COMMITS: "commits/task", DEAD: "dead/task", SERVER_SHARE: "server's CPU"}
BY_STATEMENTS: Final = (BUFFERS, STATEMENTS, STATEMENT_WAL)


@contextmanager
def progress(*, quiet: bool) -> Iterator[Callable[[str], None]]:
    """A line on stderr that says what is being measured."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), disable=quiet, transient=True) as bar:
        task = bar.add_task("starting", total=None)

        def tell(what: str) -> None:
            bar.update(task, description=what)

        yield tell


def print_report(console: Console, figures: Figures, titles: dict[str, str]) -> None:
    for workload, title in titles.items():
        rows = [each for each in figures.all if each.workload == workload]
        if rows:
            console.print(table_of(workload, title, rows))
    console.print(_goals(goals(figures)))
    for lead in leads(figures):
        console.print(f"  {lead.sentence}", highlight=False)
    if any(each.noisy for each in figures.all):
        console.print("* noisy: others took more than 12 % of the processors in a run; such a rate is a lower bound.")


def table_of(workload: str, title: str, rows: list[Figure]) -> Table:
    """Costs have columns only where some were counted."""
    counted = [metric for metric in BESIDE if any(each.metric == metric for each in rows)]
    table = Table(title=f"{workload.upper()} {title}", title_justify="left")
    for name in ("variant", "system", "metric"):
        table.add_column(name)
    for name in ("median", "min to max", "of ours", *(BESIDE[metric] for metric in counted)):
        table.add_column(name, justify="right")
    for each in rows:
        if not costs(each):
            table.add_row(*_cells(each, rows, counted), style="bold" if each.system == OURS else None)
    return table


def costs(each: Figure) -> bool:
    """Costs stand beside the rates, not in rows of their own; what statements cost is shown where it is the point."""
    if each.workload == "w9" and each.metric in BY_STATEMENTS:
        return False
    return each.metric in {*BESIDE, *BY_STATEMENTS, SERVER_CPU, CLIENT_CPU}


def _cells(each: Figure, rows: list[Figure], counted: list[str]) -> list[str]:
    return [
        each.variant,
        each.system,
        each.metric,
        number(each.median) + ("*" if each.noisy else ""),
        f"{number(each.low)} to {number(each.high)}",
        _of_ours(each, rows),
        *(_beside(each, metric, rows) for metric in counted),
    ]


def _of_ours(each: Figure, rows: list[Figure]) -> str:
    """A peer's or the limit's figure, as a multiple of ours."""
    ours = [
        row.median for row in rows if row.system == OURS and (row.variant, row.metric) == (each.variant, each.metric)
    ]
    return f"{each.median / ours[0]:.2f}" if ours and ours[0] and each.system != OURS else ""


def _beside(each: Figure, metric: str, rows: list[Figure]) -> str:
    """Shown once for each variant of a system: beside its first metric."""
    mine = [row for row in rows if (row.system, row.variant) == (each.system, each.variant)]
    if mine[0].metric != each.metric:
        return ""
    found = [row.median for row in mine if row.metric == metric]
    return number(found[0]) if found else ""


def _goals(found: list[Goal]) -> Table:
    table = Table(title="Goals", title_justify="left")
    for name in ("goal", "wanted", "found", ""):
        table.add_column(name, justify="left" if name == "goal" else "right")
    for each in found:
        if each.found is not None:
            table.add_row(*goal_cells(each), style=None if each.reached else "yellow")
    return table


def goal_cells(each: Goal) -> tuple[str, str, str, str]:
    wanted = f"{'at most' if each.at_most else 'at least'} {each.wanted:g}"
    found = "not measured" if each.found is None else number(each.found)
    return each.text, wanted, found, {None: "", True: "reached", False: "missed"}[each.reached]
