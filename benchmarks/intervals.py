"""Coverage of prediction intervals on new rows, overall and by fifths of the prediction.

python -m benchmarks.intervals [--splits 5] [--tables abalone ...]

A model is fitted on a random half of the rows and its intervals are tested on the other half.
Numbers are means over the splits: the coverage overall and in each fifth, the mean width in each
fifth in standard deviations of the target, and the coverage of plain split conformal prediction,
which gives all rows the same width.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import talweg as tw
from benchmarks.real_tables import FOLDER, TABLES, read
from talweg.data.model.intervals import half_width

Array = NDArray[Any]

COVERAGES = (0.8, 0.9, 0.95)
TREES = {"trees": "Volume", "Orange": "circumference", "Loblolly": "height", "Pines": "Diam97"}
NAMES = [name for name, table in TABLES.items() if table.task == "regression"] + [*TREES]


def main() -> None:
    """Print a block of lines per target."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.intervals")
    parser.add_argument("--splits", type=int, default=5)
    parser.add_argument("--tables", nargs="+", choices=NAMES, default=NAMES)
    parser.add_argument("--folder", type=Path, default=FOLDER)
    given = parser.parse_args()
    for name in given.tables:
        frame, targets = _table(name, given.folder)
        measured = [_split(frame, targets, split) for split in range(given.splits)]
        for i, target in enumerate(targets):
            _print(f"{name} {target}", len(frame) // 2, np.array([split[i] for split in measured]))


def _table(name: str, folder: Path) -> tuple[Any, list[str]]:
    if name in TABLES:
        return read(name, folder), list(TABLES[name].targets)
    import pandas as pd

    frame = pd.read_csv(folder.parent / "trees" / f"{name}.csv").drop(columns="rownames")
    target = TREES[name]
    return frame[frame[target].notna()].reset_index(drop=True), [target]


def _split(frame: Any, targets: list[str], split: int) -> Array:
    """The numbers of `_numbers` by target and coverage."""
    learned = np.random.default_rng(split).random(len(frame)) < 0.5
    model = tw.TableModel(targets).fit(frame[learned], seed=split, progress=False)
    new = frame[~learned]
    predicted = model.predict(new).reshape(len(new), -1)
    true = new[targets].to_numpy(dtype=float)
    numbers: list[list[Array]] = []
    for i in range(len(targets)):
        numbers.append([])
        for coverage in COVERAGES:
            try:
                ends = model.predict_interval(new, coverage).reshape(len(new), -1, 2)[:, i]
            except tw.TalwegError:  # too few rows for this coverage
                numbers[-1].append(np.full(17, np.nan))
                continue
            held = model.trained.held_out
            errors = (held.true - held.outputs).reshape(len(held.true), -1)[:, i]
            half = half_width(errors, coverage)
            plain = np.stack([predicted[:, i] - half, predicted[:, i] + half], axis=1)
            numbers[-1].append(_numbers(true[:, i], predicted[:, i], ends, plain))
    return np.array(numbers)


def _numbers(true: Array, predicted: Array, ends: Array, plain: Array) -> Array:
    """Coverage overall and by fifths, widths by fifths, and coverage with one width; 17 numbers."""
    fifths = np.array_split(np.argsort(predicted, kind="stable"), 5)
    holds, holds_plain = (_holds(true, intervals) for intervals in (ends, plain))
    widths = (ends[:, 1] - ends[:, 0]) / true.std()
    return np.array(
        [
            holds.mean(),
            *(holds[rows].mean() for rows in fifths),
            *(widths[rows].mean() for rows in fifths),
            holds_plain.mean(),
            *(holds_plain[rows].mean() for rows in fifths),
        ]
    )


def _holds(true: Array, ends: Array) -> Array:
    return (ends[:, 0] <= true) & (true <= ends[:, 1])


def _print(title: str, rows: int, measured: Array) -> None:
    """Print the means of `measured`, (splits, coverages, 17)."""
    print(f"\n{title}: {rows:,} training rows, mean of {len(measured)} splits")
    for i, coverage in enumerate(COVERAGES):
        mean = measured[:, i].mean(axis=0)
        if np.isnan(mean).any():
            print(f"  {coverage:.2f}  too few rows")
            continue
        total, fifths, widths, plain, plains = np.split(mean, [1, 6, 11, 12])
        print(
            f"  {coverage:.2f}  {total[0]:.3f} | {_row(fifths)} | widths {_row(widths, 2)}"
            f" | one width {plain[0]:.3f} | {_row(plains)}",
            flush=True,
        )


def _row(values: Array, digits: int = 3) -> str:
    return " ".join(f"{value:.{digits}f}" for value in values)


if __name__ == "__main__":
    main()
