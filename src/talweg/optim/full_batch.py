"""Full-batch methods: each pass sees all rows, at weights that the method chooses."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
import numpy.typing as npt

from talweg.errors import ModelFileError
from talweg.settings import Checked

Vector = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Point:
    """The result of a pass over all rows at some weights (W).

    `value` is the objective, the loss plus penalties; `gradient` (W) is empty if the method does
    not use it; `measures` are the loss and the metrics.
    """

    weights: Vector
    value: float
    gradient: Vector
    measures: Sequence[float] = ()

    @property
    def is_finite(self) -> bool:
        return bool(np.isfinite(self.value) and np.isfinite(self.gradient).all())


Objective = Callable[[Vector], Point]
"""A pass over all rows, at the weights rounded to the network's dtype."""


class Search(Protocol):
    """A full-batch method in progress."""

    point: Point
    """The current weights of the network, and the pass there."""
    ended: bool
    """Whether no descent direction is left."""

    def step(self) -> Mapping[str, float]:
        """Take one step; returns the numbers that `run.watched` records."""

    def state(self) -> dict[str, Any]:
        """The state for a checkpoint, besides `point`: numbers and arrays."""

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue from a state, with `point` as it was then.

        ModelFileError: see `checked_array`.
        """


def checked_array(state: Mapping[str, Any], name: str, shape: tuple[int, ...] = ()) -> Any:
    """An array of a search's state.

    ModelFileError: it is absent, has another shape or is not finite.
    """
    array = np.asarray(state.get(name, np.nan))
    if array.shape != shape or array.dtype.kind not in "iufb" or not np.isfinite(array).all():
        raise ModelFileError(
            f"The checkpoint's state of the optimizer has no finite numbers {name!r} of shape "
            f"{shape}. It belongs to another run or was altered: delete it and start over."
        )
    return array


@dataclass(frozen=True)
class FullBatch(Checked):
    """The base of full-batch methods: each epoch is one step of a search.

    A subclass lists in `watched` the numbers that `run.watched` records once per epoch.
    """

    watched: ClassVar[tuple[str, ...]] = ()
    uses_gradient: ClassVar[bool] = True
    max_parameters: ClassVar[int | None] = None
    """The largest number of parameters that the method can handle."""

    def begin(self, start: Point, objective: Objective, *, seed: int, epochs: int) -> Search:
        """Start a search at a finite point."""
        raise NotImplementedError(f"{type(self).__name__} does not define begin")

    # The interface of Optimizer that applies here, so that `fit` takes both.

    changes_each_step: ClassVar[bool] = False

    def init(self, weights: Any) -> dict[str, Any]:
        return {}

    def run_settings(self) -> dict[str, float]:
        return {}

    def schedules(self, epochs: int) -> dict[str, Any]:
        return {}

    def plateaus(self) -> dict[str, Any]:
        return {}
