"""Which finished runs share a transaction: pure rules, on made-up runs."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from hypothesis import given, settings
from hypothesis import strategies as st

from core import Effect, state
from core.queue.commit.batch import Caps, Finished, form
from core.queue.run import Member, Run
from core.registry import operators
from tests.toy.model import AddNote, SetOnce, SetValue

WIDE = Caps(tasks=1000, effects=10_000, bytes=10**9)


@dataclass(frozen=True, slots=True)
class AppendMany(Effect):
    bulk: ClassVar[bool] = True
    rows: int


@dataclass(frozen=True, slots=True)
class ClearValue(Effect):
    """Another way to write the row that SetValue writes."""

    entity: ClassVar[str | None] = "toy_rows"
    key: ClassVar[tuple[str, ...]] = ("row_id",)
    row_id: int


def finished(*effects: Effect, seen: Iterable[int] = (), not_before: float = 0.0) -> Finished:
    run = Run(operators()["toy.set"], Member(uuid.uuid4(), 1, "{}"))
    run.seen.update({("toy_rows", row): 1 for row in seen})
    return Finished(run, effects, state.completed(), not_before=not_before)


def chosen(waiting: Sequence[Finished], caps: Caps = WIDE, now: float = 1.0) -> list[int]:
    """The places of those that were chosen."""
    return [waiting.index(each) for each in form(waiting, caps, now)]


def test_runs_that_share_nothing_go_together_in_order() -> None:
    assert chosen([finished(SetValue(n, "x")) for n in range(5)]) == [0, 1, 2, 3, 4]


def test_writers_of_one_row_fold_into_one_batch() -> None:
    assert chosen([finished(SetValue(1, "a")), finished(SetValue(1, "b"))]) == [0, 1]


def test_a_reader_of_a_row_that_an_earlier_run_writes_waits() -> None:
    writer, reader, stranger = finished(SetValue(1, "a")), finished(SetValue(2, "b"), seen=[1]), finished(AddNote("c"))
    assert chosen([writer, reader, stranger]) == [0, 2]


def test_a_reader_before_the_writer_goes_along() -> None:
    assert chosen([finished(SetValue(2, "b"), seen=[1]), finished(SetValue(1, "a"))]) == [0, 1]


def test_a_run_may_read_what_it_writes_itself() -> None:
    assert chosen([finished(SetValue(1, "a"), seen=[1]), finished(SetValue(2, "b"))]) == [0, 1]


def test_what_meets_a_run_that_stays_behind_stays_behind_too() -> None:
    waiting = [
        finished(SetValue(1, "a")),
        finished(SetValue(2, "b"), seen=[1]),
        finished(SetValue(2, "c")),
        finished(AddNote("d"), seen=[2]),
        finished(SetValue(4, "e")),
    ]
    assert chosen(waiting) == [0, 4]


def test_effects_that_cannot_fold_wait_for_each_other_either_way_round() -> None:
    once, often = SetOnce(1, "once"), SetValue(1, "often")
    assert chosen([finished(once), finished(once)]) == [0]
    assert chosen([finished(once), finished(often)]) == [0]
    assert chosen([finished(often), finished(once)]) == [0]
    assert chosen([finished(once), finished(SetOnce(2, "other row"))]) == [0, 1]


def test_two_kinds_of_effect_on_one_row_are_not_folded() -> None:
    """Writers run type by type: in one batch the row would end as the later type says, not as the later run does."""
    assert chosen([finished(SetValue(1, "a")), finished(ClearValue(1)), finished(SetValue(1, "b"))]) == [0]


def test_a_run_waits_until_its_time_and_holds_its_rows_meanwhile() -> None:
    waiting = [finished(SetValue(1, "a"), not_before=2.0), finished(SetValue(1, "b")), finished(SetValue(2, "c"))]
    assert chosen(waiting, now=1.0) == [2]
    assert chosen(waiting, now=2.0) == [0, 1, 2]


def test_nothing_is_chosen_when_everything_waits() -> None:
    assert chosen([finished(not_before=2.0), finished(not_before=3.0)]) == []


def test_a_bulk_effect_is_alone_in_its_batch() -> None:
    small, bulk = finished(SetValue(1, "a")), finished(AppendMany(10**6))
    assert chosen([small, bulk, finished()]) == [0]
    assert chosen([bulk, small]) == [0]


def test_each_cap_ends_a_batch() -> None:
    waiting = [finished(AddNote("x" * 100), AddNote("y" * 100)) for _ in range(10)]
    assert chosen(waiting, Caps(3, 1000, 10**6)) == [0, 1, 2]
    assert chosen(waiting, Caps(1000, 7, 10**6)) == [0, 1, 2]
    assert chosen(waiting, Caps(1000, 1000, 3 * waiting[0].size)) == [0, 1, 2]


def test_the_first_enters_whatever_its_size() -> None:
    assert chosen([finished(*[AddNote("x" * 1000)] * 50), finished()], Caps(1, 1, 1)) == [0]


# --- the same rules on anything ---

effects = st.one_of(
    st.builds(SetValue, st.integers(0, 4), st.just("v")),
    st.builds(SetOnce, st.integers(0, 4), st.just("v")),
    st.builds(ClearValue, st.integers(0, 4)),
    st.just(AddNote("n")),
    st.just(AppendMany(1)),
)
each_finished = st.builds(
    lambda wanted, seen, late: finished(*wanted, seen=seen, not_before=5.0 if late else 0.0),
    st.lists(effects, max_size=3),
    st.frozensets(st.integers(0, 4), max_size=2),
    st.integers(0, 9).map(lambda n: n == 0),
)
some_caps = st.builds(Caps, st.integers(1, 6), st.integers(1, 8), st.integers(64, 2000))


@given(st.lists(each_finished, max_size=14), some_caps)
@settings(max_examples=400, deadline=None)
def test_every_batch_keeps_the_laws(waiting: list[Finished], caps: Caps) -> None:
    batch = form(waiting, caps, now=1.0)
    places = [waiting.index(each) for each in batch]
    assert places == sorted(places)
    assert all(each.not_before <= 1.0 for each in batch)
    assert bool(batch) == any(each.not_before <= 1.0 and is_free(waiting, place) for place, each in enumerate(waiting))
    keeps_caps(batch, caps)
    for at, later in enumerate(batch):
        for earlier in batch[:at]:
            assert not earlier.targets & later.run.seen.keys(), "a decision on what this very batch changes"
            for target in earlier.targets & later.targets:
                assert kinds(earlier, target) == kinds(later, target)
                assert kinds(later, target) <= {SetValue, ClearValue}
    for place in places:
        passed_over = [each for each in waiting[:place] if each not in batch]
        mine = waiting[place].targets | waiting[place].run.seen.keys()
        assert not any((each.targets | each.run.seen.keys()) & mine for each in passed_over), "order per row"


@given(st.lists(each_finished, max_size=14), some_caps)
@settings(max_examples=100, deadline=None)
def test_batch_after_batch_everything_is_committed_once(waiting: list[Finished], caps: Caps) -> None:
    left, committed = list(waiting), []
    while left:
        batch = form(left, caps, now=10.0)
        assert batch, "nothing moves although nothing waits for its time"
        committed += batch
        left = [each for each in left if each not in batch]
    assert sorted(map(id, committed)) == sorted(map(id, waiting))


def is_free(waiting: Sequence[Finished], place: int) -> bool:
    """Whether nothing that waits for its time stands before it in its way."""
    mine = waiting[place].targets | waiting[place].run.seen.keys()
    held: set[object] = set()
    for each in waiting[:place]:
        its = each.targets | each.run.seen.keys()
        if each.not_before > 1.0 or its & held:
            held |= its
    return not mine & held


def keeps_caps(batch: Sequence[Finished], caps: Caps) -> None:
    if len(batch) > 1:
        assert len(batch) <= caps.tasks
        assert sum(len(each.effects) for each in batch) <= caps.effects
        assert sum(each.size for each in batch) <= caps.bytes
        assert not any(each.bulk for each in batch)


def kinds(each: Finished, target: object) -> set[type[Effect]]:
    return {type(effect) for effect in each.effects if effect.target() == target}
