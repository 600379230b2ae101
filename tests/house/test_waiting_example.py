"""The example of an operator that waits, in docs/sessions.md, does what is said beside it."""

from __future__ import annotations

import re
from typing import Any

import pytest

from core import Cancel, Done, Outcome, Wait
from core.settings import PROJECT
from core.task import Signal
from core.testing import run_operator

DOCUMENT = (PROJECT / "docs" / "sessions.md").read_text(encoding="utf-8")
INVOICE = {"invoice_id": 17}


@pytest.fixture(scope="module")
def pay() -> Any:
    (block,) = re.findall(r"```python\n(.*?)```", DOCUMENT, re.DOTALL)
    names: dict[str, Any] = {"__name__": "invoices"}
    exec(block, names)  # noqa: S102 - the document's own words
    return names["pay"]


def continued(pay: Any, **signal: Any) -> Outcome:
    return run_operator(pay, INVOICE, signal=Signal("invoice:17", **signal))


def test_it_waits_for_its_invoice(pay: Any) -> None:
    outcome = run_operator(pay, INVOICE)
    assert outcome == Wait("invoice:17", timeout_s=14 * 24 * 3600.0, on_timeout="continue", effects=[])


def test_what_was_sent_decides(pay: Any) -> None:
    assert continued(pay, payload={"approved": True, "by": "Ada"}) == Done([], {"approved_by": "Ada"})
    assert continued(pay, payload={"approved": False}) == Cancel("it was turned down")
    assert continued(pay, timed_out=True) == Cancel("nobody has approved it within two weeks")
