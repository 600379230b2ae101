"""The merge is three-way and decides every clash as it was told; whatever happens, no change is lost unseen."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from workers.turns.client.merging import rebase
from workers.turns.client.model import Local, Row, Strategy

COLUMNS = ("wo_number", "turn_amount", "move_out_date")
VALUES = st.sampled_from(["a", "b", None])
STRATEGIES: st.SearchStrategy[Strategy] = st.sampled_from(["local", "remote", "merge", "user"])


@st.composite
def rows(draw: st.DrawFn, version: int = 1) -> Row:
    at = f"2026-01-0{version} 00:00:00+00"
    return {"id": "1", "version": str(version), "updated_at": at, **{name: draw(VALUES) for name in COLUMNS}}


@st.composite
def locals_(draw: st.DrawFn) -> Local:
    base = draw(rows())
    modified = draw(st.frozensets(st.sampled_from(COLUMNS)))
    values = {**base, **{name: draw(VALUES) for name in modified}}
    times = {
        name: draw(st.sampled_from(["2026-01-01 12:00:00.000+00:00", "2026-01-03 00:00:00.000+00:00"]))
        for name in modified
    }
    return Local(values, base, modified, times)


@given(locals_(), rows(2), STRATEGIES)
def test_a_column_is_what_one_side_made_it_and_a_clash_is_decided(local: Local, remote: Row, by: Strategy) -> None:
    settled = rebase(local, remote, by)
    assert settled.values is not None
    assert settled.base == remote
    assert local.base is not None
    for name in COLUMNS:
        mine, theirs, before = local.values[name], remote[name], local.base[name]
        found = settled.values[name]
        if name not in local.modified:
            assert found == theirs
        elif theirs in {before, mine}:
            assert found == mine
        elif by == "user":
            assert settled.conflict is not None
            assert settled.conflict[name] == {"base": before, "local": mine, "remote": theirs}
        else:
            later = by == "merge" and local.times[name] > "2026-01-02"
            assert found == (mine if by == "local" or later else theirs)
        assert (name in settled.modified) >= (found != theirs)
    assert (settled.conflict is not None) <= (by == "user")


@given(locals_(), STRATEGIES)
def test_nothing_new_on_the_server_changes_nothing(local: Local, by: Strategy) -> None:
    settled = rebase(local, local.base, by)
    assert (settled.values, settled.modified, settled.conflict) == (local.values, local.modified, None)


@given(locals_(), rows(2), rows(3), st.sampled_from(["local", "remote"]))
def test_two_steps_end_where_the_last_one_alone_does(local: Local, one: Row, two: Row, by: Strategy) -> None:
    first = rebase(local, one, by)
    assert first.values is not None
    second = rebase(Local(first.values, first.base, first.modified, local.times), two, by)
    assert second.values is not None
    for name in COLUMNS:
        if by == "local" and name in first.modified:
            assert second.values[name] == local.values[name]
        elif name not in local.modified:
            assert second.values[name] == two[name]


@given(locals_(), rows(2), rows(3))
def test_what_a_person_was_asked_stays_asked_until_decided(local: Local, one: Row, two: Row) -> None:
    first = rebase(local, one, "user")
    if first.conflict is None or first.values is None:
        return
    second = rebase(Local(first.values, first.base, first.modified, local.times, asked=first.conflict), two, "user")
    assert second.values is not None
    for name, before in first.conflict.items():
        if two[name] != first.values[name]:
            assert second.conflict is not None
            assert second.conflict[name] == {**before, "remote": two[name]}
