"""docs/reliability.md: the page of reliability.md beside this file, with the figures of a run in its places."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from core.settings import PROJECT
from tests.torture.contenders.match import Bout
from tests.torture.figures import Result
from tests.torture.mutants.planting import Fate
from tests.torture.report import mark

PAGE: Final = Path(__file__).with_name("reliability.md")
DOCUMENT: Final = PROJECT / "docs" / "reliability.md"
NOT_PLAYED: Final = "Not played in this run."


def write(results: Sequence[Result], bouts: Sequence[Bout], fates: Sequence[Fate], run: Mapping[str, Any]) -> Path:
    """Writes the page; what was not played says so."""
    text = PAGE.read_text(encoding="utf-8")
    places = {
        "figures": _figures(results),
        "contenders": _contenders(bouts),
        "mutants": _mutants(fates),
        "run": _run(run),
    }
    for place, lines in places.items():
        text = text.replace(f"<!-- {place} -->", "\n".join(lines) or NOT_PLAYED)
    DOCUMENT.write_text(text, encoding="utf-8")
    return DOCUMENT


def _figures(results: Sequence[Result]) -> Iterator[str]:
    for result in results:
        yield f"### {result.title} ({', '.join(result.tests)})"
        yield ""
        yield f"`{result.scenario}`: {result.verdict}, {result.seconds:.0f} s."
        if result.skipped or result.error:
            yield f"{result.skipped or result.error}"
        yield from (f"- {each}" for each in result.violations)
        yield ""
        if result.figures:
            yield "| | found | wanted | |"
            yield "|---|---:|---:|---|"
            yield from (f"| {each.name} | {each.shown} | {each.wanted} | {mark(each)} |" for each in result.figures)
            yield ""


def _contenders(bouts: Sequence[Bout]) -> Iterator[str]:
    if not bouts:
        return
    yield "The same harms through small adapters (`benchmarks/peers`), each queue with its defaults. A peer's handler"
    yield "writes in a transaction of its own and may run twice, which its documentation says: its second mark is no"
    yield "fault, it is what the handler's author has to prevent. Corrections of the settings are welcome."
    yield ""
    for harm in dict.fromkeys(each.harm for each in bouts):
        rows = [each for each in bouts if each.harm == harm]
        names = list(dict.fromkeys(name for each in rows for name in each.figures))
        yield f"| {harm} | {' | '.join(names)} |"
        yield f"|---|{'---:|' * len(names)}"
        for each in rows:
            cells = [f"{each.figures[name]:,.4g}" if name in each.figures else "" for name in names]
            yield f"| {each.contender} | {' | '.join(cells)} |"
        yield ""
        yield from (f"{each.contender} could not be played: {each.error}." for each in rows if each.error)
        yield ""
    yield "| | settings |"
    yield "|---|---|"
    yield from (
        f"| {name} | {settings} |" for name, settings in dict.fromkeys((e.contender, e.settings) for e in bouts)
    )


def _mutants(fates: Sequence[Fate]) -> Iterator[str]:
    if not fates:
        return
    killed = sum(each.verdict == "killed" for each in fates)
    yield f"{killed} of {len(fates)} were killed."
    yield ""
    yield "| mutant | file | verdict |"
    yield "|---|---|---|"
    yield from (f"| {each.name} | `{each.file}` | {each.verdict} |" for each in fates)


def _run(run: Mapping[str, Any]) -> Iterator[str]:
    yield f"This page: `{run['command']}`, {run['minutes']} minutes, seed {run['seed']}, on {run['day']}, with"
    yield f"{run['machine']}."
