"""Methods that see all rows in each pass, and choose for themselves where to look next."""

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
    """What a pass over all rows finds at some weights (W).

    `value` is what training lowers, the loss with its penalties; `gradient` (W) is empty where the
    method asks for none; `measures` are the loss and the metrics.
    """

    weights: Vector
    value: float
    gradient: Vector
    measures: Sequence[float] = ()

    @property
    def is_finite(self) -> bool:
        return bool(np.isfinite(self.value) and np.isfinite(self.gradient).all())


Landscape = Callable[[Vector], Point]
"""A pass over all rows. The weights are rounded to those that the net can have."""


class Search(Protocol):
    """A method on its way."""

    point: Point
    """Where the net is now."""
    ended: bool
    """Whether no way down was found."""

    def step(self) -> Mapping[str, float]:
        """Go one step, and say what there is to note of it."""

    def state(self) -> dict[str, Any]:
        """What decides how it goes on, beside `point`: numbers and arrays, for a checkpoint."""

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` gave; `point` is where it was then. ModelFileError: see
        `remembered`.
        """


def remembered(state: Mapping[str, Any], name: str, shape: tuple[int, ...] = ()) -> Any:
    """An array of a search's state. ModelFileError: it is absent, misshapen or not finite."""
    array = np.asarray(state.get(name, np.nan))
    if array.shape != shape or array.dtype.kind not in "iufb" or not np.isfinite(array).all():
        raise ModelFileError(
            f"The checkpoint's state of the optimizer lacks {name!r} as finite numbers of the shape"
            f" {shape}. It is of another run or altered: delete it, and train from the start."
        )
    return array


@dataclass(frozen=True)
class FullBatch(Checked):
    """The base of methods that see all rows at once: each epoch is one step of a search.

    What a subclass `notes` of its steps is found in `run.watched`, one number an epoch.
    """

    trained_by: ClassVar[str] = "passes"
    notes: ClassVar[tuple[str, ...]] = ()
    uses_gradient: ClassVar[bool] = True
    most_weights: ClassVar[int | None] = None
    """The most weights for which the method has room."""

    def begin(self, start: Point, landscape: Landscape, *, seed: int, epochs: int) -> Search:
        """A search that starts from a finite point."""
        raise NotImplementedError(f"{type(self).__name__} does not define begin")

    # What an update rule has, so that both are chosen in the same way.

    changes_each_step: ClassVar[bool] = False

    def init(self, weights: Any) -> dict[str, Any]:
        return {}

    def run_settings(self) -> dict[str, float]:
        return {}

    def schedules(self, epochs: int) -> dict[str, Any]:
        return {}

    def plateaus(self) -> dict[str, Any]:
        return {}
