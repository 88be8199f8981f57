"""The kinds of targets, and which of them suits the cells of a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from talweg.data.columns.cells import Cells, Moments, Words, are_numbers, parse_numbers
from talweg.data.columns.labels import known_rows, left_out
from talweg.data.columns.numerals import MOST_WHOLE
from talweg.data.columns.values import Types
from talweg.data.model.targets.base import Target, Task
from talweg.data.model.targets.classification import Classification
from talweg.data.model.targets.multi_regression import (
    MultiRegression,
    regression_from_json,
)
from talweg.data.model.targets.regression import REGRESSION_RECORD, Regression
from talweg.errors import DataError
from talweg.schema import Record, Tagged
from talweg.settings import Choice, check


@dataclass(frozen=True)
class TargetKind:
    """How targets of one task are made: from the cells of a column, and from a model file.

    `join` makes one target of several columns; None where a network learns only one at a time.
    """

    fit: Callable[[str, Cells, Types | None], Target]
    from_json: Callable[[dict[str, Any]], Target]
    record: Record
    join: Callable[[tuple[Any, ...]], Target] | None = None


TARGETS: dict[Task, TargetKind] = {
    "regression": TargetKind(
        Regression.fit, regression_from_json, REGRESSION_RECORD, join=MultiRegression
    ),
    "classification": TargetKind(
        Classification.fit, Classification.from_json, Classification.record
    ),
}
"""The kinds of targets, by their task."""

TARGET_RECORD = Tagged("task", {task: kind.record for task, kind in TARGETS.items()})
TASK = Choice(tuple(TARGETS), optional=True)

MISTAKEN = 0.1  # a smaller share of words among many different numbers is an error to report


def fit_target(
    cells: Cells, *, task: Task | None = None, name: str = "target", types: Types | None = None
) -> Target:
    """The target for these cells, missing ones left out; its task follows from them unless given.

    `types` are the types of the labels in their source, if it has types. DataError: all cells
    missing, all alike, or, for classes, nearly all different.
    """
    task = check("Target", {"task": task}, {"task": TASK})["task"]
    if isinstance(cells, Moments) or (isinstance(cells, Words) and cells.full):
        raise DataError(_no_target(name, cells))
    if not known_rows(cells).any():
        hint = left_out(cells) or "Choose another column."
        raise DataError(f"Target {name!r}: every cell is missing. {hint}")
    return TARGETS[task or task_of(cells)].fit(name, cells, types)


def fit_targets(
    cells: Sequence[Cells],
    names: Sequence[str],
    *,
    task: Task | None = None,
    types: Mapping[str, Types] | None = None,
) -> Target:
    """The target of one or several columns, known in every row.

    DataError: several columns, one of them of classes.
    """
    columns = [
        fit_target(column, task=task, name=name, types=(types or {}).get(name))
        for column, name in zip(cells, names, strict=True)
    ]
    if len(columns) == 1:
        return columns[0]
    for target in columns:
        if TARGETS[target.task].join is None:
            _refuse_several(target)
    join = TARGETS[columns[0].task].join
    assert join is not None
    return join(tuple(columns))


def target_from_json(record: dict[str, Any]) -> Target:
    """The target that a model file holds."""
    task: Task = record["task"]
    return TARGETS[task].from_json(record)


def task_of(cells: Cells) -> Task:
    """Regression for numbers with fractions or many values, else classification."""
    values, missing = parse_numbers(cells)
    values = values[~missing]
    distinct = np.unique(values[np.isfinite(values)])
    mistakes = np.count_nonzero(np.isnan(values))
    many = len(distinct) > MOST_WHOLE and mistakes < MISTAKEN * len(values)
    if not many and not are_numbers(values):
        return "classification"
    measured = len(distinct) > MOST_WHOLE or (distinct != np.rint(distinct)).any()
    return "regression" if measured else "classification"


def _refuse_several(target: Target) -> NoReturn:
    assert isinstance(target, Classification)
    levels = ", ".join(map(repr, target.levels[:3]))
    more = ", ..." if len(target.levels) > 3 else ""
    raise DataError(
        f"Target {target.name!r} has {len(target.levels)} classes ({levels}{more}), but a model "
        "with several targets can predict only numbers. Train one model for each column of "
        "classes, or give task='regression' if the whole numbers are quantities."
    )


def _no_target(name: str, cells: Words | Moments) -> str:
    """Why a column of dates, or of too many different texts, cannot be a target."""
    if isinstance(cells, Words) and cells.why:
        return f"Target {name!r}: {cells.why} Give one value per row."
    if isinstance(cells, Moments):
        fault = "it holds dates. Give numbers, such as days since the first"
    elif len(cells.levels) == 1:
        fault = "it mixes many different numbers with words. Correct the words or empty their cells"
    else:
        fault = f"more than {len(cells.levels) - 1:,} different labels are too many to learn"
    return f"Target {name!r}: {fault}, or choose another column."
