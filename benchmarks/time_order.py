"""Rows in the order of time, by default: what is promised beside what the following period brings.

python -m benchmarks.time_order [--only airline ...] [--seeds 3] [--folder FOLDER]

The last rows of a series are kept apart; a model learns the others by default. Promised is the R2
that it tells, of the last quarter of its rows, with those of the four periods that it tells as
well; delivered is the R2 on the rows kept apart, and the share of them within its 90 % intervals.
"At random" is the same with time=False.
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
    *("rows kept apart", "seed", "promised R2", "by periods", "delivered R2", "within 90 %"),
    *("at random: promised", "delivered", "within 90 %"),
)


class Case(NamedTuple):
    """A file of a series, its target, and how many of its last rows are kept apart."""

    file: str
    target: str
    apart: int
    said: str


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
    """Print a line for each series and seed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.time_order")
    parser.add_argument("--only", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=FOLDER.parent / "series")
    given = parser.parse_args()
    print(f"| {' | '.join(HEADS)} |\n|{'---|' * len(HEADS)}")
    for name in given.only:
        past, future = parted(CASES[name], given.folder)
        for seed in range(given.seeds):
            cells = measured(past, future, CASES[name].target, seed)
            print(f"| {' | '.join([CASES[name].said, str(seed), *cells])} |", flush=True)


def parted(case: Case, folder: Path) -> tuple[Columns, Columns]:
    """The rows to learn from, and the last ones that have a target."""
    with (folder / case.file).open(newline="") as file:
        names, *rows = csv.reader(file)
    at = names.index(case.target)
    future = [row for row in rows[-case.apart :] if row[at] != "NA"]
    past, later = (
        {name: [row[place] for row in some] for place, name in enumerate(names)}
        for some in (rows[: -case.apart], future)
    )
    return past, later


def measured(past: Columns, future: Columns, target: str, seed: int) -> Iterator[str]:
    """Promised and delivered, in the order of time, then at random."""
    true = np.array(future[target], dtype=np.float64)
    for time in (None, False):
        model = tw.TableModel(target, time=time).fit(past, seed=seed, progress=False)
        yield f"{model.scores[0].network:.2f}"
        if (found := model.trained.in_time) is not None:
            yield ", ".join(f"{each.network:.2f}" for each in found.periods)
        low, high = model.predict_interval(future, COVERAGE).T
        yield f"{model.evaluate(future)[0].network:.2f}"
        yield f"{np.mean((low <= true) & (true <= high)):.2f}"


if __name__ == "__main__":
    main()
