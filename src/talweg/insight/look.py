"""All that can be seen of a model on rows with a known target: what it relies on, how the
prediction follows that, where it errs most, and how fast it is.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from talweg.data.columns.table import Table
from talweg.data.model.trained_table import TrainedTable, Unseen
from talweg.insight.dependence import Dependence, dependence
from talweg.insight.encoded import EncodedRows
from talweg.insight.importance import Importance, importance
from talweg.insight.mistakes import Mistakes, mistakes

MOST_DEPENDENCES = 6


@dataclass(frozen=True, eq=False)
class Look:
    """What was seen; `rows_a_second` is that of predicting, encoding included."""

    importance: Importance
    dependence: tuple[Dependence, ...]
    mistakes: Mistakes
    rows_a_second: float

    @property
    def relied_on(self) -> list[str]:
        """Up to three columns that matter most, of those that clearly do."""
        found = self.importance
        clear = set(np.array(found.names)[found.mean > 2 * found.spread].tolist())
        return [name for name in found.order()[:3] if name in clear]


def look(trained: TrainedTable, source: Table | Unseen) -> Look | None:
    """Look into a model on these rows, best ones that it never saw; None if it predicts NaN.

    DataError: the table lacks a column or the target. Work is bounded, whatever the table's size.
    """
    rows = EncodedRows.of(trained, source)
    outputs = rows.outputs(rows.x)
    trained.predict(rows.table.take(np.arange(min(2, len(rows)))))  # which compiles it
    started = time.perf_counter()
    trained.predict(rows.table)
    seconds = time.perf_counter() - started
    if not np.isfinite(outputs).all():
        return None
    found = importance(rows)
    columns = found.order()
    return Look(
        importance=found,
        dependence=tuple(dependence(rows, columns[:MOST_DEPENDENCES])),
        mistakes=mistakes(rows, outputs, columns),
        rows_a_second=len(rows) / seconds,
    )
