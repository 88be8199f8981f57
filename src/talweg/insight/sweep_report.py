"""The report of a sweep: its best run, the loss by each setting, learning curves, and all runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from talweg.errors import counted
from talweg.insight.record import Record, Report
from talweg.insight.text import number_text
from talweg.train.run.run import Run
from talweg.train.search.search_space import in_words
from talweg.train.search.sweep import Sweep

Floats = NDArray[np.float64]

MOST_CELLS = 10  # values of a setting in a grid
MOST_PAIRS = 3
MOST_RUNS = 200  # in the table


@dataclass(frozen=True, eq=False)
class SettingEffect(Record):
    """The loss of each run beside its value of one setting."""

    name: str
    values: Sequence[Any]
    losses: Floats
    measure: str


@dataclass(frozen=True, eq=False)
class SettingPlane(Record):
    """The loss of each run beside its values of two settings."""

    names: tuple[str, str]
    first: Sequence[Any]
    second: Sequence[Any]
    losses: Floats
    measure: str


@dataclass(frozen=True, eq=False)
class SettingGrid(Record):
    """The median loss for each pair of values of two settings, (rows, columns)."""

    names: tuple[str, str]
    rows: Sequence[str]
    columns: Sequence[str]
    losses: Sequence[Sequence[float]]
    measure: str


@dataclass(frozen=True, eq=False)
class SweepCurves(Record):
    """The measure of each run that has one, epoch by epoch, and its loss."""

    curves: Sequence[Floats]
    losses: Sequence[float]
    measure: str


@dataclass(frozen=True, eq=False)
class SweepTable(Record):
    """Settings and results of the runs by name, the best run first; `runs` are their numbers."""

    runs: Sequence[int]
    columns: Mapping[str, Sequence[Any]]
    total: int


@dataclass(frozen=True, kw_only=True, eq=False)
class SweepReport(Report):
    """The report of a sweep; `best` has the settings of its best run, if any run has a loss."""

    kind = "sweep"
    runs: int
    seconds: float
    halted: int
    failed: int
    left_out: int
    measure: str
    best: Mapping[str, Any] | None
    best_loss: float
    settings: Sequence[SettingEffect] = ()
    pairs: Sequence[SettingGrid | SettingPlane] = ()
    curves: SweepCurves | None = None
    table: SweepTable | None = None


def sweep_report(sweep: Sweep) -> SweepReport:
    """Everything that a page shows about a sweep."""
    losses, measure = _losses(sweep), _measure(sweep)
    best, best_loss = None, float("nan")
    if sweep.table.best is not None:
        best = {name: _plain(value) for name, value in sweep.best_point.items()}
        best_loss = float(losses[sweep.table.best])
    swept = _swept(sweep)
    return SweepReport(
        title=f"A sweep of {counted(len(sweep.runs), 'run')}",
        summary=(_lead(best, best_loss, measure),),
        runs=len(sweep.runs),
        seconds=sweep.seconds,
        halted=sum(run.stopped_by == "halving" for run in sweep.runs),
        failed=sum(run.failure is not None for run in sweep.runs),
        left_out=len(sweep.left_out),
        measure=measure,
        best=best,
        best_loss=best_loss,
        settings=[SettingEffect(name, swept[name], losses, measure) for name in swept],
        pairs=list(_pairs(swept, losses, measure)),
        curves=_curves(sweep, losses, measure) if sweep.runs else None,
        table=_table(sweep, losses) if sweep.runs else None,
    )


def _lead(best: Mapping[str, Any] | None, loss: float, measure: str) -> str:
    if best is None:
        return "No run has a loss to compare."
    at = ", ".join(f"{name} {in_words(value)}" for name, value in best.items())
    return f"The best run has a {measure} of {number_text(loss)}{f', with {at}' if at else ''}."


def _measure(sweep: Sweep) -> str:
    return "validation loss" if sweep.compared_by == "val_loss" else "loss"


def _losses(sweep: Sweep) -> Floats:
    """What runs are compared by; NaN for those that failed."""
    name = sweep.compared_by
    column = sweep.table[f"run_{name}" if f"run_{name}" in sweep.table else name]
    failed = [run.failure is not None for run in sweep.runs]
    return np.where(failed, np.nan, column.astype(np.float64))


def _swept(sweep: Sweep) -> dict[str, list[Any]]:
    """The settings that differ between runs; seeds only if nothing else does."""
    names = sweep.points[0] if sweep.points else {}
    values = {name: _plain_all([point[name] for point in sweep.points]) for name in names}
    swept = {name: each for name, each in values.items() if len(set(map(in_words, each))) > 1}
    return {name: each for name, each in swept.items() if name != "seed"} or swept


def _plain(value: Any) -> Any:
    """A number as it is, anything else in words."""
    value = value.item() if isinstance(value, np.generic) else value
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return value if is_number else in_words(value)


def _plain_all(values: Sequence[Any]) -> list[Any]:
    """Numbers as they are, or all values in words if some are not numbers."""
    plain = list(map(_plain, values))
    return list(map(in_words, plain)) if any(isinstance(one, str) for one in plain) else plain


def _pairs(
    swept: Mapping[str, Sequence[Any]], losses: Floats, measure: str
) -> Iterator[SettingGrid | SettingPlane]:
    """The first pairs of settings: as a grid if they have few values, otherwise as a plane."""
    for first, second in list(combinations(swept, 2))[:MOST_PAIRS]:
        rows, columns = (list(dict.fromkeys(map(in_words, swept[n]))) for n in (first, second))
        if max(len(rows), len(columns)) <= MOST_CELLS:
            medians = _medians(rows, columns, swept[first], swept[second], losses)
            yield SettingGrid((first, second), rows, columns, medians, measure)
        else:
            yield SettingPlane((first, second), swept[first], swept[second], losses, measure)


def _medians(
    rows: list[str], columns: list[str], first: Sequence[Any], second: Sequence[Any], losses: Floats
) -> list[list[float]]:
    """The median of the finite losses in each cell; NaN where there is none."""
    cells: list[list[list[float]]] = [[[] for _ in columns] for _ in rows]
    for a, b, loss in zip(first, second, losses.tolist(), strict=True):
        if np.isfinite(loss):
            cells[rows.index(in_words(a))][columns.index(in_words(b))].append(loss)
    return [[float(np.median(cell)) if cell else np.nan for cell in row] for row in cells]


def _curves(sweep: Sweep, losses: Floats, measure: str) -> SweepCurves:
    kept = [index for index, run in enumerate(sweep.runs) if _has_curve(sweep, run)]
    curves = [sweep.runs[index].history[sweep.compared_by] for index in kept]
    return SweepCurves(curves, losses[kept].tolist(), measure)


def _has_curve(sweep: Sweep, run: Run) -> bool:
    return len(run.history.get(sweep.compared_by, ())) > 0


def _table(sweep: Sweep, losses: Floats) -> SweepTable:
    order = np.argsort(losses, kind="stable")[:MOST_RUNS].tolist()
    columns = {name: [_plain(values[n]) for n in order] for name, values in sweep.columns.items()}
    return SweepTable(order, columns, len(sweep.runs))
