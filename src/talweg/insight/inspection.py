"""A model on rows with a known target: which columns it relies on, how its predictions depend on
them, where its errors are largest, and how fast it is.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np

from talweg.data.columns.table import Table
from talweg.data.model.held_out import Unseen
from talweg.data.model.trained_table import TrainedTable
from talweg.insight.dependence import Dependence, dependence
from talweg.insight.encoded import EncodedRows
from talweg.insight.importance import Importance, importance
from talweg.insight.mistakes import Mistakes, mistakes
from talweg.insight.record import Record

MOST_DEPENDENCES = 6


@dataclass(frozen=True, eq=False)
class Inspection(Record):
    """The result of `inspect`: columns come with the most important one first.

    `rows_per_second` is the speed of predicting, encoding included.
    """

    derived = ("relied_on",)
    importance: Importance
    dependence: tuple[Dependence, ...]
    mistakes: Mistakes
    rows_per_second: float

    @property
    def relied_on(self) -> list[str]:
        """The three most important columns at most, of those whose importance is clear."""
        ranked = self.importance.sorted()
        clear = ranked.mean[:3] > 2 * ranked.spread[:3]
        return [name for name, is_clear in zip(ranked.names[:3], clear, strict=True) if is_clear]


def inspect(trained: TrainedTable, source: Table | Unseen) -> Inspection | None:
    """Inspect a model on these rows, preferably unseen ones; None if it predicts NaN.

    DataError: the table lacks a column or the target. Work is bounded, whatever the table's size.
    """
    rows = EncodedRows.of(trained, source)
    outputs = rows.outputs(rows.x)
    speed = _rows_per_second(trained, rows)
    if not np.isfinite(outputs).all():
        return None
    ranked = importance(rows).sorted()
    names = tuple(map(trained.called, ranked.names))
    return Inspection(
        importance=replace(ranked, names=names),
        dependence=tuple(dependence(rows, ranked.names[:MOST_DEPENDENCES], trained.target)),
        mistakes=mistakes(rows, outputs, ranked.names),
        rows_per_second=speed,
    )


def _rows_per_second(trained: TrainedTable, rows: EncodedRows) -> float:
    trained.predict(rows.table.take(np.arange(min(2, len(rows)))))  # which compiles it
    started = time.perf_counter()
    trained.predict(rows.table)
    return len(rows) / (time.perf_counter() - started)
