"""Train the runs of a sweep rung by rung; without successive halving there is one rung."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from talweg.cores import cores
from talweg.engine.registry import chosen_engine
from talweg.train.run.progress import SharedBar
from talweg.train.run.run import Run
from talweg.train.search.batching import Ended, replicas_among, works_of
from talweg.train.search.executor import Executor
from talweg.train.search.run_state import RunState, left_behind, measure_at_best
from talweg.train.search.tasks import Task

if TYPE_CHECKING:  # an ensemble needs neither
    from talweg.train.search.successive_halving import SuccessiveHalving
    from talweg.train.search.sweep_file import SweepFile


@dataclass(frozen=True)
class Trained:
    """The final state of each task, and the time of compiling the programs."""

    states: list[RunState]
    programs: int
    compile_seconds: float

    @property
    def runs(self) -> list[Run | None]:
        """The run of each task; None if Ctrl-C came before it began."""
        return [state.run for state in self.states]


@dataclass(frozen=True)
class Rungs:
    """The epochs after which runs halt (None: the last), and the rule by which runs continue."""

    epochs: Sequence[int | None] = (None,)
    halving: SuccessiveHalving | None = None


def train_all(
    tasks: Sequence[Task],
    engine: str | None,
    progress: SharedBar,
    *,
    threads: int | None = None,
    rungs: Rungs = Rungs(),
    file: SweepFile | None = None,
) -> Trained:
    """Train every task, `threads` of them side by side: as many as there are cores by default.

    They train one after the other if the engine does not leave Python free.
    """
    can = chosen_engine(engine).capabilities
    workers = (threads or cores()) if can.side_by_side else 1
    with Executor(tasks, engine, workers, progress) as executor:
        states = _Bracket(tasks, rungs, executor, file, replicates=can.replicas).states_at_end()
    progress.earlier += executor.watched.values()
    compiled = executor.compiled.values()
    return Trained(states, len(compiled), sum(compiled))


class _Bracket:
    """Trains all runs to the end of a rung, lets the best continue, and records their states."""

    def __init__(
        self,
        tasks: Sequence[Task],
        rungs: Rungs,
        executor: Executor,
        file: SweepFile | None,
        *,
        replicates: bool,
    ) -> None:
        self.tasks, self.rungs, self.halving = tasks, rungs.epochs, rungs.halving
        self.executor, self.file = executor, file
        self.states = list(file.states) if file else [RunState()] * len(tasks)
        self.replicas = replicas_among(tasks) if replicates else set()
        validates = any(task.job.program.limits.validates for task in tasks)
        self.measure = "val_loss" if validates else "loss"

    def states_at_end(self) -> list[RunState]:
        """Train, and give the state in which each run ended."""
        entrants = list(range(len(self.tasks)))
        try:
            for rung in range(len(self.rungs)):
                self._climb(rung, entrants)
                if self.executor.is_interrupted:
                    break
                if self.halving and rung < len(self.rungs) - 1:
                    entrants = self._best(self.halving, rung, entrants)
        finally:
            if self.file:
                self.file.write()
        return [self._ended(state) for state in self.states]

    def _climb(self, rung: int, entrants: Sequence[int]) -> None:
        """Train the entrants that have not finished a rung to its end."""
        left = [index for index in entrants if self._is_left(self.states[index], rung)]
        tasks, epochs = list(self.tasks), self.rungs[rung]
        if epochs is not None:
            for index in left:
                tasks[index] = tasks[index].until(epochs, self.states[index].snapshot)
        works = works_of(tasks, left, self.replicas, self.executor.workers)
        self.executor.run(works, self._note)

    def _is_left(self, state: RunState, rung: int) -> bool:
        return state.may_continue and len(state.losses) <= rung

    def _note(self, index: int, ended: Ended) -> None:
        """A run is at the end of its rung, or was interrupted on the way."""
        before, run = self.states[index], ended.run
        if run.stopped_by == "interrupted":
            self.states[index] = replace(before, run=run)
            return
        loss = math.inf if run.failure else measure_at_best(run, self.measure)
        self._put(index, RunState(run, (*before.losses, loss), ended.snapshot))

    def _put(self, index: int, state: RunState) -> None:
        self.states[index] = state
        if self.file:
            self.file.put(index, state)

    def _best(self, halving: SuccessiveHalving, rung: int, entrants: Sequence[int]) -> list[int]:
        """The runs that continue; the others end here."""
        best = halving.best({index: self.states[index] for index in entrants}, rung)
        share = f"{len(best)} of {len(entrants)}"
        for index in sorted({*entrants} - {*best}):
            state = left_behind(self.states[index], rung, self.rungs, share)
            if state is not self.states[index]:
                self._put(index, state)
        return best

    def _ended(self, state: RunState) -> RunState:
        """The state with a stop reason if Ctrl-C ended a run that could have continued."""
        run = state.run
        if run is None or not self._is_left(state, len(self.rungs) - 1):
            return state
        reason = f"the sweep was interrupted after its rung {len(state.losses)}"
        return replace(state, run=replace(run, stopped_by="interrupted", stop_reason=reason))
