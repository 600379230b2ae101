"""What the doctor may say: one sentence per finding, and the next step where there is one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

Verdict = Literal["ok", "warning", "problem"]
ORDER: Final[tuple[Verdict, ...]] = ("ok", "warning", "problem")


@dataclass(frozen=True, slots=True)
class Finding:
    """`check` is a stable word for machines; `problem` is what makes the exit code 1."""

    check: str
    verdict: Verdict
    sentence: str
    next_step: str | None = None

    def document(self) -> dict[str, Any]:
        return {
            "check": self.check,
            "verdict": self.verdict,
            "sentence": self.sentence,
            "next_step": self.next_step,
        }


def ok(check: str, sentence: str) -> Finding:
    return Finding(check, "ok", sentence)


def warning(check: str, sentence: str, next_step: str) -> Finding:
    return Finding(check, "warning", sentence, next_step)


def problem(check: str, sentence: str, next_step: str) -> Finding:
    return Finding(check, "problem", sentence, next_step)


def worst(findings: Sequence[Finding]) -> Verdict:
    return max((each.verdict for each in findings), key=ORDER.index, default="ok")
