"""The race: ten optimizers in one valley and on one network, with the same budget.

Plain SGD zigzags across a narrow valley; momentum builds up speed along it, and Nesterov momentum
looks ahead first. AdaGrad, AdaDelta and RMSProp adapt the step of each weight, Adam and its
relatives do both, and Lion uses only signs. Every optimizer tries the same learning rates in one
sweep, with the same number of steps; its best rate counts.
Give a path as the first argument to draw the charts.
"""

import sys
import warnings
from pathlib import Path
from typing import Any

import drawing
import numpy as np

import talweg as tw
from talweg.draw import line_chart

OPTIMIZERS = {
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
    """Rosenbrock's valley, with 10 instead of 100: narrow, curved, and 0 at its minimum (1, 1)."""
    return (1 - x) ** 2 + 10 * (y - x * x) ** 2


def on_valley(optimizer: tw.Optimizer) -> tw.Sweep:
    """A network whose two outputs, for an input of 1, are its weights: a point in the valley."""
    return tw.sweep(
        lambda: tw.Sequential(tw.Dense(2, bias=False, init=START), dtype="float64"),
        [[1.0]],
        [[0.0, 0.0]],
        over={"lr": VALLEY_RATES},
        loss=lambda point, _: rosenbrock(point[:, 0], point[:, 1]),
        optimizer=optimizer,
        epochs=STEPS,
        metrics=[
            tw.Metric("first", lambda point, _: point[:, 0]),
            tw.Metric("second", lambda point, _: point[:, 1]),
        ],
    )


def path(run: tw.Run) -> np.ndarray:
    before = np.stack([run.history["first"], run.history["second"]], 1)
    return np.vstack([before, run.net.weights.flat])


def shellfish() -> tuple[np.ndarray, np.ndarray]:
    """The first 1,000 rows of the table that ships with talweg: measurements and rings."""
    file = Path(tw.data.__file__).parent / "abalone" / "abalone.csv"
    table = np.genfromtxt(file, delimiter=",", skip_header=1, usecols=range(1, 9))[:1000]
    table = (table - table.mean(axis=0)) / table.std(axis=0)
    return table[:, :-1], table[:, -1]


def on_net(optimizer: tw.Optimizer, X: np.ndarray, y: np.ndarray) -> tw.Sweep:
    return tw.sweep(
        lambda: tw.Sequential(tw.Dense(16, "tanh"), tw.Dense(1)),
        X,
        y,
        over={"lr": NET_RATES},
        optimizer=optimizer,
        epochs=EPOCHS,
        batch_size=32,
    )


def steps_below(losses: np.ndarray, goal: float) -> str:
    """The number of steps that the loss took to fall below the goal, or -."""
    below = np.flatnonzero(losses < goal)
    return str(below[0]) if below.size else "-"


def print_valley(sweeps: dict[str, tw.Sweep]) -> dict[str, np.ndarray]:
    print(f"In the valley (1 - x)^2 + 10 (y - x^2)^2: {STEPS} steps from -1.5, 2, the best of")
    print(f"{len(VALLEY_RATES)} learning rates from {VALLEY_RATES[0]} to {VALLEY_RATES[-1]:.2g}")
    print(f"  {'':<10}{'rate':>8}{'final height':>20}{'below 0.1':>12}{'below 0.001':>13}")
    paths = {}
    for name, sweep in sweeps.items():
        paths[name] = path(sweep.best)
        heights = rosenbrock(*paths[name].T)
        cells = "".join(f"{steps_below(heights, goal):>{w}}" for goal, w in ((0.1, 12), (1e-3, 13)))
        print(f"  {name:<10}{sweep.best_point['lr']:>8.2g}{heights[-1]:>20.2g}{cells}")
    return paths


def print_net(sweeps: dict[str, tw.Sweep]) -> None:
    print(f"\nOn a 7-16-1 network that predicts the rings of shellfish: {EPOCHS} epochs of 1,000")
    print(f"rows, the best of {len(NET_RATES)} learning rates from {NET_RATES[0]} to 1")
    print(f"  {'':<10}{'rate':>8}{'loss in epoch 1':>18}{'3':>9}{EPOCHS:>9}", end="")
    print(f"{'rates within 10%':>20}")
    for name, sweep in sweeps.items():
        losses = sweep.best.history["loss"]
        cells = "".join(f"{losses[epoch]:>{w}.4f}" for epoch, w in ((0, 18), (2, 9), (-1, 9)))
        last = np.array([run.history["loss"][-1] for run in sweep.runs if run.failure is None])
        near = np.count_nonzero(last < 1.1 * losses[-1])
        print(f"  {name:<10}{sweep.best_point['lr']:>8g}{cells}{near:>20}")


def main(picture: str | None = None) -> None:
    X, y = shellfish()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", tw.TrainingWarning)  # the largest rates diverge
        valley = {name: on_valley(optimizer) for name, optimizer in OPTIMIZERS.items()}
        net = {name: on_net(optimizer, X, y) for name, optimizer in OPTIMIZERS.items()}
    paths = print_valley(valley)
    print("The floor is narrow and curved: plain SGD needs steps small enough not to jump")
    print("over its walls. Momentum adds up steps that agree into long ones.")
    print_net(net)
    print("On the network, all optimizers do about as well at their best rates. They differ")
    print("in how many rates work: the fewer, the longer the search.")

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
        caption = f"From the ring toward 1, 1 in {STEPS} steps, at the best learning rate."
        figures.append((chart, caption))
    epochs = np.arange(1, EPOCHS + 1)
    lines = {name: (epochs, net[name].best.history["loss"]) for name in CHOSEN}
    curve = line_chart(lines, title="On the network", x_label="epoch", y_label="loss")
    figures.append((curve, "At their best rates, all optimizers train the network about as well."))
    drawing.write(picture, "The race", *figures)


if __name__ == "__main__":
    main(*sys.argv[1:2])
