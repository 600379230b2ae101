"""The language model of this installation, as columns ask it: its limits, its name, the budget of a sheet, its
prices."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from core.outside import Completion, LanguageModel, budgets, language_model, language_rate
from workers.spreadsheets.model import Language

Wait = Callable[[str, float, float], Awaitable[float]]


def model() -> LanguageModel | None:
    return language_model()


def model_name(chosen: LanguageModel) -> str:
    """Tells apart what may answer differently."""
    return f"{chosen.url} {chosen.name}"


async def take_model_turn(chosen: LanguageModel, wait: Wait) -> float:
    """0, or the seconds to wait."""
    return await wait(chosen.limit_name, *language_rate())


async def ask(chosen: LanguageModel, messages: Sequence[dict[str, str]], config: Language) -> Completion:
    """Raises ModelBusy, ModelFailed or ModelRefused."""
    return await chosen.complete(messages, schema=config.answer, max_tokens=config.max_tokens)


def sheet_budget() -> int:
    """Tokens of a sheet that has no budget of its own."""
    return budgets()[0]


def prices() -> tuple[float | None, float | None]:
    """Of a million tokens asked and answered."""
    return budgets()[1:]
