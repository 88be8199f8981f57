"""The rows with the largest errors, and what they hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from talweg.data.columns.cells import texts
from talweg.data.model.trained_table import Array, TrainedTable
from talweg.insight.encoded import EncodedRows
from talweg.insight.predictions import shown_targets
from talweg.insight.record import Record
from talweg.insight.result_sentences import is_several, target_name

WORST = 10
COLUMNS = 8  # the most important ones: nobody reads a wider table


@dataclass(frozen=True, eq=False)
class Mistakes(Record):
    """The W rows with the largest errors: true and predicted (W,), `errors` (W,), and their cells.

    `measure` names the error: true minus predicted, or the probability given to the true class.
    For several targets, true and predicted are (W, T), and `errors` those of `EncodedRows.errors`;
    `targets` are the first few names.
    """

    targets: Sequence[str]
    true: Sequence[Any]
    predicted: Sequence[Any]
    measure: str
    errors: Array
    columns: Mapping[str, list[str]]


def mistakes(rows: EncodedRows, outputs: Array, columns: Sequence[str]) -> Mistakes:
    """The `WORST` rows, the largest error first, with the cells of the first few columns."""
    trained, errors = rows.trained, rows.errors(outputs)
    worst = np.argsort(-np.abs(errors), kind="stable")[:WORST]
    table = rows.table.take(worst)
    cells = {
        trained.called(name): texts(table.columns[rows.name_of(name)]) for name in columns[:COLUMNS]
    }
    true, predicted = rows.true[worst], outputs[worst]
    targets, measure = _targets_and_measure(trained)
    if rows.classes:
        labels, decided = _labels(rows, true), _labels(rows, trained.decided(predicted))
        given = predicted[np.arange(len(worst)), true]
        return Mistakes(targets, labels, decided, measure, given, cells)
    return Mistakes(targets, true.tolist(), predicted.tolist(), measure, errors[worst], cells)


def _targets_and_measure(trained: TrainedTable) -> tuple[list[str], str]:
    if is_several(trained):
        return shown_targets(trained), "error in standard deviations"
    if trained.task == "classification":
        return [target_name(trained)], "probability of the true class"
    return [target_name(trained)], "true minus predicted"


def _labels(rows: EncodedRows, classes: Array) -> list[str]:
    return [rows.classes[code] for code in classes.tolist()]
