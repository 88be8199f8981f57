"""Early stopping: a net that has trained little is nearly a straight line.

From small weights every tanh unit works near 0, where tanh is straight: the net starts as a
linear one, learns the linear part of its task first, and bends later, towards the noise at last.
So whoever stops early gets a net that has been shrunk towards a linear one. Measured here, by
epoch: how far its outputs are from the straight line, or plane, that fits them best. A path as
first argument gets the picture.
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
    """A slope with a bend in it, and noise."""
    random = np.random.default_rng(seed)
    x = random.uniform(-1, 1, (count, 1))
    return x, true(x[:, 0]) + 0.3 * random.normal(size=count)


def network() -> tw.Sequential:
    small = tw.Normal(0.3)
    return tw.Sequential(tw.Dense(30, "tanh", init=small), tw.Dense(1, init=small), dtype="float64")


def bend(x: np.ndarray, outputs: np.ndarray) -> float:
    """The share of the outputs' variance that no straight line through them explains."""
    line = np.polynomial.Polynomial.fit(x, outputs, 1)
    return float(np.var(outputs - line(x)) / np.var(outputs))


def train() -> tuple[dict[int, np.ndarray], dict[int, float]]:
    """The net's outputs over the grid, and its held-out loss, by epoch."""
    (X, y), (held_x, held_y) = rows(12, seed=3), rows(1000, seed=4)
    net = network().init(X, seed=0)
    outputs, losses = {}, {}
    for before, epoch in zip([0, *MARKS], MARKS, strict=False):
        settings = {"optimizer": tw.SGD(lr=0.1), "batch_size": None, "epochs": int(epoch - before)}
        tw.fit(net, X, y, **settings)
        outputs[int(epoch)] = net.predict(GRID[:, None])[:, 0]
        losses[int(epoch)] = float(np.mean((net.predict(held_x)[:, 0] - held_y) ** 2))
    return outputs, losses


def main(picture: str | None = None) -> None:
    outputs, losses = train()
    bends = {epoch: bend(GRID, each) for epoch, each in outputs.items()}
    best = min(losses, key=losses.__getitem__)
    print("A net of 30 tanh units, 12 rows, plain descent; bend is the share of its")
    print("outputs' variance that the best straight line leaves over")
    print("   epoch    bend   held-out loss")
    for epoch in sorted({1, *MARKS[[12, 24, 30, 36, 48]].tolist(), best, EPOCHS}):
        note = "  <- early stopping keeps this one" if epoch == best else ""
        print(f"  {epoch:>6,}{bends[epoch]:>8.4f}{losses[epoch]:>16.4f}{note}")
    print(f"The curve that the rows come from has a bend of {bend(GRID, true(GRID)):.4f}.")
    print("\nAt first the net is a straight line to a part in a thousand, since its weights")
    print("are small; it bends as they grow. Stopped early, it is held near the line;")
    print("left alone, it bends beyond the curve, towards the noise of its 12 rows.")

    marks = list(bends)
    X, y = rows(12, seed=3)
    order = np.argsort(X[:, 0])
    curves = {
        "200 epochs": (GRID, outputs[min(marks, key=lambda each: abs(each - 200))]),
        f"{best:,}, the best": (GRID, outputs[best]),
        f"{EPOCHS:,}": (GRID, outputs[EPOCHS]),
        "rows": (X[order, 0], y[order]),
    }
    logs = np.log10(marks)
    flagged = [(float(np.log10(best)), "best")]
    settings = {"x_label": "log10 of the epoch", "marks": flagged}
    drawing.write(
        picture,
        "Early stopping",
        (
            line_chart(
                {"bend": (logs, list(bends.values()))},
                title="How far the net is from its best linear fit",
                y_label="share of variance left over",
                **settings,
            ),
            "Straight for hundreds of epochs, then the bend of the curve, then that of the noise.",
        ),
        (
            line_chart(
                {"loss": (logs, list(losses.values()))},
                title="Loss on held-out rows",
                y_label="loss",
                **settings,
            ),
            "It falls while the net learns the curve, and rises as it learns the noise.",
        ),
        (
            line_chart(curves, title="What the net says", x_label="x", y_label="output"),
            "A line, the curve, and a way through the rows that were seen.",
        ),
    )


if __name__ == "__main__":
    main(*sys.argv[1:2])
