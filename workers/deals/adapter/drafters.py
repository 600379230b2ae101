"""The generation port: who writes a draft. The deterministic drafter unless the settings name a language model."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from core.outside import LanguageModel, ModelBusy, ModelFailed, ModelRefused, language_model, language_rate
from workers.deals.rules import prompting
from workers.deals.rules.drafting import Drafted, drafted
from workers.deals.rules.facts import Facts

__all__ = ["Drafter", "ModelBusy", "ModelFailed", "ModelRefused", "Wanted", "drafter", "model_limit"]

Wait = Callable[[str, float, float], Awaitable[float]]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be written: a reply to `facts.mail`; anew as `instruction` says where there was a `previous` text."""

    facts: Facts
    instruction: str | None = None
    previous: str | None = None


class Drafter(Protocol):
    """Who can write a draft."""

    async def draft(self, wanted: Wanted, wait: Wait) -> Drafted:
        """`wait` takes a token of a limit. Raises ModelRefused (for good), ModelFailed (this time) or ModelBusy."""
        ...


class Offline:
    """Rules and templates; the same mail gets the same reply."""

    async def draft(self, wanted: Wanted, wait: Wait) -> Drafted:  # noqa: ARG002 - calls nobody
        return drafted(wanted.facts, wanted.instruction)


@dataclass(frozen=True, slots=True)
class ByModel:
    """A language model; its answer is read strictly, and what it claims is checked like anybody's."""

    model: LanguageModel

    async def draft(self, wanted: Wanted, wait: Wait) -> Drafted:
        seconds = await wait(self.model.limit_name, *language_rate())
        if seconds > 0:
            raise ModelBusy("waits for its turn at the language model", seconds, asked=False)
        messages = prompting.messages(wanted.facts, wanted.instruction, wanted.previous)
        answer = await self.model.complete(messages, as_json=True)
        try:
            return prompting.read(answer.text, answer.model, answer.tokens)
        except prompting.ReplyUnreadable as error:
            raise ModelFailed(str(error)) from error


def drafter() -> Drafter:
    model = language_model()
    return Offline() if model is None else ByModel(model)


def model_limit() -> str | None:
    """The limit that a busy model holds off; None without one."""
    model = language_model()
    return None if model is None else model.limit_name
