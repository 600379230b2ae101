"""Writes docs/benchmarks.md: machine, versions, settings, commands, tables, plots, goals, and where a peer is ahead.

The reasons why a peer leads are written by people: they stand in docs/benchmarks/why.md and are taken over as they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from benchmarks.figures import CLIENT_CPU, SERVER_CPU, Figure, Figures, number
from benchmarks.goals import goals, leads
from benchmarks.plots import draw
from benchmarks.report import BESIDE, costs, goal_cells
from core.settings import PROJECT

DOCUMENT: Final = PROJECT / "docs" / "benchmarks.md"
HEADINGS: Final = {**BESIDE, SERVER_CPU: "server µs/task", CLIENT_CPU: "client µs/task"}


def write(
    figures: Figures,
    titles: dict[str, str],
    facts: dict[str, Any],
    command: str,
    document: Path = DOCUMENT,
) -> Path:
    """The document and its plots."""
    folder = document.with_suffix("")
    plots = draw(figures, folder)
    lines = [*_introduction(facts, command), *_plots(plots, folder.name), *_tables(figures, titles), *_goals(figures)]
    lines += _leads(figures, folder / "why.md")
    document.write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")
    return document


INTRODUCTION: Final = """\
# Benchmarks

Written by `{command} --write` on {date}, at commit {commit}. Run it on your machine: every rate stands beside a limit
written by hand and measured in the same run, so compare ratios, not rates.

A figure is the median of its runs, with the smallest and the largest. Every run is checked: each task done once, one
audit row each, every chain of edits whole; a wrong run is an error, not a figure. `*` marks figures of which a run lost
more than 12 % of the processors to others: a rate is then a lower bound, a time an upper one. Tasks per second count
from the moment on which all workers have begun; a peer's time ends with its last handler, ours with the last commit.
Our figures always hold the fence, the audit and the completion in one commit.
"""


def _introduction(facts: dict[str, Any], command: str) -> Iterator[str]:
    yield INTRODUCTION.format(command=command, date=facts["date"], commit=facts["commit"])
    yield from _facts(facts)


def _facts(facts: dict[str, Any]) -> Iterator[str]:
    settings = dict(facts["postgresql"])
    yield "| | |"
    yield "|---|---|"
    yield f"| machine | {facts['cores']} cores ({facts['processor']}), {facts['memory_gb']} GB, {facts['system']} |"
    postgres = settings.pop("server_version", "unknown")
    yield f"| PostgreSQL | {postgres}; {', '.join(f'{name} = {value}' for name, value in settings.items())} |"
    yield f"| ours | Python {facts['python']}, asyncpg {facts['asyncpg']}, uvloop {facts['uvloop']} |"
    if facts["peers"]:
        yield f"| peers | {', '.join(f'{name} {version}' for name, version in facts['peers'].items())} |"
    yield ""
    yield "Server, workers and producers share the cores. How each peer is set up stands at the head of its adapter in"
    yield "`benchmarks/peers/`."
    yield ""


def _plots(plots: list[tuple[str, str]], folder: str) -> Iterator[str]:
    for name, caption in plots:
        yield f"![{caption}]({folder}/{name})"
        yield ""


def _tables(figures: Figures, titles: dict[str, str]) -> Iterator[str]:
    for workload, title in titles.items():
        rows = [each for each in figures.all if each.workload == workload]
        if rows:
            yield f"## {workload.upper() if workload.startswith('w') else 'Reference'}: {title}"
            yield ""
            yield from _rates(rows)
            yield from _costs(rows)


def _rates(rows: list[Figure]) -> Iterator[str]:
    yield "| variant | system | metric | median | min to max |"
    yield "|---|---|---|---:|---:|"
    for each in rows:
        if not costs(each):
            median = number(each.median) + ("*" if each.noisy else "")
            spread = f"{number(each.low)} to {number(each.high)}"
            yield f"| {each.variant} | {each.system} | {each.metric} | {median} | {spread} |"
    yield ""


def _costs(rows: list[Figure]) -> Iterator[str]:
    """What a task cost, in the variants where that was counted."""
    found = {(each.variant, each.system, each.metric): each.median for each in rows if costs(each)}
    if not found:
        return
    yield f"| cost of a task | system | {' | '.join(HEADINGS.values())} |"
    yield f"|---|---|{'---:|' * len(HEADINGS)}"
    for variant, system in dict.fromkeys(key[:2] for key in found):
        cells = [found.get((variant, system, metric)) for metric in HEADINGS]
        yield f"| {variant} | {system} | {' | '.join('' if cell is None else number(cell) for cell in cells)} |"
    yield ""


def _goals(figures: Figures) -> Iterator[str]:
    yield "## Goals"
    yield ""
    yield "| goal | wanted | found | |"
    yield "|---|---:|---:|---|"
    for each in goals(figures):
        yield f"| {' | '.join(goal_cells(each))} |"
    yield ""


def _leads(figures: Figures, why: Path) -> Iterator[str]:
    found = leads(figures)
    yield "## Where a peer is ahead"
    yield ""
    for lead in found:
        yield f"- {lead.sentence}"
    if not found:
        yield "No peer was measured in this run." if not figures.peers() else "Nowhere in this run."
    yield ""
    if why.exists():
        yield why.read_text(encoding="utf-8").strip()
