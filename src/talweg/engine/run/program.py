"""What a training run is, as data: graphs and plain settings, for an engine to run or compile.

A step takes the weights, the optimiser's state and its settings, and one batch; it gives the
loss and the metrics before the update, and the weights and the state after it. Batches have one
size: the last of an epoch is filled up with rows of weight 0, so that nothing is recorded twice.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from talweg.engine.run.snapshot import Keeper
from talweg.gates import Array
from talweg.graph import Graph, Tensor
from talweg.lazy import cached_property

BATCH_INPUTS = ("x", "y", "row_weights", "count")
"""The inputs of a step and of an evaluation that describe a batch, last in their graphs.

`row_weights` (N) weighs rows and is 0 for those that fill up; `count` is what a weighted sum over
rows is divided by to become their mean.
"""
WATCHED = "watched."
"""Prefix of the outputs of a step that are watched, each one number, and, after "state.", of the
state that only watched steps update.
"""


@dataclass(frozen=True)
class Rows:
    """Training or validation rows: inputs (N, ...), targets (N, ...), and a weight for each."""

    x: Array
    y: Array
    weights: Array

    def __len__(self) -> int:
        return len(self.x)

    @cached_property
    def mean_weight(self) -> float:
        return float(self.weights.mean(dtype=np.float64))


@dataclass(frozen=True)
class Epoch:
    """What a stopping rule sees at the end of an epoch; numbers or tensors."""

    number: Any
    seconds: Any
    measures: Mapping[str, Any]


class StopRule(Protocol):
    """A stopping rule: state and decision, as pure functions written with gates."""

    def init(self) -> dict[str, Any]: ...

    def update(self, state: Mapping[str, Any], epoch: Epoch) -> tuple[dict[str, Any], Any]: ...


class SearchRule(Protocol):
    """A method that takes its own passes over all rows: see `talweg.optim.full_batch`."""

    @property
    def notes(self) -> Sequence[str]: ...

    def begin(self, start: Any, landscape: Any, *, seed: int, epochs: int) -> Any: ...


@dataclass(frozen=True)
class Program:
    """A whole run: what to compute, on how many rows at a time, for how long.

    `record_step` gives the graph of a step on so many rows: its inputs are weights, state.*,
    settings.*, then `BATCH_INPUTS`, its outputs the loss and metrics, which are the `measures`,
    then watched.*, weights, state.*. `record_evaluation` gives that of an evaluation: its inputs
    are weights and `BATCH_INPUTS`, its outputs the measures, which add up over batches. What is
    watched is noted at each step if `watch_steps`, and otherwise, for each whole epoch, its mean
    over its first step and each `watch_every`th after that; the steps between them compute all
    but what is watched.
    `schedules` are settings that change, with each epoch or also each step: their values when so
    many epochs are done, as a step in the middle of the third sees 2.5. `plateaus` follow measures:
    they are asked after each epoch, as stopping rules are, and their state has the `value`.
    With a `search`, the step is one of its own, with a number of passes: `record_step` then gives
    the graph of a pass, whose outputs after the measures are state.value and state.gradient.
    With `groups`, a sampler that learns draws rows from them
    (`talweg.train.methods.importance_sampling_loop`), and a batch has one input more, the group of
    each row.
    With several `replicas`, every array but those of the rows has one more axis, the last, for
    them; such a run goes on where a replica stops being finite.
    """

    record_step: Callable[[int], Graph]
    record_evaluation: Callable[[int], Graph] | None
    measures: Sequence[str]
    state: Mapping[str, Array]
    settings: Mapping[str, Any]
    epochs: int
    batch_size: int
    evaluation_size: int
    shuffle: bool
    seed: int
    rules: Sequence[StopRule]
    time_budget: float | None
    validates: bool
    keep_best: bool
    threads: int | None
    watch_steps: bool = False
    watch_every: int = 1
    replicas: int = 1
    schedules: Mapping[str, Callable[[float], float]] = field(default_factory=dict)
    changes_each_step: bool = False
    plateaus: Mapping[str, StopRule] = field(default_factory=dict)
    search: SearchRule | None = None
    groups: Any = None

    @cached_property
    def step(self) -> Graph:
        """A step on a whole batch."""
        return self.record_step(self.batch_size)

    @cached_property
    def unwatched_step(self) -> Graph | None:
        """A step that is not watched; None where each step is."""
        return _without_watched(self.step) if self.watch_every > 1 else None

    def settings_at(self, done: float) -> dict[str, Any]:
        """The settings when so many epochs are done."""
        return {**self.settings, **{name: at(done) for name, at in self.schedules.items()}}

    @property
    def changing(self) -> list[str]:
        """The settings that change, those that follow measures last."""
        return [*self.schedules, *self.plateaus]

    @property
    def watched(self) -> list[str]:
        """The outputs of the step that are watched, in their order; or what a search notes."""
        if self.search is not None:
            return [WATCHED + name for name in self.search.notes]
        return [name for name in self.step.outputs if name.startswith(WATCHED)]

    @cached_property
    def evaluate(self) -> Graph | None:
        """An evaluation of `evaluation_size` rows, where there is one."""
        return self.record_evaluation and self.record_evaluation(self.evaluation_size)


@dataclass
class Control:
    """What Python and a running engine tell each other: a counter to read, a flag to set.

    Where a `keeper` has a start, the run goes on from there, and its time counts.
    """

    epoch: int = 0
    best_epoch: int = 0  # of the weights that are kept, where the best ones are
    step: int = 0
    stop: bool = False
    measures: dict[str, float] = field(default_factory=dict)
    started: float = field(default_factory=time.perf_counter)
    keeper: Keeper | None = None

    def begin(self) -> None:
        """Start the clock."""
        start = self.keeper and self.keeper.start
        self.started = time.perf_counter()
        if start:
            self.started -= start.seconds
            self.epoch, self.step = start.epoch, start.step
            last = {name: each[-1].flat[0] for name, each in start.history.items() if len(each)}
            self.measures = {name: float(each) for name, each in last.items()}


@dataclass(frozen=True)
class BadStep:
    """The step that made a loss or a weight non-finite, what did it first, the settings then."""

    epoch: int
    step: int
    node: Tensor | None
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """What an engine gives back: plain arrays and why it stopped.

    `stopped_by` is the position of the stopping rule, or one of epochs, time_budget,
    interrupted, non_finite, no_descent. `restored_epoch` is the epoch whose weights were
    the best and are given back; None where the weights are the final ones. `seconds` is the time
    in the run itself, `compile_seconds` that before it. `watched` holds the columns of
    what was watched, by the names of the outputs; `state` the optimizer's at the end.
    """

    weights: Array
    history: Mapping[str, npt.NDArray[np.float64]]
    stopped_by: int | str
    restored_epoch: int | None
    epochs: int
    steps: int
    seconds: float
    bad_step: BadStep | None = None
    compile_seconds: float = 0.0
    watched: Mapping[str, npt.NDArray[np.float64]] = field(default_factory=dict)
    state: Mapping[str, Array] = field(default_factory=dict)


def watched_outputs(graph: Graph) -> list[str]:
    """What only watched steps compute, the state that they alone update included."""
    return [name for name in graph.outputs if name.removeprefix("state.").startswith(WATCHED)]


def _without_watched(step: Graph) -> Graph:
    """The same step, without what is watched; the state that only watched steps update stays."""
    unchanged = {name: step.inputs.get(name) for name in watched_outputs(step)}
    outputs = {name: unchanged.get(name, node) for name, node in step.outputs.items()}
    return Graph(step.inputs, {name: node for name, node in outputs.items() if node is not None})
