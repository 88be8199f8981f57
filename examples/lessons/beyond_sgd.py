"""Beyond plain SGD: four problems, each with a method that beats SGD on the same budget.

When a few rows matter most, AW-SGD learns to sample them. When there are many local minima,
annealing climbs out of them, and restarts try several. When a valley is long and narrow, BFGS
learns its curvature. The budget counts the rows whose loss or gradient is computed; SGD gets its
best learning rate. Give a path as the first argument to draw the charts.
"""

import sys
import warnings
from typing import Any, NamedTuple

import drawing
import numpy as np

import talweg as tw
from talweg.draw import line_chart

PASSES = {"rare rows": 10, "many minima": 3000, "one long valley": 600, "bad starts": 12_000}
RATES = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0]
STARTS = 20
Curve = tuple[np.ndarray, np.ndarray]


class Compared(NamedTuple):
    """Losses by passes over the rows: of SGD at its best learning rate, and of another method."""

    lr: float
    sgd: Curve
    name: str
    other: Curve

    @property
    def ends(self) -> tuple[float, float]:
        return float(self.sgd[1][-1]), float(self.other[1][-1])


def by_passes(losses: np.ndarray, passes_per_loss: Any = 1) -> Curve:
    """The losses, and the number of passes made when each was measured."""
    return np.cumsum(np.broadcast_to(passes_per_loss, losses.shape)), losses


def best_sgd(build: Any, X: Any, y: Any, name: str, measure: str, **settings: Any) -> Any:
    """SGD at its best learning rate: (rate, losses by passes)."""
    settings = {"epochs": PASSES[name], "batch_size": None, "optimizer": "sgd", **settings}
    sweep = tw.sweep(build, X, y, over={"lr": RATES}, restore_best=False, **settings)
    ends = [run.history[measure][-1] if run.failure is None else np.inf for run in sweep.runs]
    best = int(np.nanargmin(ends))
    return RATES[best], by_passes(sweep.runs[best].history[measure])


# Four problems ------------------------------------------------------------------------------------


def rare_rows() -> Compared:
    """600 rows, 12 of them positive. Importance weights p / q keep the expected gradient."""
    random = np.random.default_rng(0)
    y = (np.arange(600) < 12).astype(int)
    X = random.normal(size=(600, 5)) + 1.5 * y[:, None]

    def build() -> tw.Module:
        return tw.Sequential(tw.Dense(8, "tanh"), tw.Dense(1))

    settings = {"loss": "binary_cross_entropy", "batch_size": 1, "validation": (X, y)}
    lr, curve = best_sgd(build, X, y, "rare rows", "val_loss", **settings)
    settings |= {"epochs": PASSES["rare rows"], "optimizer": tw.SGD(lr=0.3), "restore_best": False}
    run = tw.fit(build(), X, y, sampler=tw.AdaptiveSampling(strata="rows"), **settings)
    return Compared(lr, curve, "AW-SGD", by_passes(run.history["val_loss"]))


def many_minima() -> Compared:
    """A bowl with a local minimum near every integer point, the lowest at 0, 0; start at 3, -2."""
    start = np.array([[3.0, -2.0]])

    def height(point: Any, _: Any) -> Any:
        return tw.sum(point * point + 3.0 - 3.0 * tw.cos(2 * np.pi * point), 1)

    def build() -> tw.Module:
        return tw.Sequential(tw.Dense(2, bias=False, init=start), dtype="float64")

    rows = [[1.0]], [[0.0, 0.0]]
    lr, curve = best_sgd(build, *rows, "many minima", "loss", loss=height)
    annealing = tw.SimulatedAnnealing(
        temperature=10.0, step_size=1.0, end_fraction=1e-6, restart_after=15
    )
    settings = {"epochs": PASSES["many minima"] // annealing.proposals, "batch_size": None}
    run = tw.fit(build(), *rows, loss=height, optimizer=annealing, **settings)
    return Compared(lr, curve, "annealing", by_passes(run.history["loss"], annealing.proposals))


def one_long_valley() -> Compared:
    """Fitting a sine: the loss curves strongly in some directions and hardly in others."""
    X = np.linspace(-1, 1, 40)[:, None]
    y = np.sin(5 * X)

    def build() -> tw.Module:
        return tw.Sequential(tw.Dense(6, "tanh"), tw.Dense(1), dtype="float64")

    lr, curve = best_sgd(build, X, y, "one long valley", "loss")
    stop = tw.TargetLoss(1e-9)
    run = tw.fit(build(), X, y, optimizer=tw.BFGS(), batch_size=None, epochs=450, stop=stop)
    passes, losses = by_passes(run.history["loss"], run.watched["passes"])
    within = passes <= PASSES["one long valley"]
    return Compared(lr, curve, "BFGS", (passes[within], losses[within]))


def bad_starts() -> Compared:
    """Exclusive or with two hidden ReLU units, which cannot learn it from many starts."""
    X, y = [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0]
    length = PASSES["bad starts"] // STARTS

    def build() -> tw.Module:
        return tw.Sequential(tw.Dense(2, "relu"), tw.Dense(1), dtype="float64")

    def train(epochs: int, rates: list[float]) -> list[tw.Run]:
        over = {"lr": rates, "seed": range(STARTS)}
        settings = {"optimizer": "sgd", "epochs": epochs, "batch_size": None}
        return tw.sweep(build, X, y, over=over, **settings).runs

    long = np.array([run.history["loss"] for run in train(PASSES["bad starts"], RATES[3:6])])
    means = long.reshape(3, STARTS, -1).mean(axis=1)
    best = int(np.argmin(means[:, -1]))
    lr = RATES[3:6][best]
    ends = [run.history["loss"].min() for run in train(length, [lr])]
    lowest = np.minimum.accumulate(ends)
    return Compared(lr, by_passes(means[best]), f"{STARTS} starts", by_passes(lowest, length))


PROBLEMS = {
    "rare rows": rare_rows,
    "many minima": many_minima,
    "one long valley": one_long_valley,
    "bad starts": bad_starts,
}


def main(picture: str | None = None) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", tw.TrainingWarning)  # the largest rates diverge
        results = {name: problem() for name, problem in PROBLEMS.items()}
    print("Final loss after the same number of passes over the rows:")
    print(f"  {'problem':<17}{'passes':>8}{'SGD':>12}  {'with lr':<9}{'':<11}{'other':>10}")
    for name, compared in results.items():
        sgd, other = compared.ends
        print(f"  {name:<17}{PASSES[name]:>8}{sgd:>12.3g}  {compared.lr:<9g}", end="")
        print(f"{compared.name:<11}{other:>10.2g}")
    print("Rare rows: most rows soon have almost no gradient; AW-SGD samples the others")
    print("more often and weights them less. Many minima: at a high temperature annealing")
    print("crosses the ridges. One long valley: BFGS scales the gradient by the curvature")
    print(f"it has learned. Bad starts: the mean of {STARTS} long runs against the best of")
    print(f"{STARTS} short ones.")
    figures = []
    for name, compared in results.items():
        lines = {"SGD": compared.sgd, compared.name: compared.other}
        chart = line_chart(lines, title=name.capitalize(), x_label="passes", y_label="loss")
        figures.append((chart, PROBLEMS[name].__doc__ or ""))
    drawing.write(picture, "Beyond plain SGD", *figures)


if __name__ == "__main__":
    main(*sys.argv[1:2])
