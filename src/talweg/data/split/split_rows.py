"""The encoded rows of a table, fold after fold, and which of them each network may see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from talweg.data.columns.packing import Unpack
from talweg.train.run.folds import Fold

Array = NDArray[Any]

_BLOCK = 2**14  # rows


@dataclass(frozen=True, eq=False)
class SplitRows:
    """Encoded rows x (N, D), targets y and weights (N,), fold after fold.

    With `unpack`, x is packed, and `inputs` unpacks it. Fold f ends before row `ends[f]`. In
    chronological order there are three folds, the same for all networks: training, validation and
    test rows.
    """

    x: Array
    y: Array
    weights: Array | None
    ends: NDArray[np.intp]
    by_time: bool = False
    unpack: Unpack | None = None

    def inputs(self, rows: slice | NDArray[np.intp]) -> Array:
        """Some of the rows as inputs (N, D)."""
        x = self.x[rows]
        return x if self.unpack is None else self.unpack.apply({}, x).array

    def is_constant(self) -> NDArray[np.bool_]:
        """Which of the inputs (D,) are the same in all rows that a network may train on."""
        x = self.x[self.trainable]
        if self.unpack is not None:  # unpacking ten million rows takes a tenth of the training time
            blocks = (x[at : at + _BLOCK] for at in range(0, len(x), _BLOCK))
            few = np.concatenate([self.unpack.telling(block) for block in blocks])
            x = self.unpack.apply({}, self.unpack.telling(few)).array
        constant: NDArray[np.bool_] = x.min(axis=0) == x.max(axis=0)
        return constant

    @property
    def trainable(self) -> slice:
        """The rows that some network may train on."""
        return slice(int(self.ends[-2]) if self.by_time else len(self.x))

    def rows(self, fold: int) -> slice:
        """The rows of a fold; the last one is -1."""
        index = fold % len(self.ends)
        return slice(int(self.ends[index - 1]) if index else 0, int(self.ends[index]))

    def test(self, network: int) -> slice:
        """The test rows of a network."""
        return self.rows(-1 if self.by_time else -1 - network)

    def validation(self, network: int) -> slice:
        """The validation rows of a network, by which it stops early."""
        return self.rows(-2 if self.by_time else -2 - network)

    def fold(self, network: int) -> Fold:
        """The rows that a network does not train on."""
        rows = np.arange(len(self.x))
        validation, test = rows[self.validation(network)], rows[self.test(network)]
        largest = int(np.diff(self.ends, prepend=0).max())
        return Fold(validation, test, f"member {network + 1}", largest)
