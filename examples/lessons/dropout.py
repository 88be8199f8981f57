"""Dropout and DropConnect: without them, a large network memorizes a small data set.

In each step dropout silences half of the hidden units, and DropConnect half of the weights. So no
unit can rely on another, and the network cannot fit the noise of single rows. Both are inactive at
prediction time. The training loss gets worse and the validation loss better, which is what counts.
Give a path as the first argument to draw the charts.
"""

import sys

import drawing
import numpy as np

import talweg as tw
from talweg.draw import line_chart

KINDS = ["plain", "dropout", "dropconnect"]
SEEDS = range(3)
EPOCHS = 600


def rows(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Eight columns, two of which matter, and a noisy target."""
    random = np.random.default_rng(seed)
    X = random.uniform(-1, 1, (count, 8))
    return X, np.sin(3 * X[:, 0]) + X[:, 1] ** 2 + 0.4 * random.normal(size=count)


def network(kind: str) -> tw.Sequential:
    """Two wide layers: about 5,000 weights for 60 rows."""
    first, second = tw.Dense(64, "relu"), tw.Dense(64, "relu")
    if kind == "dropout":
        return tw.Sequential(first, tw.Dropout(0.5), second, tw.Dropout(0.5), tw.Dense(1))
    if kind == "dropconnect":
        second = tw.DropConnect(64, "relu", rate=0.5)
        return tw.Sequential(first, second, tw.DropConnect(1, rate=0.5))
    return tw.Sequential(first, second, tw.Dense(1))


def train() -> tw.Sweep:
    X, y = rows(60, seed=0)
    return tw.sweep(
        network,
        X,
        y,
        over={"kind": KINDS, "seed": SEEDS},
        optimizer=tw.Adam(lr=0.001),
        epochs=EPOCHS,
        batch_size=20,
        validation=rows(500, seed=1),
        restore_best=False,
    )


def curves(sweep: tw.Sweep, measure: str) -> dict[str, np.ndarray]:
    """A measure by epoch, averaged over the seeds, for each kind of network."""
    histories: dict[str, list[np.ndarray]] = {kind: [] for kind in KINDS}
    for point, run in zip(sweep.points, sweep.runs, strict=True):
        histories[point["kind"]].append(run.history[measure])
    return {kind: np.mean(seeds, axis=0) for kind, seeds in histories.items()}


def training_losses(sweep: tw.Sweep) -> dict[str, float]:
    """The mean loss over the seeds on the training rows, without dropout, for each kind."""
    X, y = rows(60, seed=0)
    losses: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for point, run in zip(sweep.points, sweep.runs, strict=True):
        losses[point["kind"]].append(float(np.mean((run.net.predict(X)[:, 0] - y) ** 2)))
    return {kind: float(np.mean(seeds)) for kind, seeds in losses.items()}


def main(picture: str | None = None) -> None:
    sweep = train()
    validation, training = curves(sweep, "val_loss"), training_losses(sweep)
    print(f"60 rows, about 5,000 weights, {EPOCHS} epochs; the noise alone gives a loss of 0.16")
    print("Mean squared error, mean over 3 seeds")
    print(f"  {'network':<13}{'training':>10}{'validation':>12}{'at its best':>13}{'in epoch':>10}")
    for kind, losses in validation.items():
        best = int(np.argmin(losses))
        print(f"  {kind:<13}{training[kind]:>10.4f}{losses[-1]:>12.4f}", end="")
        print(f"{losses[best]:>13.4f}{best + 1:>10}")
    print("\nThe plain network memorizes its rows, noise included, and does worst on new")
    print("rows. The others fit their rows less closely and generalize better. (The")
    print("training loss is measured after training, with nothing dropped.)")

    epochs = np.arange(1, EPOCHS + 1)
    charts = {
        "Validation loss": (validation, "The plain network gets worse as it trains."),
        "Training loss": (
            curves(sweep, "loss"),
            "The plain network reaches 0; the others are measured with half of it dropped.",
        ),
    }
    figures = []
    for title, (losses, caption) in charts.items():
        lines = {kind: (epochs, curve) for kind, curve in losses.items()}
        figures.append((line_chart(lines, title=title, x_label="epoch", y_label="loss"), caption))
    drawing.write(picture, "Dropout and DropConnect", *figures)


if __name__ == "__main__":
    main(*sys.argv[1:2])
