"""The life of a task among workers that stall, die, and lose answers; each step is one transaction, or one thing that
happens to a process. A commit has two steps, because between them its rows are locked and nobody knows how it will
end.

What `Rules` holds is what the engine does; a broken variant differs in one of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from tests.torture.models.search import Found, search


@dataclass(frozen=True, slots=True)
class Rules:
    """What a finish must prove, and what recovery does."""

    fence: frozenset[str] = frozenset({"run", "worker"})  # besides that the task is processing; "attempts" may be tried
    bumps_run: bool = True
    effects_first: bool = False  # effects in a transaction of their own, before the fence
    completes_first: bool = False  # completion in a transaction of its own, before the effects
    locking_re_read: bool = True
    gives_back: bool = True  # the beat returns claims that memory does not hold
    reaps_uncounted: bool = True
    reaper_skips_locked: bool = True
    loses_old_run: bool = True  # a process that claims a task anew forgets its old run of it


class Task(NamedTuple):
    """A row. `effects`: (worker, run) whose effects are committed. `flight`: the same of a commit under way."""

    status: str = "pending"
    run: int = 0
    owner: int = -1
    attempts: int = 0
    crashes: int = 0
    cancel_asked: bool = False
    effects: tuple[tuple[int, int], ...] = ()
    flight: tuple[int, int] | None = None


class Worker(NamedTuple):
    """A process. `holds`: per task the (run, attempts) it runs; two where it does not forget the old one."""

    mode: str = "up"  # up, stalled, dead
    leased: bool = True
    holds: tuple[tuple[tuple[int, int], ...], ...] = ()
    asks: tuple[int, ...] = ()  # per task: the run whose commit's end it does not know, or 0
    wrong: bool = False  # it believes what is not so


class State(NamedTuple):
    tasks: tuple[Task, ...]
    workers: tuple[Worker, ...]
    failovers: int = 0


MAX_ATTEMPTS: Final = 2
LIVE: Final = ("pending", "processing")
HARM: Final = ("stall", "crash", "lose", "cancel", "fail over", "retry")


@dataclass(frozen=True, slots=True)
class Model:
    """Bounds keep it finite: runs and crashes of a task, failovers that forget the last claim."""

    rules: Rules = Rules()
    workers: int = 2
    tasks: int = 1
    runs: int = 3
    failovers: int = 1

    def check(self) -> Found[State]:
        none = tuple(() for _ in range(self.tasks))
        worker = Worker(holds=none, asks=(0,) * self.tasks)
        start = State((Task(),) * self.tasks, (worker,) * self.workers)
        return search(start, self.steps, broken, self.ended, lambda label: label.startswith(HARM))

    def steps(self, state: State) -> Iterator[tuple[str, State]]:
        for w, worker in enumerate(state.workers):
            yield from self._of_process(state, w, worker)
            for t, task in enumerate(state.tasks):
                yield from self._of_both(state, w, worker, t, task)
        for t, task in enumerate(state.tasks):
            yield from self._of_task(state, t, task)

    def ended(self, state: State) -> bool:
        """Nothing is live, or only what the bounds of the model do not let run again."""
        return all(
            task.flight is None and (task.status not in LIVE or (task.status == "pending" and task.run >= self.runs))
            for task in state.tasks
        )

    # --- what happens to a process ---

    def _of_process(self, state: State, w: int, worker: Worker) -> Iterator[tuple[str, State]]:
        if worker.mode == "up":
            yield f"stall {w}", _worker(state, w, worker._replace(mode="stalled"))
            none = tuple(() for _ in worker.holds)
            dead = worker._replace(mode="dead", holds=none, asks=(0,) * len(worker.asks))
            yield f"crash {w}", _worker(state, w, dead)
            yield f"beat {w}", self._beat(state, w, worker)
        elif worker.mode == "stalled":
            yield f"wake {w}", _worker(state, w, worker._replace(mode="up"))
        elif all(task.owner != w and (task.flight or (-1,))[0] != w for task in state.tasks):
            yield f"start anew {w}", _worker(state, w, worker._replace(mode="up", leased=True))
        if worker.mode != "up" and worker.leased:
            yield f"expire {w}", _worker(state, w, worker._replace(leased=False))

    def _beat(self, state: State, w: int, worker: Worker) -> State:
        """The lease is renewed; what is mine in the table and not in memory goes back."""
        state = _worker(state, w, worker._replace(leased=True))
        if not self.rules.gives_back:
            return state
        for t, task in enumerate(state.tasks):
            held = {run for run, _ in worker.holds[t]} | {worker.asks[t]}
            if task.status == "processing" and task.owner == w and task.run not in held and task.flight is None:
                state = _task(state, t, _returned(task))
        return state

    # --- a process and a task ---

    def _of_both(self, state: State, w: int, worker: Worker, t: int, task: Task) -> Iterator[tuple[str, State]]:
        if worker.mode != "up":
            return
        if task.status == "pending" and task.run < self.runs and worker.leased:
            yield from self._claim(state, w, worker, t, task)
        for hold in worker.holds[t]:
            yield from self._finish(state, w, worker, t, task, hold)
        if worker.asks[t]:
            yield from self._ask(state, w, worker, t, task)

    def _claim(self, state: State, w: int, worker: Worker, t: int, task: Task) -> Iterator[tuple[str, State]]:
        run = task.run + 1 if self.rules.bumps_run or not task.run else task.run
        claimed = task._replace(status="processing", run=run, owner=w, attempts=task.attempts + 1)
        taken = _task(state, t, claimed)
        new = (run, claimed.attempts)
        holds = (new,) if self.rules.loses_old_run else (*worker.holds[t], new)
        yield f"claim {w} {t}", _hold(taken, w, t, holds)
        yield f"lose the claim's answer {w} {t}", taken

    def _finish(
        self, state: State, w: int, worker: Worker, t: int, task: Task, hold: tuple[int, int]
    ) -> Iterator[tuple[str, State]]:
        rest = tuple(each for each in worker.holds[t] if each != hold)
        if task.flight is not None:
            return  # the row is locked: deferred
        if self.rules.effects_first:
            written = task._replace(effects=(*task.effects, (w, hold[0])))
            if len(task.effects) <= self.runs:
                yield f"write effects {w} {t}", _task(state, t, written)
        if not self._ours(task, w, hold):
            yield f"lost {w} {t}", _hold(state, w, t, rest)
        elif task.cancel_asked:
            yield (
                f"meet the cancellation {w} {t}",
                _hold(_task(state, t, task._replace(status="cancelled")), w, t, rest),
            )
        else:
            flying = _task(state, t, task._replace(flight=(w, hold[0])))
            yield f"send the commit {w} {t}", _ask_for(_hold(flying, w, t, rest), w, t, hold[0])
            if task.attempts < MAX_ATTEMPTS:
                back = task._replace(status="pending", owner=-1)
                yield f"retry {w} {t}", _hold(_task(state, t, back), w, t, rest)

    def _ours(self, task: Task, w: int, hold: tuple[int, int]) -> bool:
        fence = self.rules.fence
        return (
            task.status == "processing"
            and ("run" not in fence or task.run == hold[0])
            and ("attempts" not in fence or task.attempts == hold[1])
            and ("worker" not in fence or task.owner == w)
        )

    def _ask(self, state: State, w: int, worker: Worker, t: int, task: Task) -> Iterator[tuple[str, State]]:
        """What became of the commit: the answer comes, or it is lost and the row is asked."""
        run = worker.asks[t]
        if task.flight == (w, run):
            if not self.rules.locking_re_read:  # a plain read sees what was before, and decides
                believes = _ask_for(state, w, t, 0)
                yield f"read plainly {w} {t}", _worker(believes, w, believes.workers[w]._replace(wrong=True))
            return
        known = _ask_for(state, w, t, 0)
        if (w, run) in task.effects or not self._ours(task, w, (run, task.attempts)):
            yield f"know {w} {t}", known
        else:
            yield f"know that it was not written {w} {t}", _hold(known, w, t, (*worker.holds[t], (run, task.attempts)))

    # --- what the server and people do ---

    def _of_task(self, state: State, t: int, task: Task) -> Iterator[tuple[str, State]]:
        if task.flight is not None:
            yield from self._land(state, t, task)
            if self.rules.reaper_skips_locked:
                return  # cancel_task waits, and so do all others
        if task.status == "processing" and not state.workers[task.owner].leased and task.crashes < self.runs:
            yield f"reap {t}", _task(state, t, self._reaped(task))
        if task.flight is not None:
            return
        if task.status == "pending":
            yield f"cancel {t}", _task(state, t, task._replace(status="cancelled"))
        if task.status == "processing" and not task.cancel_asked:
            yield f"cancel {t}", _task(state, t, task._replace(cancel_asked=True))
        if task.status == "processing" and state.failovers < self.failovers and not task.cancel_asked:
            forgotten = task._replace(status="pending", run=task.run - 1, owner=-1, attempts=task.attempts - 1)
            yield (
                f"fail over, forgetting the claim {t}",
                _task(state, t, forgotten)._replace(failovers=state.failovers + 1),
            )

    def _land(self, state: State, t: int, task: Task) -> Iterator[tuple[str, State]]:
        """The commit under way ends: written, or not (its session was cut before it came)."""
        assert task.flight is not None
        down = task._replace(flight=None)
        if self.rules.completes_first:
            yield f"complete without effects {t}", _task(state, t, down._replace(status="completed"))
        effects = task.effects if self.rules.effects_first else (*task.effects, task.flight)
        yield f"commit {t}", _task(state, t, down._replace(status="completed", effects=effects))
        yield f"lose the commit {t}", _task(state, t, down)

    def _reaped(self, task: Task) -> Task:
        back = _returned(task)._replace(crashes=task.crashes + 1)
        if not self.rules.reaps_uncounted:
            back = back._replace(attempts=task.attempts)
        return back._replace(status="cancelled") if task.cancel_asked else back


def broken(state: State) -> str | None:
    """The invariants, in one state."""
    if any(worker.wrong for worker in state.workers):
        return "a worker decided about a commit that was under way"
    return next((wrong for task in state.tasks if (wrong := _broken(task)) is not None), None)


def _broken(task: Task) -> str | None:
    wrongs = {
        "effects came twice": len(task.effects) > 1,
        "completed without the effects of the completing run": task.status == "completed"
        and task.effects != ((task.owner, task.run),),
        "effects of a task that is not completed": task.status != "completed" and bool(task.effects),
        "attempts out of their limits": not 0 <= task.attempts <= MAX_ATTEMPTS,
        "a crash used an attempt": bool(task.crashes) and task.attempts > task.run - task.crashes,
    }
    return next((wrong for wrong, is_so in wrongs.items() if is_so), None)


def _returned(task: Task) -> Task:
    return task._replace(status="pending", owner=-1, attempts=task.attempts - 1)


def _task(state: State, t: int, task: Task) -> State:
    return state._replace(tasks=(*state.tasks[:t], task, *state.tasks[t + 1 :]))


def _worker(state: State, w: int, worker: Worker) -> State:
    return state._replace(workers=(*state.workers[:w], worker, *state.workers[w + 1 :]))


def _hold(state: State, w: int, t: int, holds: tuple[tuple[int, int], ...]) -> State:
    worker = state.workers[w]
    return _worker(state, w, worker._replace(holds=(*worker.holds[:t], holds, *worker.holds[t + 1 :])))


def _ask_for(state: State, w: int, t: int, run: int) -> State:
    worker = state.workers[w]
    return _worker(state, w, worker._replace(asks=(*worker.asks[:t], run, *worker.asks[t + 1 :])))


SOUND: Final = Rules()
BROKEN: Final[dict[str, Rules]] = {
    "no fence": replace(SOUND, fence=frozenset()),
    "a fence of the worker alone": replace(SOUND, fence=frozenset({"worker"}), loses_old_run=False),
    "a fence without the worker": replace(SOUND, fence=frozenset({"run"})),
    "attempts as the token": replace(SOUND, fence=frozenset({"attempts", "worker"}), loses_old_run=False),
    "runs that are not counted": replace(SOUND, bumps_run=False, fence=frozenset({"run"})),
    "effects before the fence": replace(SOUND, effects_first=True),
    "completion before the effects": replace(SOUND, completes_first=True),
    "a plain re-read of a lost commit": replace(SOUND, locking_re_read=False),
    "claims whose answer was lost are kept": replace(SOUND, gives_back=False),
    "a crash uses an attempt": replace(SOUND, reaps_uncounted=False),
    "a reaper that passes by a commit under way": replace(SOUND, reaper_skips_locked=False),
}
