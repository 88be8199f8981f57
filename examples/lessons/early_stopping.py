"""Early stopping: a network that has trained for a short time is nearly linear.

With small weights every tanh unit works near 0, where tanh is linear. So the network starts out
linear, learns the linear part of its task first, and bends later, finally toward the noise.
Stopping early shrinks it toward a linear model. After each epoch the lesson measures how far its
outputs are from the straight line that fits them best.
Give a path as the first argument to draw the charts.
"""

import sys

import drawing
import numpy as np

import talweg as tw
from talweg.draw import line_chart

EPOCHS = 20_000
MARKS = np.unique(np.geomspace(1, EPOCHS, 60).astype(int))
GRID = np.linspace(-1, 1, 201)


def true(x: np.ndarray) -> np.ndarray:
    return 0.7 * x + 0.5 * np.sin(4 * x)


def rows(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Points on a curve, with noise."""
    random = np.random.default_rng(seed)
    x = random.uniform(-1, 1, (count, 1))
    return x, true(x[:, 0]) + 0.3 * random.normal(size=count)


def network() -> tw.Sequential:
    small = tw.Normal(0.3)
    return tw.Sequential(tw.Dense(30, "tanh", init=small), tw.Dense(1, init=small), dtype="float64")


def nonlinearity(x: np.ndarray, outputs: np.ndarray) -> float:
    """The share of the outputs' variance that no straight line explains."""
    line = np.polynomial.Polynomial.fit(x, outputs, 1)
    return float(np.var(outputs - line(x)) / np.var(outputs))


def train() -> tuple[dict[int, np.ndarray], dict[int, float]]:
    """The network's outputs on the grid, and its validation loss, by epoch."""
    (X, y), (new_X, new_y) = rows(12, seed=3), rows(1000, seed=4)
    net = network().init(X, seed=0)
    outputs, losses = {}, {}
    for before, epoch in zip([0, *MARKS], MARKS, strict=False):
        settings = {"optimizer": tw.SGD(lr=0.1), "batch_size": None, "epochs": int(epoch - before)}
        tw.fit(net, X, y, **settings)
        outputs[int(epoch)] = net.predict(GRID[:, None])[:, 0]
        losses[int(epoch)] = float(np.mean((net.predict(new_X)[:, 0] - new_y) ** 2))
    return outputs, losses


def main(picture: str | None = None) -> None:
    outputs, losses = train()
    shares = {epoch: nonlinearity(GRID, curve) for epoch, curve in outputs.items()}
    best = min(losses, key=losses.__getitem__)
    print("30 tanh units, 12 rows, plain SGD; nonlinear is the share of the outputs'")
    print("variance that the best straight line leaves unexplained")
    print("   epoch  nonlinear   validation loss")
    for epoch in sorted({1, *MARKS[[12, 24, 30, 36, 48]].tolist(), best, EPOCHS}):
        note = "  <- early stopping keeps this one" if epoch == best else ""
        print(f"  {epoch:>6,}{shares[epoch]:>11.4f}{losses[epoch]:>18.4f}{note}")
    print(f"For the curve that the rows come from it is {nonlinearity(GRID, true(GRID)):.4f}.")
    print("\nAt first the network is linear to one part in a thousand, because its weights")
    print("are small; it bends as they grow. Stopped early, it stays near the line. Left")
    print("to run, it bends beyond the curve, toward the noise of its 12 rows.")

    marks = list(shares)
    X, y = rows(12, seed=3)
    order = np.argsort(X[:, 0])
    curves = {
        "200 epochs": (GRID, outputs[min(marks, key=lambda epoch: abs(epoch - 200))]),
        f"{best:,}, the best": (GRID, outputs[best]),
        f"{EPOCHS:,}": (GRID, outputs[EPOCHS]),
        "rows": (X[order, 0], y[order]),
    }
    logs = np.log10(marks)
    settings = {"x_label": "log10 of the epoch", "marks": [(float(np.log10(best)), "best")]}
    drawing.write(
        picture,
        "Early stopping",
        (
            line_chart(
                {"nonlinear": (logs, list(shares.values()))},
                title="Distance of the network from its best linear fit",
                y_label="share of variance",
                **settings,
            ),
            "Linear for hundreds of epochs; then it fits the curve, and then the noise.",
        ),
        (
            line_chart(
                {"loss": (logs, list(losses.values()))},
                title="Validation loss",
                y_label="loss",
                **settings,
            ),
            "It falls while the network learns the curve, and rises as it learns the noise.",
        ),
        (
            line_chart(curves, title="Outputs of the network", x_label="x", y_label="output"),
            "A line, then the curve, then a path through the training rows.",
        ),
    )


if __name__ == "__main__":
    main(*sys.argv[1:2])
