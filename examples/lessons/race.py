"""The race: ten update rules on one valley and on one net, with the same budget.

Plain descent zigzags across a narrow valley; momentum carries speed along it, Nesterov looks
ahead first. AdaGrad, AdaDelta and RMSProp give each weight a step of its own, Adam and its kin do
both, and Lion takes the signs alone. Each rule gets the same learning rates to try, as one sweep,
and the same number of steps; its best rate counts. A path as first argument gets the picture.
"""

import sys
import warnings
from pathlib import Path
from typing import Any

import drawing
import numpy as np

import talweg as tw
from talweg.draw import line_chart

RULES = {
    "SGD": tw.SGD(),
    "momentum": tw.SGD(momentum=0.9),
    "Nesterov": tw.SGD(momentum=0.9, nesterov=True),
    "AdaGrad": tw.AdaGrad(),
    "AdaDelta": tw.AdaDelta(),
    "RMSProp": tw.RMSProp(),
    "Adam": tw.Adam(),
    "NAdam": tw.NAdam(),
    "RAdam": tw.RAdam(),
    "Lion": tw.Lion(),
}
HEATS = (("SGD", "momentum", "Nesterov"), ("AdaGrad", "AdaDelta", "RMSProp"),
         ("Adam", "NAdam", "RAdam", "Lion"))  # fmt: skip
CHOSEN = ("SGD", "momentum", "AdaGrad", "Adam")
VALLEY_RATES = [0.0002 * 2**power for power in range(14)]
NET_RATES = [0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0]
START = np.array([[-1.5, 2.0]])
STEPS, EPOCHS = 300, 10


def rosenbrock(x: Any, y: Any) -> Any:
    """A narrow bent valley whose floor falls slowly to (1, 1), where it is 0 (here 10 for 100)."""
    return (1 - x) ** 2 + 10 * (y - x * x) ** 2


def on_valley(rule: tw.Optimizer) -> tw.Sweep:
    """A net whose two outputs, for an input of 1, are its weights: the place in the valley."""
    return tw.sweep(
        lambda: tw.Sequential(tw.Dense(2, bias=False, init=START), dtype="float64"),
        [[1.0]],
        [[0.0, 0.0]],
        over={"lr": VALLEY_RATES},
        loss=lambda place, _: rosenbrock(place[:, 0], place[:, 1]),
        optimizer=rule,
        epochs=STEPS,
        metrics=[
            tw.Metric("first", lambda place, _: place[:, 0]),
            tw.Metric("second", lambda place, _: place[:, 1]),
        ],
    )


def path(run: tw.Run) -> np.ndarray:
    before = np.stack([run.history["first"], run.history["second"]], 1)
    return np.vstack([before, run.net.weights.flat])


def shellfish() -> tuple[np.ndarray, np.ndarray]:
    """The first 1,000 rows of the table that talweg brings along: measures, and rings."""
    file = Path(tw.data.__file__).parent / "abalone" / "abalone.csv"
    table = np.genfromtxt(file, delimiter=",", skip_header=1, usecols=range(1, 9))[:1000]
    table = (table - table.mean(axis=0)) / table.std(axis=0)
    return table[:, :-1], table[:, -1]


def on_net(rule: tw.Optimizer, X: np.ndarray, y: np.ndarray) -> tw.Sweep:
    return tw.sweep(
        lambda: tw.Sequential(tw.Dense(16, "tanh"), tw.Dense(1)),
        X,
        y,
        over={"lr": NET_RATES},
        optimizer=rule,
        epochs=EPOCHS,
        batch_size=32,
    )


def steps_below(losses: np.ndarray, goal: float) -> str:
    """The first step before which the loss was below the goal."""
    below = np.flatnonzero(losses < goal)
    return str(below[0]) if below.size else "-"


def tell_valley(found: dict[str, tw.Sweep]) -> dict[str, np.ndarray]:
    print(f"In the valley (1 - x)^2 + 10 (y - x^2)^2: {STEPS} steps from -1.5, 2, the best of")
    print(f"{len(VALLEY_RATES)} learning rates from {VALLEY_RATES[0]} to {VALLEY_RATES[-1]:.2g}")
    print(f"  {'rule':<10}{'rate':>8}{'height at the end':>20}{'below 0.1':>12}{'below 0.001':>13}")
    paths = {}
    for name, sweep in found.items():
        paths[name] = path(sweep.best)
        heights = rosenbrock(*paths[name].T)
        told = "".join(f"{steps_below(heights, goal):>{w}}" for goal, w in ((0.1, 12), (1e-3, 13)))
        print(f"  {name:<10}{sweep.best_point['lr']:>8.2g}{heights[-1]:>20.2g}{told}")
    return paths


def tell_net(found: dict[str, tw.Sweep]) -> None:
    print(f"\nOn a net, 7-16-1, that predicts the rings of shellfish: {EPOCHS} epochs of 1,000")
    print(f"rows, the best of {len(NET_RATES)} learning rates from {NET_RATES[0]} to 1")
    print(f"  {'rule':<10}{'rate':>8}{'loss in epoch 1':>18}{'3':>9}{EPOCHS:>9}", end="")
    print(f"{'rates within 10%':>20}")
    for name, sweep in found.items():
        losses = sweep.best.history["loss"]
        told = "".join(f"{losses[at]:>{width}.4f}" for at, width in ((0, 18), (2, 9), (-1, 9)))
        last = np.array([run.history["loss"][-1] for run in sweep.runs if run.failure is None])
        near = np.count_nonzero(last < 1.1 * losses[-1])
        print(f"  {name:<10}{sweep.best_point['lr']:>8g}{told}{near:>20}")


def main(picture: str | None = None) -> None:
    X, y = shellfish()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", tw.TrainingWarning)  # the largest rates leave the valley
        valley = {name: on_valley(rule) for name, rule in RULES.items()}
        net = {name: on_net(rule, X, y) for name, rule in RULES.items()}
    paths = tell_valley(valley)
    print("The floor is narrow and bent: plain descent must take steps that are small")
    print("enough not to jump its walls. Momentum makes long steps out of many that agree.")
    tell_net(net)
    print("On a net the best rates bring the rules close together. What differs is how")
    print("many rates do: the fewer, the more one has to search.")

    figures = []
    for heat in HEATS:
        chart = drawing.plane(
            rosenbrock,
            {name: paths[name] for name in heat},
            area=((-2.0, 2.0), (-1.0, 3.0)),
            levels=[0.1, 0.5, 1.5, 4, 10, 25, 60, 120],
            title=", ".join(heat),
            labels=("x", "y"),
        )
        figures.append((chart, f"From the ring towards 1, 1 in {STEPS} steps, at the best rate."))
    epochs = np.arange(1, EPOCHS + 1)
    lines = {each: (epochs, net[each].best.history["loss"]) for each in CHOSEN}
    curve = line_chart(lines, title="On the net", x_label="epoch", y_label="loss")
    figures.append((curve, "At its best rate each rule learns the net about as well."))
    drawing.write(picture, "The race", *figures)


if __name__ == "__main__":
    main(*sys.argv[1:2])
