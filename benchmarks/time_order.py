"""Rows in order of time: the score that a model promises, against the score on the future.

python -m benchmarks.time_order [--only airline ...] [--seeds 3] [--folder FOLDER]

The last rows of a series are held out, and a model with default settings trains on the others.
Promised is the R2 it reports on the last quarter of its own rows, with those of its four periods;
delivered is the R2 on the held-out rows, and the share of them inside its 90 % intervals. "At
random" is the same with time=False.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

import talweg as tw
from benchmarks.real_tables import FOLDER

COVERAGE = 0.9
HEADS = (
    *("rows held out", "seed", "promised R2", "by periods", "delivered R2", "within 90 %"),
    *("at random: promised", "delivered", "within 90 %"),
)


class Case(NamedTuple):
    """The file of a series, its target, and how many of its last rows are held out."""

    file: str
    target: str
    held_out: int
    title: str


CASES = {
    "airline": Case("airline-passengers.csv", "Passengers", 24, "airline, 24 months"),
    "airline-12": Case("airline-passengers.csv", "Passengers", 12, "airline, 12 months"),
    "temperatures": Case("daily-min-temperatures.csv", "Temp", 365, "temperatures, a year"),
    "sunspots": Case("monthly-sunspots.csv", "Sunspots", 240, "sunspots, 20 years"),
    "beijing-3": Case("beijing-pollution.csv", "pm2.5", 2160, "Beijing, 3 months"),
    "beijing": Case("beijing-pollution.csv", "pm2.5", 8760, "Beijing, a year"),
}
Columns = dict[str, list[str]]


def main() -> None:
    """Print a line per series and seed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.time_order")
    parser.add_argument("--only", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=FOLDER.parent / "series")
    given = parser.parse_args()
    print(f"| {' | '.join(HEADS)} |\n|{'---|' * len(HEADS)}")
    for name in given.only:
        past, future = split(CASES[name], given.folder)
        for seed in range(given.seeds):
            cells = measured(past, future, CASES[name].target, seed)
            print(f"| {' | '.join([CASES[name].title, str(seed), *cells])} |", flush=True)


def split(case: Case, folder: Path) -> tuple[Columns, Columns]:
    """The training rows, and the held-out last rows that have a target."""
    with (folder / case.file).open(newline="") as file:
        names, *rows = csv.reader(file)
    target = names.index(case.target)
    future = [row for row in rows[-case.held_out :] if row[target] != "NA"]
    past, later = (
        {name: [row[i] for row in part] for i, name in enumerate(names)}
        for part in (rows[: -case.held_out], future)
    )
    return past, later


def measured(past: Columns, future: Columns, target: str, seed: int) -> Iterator[str]:
    """The cells promised and delivered, first in order of time, then at random."""
    true = np.array(future[target], dtype=np.float64)
    for time in (None, False):
        model = tw.TableModel(target, time=time).fit(past, seed=seed, progress=False)
        yield f"{model.scores[0].network:.2f}"
        if (in_time := model.trained.in_time) is not None:
            yield ", ".join(f"{period.network:.2f}" for period in in_time.periods)
        low, high = model.predict_interval(future, COVERAGE).T
        yield f"{model.evaluate(future)[0].network:.2f}"
        yield f"{np.mean((low <= true) & (true <= high)):.2f}"


if __name__ == "__main__":
    main()
