"""Prediction intervals of new rows: how many hold the truth, in all and by fifths.

python -m benchmarks.intervals [--splits 5] [--tables abalone ...]

A model is fitted on half of the rows and its intervals are judged on the other half; each split
halves the rows anew. Shares are means over the splits. Beside the coverage of each fifth stands how
wide its intervals are, in standard deviations of the target, and beside all of it the same with one
width for all rows, split conformal prediction as it is.
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
NAMES = [name for name, each in TABLES.items() if each.task == "regression"] + [*TREES]


def main() -> None:
    """Print a block of lines a target."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.intervals")
    parser.add_argument("--splits", type=int, default=5)
    parser.add_argument("--tables", nargs="+", choices=NAMES, default=NAMES)
    parser.add_argument("--folder", type=Path, default=FOLDER)
    given = parser.parse_args()
    for name in given.tables:
        frame, targets = _table(name, given.folder)
        measured = [_split(frame, targets, split) for split in range(given.splits)]
        for place, target in enumerate(targets):
            _tell(f"{name} {target}", len(frame) // 2, np.array([each[place] for each in measured]))


def _table(name: str, folder: Path) -> tuple[Any, list[str]]:
    if name in TABLES:
        return read(name, folder), list(TABLES[name].targets)
    import pandas as pd

    frame = pd.read_csv(folder.parent / "trees" / f"{name}.csv").drop(columns="rownames")
    target = TREES[name]
    return frame[frame[target].notna()].reset_index(drop=True), [target]


def _split(frame: Any, targets: list[str], split: int) -> Array:
    """Of each target and coverage: total coverage, five of fifths, five widths, and the same."""
    learned = np.random.default_rng(split).random(len(frame)) < 0.5
    model = tw.TableModel(targets).fit(frame[learned], seed=split, progress=False)
    new = frame[~learned]
    said = model.predict(new).reshape(len(new), -1)
    true = new[targets].to_numpy(dtype=float)
    found = []
    for place in range(len(targets)):
        found.append([])
        for coverage in COVERAGES:
            try:
                ends = model.predict_interval(new, coverage).reshape(len(new), -1, 2)[:, place]
            except tw.TalwegError:  # too few rows for that
                found[-1].append(np.full(17, np.nan))
                continue
            held = model.trained.held_out
            errors = (held.true - held.outputs).reshape(len(held.true), -1)[:, place]
            one = half_width(errors, coverage)
            plain = np.stack([said[:, place] - one, said[:, place] + one], axis=1)
            found[-1].append(_judged(true[:, place], said[:, place], ends, plain))
    return np.array(found)


def _judged(true: Array, said: Array, ends: Array, plain: Array) -> Array:
    """Coverage in all and by fifths, widths by fifths, and coverage again with one width."""
    fifths = np.array_split(np.argsort(said, kind="stable"), 5)
    holds, holds_plain = (_holds(true, each) for each in (ends, plain))
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


def _tell(title: str, rows: int, measured: Array) -> None:
    """`measured` is (splits, coverages, 17)."""
    print(f"\n{title}: {rows:,} rows learned, the mean of {len(measured)} splits")
    for place, coverage in enumerate(COVERAGES):
        mean = measured[:, place].mean(axis=0)
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
    return " ".join(f"{each:.{digits}f}" for each in values)


if __name__ == "__main__":
    main()
