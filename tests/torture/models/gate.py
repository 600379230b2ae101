"""Going to sleep beside producers and peers with open transactions: no task is left behind, visible, with everybody
asleep and no bell on its way.

A pool writes `asleep`, takes the horizon, and repeats its question until it may sleep. A producer's statement starts,
gets its transaction number with the insert, and its trigger reads the gate; the bell it decided on rings with its
commit. A peer claims a row, and dies: the claim is rolled back, and nobody rings. Polling is off: it would only hide
what is lost here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from tests.torture.models.search import Found, search


@dataclass(frozen=True, slots=True)
class Rules:
    """What the engine does; a broken variant differs in one of them."""

    waits_for_horizon: bool = True
    arms_first: bool = True  # else: look first, write `asleep` afterwards
    one_snapshot: bool = True  # horizon and look in one statement; else the look comes before
    looks_plainly: bool = True  # else with SKIP LOCKED: what a peer has claimed is not there
    volatile_trigger: bool = True  # else it reads the gate as its statement found it
    bell_aims_anew: bool = True  # a bell is followed by a new horizon
    rings_at_commit: bool = True  # else at once, before the row can be seen


class Producer(NamedTuple):
    """A transaction with one INSERT. idle, started, inserted, read, done. `old`: older than the horizon."""

    at: str = "idle"
    saw: bool = False  # that the pool sleeps, at the statement's start
    rings: bool = False
    old: bool = False


class State(NamedTuple):
    """`rows`: visible pending ones, not claimed by the peer. `peer`: what it holds uncommitted (none, claims)."""

    pool: str = "awake"  # awake, looked, armed, aimed, settled, rung, asleep
    written: bool = False  # `asleep` stands on the gate
    producers: tuple[Producer, ...] = ()
    rows: int = 0
    peer: str = "none"  # none, holds (a row), done
    peer_old: bool = False
    bell: bool = False  # on its way to the pool


@dataclass(frozen=True, slots=True)
class Model:
    """Two producers, one pool, one peer."""

    rules: Rules = Rules()
    producers: int = 2

    def check(self) -> Found[State]:
        start = State(producers=(Producer(),) * self.producers)
        return search(start, self.steps, left_behind, _over, lambda label: label.startswith("peer"))

    def steps(self, state: State) -> Iterator[tuple[str, State]]:
        yield from self._pool(state)
        for p, producer in enumerate(state.producers):
            yield from self._producer(state, p, producer)
        if state.peer == "none" and state.rows:
            yield "peer claims", state._replace(peer="holds", rows=state.rows - 1, peer_old=False)
        if state.peer == "holds":
            yield "the peer's claim is rolled back", state._replace(peer="done", rows=state.rows + 1)
            yield "the peer's claim commits", state._replace(peer="done")

    # --- the pool ---

    def _pool(self, state: State) -> Iterator[tuple[str, State]]:
        if state.bell and state.pool != "awake":
            yield self._hear(state._replace(bell=False))
        elif state.pool in ("aimed", "settled"):
            yield from self._closing(state)
        elif state.pool != "asleep":
            yield self._on_its_way(state)

    def _hear(self, state: State) -> tuple[str, State]:
        if state.pool == "asleep":
            return "the bell wakes the pool", state._replace(pool="armed" if self.rules.bell_aims_anew else "rung")
        return "the bell is heard", state._replace(pool="armed" if state.written else "awake")

    def _on_its_way(self, state: State) -> tuple[str, State]:
        """Awake, or back from a look, or armed, or rung: there is one next step."""
        if state.pool == "rung":
            claimed = state._replace(rows=state.rows - 1) if state.rows else state._replace(pool="asleep")
            return "claim", claimed
        if state.pool == "looked":
            return "write asleep", state._replace(pool="asleep", written=True)
        if state.pool == "armed":
            if self.rules.waits_for_horizon:
                return "take the horizon", _aim(state)
            return "look again", self._look(state, empty="asleep")
        if self.rules.arms_first:
            return "write asleep", state._replace(pool="armed", written=True)
        return "look", self._look(state, empty="looked")

    def _closing(self, state: State) -> Iterator[tuple[str, State]]:
        """The question that is repeated until it may sleep."""
        if state.pool == "settled":
            yield (
                "settled" if _settled(state) else "not settled",
                state._replace(pool="asleep" if _settled(state) else "aimed"),
            )
        elif not self.rules.one_snapshot:
            yield "look", self._look(state, empty="settled")
        elif _settled(state):
            yield "settled, and look", self._look(state, empty="asleep")
        elif self._sees(state):
            yield "look", self._look(state, empty="aimed")

    def _sees(self, state: State) -> bool:
        return bool(state.rows) or (self.rules.looks_plainly and state.peer == "holds")

    def _look(self, state: State, empty: str) -> State:
        """Claims what there is; a row that the peer holds is seen and cannot be had."""
        if state.rows:
            return state._replace(rows=state.rows - 1)
        return state if self._sees(state) else state._replace(pool=empty)

    # --- a producer ---

    def _producer(self, state: State, p: int, producer: Producer) -> Iterator[tuple[str, State]]:
        asleep = state.written
        match producer.at:
            case "idle":
                yield f"start {p}", _with(state, p, producer._replace(at="started", saw=asleep))
            case "started":
                yield f"insert {p}", _with(state, p, producer._replace(at="inserted", old=False))
            case "inserted":
                rings = asleep if self.rules.volatile_trigger else producer.saw
                read = _with(state, p, producer._replace(at="read", rings=rings))
                yield (
                    f"read the gate {p}",
                    read if self.rules.rings_at_commit else read._replace(bell=rings or state.bell),
                )
            case "read":
                done = _with(state, p, producer._replace(at="done"))._replace(rows=state.rows + 1)
                rung = producer.rings and self.rules.rings_at_commit
                yield f"commit {p}", done._replace(bell=rung or state.bell)
            case _:
                return


def _aim(state: State) -> State:
    """Every transaction that has a number now is older than the horizon."""
    producers = tuple(each._replace(old=each.at in ("inserted", "read")) for each in state.producers)
    return state._replace(pool="aimed", producers=producers, peer_old=state.peer == "holds")


def _settled(state: State) -> bool:
    """Whoever is older than the horizon has ended."""
    return not any(each.old and each.at != "done" for each in state.producers) and not (
        state.peer_old and state.peer == "holds"
    )


def _over(state: State) -> bool:
    return state.pool == "asleep" and all(each.at == "done" for each in state.producers)


def _with(state: State, p: int, producer: Producer) -> State:
    return state._replace(producers=(*state.producers[:p], producer, *state.producers[p + 1 :]))


def left_behind(state: State) -> str | None:
    """A task is visible, the pool sleeps for good, and nobody is about to ring."""
    if state.pool == "asleep" and state.rows and not state.bell:
        return "a task is left behind"
    return None


SOUND: Final = Rules()
BROKEN: Final[dict[str, Rules]] = {
    "sleep without waiting for the horizon": replace(SOUND, waits_for_horizon=False),
    "arm after the look": replace(SOUND, arms_first=False),
    "horizon and look in two snapshots": replace(SOUND, one_snapshot=False),
    "a last look that skips locked rows": replace(SOUND, looks_plainly=False),
    "a trigger that reads an old snapshot": replace(SOUND, volatile_trigger=False),
    "a bell that is followed by one claim": replace(SOUND, bell_aims_anew=False),
    "a bell before the row can be seen": replace(SOUND, rings_at_commit=False, bell_aims_anew=False),
}
