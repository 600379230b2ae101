"""docs/reliability.md: the page of reliability.md beside this file, with the figures of a run in its places."""

from __future__ import annotations

import re
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


def write(
    results: Sequence[Result],
    bouts: Sequence[Bout],
    fates: Sequence[Fate],
    run: Mapping[str, Any],
    *,
    whole: bool,
) -> Path:
    """Writes the page. Of a run that was not the whole, what was not played keeps its place."""
    before = {} if whole else _blocks(DOCUMENT.read_text(encoding="utf-8"))
    blocks = {
        "figures": _merged(before.get("figures", ""), results, run),
        "contenders": "\n".join(_contenders(bouts)),
        "mutants": _mutants(before.get("mutants", ""), fates),
        "run": "\n".join(_run(run)) if whole else "",
    }
    text = PAGE.read_text(encoding="utf-8")
    for name, block in blocks.items():
        begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
        text = text.replace(begin, "\n".join((begin, block or before.get(name) or NOT_PLAYED, end)))
    DOCUMENT.write_text(text, encoding="utf-8")
    return DOCUMENT


def _blocks(text: str) -> dict[str, str]:
    """What stands between the marks of a page that was written before."""
    return dict(re.findall(r"<!-- (\w+) -->\n(.*?)\n<!-- end of \1 -->", text, re.DOTALL))


def _merged(before: str, results: Sequence[Result], run: Mapping[str, Any]) -> str:
    """The sections of all scenarios in the order of their names; a new one replaces the one before."""
    sections = {
        found[1]: section.strip()
        for section in re.split(r"^(?=### )", before, flags=re.MULTILINE)
        if (found := re.search(r"^`(\w+)`: ", section, re.MULTILINE))
    }
    sections |= {result.scenario: "\n".join(_section(result, run)).strip() for result in results}
    return "\n\n".join(sections[name] for name in sorted(sections))


def _section(result: Result, run: Mapping[str, Any]) -> Iterator[str]:
    yield f"### {result.title} ({', '.join(result.tests)})"
    yield ""
    how = f"{run['size']}, {result.seconds:.0f} s, seed {run['seed']}, {run['day']}"
    yield f"`{result.scenario}`: {result.verdict}, {how}."
    if result.skipped or result.error:
        yield f"{result.skipped or result.error}"
    yield from (f"- {each}" for each in result.violations)
    if result.figures:
        yield ""
        yield "| | found | wanted | |"
        yield "|---|---:|---:|---|"
        yield from (f"| {each.name} | {each.shown} | {each.wanted} | {mark(each)} |" for each in result.figures)


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


def _mutants(before: str, fates: Sequence[Fate]) -> str:
    """All mutants; a new verdict replaces the one before."""
    rows = dict(re.findall(r"^\| (.+) \| (`.+` \| .+) \|$", before, re.MULTILINE))
    rows |= {each.name: f"`{each.file}` | {each.verdict}" for each in fates}
    killed = sum(row.endswith("| killed") for row in rows.values())
    head = (f"{killed} of {len(rows)} were killed.", "", "| mutant | file | verdict |", "|---|---|---|")
    return "\n".join((*head, *(f"| {name} | {row} |" for name, row in rows.items()))) if rows else ""


def _run(run: Mapping[str, Any]) -> Iterator[str]:
    yield f"This page: `{run['command']}`, {run['minutes']} minutes, seed {run['seed']}, on {run['day']}, with"
    yield f"{run['machine']}."
