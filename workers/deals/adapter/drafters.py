"""The generation port: who writes a draft. The deterministic drafter unless the settings name a language model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from workers.deals.rules.drafting import Drafted, drafted
from workers.deals.rules.facts import Facts


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be written: a reply to `facts.mail`; anew as `instruction` says where there was a `previous` text."""

    facts: Facts
    instruction: str | None = None
    previous: str | None = None


class Drafter(Protocol):
    """Who can write a draft."""

    async def draft(self, wanted: Wanted) -> Drafted:
        """Raises ModelRefused (for good), ModelFailed (this time) or ModelBusy (in so many seconds)."""
        ...


class Offline:
    """Rules and templates; the same mail gets the same reply."""

    async def draft(self, wanted: Wanted) -> Drafted:
        return drafted(wanted.facts, wanted.instruction)


def drafter() -> Drafter:
    return Offline()
