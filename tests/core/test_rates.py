"""Rates as people write them."""

from __future__ import annotations

from typing import Any

import pytest

from core import Done, Outcome, Task
from core.rates import NoRate, per_second
from core.settings import Settings
from core.testing import Recorded, run_operator_async
from tests.toy import operators
from tests.toy.model import ActPayload


@pytest.mark.parametrize(
    ("written", "a_second"),
    [("60/min", 1.0), ("10/s", 10.0), ("1800/h", 0.5), ("0.5/s", 0.5), (" 30 / min ", 0.5), ("86400/d", 1.0), (2, 2)],
)
def test_a_rate_is_so_many_times_a_second(written: float | str, a_second: float) -> None:
    assert per_second(written) == a_second


@pytest.mark.parametrize(
    "written", ["", "60", "60/", "/min", "60/minute", "-1/s", "0/min", "1e3/s", "nan/s", "9" * 400 + "/s"]
)
def test_what_is_no_rate_is_refused_with_a_way_to_write_it(written: str) -> None:
    with pytest.raises(NoRate, match="write"):
        per_second(written)


async def test_a_task_takes_a_token_at_a_written_rate() -> None:
    taken = []

    class Noted(Recorded):
        async def take(self, name: str, rate: float, burst: float) -> float:
            taken.append((name, rate, burst))
            return await super().take(name, rate, burst)

    @operators.act
    async def turn(task: Task[ActPayload], _: Any) -> Outcome:
        await task.take("host:a", "120/min", 3)
        return Done()

    await run_operator_async(operators.do, {"act": "turn"}, context=Noted())
    assert taken == [("host:a", 2.0, 3)]


def test_settings_take_rates_and_plain_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROWMILL_FETCH_PER_S", "30/min")
    monkeypatch.setenv("ROWMILL_GOOGLE_PER_MINUTE", "3000/h")
    monkeypatch.setenv("ROWMILL_WEB_RATE", "7")
    settings = Settings()
    assert (settings.fetch_per_s, settings.google_per_minute, settings.web_rate) == (0.5, 50.0, 7.0)
