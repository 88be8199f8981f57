"""The interface of a training method: it takes the steps of a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from talweg.engine.run.rows import Batch
from talweg.gates import Array


class GraphFunction(Protocol):
    """A graph that an engine has prepared.

    `run` takes arrays in the order of the inputs and returns a list in the order of the outputs.
    """

    @property
    def run(self) -> Callable[..., list[Any]]: ...


@dataclass(frozen=True)
class GraphFunctions:
    """The graphs of a program, prepared by an engine."""

    step: GraphFunction
    evaluation: GraphFunction | None
    unwatched_step: GraphFunction | None


class Steps(Protocol):
    """Takes the steps of a run one at a time, and holds the weights and the state."""

    weights: Array

    @property
    def state(self) -> Mapping[str, Array]:
        """The arrays that a snapshot needs beside the weights, to continue from here."""
        ...

    @property
    def has_ended(self) -> bool:
        """Whether no further step is possible."""
        ...

    def take(
        self, batch: Batch, settings: Mapping[str, Array], *, is_watched: bool
    ) -> Sequence[Any] | None:
        """Take a step and return its measures, then the watched outputs if it `is_watched`.

        None if a number became non-finite; then nothing has changed.
        """
        ...

    def origin_of_failure(self, batch: Batch, settings: Mapping[str, Array]) -> Any:
        """The node that made the first non-finite number of the step that failed."""
        ...

    def restore(self, weights: Array, state: Mapping[str, Array], epoch: int) -> None:
        """Continue from the end of an epoch, with the weights and the state that it had."""
        ...
