"""Dropout and DropConnect: a large net on few rows learns them by heart, unless it is disturbed.

Dropout leaves out half of the hidden units in each step, DropConnect a share of the weights: no
unit can rely on another, and the net cannot settle on the noise of single rows. Both rest when
the net is used. The training loss gets worse, the loss on rows that were held out better, which
is what counts. A path as first argument gets the picture.
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
    """Eight columns, of which two matter, and much noise in the goal."""
    random = np.random.default_rng(seed)
    X = random.uniform(-1, 1, (count, 8))
    return X, np.sin(3 * X[:, 0]) + X[:, 1] ** 2 + 0.4 * random.normal(size=count)


def network(kind: str) -> tw.Sequential:
    """Two wide layers: some 5,000 weights for 60 rows."""
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
    """The mean over the seeds of a measure by epoch, for each kind of net."""
    found: dict[str, list[np.ndarray]] = {kind: [] for kind in KINDS}
    for point, run in zip(sweep.points, sweep.runs, strict=True):
        found[point["kind"]].append(run.history[measure])
    return {kind: np.mean(each, axis=0) for kind, each in found.items()}


def learnt_by_heart(sweep: tw.Sweep) -> dict[str, float]:
    """The loss on the rows of training with nothing dropped, by kind: mean over the seeds."""
    X, y = rows(60, seed=0)
    found: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for point, run in zip(sweep.points, sweep.runs, strict=True):
        found[point["kind"]].append(float(np.mean((run.net.predict(X)[:, 0] - y) ** 2)))
    return {kind: float(np.mean(each)) for kind, each in found.items()}


def main(picture: str | None = None) -> None:
    sweep = train()
    held_out, training = curves(sweep, "val_loss"), learnt_by_heart(sweep)
    print(f"60 rows, some 5,000 weights, {EPOCHS} epochs; the noise alone is a loss of 0.16")
    print("Mean squared error, mean over 3 seeds")
    print(f"  {'net':<13}{'training':>10}{'held out':>10}{'at its best':>13}{'in epoch':>10}")
    for kind, losses in held_out.items():
        best = int(np.argmin(losses))
        print(f"  {kind:<13}{training[kind]:>10.4f}{losses[-1]:>10.4f}", end="")
        print(f"{losses[best]:>13.4f}{best + 1:>10}")
    print("\nThe plain net knows its rows by heart, noise included, and is worst on rows")
    print("that it never saw. The disturbed nets know them less well, and what they")
    print("learnt holds. (The training loss is taken after training, nothing dropped.)")

    epochs = np.arange(1, EPOCHS + 1)
    charts = {
        "Loss on held-out rows": (held_out, "The plain net gets worse while it trains."),
        "Loss while training": (
            curves(sweep, "loss"),
            "The plain net goes to 0; the others are measured with half of them left out.",
        ),
    }
    figures = []
    for title, (losses, caption) in charts.items():
        lines = {kind: (epochs, each) for kind, each in losses.items()}
        figures.append((line_chart(lines, title=title, x_label="epoch", y_label="loss"), caption))
    drawing.write(picture, "Dropout and DropConnect", *figures)


if __name__ == "__main__":
    main(*sys.argv[1:2])
