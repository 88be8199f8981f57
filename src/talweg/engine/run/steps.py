"""What takes the steps of a run, as an interface."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from talweg.engine.run.rows import Batch
from talweg.gates import Array


class GraphFunction(Protocol):
    """A graph made ready by an engine: a function of arrays in the order of its inputs, which
    gives a list in the order of its outputs.
    """

    @property
    def run(self) -> Callable[..., list[Any]]: ...


@dataclass(frozen=True)
class GraphFunctions:
    """The graphs of a program, made ready by an engine."""

    step: GraphFunction
    evaluation: GraphFunction | None
    unwatched_step: GraphFunction | None


class Steps(Protocol):
    """What takes the steps of a run, one at a time, and holds what changes with them."""

    weights: Array

    @property
    def state(self) -> Mapping[str, Array]:
        """What a snapshot needs beside the weights to go on from here."""
        ...

    @property
    def has_ended(self) -> bool:
        """Whether no further step is possible."""
        ...

    def take(
        self, batch: Batch, settings: Mapping[str, Array], *, is_watched: bool
    ) -> Sequence[Any] | None:
        """Take a step. Gives its measures, then what is watched if it `is_watched`. None if a
        number stopped being finite; then nothing has changed.
        """
        ...

    def origin_of_failure(self, batch: Batch, settings: Mapping[str, Array]) -> Any:
        """The node that made the first number that is not finite in the step that failed."""
        ...

    def restore(self, weights: Array, state: Mapping[str, Array], epoch: int) -> None:
        """Go on from the end of an epoch, as `weights` and `state` were then."""
        ...
