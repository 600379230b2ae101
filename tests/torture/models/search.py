"""Breadth-first search over every reachable state: the shortest way to a broken invariant, or to a place without a way
out."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

State = TypeVar("State", bound=Hashable)
Step = tuple[str, State]


@dataclass(frozen=True, slots=True)
class Found(Generic[State]):
    """What the search says: how many states there are, what is wrong (None = nothing) and how to get there."""

    states: int
    wrong: str | None = None
    trace: tuple[str, ...] = ()


def search(
    start: State,
    steps: Callable[[State], Iterable[Step[State]]],
    broken: Callable[[State], str | None],
    ended: Callable[[State], bool],
    is_harm: Callable[[str], bool],
    limit: int = 2_000_000,
) -> Found[State]:
    """Visits all. `broken` judges a state; from each, without further harm, one that has `ended` must be in reach."""
    came_from: dict[State, tuple[str, State] | None] = {start: None}
    healing: dict[State, list[State]] = {}  # who gets to a state without harm
    goals: list[State] = []
    waiting = deque([start])
    while waiting:
        state = waiting.popleft()
        if (wrong := broken(state)) is not None:
            return Found(len(came_from), wrong, _trace(came_from, state))
        if ended(state):
            goals.append(state)
        for label, following in steps(state):
            if not is_harm(label):
                healing.setdefault(following, []).append(state)
            if following not in came_from:
                came_from[following] = (label, state)
                waiting.append(following)
                if len(came_from) > limit:
                    raise AssertionError(f"more than {limit} states: make the model smaller")
    stuck = _stuck(came_from, healing, goals)
    if stuck is not None:
        return Found(len(came_from), "no way to an end, though no harm is done any more", _trace(came_from, stuck))
    return Found(len(came_from))


def _stuck(
    came_from: dict[State, tuple[str, State] | None], healing: dict[State, list[State]], goals: list[State]
) -> State | None:
    reached = set(goals)
    waiting = deque(goals)
    while waiting:
        for before in healing.get(waiting.popleft(), ()):
            if before not in reached:
                reached.add(before)
                waiting.append(before)
    return next(
        (state for state in came_from if state not in reached), None
    )  # in the order of the search: a shortest one


def _trace(came_from: dict[State, tuple[str, State] | None], state: State) -> tuple[str, ...]:
    labels: list[str] = []
    step = came_from[state]
    while step is not None:
        label, before = step
        labels.append(label)
        step = came_from[before]
    return tuple(reversed(labels))
