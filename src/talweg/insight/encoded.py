"""Rows with a known target, as the network sees them: what each look into a model starts from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from talweg.data.columns.table import Table
from talweg.data.model.scores import log_losses, mean_r2
from talweg.data.model.target import Classification, Regressions
from talweg.data.model.trained_table import TrainedTable, Unseen, outputs_of, truth

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class EncodedRows:
    """The rows of `table` as inputs `x` (N, D), and their true numbers or classes (N,); (N, T) of
    several targets.

    Rows that are `unseen` are judged each by the member that never saw it, others by all.
    """

    trained: TrainedTable
    table: Table
    x: Array
    true: Array
    unseen: Unseen | None = None

    @staticmethod
    def of(trained: TrainedTable, source: Table | Unseen) -> EncodedRows:
        """The rows whose target is known; DataError where columns are missing."""
        unseen = source if isinstance(source, Unseen) else None
        table = source.table if isinstance(source, Unseen) else source
        if unseen is not None:  # its judges see it in their own way
            trained = replace(trained, encoder=unseen.encoder, coding=unseen.coding)
        cells = trained.target_cells(table)
        known = trained.coding.labelled(*cells)
        kept = table if known.all() else table.take(known)
        y = trained.coding.encode(*(column[known] for column in cells))
        # Of rows named by number nothing is doubted: in time, judges may meet new levels.
        x = trained.encoder.encode(kept, None if unseen is None else np.arange(len(kept)))
        return EncodedRows(trained, kept, x, truth(trained.coding, y), unseen)

    def __len__(self) -> int:
        return len(self.true)

    def take(self, rows: NDArray[np.intp]) -> EncodedRows:
        """These rows alone."""
        unseen = self.unseen and self.unseen.take(rows)
        table = unseen.table if unseen else self.table.take(rows)
        return EncodedRows(self.trained, table, self.x[rows], self.true[rows], unseen)

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes; none where the target is a number."""
        coding = self.trained.coding
        return coding.levels if isinstance(coding, Classification) else ()

    @property
    def weights(self) -> int:
        """How many weights a row goes through: those of its judge, or of all members."""
        if self.unseen is None:
            return self.trained.net.weights.flat.size
        return int(self.unseen.members.weights.shape[1])

    def places(self) -> dict[str, slice]:
        """Which of the D inputs each column fills."""
        columns = self.trained.encoder.columns
        ends = pairwise(accumulate((each.width for each in columns), initial=0))
        return {each.name: slice(*span) for each, span in zip(columns, ends, strict=True)}

    def name_of(self, column: str) -> str:
        """What the table calls a column of training: by position its name may be another."""
        encoder = self.trained.encoder
        return self.table.names[encoder.names.index(column)] if encoder.positional else column

    def outputs(self, x: Array) -> Array:
        """What is said of inputs (N, D) of these rows: numbers (N,), of several targets (N, T),
        or probabilities (N, K).
        """
        if self.unseen is None:
            return outputs_of(self.trained.net, self.trained.coding, x)
        return self.unseen.outputs(x)

    def errors(self, outputs: Array) -> Array:
        """How wrong each row is (N,): truth minus prediction, or -log of the true class's share.

        Of several targets the root of the mean squared error, each in standard deviations.
        """
        coding = self.trained.coding
        if isinstance(coding, Classification):
            return log_losses(self.true, outputs)
        errors = np.asarray(self.true - outputs)
        if not isinstance(coding, Regressions):
            return errors
        return np.asarray(np.sqrt(((errors / coding.scales) ** 2).mean(axis=1)))

    def score(self, outputs: Array) -> float:
        """How good the outputs are, more being better: R2, or the negative log loss."""
        if self.classes:
            return -float(log_losses(self.true, outputs).mean())
        return mean_r2(self.true, outputs)
