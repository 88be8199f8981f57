"""Rows with a known target, encoded as the network sees them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from talweg.data.columns.table import Table
from talweg.data.model.held_out import Unseen
from talweg.data.model.scores import log_losses, mean_r2
from talweg.data.model.targets.classification import Classification
from talweg.data.model.targets.multi_regression import MultiRegression
from talweg.data.model.trained_table import TrainedTable, outputs_of

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class EncodedRows:
    """The rows of `table` as inputs `x` (N, D), with their true numbers or classes: (N,), or (N, T)
    for several targets.

    If the rows are `unseen`, the member that did not train on a row predicts it; otherwise the
    whole ensemble does.
    """

    trained: TrainedTable
    table: Table
    x: Array
    true: Array
    unseen: Unseen | None = None

    @staticmethod
    def of(trained: TrainedTable, source: Table | Unseen) -> EncodedRows:
        """The rows whose target is known. DataError: columns are missing."""
        unseen = source if isinstance(source, Unseen) else None
        table = source.table if isinstance(source, Unseen) else source
        if unseen is not None:  # the members that judge it have their own encoder
            trained = replace(trained, encoder=unseen.encoder, target=unseen.target)
        cells = trained.target_cells(table)
        known = trained.target.known(*cells)
        kept = table if known.all() else table.take(known)
        y = trained.target.encode(*(column[known] for column in cells))
        # Rows given by number raise no warning: in time order, later rows may have new levels.
        x = trained.encoder.encode(kept, None if unseen is None else np.arange(len(kept)))
        return EncodedRows(trained, kept, x, trained.target.truth(y), unseen)

    def __len__(self) -> int:
        return len(self.true)

    def take(self, rows: NDArray[np.intp]) -> EncodedRows:
        """Only these rows."""
        unseen = self.unseen and self.unseen.take(rows)
        table = unseen.table if unseen else self.table.take(rows)
        return EncodedRows(self.trained, table, self.x[rows], self.true[rows], unseen)

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes; empty if the target is a number."""
        coding = self.trained.target
        return coding.levels if isinstance(coding, Classification) else ()

    @property
    def weights(self) -> int:
        """How many weights a prediction uses: those of one member, or of all."""
        if self.unseen is None:
            return self.trained.net.weights.flat.size
        return int(self.unseen.members.weights.shape[1])

    def slices(self) -> dict[str, slice]:
        """Which of the D inputs each column fills."""
        columns = self.trained.encoder.columns
        spans = pairwise(accumulate((column.width for column in columns), initial=0))
        return {column.name: slice(*span) for column, span in zip(columns, spans, strict=True)}

    def name_of(self, column: str) -> str:
        """This table's name for a column of training; it may differ if matched by position."""
        encoder = self.trained.encoder
        return self.table.names[encoder.names.index(column)] if encoder.positional else column

    def outputs(self, x: Array) -> Array:
        """Predict inputs (N, D) of these rows: numbers (N,) or (N, T), or probabilities (N, K)."""
        if self.unseen is None:
            return outputs_of(self.trained.net, self.trained.target, x)
        return self.unseen.outputs(x)

    def errors(self, outputs: Array) -> Array:
        """The error of each row (N,): true minus predicted, or -log p(true class).

        For several targets: the root mean square of the errors, each in standard deviations.
        """
        coding = self.trained.target
        if isinstance(coding, Classification):
            return log_losses(self.true, outputs)
        errors = np.asarray(self.true - outputs)
        if not isinstance(coding, MultiRegression):
            return errors
        return np.asarray(np.sqrt(((errors / coding.scales) ** 2).mean(axis=1)))

    def score(self, outputs: Array) -> float:
        """The score of the outputs, greater being better: R2, or the negative log loss."""
        if self.classes:
            return -float(log_losses(self.true, outputs).mean())
        return mean_r2(self.true, outputs)
