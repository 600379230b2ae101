"""What an operator may wait for, checked by the test kit as by the engine, and what a run finds of it."""

from __future__ import annotations

from uuid import uuid4

import pytest

from core import Done, RowmillError, Signal, Wait
from core.outcome import transition
from core.queue.run import Member, Run
from core.queue.waiting import SIGNAL, carrying, unpack
from core.registry import operators
from core.state import MOVES, Backoff
from core.testing import run_operator
from tests.toy.model import AddNote
from tests.toy.operators import do

ASKS = {"act": "wait", "arg": {"signal": "paid:1", "timeout_s": 60}}


def test_the_kit_shows_the_wait_and_its_effects() -> None:
    outcome = run_operator(do, ASKS)
    assert outcome == Wait("paid:1", 60, effects=[AddNote("asks")], progress={"asked": 1})


def test_the_kit_runs_on_from_a_signal() -> None:
    outcome = run_operator(do, ASKS, signal=Signal("paid:1", {"text": "yes"}), run_no=2)
    assert outcome == Done([AddNote("paid:1 says yes")], {"run": 2})


def test_the_kit_runs_on_from_a_time_out() -> None:
    outcome = run_operator(do, ASKS, signal=Signal("paid:1", timed_out=True))
    assert outcome == Done([AddNote("nobody answered")])


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"signal": ""}, "1 to 500 characters"),
        ({"signal": "x" * 501}, "1 to 500 characters"),
        ({"signal": "a\0b"}, "storable"),
        ({"signal": str(uuid4())}, "put a word before it"),
        ({"signal": "k", "timeout_s": 0}, "more than 0 s"),
        ({"signal": "k", "timeout_s": 1e12}, "None waits for ever"),
        ({"signal": "k", "on_timeout": "explode"}, "say 'fail' or 'continue'"),
    ],
)
def test_what_cannot_be_waited_for_is_refused_with_a_sentence(given: dict[str, object], told: str) -> None:
    with pytest.raises(RowmillError, match=told):
        run_operator(do, ASKS | {"arg": given})


def run_with(output: str | None) -> Run:
    return Run(operators()["toy.act"], Member(uuid4(), 2, "{}"), output=output)


@pytest.mark.parametrize(
    ("output", "progress", "signal"),
    [
        ('{"n": 1}', {"n": 1}, None),
        (f'{{"n": 1, "{SIGNAL}": {{"key": "k"}}}}', {"n": 1}, {"key": "k"}),
        (f'{{"{SIGNAL}": {{"key": "k"}}}}', None, {"key": "k"}),
        ("{}", {}, None),
    ],
)
def test_a_run_finds_progress_and_signal_apart_and_keeps_them_together(
    output: str, progress: dict[str, object] | None, signal: dict[str, object] | None
) -> None:
    run = run_with(output)
    unpack(run)
    assert (run.progress, run.signal) == (progress, signal)
    assert carrying(run, {"n": 2}) == ({"n": 2} if signal is None else {"n": 2, SIGNAL: signal})


def test_a_wait_gives_back_every_attempt() -> None:
    moved = transition(Wait("k"), 3, 3, Backoff(), 0.0)
    assert (moved.status, moved.uncounted, moved.success) == ("waiting", 3, True)
    assert ("processing", moved.status) in MOVES
