"""A run: all that happens around its epochs, whichever engine computes them."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace

from talweg.engine.run.outcome import BadStep, Control, Outcome
from talweg.engine.run.program import Program
from talweg.engine.run.snapshot import Snapshot
from talweg.gates import Array


@dataclass(frozen=True)
class Position:
    """How far a run is. `best_epoch` is 0 where no best weights are kept."""

    epoch: int
    step: int
    best_epoch: int


@dataclass(frozen=True)
class RunArrays:
    """The arrays of a run. `rule_states` are those of stopping rules and plateaus."""

    weights: Array
    state: Mapping[str, Array]
    best: Array
    best_loss: float
    rule_states: Mapping[str, Array]


class Session(ABC):
    """One run of a program. An engine trains in `advance`; all else about a run is here.

    A run continues until its last epoch or until the engine sets `halted`. Between two calls of
    `advance`, a snapshot is kept if it is due; at the end, the last whole epoch is kept.
    """

    def __init__(self, program: Program, rows: int, control: Control) -> None:
        """A run on `rows` training rows."""
        self.program, self.control = program, control
        self.steps_per_epoch = program.schedule.steps_of(rows)

    # What an engine implements ------------------------------------------------------------------

    @abstractmethod
    def advance(self) -> None:
        """Train for one epoch or more, but not beyond the next snapshot that is due."""

    @property
    @abstractmethod
    def position(self) -> Position:
        """How far the run is."""

    @property
    @abstractmethod
    def halted(self) -> int | str | None:
        """Why the run ends before its last epoch, as `Outcome.stopped_by`; None if it does not."""

    @abstractmethod
    def arrays(self) -> RunArrays:
        """The arrays of the run now."""

    @abstractmethod
    def history(self) -> dict[str, Array]:
        """Each measure by epoch."""

    @abstractmethod
    def watched(self) -> dict[str, Array]:
        """The watched outputs, by epoch or by step."""

    @abstractmethod
    def rewind(self) -> None:
        """Go back to the end of the last whole epoch; the arrays that `arrays` gave may change."""

    @abstractmethod
    def bad_step(self) -> BadStep | None:
        """The step that made a number non-finite; None if none did."""

    # What a run means ---------------------------------------------------------------------------

    def run(self) -> Outcome:
        """Train to the end."""
        checkpointer = self.control.checkpointer
        while self._goes_on():
            self.advance()
            position = self.position
            if (
                checkpointer
                and self._goes_on()
                and checkpointer.is_due(position.epoch, position.best_epoch)
            ):
                checkpointer.save(self.snapshot())
        outcome = self.outcome()
        if checkpointer and outcome.bad_step is None:
            is_cut_short = outcome.steps > outcome.epochs * self.steps_per_epoch
            if is_cut_short:  # within the next epoch
                outcome = _with_own_arrays(outcome)
                self.rewind()
            checkpointer.save(self.snapshot())
        return outcome

    def snapshot(self) -> Snapshot:
        """The run at the end of an epoch, in arrays that the next one may change."""
        position, arrays, halted = self.position, self.arrays(), self.halted
        rows = position.step if self.program.graphs.watch_steps else position.epoch
        return Snapshot(
            weights=arrays.weights,
            state=arrays.state,
            rules=arrays.rule_states,
            best=arrays.best,
            best_loss=arrays.best_loss,
            best_epoch=position.best_epoch,
            epoch=position.epoch,
            step=position.step,
            seconds=self.seconds,
            history=self.history(),
            watched={name: column[:rows] for name, column in self.watched().items()},
            stopped_by=halted if isinstance(halted, int) else None,
        )

    def outcome(self) -> Outcome:
        """The result of the run, with the best weights if they are restored, else the last ones."""
        bad_step = self.bad_step()
        position, arrays = self.position, self.arrays()
        restores = self.program.limits.restore_best
        restored_epoch = position.best_epoch or None if restores else None
        return Outcome(
            weights=arrays.weights if restored_epoch is None else arrays.best,
            history=self.history(),
            stopped_by="epochs" if self.halted is None else self.halted,
            restored_epoch=restored_epoch,
            epochs=position.epoch,
            steps=position.step,
            seconds=self.seconds,
            bad_step=bad_step,
            watched=self.watched(),
            state=arrays.state,
        )

    @property
    def seconds(self) -> float:
        """Seconds since the run began, including those before the snapshot that it resumes."""
        return time.perf_counter() - self.control.started

    def _goes_on(self) -> bool:
        return self.halted is None and self.position.epoch < self.program.limits.epochs


def _with_own_arrays(outcome: Outcome) -> Outcome:
    state = {name: array.copy() for name, array in outcome.state.items()}
    return replace(outcome, weights=outcome.weights.copy(), state=state)
