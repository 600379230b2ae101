"""Scores the check on labelled drafts: recall and precision per kind, false alarms on true drafts, and the misses."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from workers.deals.measure.generator import KINDS, Labelled, labelled
from workers.deals.rules.checking import Issue, found_issues, names_claimed
from workers.deals.rules.facts import facts_of

SEED: Final = 20261121
PER_KIND: Final = 200  # six kinds: 1,200 drafts with one wrong fact each
TRUE_ONES: Final = 600
CASES: Final = Path(__file__).with_name("cases.json")


@dataclass(frozen=True, slots=True)
class Score:
    """Of one kind: how many there were, how many were found, and how many flags of that kind were right."""

    kind: str
    wrong: int
    found: int
    flagged: int
    right: int

    @property
    def recall(self) -> float:
        return self.found / self.wrong if self.wrong else 1.0

    @property
    def precision(self) -> float:
        return self.right / self.flagged if self.flagged else 1.0


@dataclass(slots=True)
class Measured:
    """All of it. `alarms` are true drafts that were flagged, `failed_alarms` those of them that failed."""

    scores: list[Score] = field(default_factory=list)
    true_drafts: int = 0
    alarms: int = 0
    failed_alarms: int = 0
    misses: list[tuple[str, str]] = field(default_factory=list)
    alarm_sentences: list[str] = field(default_factory=list)

    def document(self) -> dict[str, Any]:
        return {
            "kinds": [
                {
                    "kind": each.kind,
                    "drafts": each.wrong,
                    "recall": round(each.recall, 4),
                    "precision": round(each.precision, 4),
                }
                for each in self.scores
            ],
            "true_drafts": self.true_drafts,
            "false_alarms": self.alarms,
            "false_alarms_that_fail": self.failed_alarms,
            "misses": [{"kind": kind, "sentence": sentence} for kind, sentence in self.misses],
            "alarms": self.alarm_sentences,
        }


def measured(seed: int = SEED, per_kind: int = PER_KIND, true_ones: int = TRUE_ONES) -> Measured:
    """The generated drafts."""
    return _scored((each, issues_of(each)) for each in labelled(seed, per_kind, true_ones))


def issues_of(draft: Labelled) -> list[Issue]:
    facts = facts_of(draft.mail, draft.spaces)
    names = set(names_claimed(draft.body, facts))
    return found_issues(draft.body, facts, [row for row in draft.others if row["name"] in names])


def _scored(pairs: Iterable[tuple[Labelled, Sequence[Issue]]]) -> Measured:
    made = Measured()
    wrong: Counter[str] = Counter()
    found: Counter[str] = Counter()
    flagged: Counter[str] = Counter()
    right: Counter[str] = Counter()
    for draft, issues in pairs:
        kinds = {each.kind for each in issues}
        flagged.update(kinds)
        if draft.kind is None:
            made.true_drafts += 1
            made.alarms += bool(issues)
            made.failed_alarms += any(each.fails for each in issues)
            made.alarm_sentences += [each.told for each in issues]
            continue
        wrong[draft.kind] += 1
        if draft.kind in kinds:
            found[draft.kind] += 1
            right[draft.kind] += 1
        else:
            made.misses.append((draft.kind, draft.sentence))
    made.scores = [Score(kind, wrong[kind], found[kind], flagged[kind], right[kind]) for kind in KINDS]
    return made


def by_hand() -> list[dict[str, Any]]:
    """The cases that were written before the check."""
    found: list[dict[str, Any]] = json.loads(CASES.read_text(encoding="utf-8"))
    return found
