"""T26: every reachable state of the models keeps the invariants, and every broken variant is caught."""

from __future__ import annotations

import pytest

from tests.torture.models import claims, gate


@pytest.mark.parametrize(
    ("workers", "runs"),
    [(2, 2), pytest.param(2, 3, marks=pytest.mark.full), pytest.param(3, 2, marks=pytest.mark.full)],
)
def test_no_interleaving_of_claims_breaks_an_invariant(workers: int, runs: int) -> None:
    found = claims.Model(claims.SOUND, workers, runs=runs).check()
    assert (found.wrong, found.trace) == (None, ())
    assert found.states > 1000


@pytest.mark.parametrize("variant", claims.BROKEN)
def test_a_broken_engine_is_caught(variant: str) -> None:
    found = claims.Model(claims.BROKEN[variant], runs=2).check()
    assert found.wrong is not None
    assert found.trace


@pytest.mark.parametrize("producers", [1, 2, pytest.param(3, marks=pytest.mark.full)])
def test_no_interleaving_of_producers_and_peers_leaves_a_task_behind(producers: int) -> None:
    found = gate.Model(gate.SOUND, producers).check()
    assert (found.wrong, found.trace) == (None, ())


@pytest.mark.parametrize("variant", gate.BROKEN)
def test_a_broken_gate_is_caught(variant: str) -> None:
    found = gate.Model(gate.BROKEN[variant]).check()
    assert found.wrong is not None
    assert found.trace
