"""The proof: what the list of made files says must be there, compared with the database by code that imports neither
the engine nor the domain."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from demo.reports.play import QUERIES, Played

SHOWN: Final = 5
REPORTS: Final = 2  # a digest and a dashboard; beside them a 1-on-1 of everybody


@dataclass(slots=True)
class Verdict:
    """What was found. `lost`: facts that are not as they must be; `doubled`: what is there twice."""

    played: Played
    daily: int = 0
    transcripts: int = 0
    captures: int = 0
    revisions: int = 0
    problems: int = 0
    links: int = 0
    generated: int = 0
    hits: int = 0
    lost: int = 0
    doubled: int = 0
    examples: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        return self.daily > 0 and self.played.kills == 2 and not (self.lost or self.doubled)  # noqa: PLR2004 - both

    def must(self, found: Any, expected: Any, what: str) -> None:
        if found != expected:
            self.lost += 1
            if len(self.examples) < SHOWN:
                self.examples.append(f"{what}: is {str(found)[:200]!r}, must be {str(expected)[:200]!r}")


async def prove(connection: Any, played: Played) -> Verdict:
    """Every text of the list, word for word; every revision; every count."""
    expected, verdict = played.expected, Verdict(played)
    daily = [dict(row) for row in await QUERIES["daily"].fetch(connection)]
    transcripts = [dict(row) for row in await QUERIES["transcripts"].fetch(connection)]
    verdict.daily, verdict.transcripts = len(daily), len(transcripts)
    _texts(verdict, {row["key"]: row["content"] for row in daily}, expected.daily, "the daily report of")
    _texts(verdict, {row["key"]: row["content"] for row in transcripts}, expected.transcripts, "the transcript")
    revisions = Counter((row["key"], row["content"]) for row in await QUERIES["revisions"].fetch(connection))
    verdict.revisions = sum(revisions.values())
    verdict.doubled += sum(times - 1 for times in revisions.values())
    verdict.must(sorted(revisions), sorted(expected.revised.items()), "the revisions")
    [counts] = [dict(row) for row in await QUERIES["counts"].fetch(connection)]
    verdict.captures, verdict.problems = counts["jira"] + counts["slack"], counts["problems"]
    verdict.links, verdict.generated = counts["links"], counts["generated"]
    texts = len(expected.daily) + len(expected.transcripts)
    verdict.doubled += max(0, counts["added"] - texts) + max(0, counts["revised"] - len(expected.revised))
    verdict.doubled += max(0, counts["jira"] - expected.jira) + max(0, counts["slack"] - expected.slack)
    for name, wanted in (("jira", expected.jira), ("slack", expected.slack), ("problems", expected.problems)):
        verdict.must(counts[name], wanted, f"the count of {name}")
    verdict.must(counts["added"], texts, "the audit of what was added")
    verdict.must(counts["revised"], len(expected.revised), "the audit of what was revised")
    people = len({key.split("|")[0] for key in expected.daily})
    verdict.must(counts["generated"], REPORTS + people, "the generated reports")
    [found] = await QUERIES["hits"].fetch(connection, query="measured")
    wanted = sum("measured" in text for text in (*expected.daily.values(), *expected.transcripts.values()))
    verdict.hits = found["hits"]
    verdict.must(found["hits"] >= wanted > 0, True, f"the hits of a search, {wanted} at least")
    return verdict


def _texts(verdict: Verdict, found: Mapping[str, str], expected: Mapping[str, str], what: str) -> None:
    for key, text in expected.items():
        verdict.must(found.get(key), text, f"{what} {key}")
    for key in sorted(found.keys() - expected.keys()):
        verdict.must(key, None, f"{what} that nobody wrote")
