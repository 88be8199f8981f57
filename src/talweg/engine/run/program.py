"""A training run as data: graphs, schedule and limits, for an engine to run or compile.

A step takes the weights, the optimizer's state and settings, and a batch. It gives the loss and the
metrics before the update, and the weights and the state after it. All batches have one size: rows
of weight 0 fill up the last one of an epoch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from talweg.engine.run.rows import Batch, Rows
from talweg.engine.run.steps import GraphFunctions, Steps
from talweg.gates import Array
from talweg.graph import Graph, Recorded
from talweg.lazy import cached_property

WATCHED = "watched."
"""Prefix of the watched outputs of a step, each a number. After "state." it marks state that only
watched steps update.
"""


@dataclass(frozen=True)
class Epoch:
    """What a stopping rule sees at the end of an epoch: numbers, or tensors in a recording."""

    number: Any
    seconds: Any
    measures: Mapping[str, Any]


class StopRule(Protocol):
    """A stopping rule: its state and its decision, as pure functions written with gates."""

    def init(self) -> dict[str, Any]: ...

    def update(self, state: Mapping[str, Any], epoch: Epoch) -> tuple[dict[str, Any], Any]: ...


@dataclass(frozen=True)
class Graphs:
    """What a run computes: a step and, where it evaluates, an evaluation.

    The inputs of the step are weights, state.*, settings.*, then `BATCH_INPUTS`; its outputs the
    loss and the metrics, which are the `measures`, then watched.*, weights, state.*. The inputs of
    the evaluation are weights and `BATCH_INPUTS`, its outputs the measures, which add up over
    batches. What is watched is noted at each step if `watch_steps`. Otherwise its mean is noted
    for each whole epoch, over the first step and each `watch_every`th after it; the steps between
    them compute all but what is watched. With several `replicas`, every array but those of the
    rows has one more axis, the last, for them; such a run continues if a replica stops being
    finite.
    """

    step: Recorded
    evaluation: Recorded | None
    measures: Sequence[str]
    watch_steps: bool = False
    watch_every: int = 1
    replicas: int = 1

    @cached_property
    def unwatched_step(self) -> Graph | None:
        """A step that is not watched; None where each step is."""
        return _without_watched(self.step.graph) if self.watch_every > 1 else None


@dataclass(frozen=True)
class Schedule:
    """The rows of each batch, and the settings of each step.

    Some `settings` change with each epoch or, `by_step`, with each step: `schedules` give their
    values after `done` epochs; a step in the middle of the third epoch sees 2.5.
    `plateaus` follow measures: they are asked after each epoch, as stopping rules are, and their
    state holds the `value`.
    """

    batch_size: int
    evaluation_size: int
    shuffle: bool
    seed: int
    settings: Mapping[str, Any]
    schedules: Mapping[str, Callable[[float], float]] = field(default_factory=dict)
    by_step: bool = False
    plateaus: Mapping[str, StopRule] = field(default_factory=dict)

    def settings_at(self, done: float) -> dict[str, Any]:
        """The settings after `done` epochs."""
        return {**self.settings, **{name: at(done) for name, at in self.schedules.items()}}

    @property
    def changing(self) -> list[str]:
        """The settings that change, those that follow measures last."""
        return [*self.schedules, *self.plateaus]

    def steps_of(self, rows: int) -> int:
        """The number of steps of an epoch over `rows` rows."""
        return -(-rows // self.batch_size)


@dataclass(frozen=True)
class Limits:
    """When a run ends, which weights it leaves, and how many threads it takes.

    `restore_best` leaves the weights of the epoch with the lowest validation loss if it
    `validates`, and otherwise with the lowest loss over all rows.
    """

    epochs: int
    rules: Sequence[StopRule] = ()
    time_budget: float | None = None
    validates: bool = False
    restore_best: bool = False
    threads: int | None = None


class Method(Protocol):
    """A training method that chooses its own rows and steps."""

    @property
    def name(self) -> str: ...

    def watched(self, step: Graph) -> list[str]:
        """The names of the outputs of each step beside its measures."""
        ...

    def batches(self, program: Program, rows: Rows, epoch: int, steps: Steps) -> Iterable[Batch]:
        """The batches of an epoch; the state of `steps` changes while they are taken."""
        ...

    def steps(
        self, program: Program, functions: GraphFunctions, weights: Array, rows: Rows
    ) -> Steps:
        """What takes the steps of a run that starts from `weights`."""
        ...

    def noted(self, state: Mapping[str, Array]) -> Mapping[str, Array]:
        """The numbers of the state that an epoch records at its end, by the names of columns."""
        ...


@dataclass(frozen=True)
class Program:
    """A whole run: what it computes, in which order, and when it ends.

    `state` is the optimizer's at the start. A `method` trains in its own way, instead of by one
    step of the graph per batch over the rows in order.
    """

    graphs: Graphs
    schedule: Schedule
    limits: Limits
    state: Mapping[str, Array]
    method: Method | None = None

    @property
    def step(self) -> Graph:
        """A step on a whole batch."""
        return self.graphs.step.graph

    @property
    def evaluation(self) -> Graph | None:
        """An evaluation of `evaluation_size` rows, where there is one."""
        return None if self.graphs.evaluation is None else self.graphs.evaluation.graph

    @property
    def watched(self) -> list[str]:
        """What is watched at each step, by the names of the step's outputs."""
        if self.method is not None:
            return self.method.watched(self.step)
        return [name for name in self.step.outputs if name.startswith(WATCHED)]

    @property
    def measured(self) -> list[str]:
        """The measures of an epoch, those of the validation rows last."""
        validation = (
            [f"val_{name}" for name in self.graphs.measures] if self.limits.validates else []
        )
        return [*self.graphs.measures, *validation]


def watched_outputs(graph: Graph) -> list[str]:
    """What only watched steps compute, the state that they alone update included."""
    return [name for name in graph.outputs if name.removeprefix("state.").startswith(WATCHED)]


def _without_watched(step: Graph) -> Graph:
    """The same step, without what is watched; the state that only watched steps update stays."""
    unchanged = {name: step.inputs.get(name) for name in watched_outputs(step)}
    outputs = {name: unchanged.get(name, node) for name, node in step.outputs.items()}
    return Graph(step.inputs, {name: node for name, node in outputs.items() if node is not None})
