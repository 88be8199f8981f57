"""The rows that a model gets most wrong, with what they hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from talweg.data.columns.cells import texts
from talweg.data.model.trained_table import Array
from talweg.insight.encoded import EncodedRows

WORST = 10
COLUMNS = 8  # the most important ones: a wider table is not read


@dataclass(frozen=True, eq=False)
class Mistakes:
    """The worst rows W: true and predicted (W,), cells of some columns, and how wrong (W,).

    `errors` are truth minus prediction, or the probability that the true class was given. Of
    several targets the first two are (W, T), and errors are those of `EncodedRows.errors`.
    """

    true: Sequence[Any]
    predicted: Sequence[Any]
    errors: Array
    columns: dict[str, list[str]]


def mistakes(rows: EncodedRows, outputs: Array, columns: Sequence[str]) -> Mistakes:
    """The `WORST` rows by their error, the worst first, with the first few of the columns."""
    errors = rows.errors(outputs)
    worst = np.argsort(-np.abs(errors), kind="stable")[:WORST]
    table = rows.table.take(worst)
    shown = {name: texts(table.columns[rows.name_of(name)]) for name in columns[:COLUMNS]}
    true, said = rows.true[worst], outputs[worst]
    if rows.classes:
        named, guessed = (_labels(rows, each) for each in (true, rows.trained.decided(said)))
        return Mistakes(named, guessed, said[np.arange(len(worst)), true], shown)
    return Mistakes(true.tolist(), said.tolist(), errors[worst], shown)


def _labels(rows: EncodedRows, classes: Array) -> list[str]:
    return [rows.classes[each] for each in classes.tolist()]
