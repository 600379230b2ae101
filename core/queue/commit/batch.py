"""Which finished runs share a transaction. Pure."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from core.effects import Effect, Target, size_of
from core.queue.run import Run
from core.state import Transition

_NOTHING: Final[frozenset[Target]] = frozenset()


@dataclass(slots=True, eq=False)
class Finished:
    """What one run wants committed. `transition` None = a commit in the middle of the run, which `waiter` awaits."""

    run: Run
    effects: Sequence[Effect]
    transition: Transition | None
    progress: dict[str, Any] | None = None
    run_ms: int = 0
    waiter: asyncio.Future[None] | None = None
    deferred: int = 0
    not_before: float = 0.0
    refused: bool = False  # what it wanted was poison, and this is its bare end
    targets: frozenset[Target] = field(init=False)
    writers: dict[Target, type[Effect] | None] = field(init=False)  # None: this run's effects there do not fold
    bulk: bool = field(init=False)
    size: int = field(init=False)

    def __post_init__(self) -> None:
        if not self.effects:
            self.writers, self.targets, self.bulk, self.size = {}, _NOTHING, False, 0
            return
        self.writers = {}
        for effect in self.effects:
            if (target := effect.target()) is not None:
                same = effect.folds and self.writers.get(target, type(effect)) is type(effect)
                self.writers[target] = type(effect) if same else None
        self.targets = frozenset(self.writers)
        self.bulk = any(effect.bulk for effect in self.effects)
        self.size = sum(size_of(effect) for effect in self.effects)

    def meets(self, targets: set[Target]) -> bool:
        """Whether it writes or has read one of these rows."""
        return bool(targets) and not (targets.isdisjoint(self.targets) and targets.isdisjoint(self.run.seen))

    def clashes(self, written: Mapping[Target, type[Effect] | None]) -> bool:
        """Whether it has read one of these rows, or writes one in a way that cannot be folded with what stands there:
        writers run type by type, so only effects of one type keep their order on a row."""
        if not written:
            return False
        if self.run.seen and not written.keys().isdisjoint(self.run.seen):
            return True
        for target, writer in self.writers.items():
            if target in written and (writer is None or written[target] is not writer):
                return True
        return False


@dataclass(frozen=True, slots=True)
class Caps:
    """Fixed limits of one transaction: runs, effects, bytes."""

    tasks: int
    effects: int
    bytes: int


def form(
    waiting: Iterable[Finished],
    caps: Caps,
    now: float,
    flying: Iterable[Finished] = (),
    *,
    isolated: bool = False,
) -> list[Finished]:
    """The next batch, in order. The first ready run always enters.

    A run stays behind when it meets a row that a skipped run before it wants (order per row), when it has read a row
    that an earlier run of the batch writes (its decision would be old), or when it shares a target that cannot fold.
    `isolated`: runs of other workspaces than the first one's stay behind as well.
    """
    batch: list[Finished] = []
    written: dict[Target, type[Effect] | None] = {}
    held: set[Target] = set()
    for each in flying:
        held |= each.targets
        held.update(each.run.seen)
    effects = size = 0
    for each in waiting:
        if batch and _over(caps, len(batch), effects + len(each.effects), size + each.size, each, batch):
            break
        stranger = isolated and bool(batch) and each.run.workspace_id != batch[0].run.workspace_id
        if stranger or each.not_before > now or each.meets(held) or each.clashes(written):
            held |= each.targets | each.run.seen.keys()
            continue
        batch.append(each)
        written |= each.writers
        effects += len(each.effects)
        size += each.size
    return batch


def _over(caps: Caps, runs: int, effects: int, size: int, each: Finished, batch: list[Finished]) -> bool:
    return runs >= caps.tasks or effects > caps.effects or size > caps.bytes or each.bulk or batch[0].bulk
