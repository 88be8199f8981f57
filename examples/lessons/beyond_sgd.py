"""Beyond plain descent: four problems, and on each a method that beats it with the same budget.

Where a few rows matter most, a sampler learns to draw them (AW-SGD). Where there are many valleys,
annealing climbs out of them, and restarts try several. Where a valley is long and narrow, BFGS
learns its shape. The budget is counted in rows whose loss, or gradient, is computed; plain
descent (SGD) has its best learning rate. A path as first argument gets the picture.
"""

import sys
import warnings
from typing import Any, NamedTuple

import drawing
import numpy as np

import talweg as tw
from talweg.draw import line_chart

PASSES = {"rare rows": 10, "many valleys": 3000, "one long valley": 600, "bad starts": 12_000}
RATES = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0]
STARTS = 20
Curve = tuple[np.ndarray, np.ndarray]


class Compared(NamedTuple):
    """Losses by passes over the rows: of plain descent at its best rate, and of the other."""

    rate: float
    plain: Curve
    name: str
    other: Curve

    @property
    def ends(self) -> tuple[float, float]:
        return float(self.plain[1][-1]), float(self.other[1][-1])


def by_passes(losses: np.ndarray, each: Any = 1) -> Curve:
    """The losses, and the passes that were made before each."""
    made = np.cumsum(np.broadcast_to(each, losses.shape))
    return made, losses


def plain(build: Any, X: Any, y: Any, name: str, measure: str, **settings: Any) -> Any:
    """The best of plain descent at all rates: (rate, its losses by passes)."""
    settings = {"epochs": PASSES[name], "batch_size": None, "optimizer": "sgd", **settings}
    found = tw.sweep(build, X, y, over={"lr": RATES}, restore_best=False, **settings)
    ends = [run.history[measure][-1] if run.failure is None else np.inf for run in found.runs]
    best = int(np.nanargmin(ends))
    return RATES[best], by_passes(found.runs[best].history[measure])


# Four problems ------------------------------------------------------------------------------------


def rare_rows() -> Compared:
    """600 rows, 12 of them of another class. Weights p / q leave the expected gradient as it is."""
    random = np.random.default_rng(0)
    y = (np.arange(600) < 12).astype(int)
    X = random.normal(size=(600, 5)) + 1.5 * y[:, None]

    def build() -> tw.Module:
        return tw.Sequential(tw.Dense(8, "tanh"), tw.Dense(1))

    settings = {"loss": "binary_cross_entropy", "batch_size": 1, "validation": (X, y)}
    rate, curve = plain(build, X, y, "rare rows", "val_loss", **settings)
    settings |= {"epochs": PASSES["rare rows"], "optimizer": tw.SGD(lr=0.3), "restore_best": False}
    run = tw.fit(build(), X, y, sampler=tw.AdaptiveSampling(strata="rows"), **settings)
    return Compared(rate, curve, "AW-SGD", by_passes(run.history["val_loss"]))


def many_valleys() -> Compared:
    """A bowl with a dent at each whole number, the deepest at 0, 0; from 3, -2."""
    start = np.array([[3.0, -2.0]])

    def height(place: Any, _: Any) -> Any:
        return tw.sum(place * place + 3.0 - 3.0 * tw.cos(2 * np.pi * place), 1)

    def build() -> tw.Module:
        return tw.Sequential(tw.Dense(2, bias=False, init=start), dtype="float64")

    rows = [[1.0]], [[0.0, 0.0]]
    rate, curve = plain(build, *rows, "many valleys", "loss", loss=height)
    rule = tw.SimulatedAnnealing(
        temperature=10.0, step_size=1.0, end_fraction=1e-6, restart_after=15
    )
    settings = {"epochs": PASSES["many valleys"] // rule.proposals, "batch_size": None}
    run = tw.fit(build(), *rows, loss=height, optimizer=rule, **settings)
    return Compared(rate, curve, "annealing", by_passes(run.history["loss"], rule.proposals))


def one_long_valley() -> Compared:
    """A net that draws a wave: its error bends much in some directions, hardly in others."""
    X = np.linspace(-1, 1, 40)[:, None]
    y = np.sin(5 * X)

    def build() -> tw.Module:
        return tw.Sequential(tw.Dense(6, "tanh"), tw.Dense(1), dtype="float64")

    rate, curve = plain(build, X, y, "one long valley", "loss")
    stop = tw.TargetLoss(1e-9)
    run = tw.fit(build(), X, y, optimizer=tw.BFGS(), batch_size=None, epochs=450, stop=stop)
    passes, losses = by_passes(run.history["loss"], run.watched["passes"])
    within = passes <= PASSES["one long valley"]
    return Compared(rate, curve, "BFGS", (passes[within], losses[within]))


def bad_starts() -> Compared:
    """Exclusive or with two hidden relu units, which from many starts cannot learn it."""
    X, y = [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0]
    length = PASSES["bad starts"] // STARTS

    def build() -> tw.Module:
        return tw.Sequential(tw.Dense(2, "relu"), tw.Dense(1), dtype="float64")

    def roll(epochs: int, rates: list[float]) -> list[tw.Run]:
        over = {"lr": rates, "seed": range(STARTS)}
        settings = {"optimizer": "sgd", "epochs": epochs, "batch_size": None}
        return tw.sweep(build, X, y, over=over, **settings).runs

    long = np.array([run.history["loss"] for run in roll(PASSES["bad starts"], RATES[3:6])])
    means = long.reshape(3, STARTS, -1).mean(axis=1)
    best = int(np.argmin(means[:, -1]))
    rate = RATES[3:6][best]
    ends = [run.history["loss"].min() for run in roll(length, [rate])]
    lowest = np.minimum.accumulate(ends)
    return Compared(rate, by_passes(means[best]), f"{STARTS} starts", by_passes(lowest, length))


PROBLEMS = {
    "rare rows": rare_rows,
    "many valleys": many_valleys,
    "one long valley": one_long_valley,
    "bad starts": bad_starts,
}


def main(picture: str | None = None) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", tw.TrainingWarning)  # the largest rates leave the valley
        found = {name: problem() for name, problem in PROBLEMS.items()}
    print("Loss at the end, with the same number of passes over the rows:")
    print(f"  {'problem':<17}{'passes':>8}{'SGD':>12}  {'at rate':<9}{'':<11}{'other':>10}")
    for name, each in found.items():
        before, after = each.ends
        print(f"  {name:<17}{PASSES[name]:>8}{before:>12.3g}  {each.rate:<9g}", end_fraction="")
        print(f"{each.name:<11}{after:>10.2g}")
    print("Rare rows: most rows soon have next to no gradient; AW-SGD draws those that do,")
    print("and weighs them less. Many valleys: heat carries annealing over the ridges.")
    print("One long valley: BFGS multiplies the gradient by what it learnt of the bends.")
    print(f"Bad starts: the mean of {STARTS} long runs, against the best of {STARTS} short ones.")
    figures = []
    for name, each in found.items():
        lines = {"SGD": each.plain, each.name: each.other}
        chart = line_chart(lines, title=name.capitalize(), x_label="passes", y_label="loss")
        figures.append((chart, PROBLEMS[name].__doc__ or ""))
    drawing.write(picture, "Beyond plain descent", *figures)


if __name__ == "__main__":
    main(*sys.argv[1:2])
