"""A language model behind any endpoint that speaks OpenAI's `/v1/chat/completions`. Knows no domain.

One request, with limits on time and size; no retries here: a caller in the queue comes back by itself."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final

import aiohttp
from yarl import URL

from core.errors import RowmillError
from core.outside.fetch import retry_after_s
from core.settings import Settings

MAX_BYTES: Final = 1_000_000
PAUSE_S: Final = 20.0  # where an endpoint asks for mercy without saying how long
BUSY: Final = frozenset({429, 503})
PASSING: Final = frozenset({408, 409, 425, 500, 502, 504})


class ModelBusy(RowmillError):
    """Come back in `seconds`; `asked`: the endpoint itself asks for mercy, so nobody should call it until then."""

    def __init__(self, message: str, seconds: float, *, asked: bool = True) -> None:
        super().__init__(message)
        self.seconds, self.asked = seconds, asked


class ModelFailed(RowmillError):
    """No usable answer came this time; another try may help. `used`: tokens may have been used all the same."""

    def __init__(self, message: str, *, used: bool = True) -> None:
        super().__init__(message)
        self.used = used


class ModelRefused(RowmillError):
    """The endpoint will not answer this, now or later: key, model or request is wrong."""


@dataclass(frozen=True, slots=True)
class Completion:
    """What the model wrote, its name as the endpoint tells it, and the tokens it counted."""

    text: str
    model: str
    tokens: int


@dataclass(frozen=True, slots=True)
class LanguageModel:
    """`url` ends before `/chat/completions`, as in https://api.openai.com/v1."""

    url: str
    name: str
    key: str | None = None
    limit_s: float = 60.0
    max_tokens: int = 2000

    @property
    def limit_name(self) -> str:
        """Under which calls are counted, for all workers together."""
        return f"llm:{URL(self.url).host}"

    async def complete(
        self,
        messages: Sequence[dict[str, str]],
        *,
        as_json: bool = False,
        schema: Mapping[str, Any] | None = None,
        max_tokens: int | None = None,
    ) -> Completion:
        """With a `schema` the endpoint is asked to keep to it; whether it does is the caller's to check. `max_tokens`
        of the answer, in place of the settings'. Raises ModelBusy, ModelFailed or ModelRefused."""
        asked: dict[str, Any] = {
            "model": self.name,
            "messages": list(messages),
            "temperature": 0,
            "max_tokens": max_tokens or self.max_tokens,
        }
        if schema is not None:
            form = {"name": "answer", "schema": dict(schema)}
            asked["response_format"] = {"type": "json_schema", "json_schema": form}
        elif as_json:
            asked["response_format"] = {"type": "json_object"}
        try:
            return _completion(await self._answer(asked), self.name)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise ModelFailed(f"the language model gave no answer ({type(error).__name__})") from error

    async def _answer(self, asked: dict[str, Any]) -> bytes:
        headers = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        limits = aiohttp.ClientTimeout(total=self.limit_s)
        address = f"{self.url.rstrip('/')}/chat/completions"
        async with (
            aiohttp.ClientSession(timeout=limits, trust_env=False) as session,
            session.post(address, json=asked, headers=headers, allow_redirects=False) as response,
        ):
            _require_ok(response)
            held = bytearray()
            async for chunk in response.content.iter_any():
                held += chunk
                if len(held) > MAX_BYTES:
                    raise ModelFailed(f"the answer of the language model takes more than {MAX_BYTES // 1000:,} kB")
            return bytes(held)


def _require_ok(response: aiohttp.ClientResponse) -> None:
    status = response.status
    if status in BUSY:
        wait = retry_after_s(response.headers.get("Retry-After"), datetime.now(UTC))
        raise ModelBusy(f"the language model says {status}: too many requests", PAUSE_S if wait is None else wait)
    if status in PASSING:
        raise ModelFailed(f"the language model says {status}", used=False)
    if status != 200:  # noqa: PLR2004 - the one status with an answer
        raise ModelRefused(f"the language model says {status}; check ROWMILL_LLM_URL, ROWMILL_LLM_MODEL and the key")


def _completion(answer: bytes, name: str) -> Completion:
    try:
        told = json.loads(answer)
        text = told["choices"][0]["message"]["content"]
        usage = told.get("usage") or {}
        tokens = usage.get("total_tokens", 0)
        model = told.get("model", name)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise ModelFailed(f"the answer of the language model cannot be read ({type(error).__name__})") from error
    if not isinstance(text, str) or not text.strip():
        raise ModelFailed("the language model wrote nothing")
    counted = tokens if isinstance(tokens, int) and 0 <= tokens < 2**31 else 0
    return Completion(text, str(model)[:200], counted)


@cache
def language_model() -> LanguageModel | None:
    """That of the settings, read once; None where none is named."""
    settings = Settings()
    if settings.llm_url is None:
        return None
    limits = {"limit_s": settings.llm_limit_s, "max_tokens": settings.llm_max_tokens}
    return LanguageModel(settings.llm_url, settings.llm_model, settings.llm_key, **limits)  # type: ignore[arg-type]


def language_rate() -> tuple[float, float]:
    """Calls a second, and how many at once."""
    settings = Settings()
    return settings.llm_per_s, settings.llm_burst


def budgets() -> tuple[int, float | None, float | None]:
    """Tokens of a sheet without a budget of its own; the prices of a million tokens asked and answered."""
    settings = Settings()
    return settings.llm_sheet_tokens, settings.llm_price_in, settings.llm_price_out
