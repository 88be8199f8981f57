"""The base of all targets: encoding for the network, and decoding of its outputs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from talweg.data.columns.cells import Cells, Mask
from talweg.data.columns.labels import known_rows
from talweg.data.model.decision import Decision
from talweg.data.model.scores import Score

Array = NDArray[Any]
Kind = tuple[Any, tuple[int, ...]]
"""The dtype and the shape of an array."""
Task = Literal["regression", "classification"]


@dataclass(frozen=True, eq=False)
class Predicted:
    """Predictions and true values, both (N, ...), to compute scores from.

    The trivial predictor always predicts `prior`. The `weights` (N,) of rows are equal if not
    given. A `decision` chooses between two classes. `names` are the names of several columns in
    scores, by default those of the table.
    """

    true: Array
    outputs: Array
    prior: Array
    weights: Array | None = None
    decision: Decision | None = None
    names: Sequence[str] = ()


class Target(ABC):
    """One or several columns that a network learns to predict.

    Rows in errors count from 1, without the header.
    """

    task: ClassVar[Task]
    has_classes: ClassVar[bool] = False
    loss: ClassVar[str]

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """The target as a model file keeps it."""

    # Columns and outputs ----------------------------------------------------------------------

    @property
    @abstractmethod
    def names(self) -> tuple[str, ...]:
        """The names of the columns."""

    @property
    @abstractmethod
    def outputs(self) -> int:
        """The number of outputs of the network."""

    @property
    @abstractmethod
    def metrics(self) -> list[str]:
        """The metrics measured in addition to the loss."""

    @property
    def columns(self) -> tuple[Any, ...]:
        """The target of each column of numbers; none for classes."""
        return ()

    @property
    def unit(self) -> float:
        """The size of an error of 1 in the output of the network, in the unit of the column."""
        return 1.0

    # Encoding ---------------------------------------------------------------------------------

    def known(self, *cells: Cells) -> Mask:
        """Which rows (N,) of any table have a value in each target column."""
        return known_rows(*cells)

    @abstractmethod
    def encode(self, *cells: Cells) -> Array:
        """The cells (N,) of each column as targets of the network. DataError: a missing cell."""

    @abstractmethod
    def decode(self, outputs: Array) -> Array:
        """Outputs of the network as predictions: numbers (N,), or (N, T) for several columns, in
        the unit of the column, or probabilities (N, K).
        """

    def decode_mean(self, outputs: Sequence[Array]) -> Array:
        """The mean prediction of several networks, from the outputs of each."""
        return self.decode(np.mean(outputs, axis=0))

    @abstractmethod
    def truth(self, encoded: Array) -> Array:
        """Encoded targets as scores compare them: numbers in the unit of the column, or classes."""

    def refit(self, *cells: Cells) -> Target:
        """The same target, fitted to some of its cells alone, such as those of the past."""
        return self

    def stratify(self, *cells: Cells) -> Array | None:
        """The classes (N,) that each fold should have in equal shares; None for numbers."""
        return None

    # Notes ------------------------------------------------------------------------------------

    def note(self, cells: Cells) -> str:
        """A note on the cells of a target that was detected as classes."""
        return ""

    def doubts(self, cells: Sequence[Cells]) -> dict[str, str]:
        """Numbers that may have been misread, in words, by column."""
        return {}

    # Scores and what is stored of them --------------------------------------------------------

    @abstractmethod
    def prior(self, encoded: Array) -> Array:
        """The prediction of the trivial predictor: means (T,), or class frequencies (K,)."""

    @abstractmethod
    def recent_prior(self, encoded: Array) -> Array:
        """The same from a few recent rows, in which a class may be missing."""

    @abstractmethod
    def scores(self, rows: Predicted) -> list[Score]:
        """The scores of predictions beside those of the trivial predictor."""

    @abstractmethod
    def held_out_arrays(self, rows: int) -> dict[str, Kind]:
        """The arrays of this many held-out rows in a model file."""

    def held_out_fault(self, arrays: Mapping[str, Array]) -> str | None:
        """The fault in the values of such arrays from a file; None if there is none."""
        weights = arrays["weights"]
        if not len(weights) or weights.min() < 0 or not weights.any():
            return "the held-out rows need weights of at least 0, not all 0"
        return None


def held_out_arrays(true: Kind, outputs: Kind, prior: int, rows: int) -> dict[str, Kind]:
    """The arrays of held-out rows by name."""
    return {
        "true": true,
        "outputs": outputs,
        "prior": (np.float64, (prior,)),
        "weights": (np.float64, (rows,)),
    }
