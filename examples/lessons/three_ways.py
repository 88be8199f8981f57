"""Three ways to take a step: stochastic, mini-batch and full-batch descent on one problem.

The gradient of a batch is that of all rows plus noise. The variance of the noise falls as 1 / b
with the size b of the batch, so its spread only as 1 / sqrt(b): a hundred times the work for a
tenth of the noise. Small batches give many rough steps for the same rows, large ones few good
steps that a machine does fast. A path as first argument gets the picture.
"""

import sys

import drawing
import numpy as np

import talweg as tw
from talweg.draw import line_chart

ROWS, EPOCHS = 512, 40
SIZES = [1, 4, 16, 64, 256]
WAYS = {"stochastic": (1, 0.02), "mini-batch": (32, 0.2), "full batch": (ROWS, 0.3)}


def rows() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    X = random.uniform(-1, 1, (ROWS, 4))
    return X, np.sin(3 * X[:, 0]) * X[:, 1] + X[:, 2] + 0.1 * random.normal(size=ROWS)


def network() -> tw.Sequential:
    return tw.Sequential(tw.Dense(16, "tanh"), tw.Dense(1), dtype="float64")


def row_gradients(X: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The gradient of each row's loss at the starting weights, (rows, weights)."""
    net = network().init(X, seed=0)
    found = []
    for row in range(len(X)):
        loss = tw.mse(net(X[row : row + 1]), y[row : row + 1, None])
        loss.backward()
        found.append(np.concatenate([loss.find(name).grad.ravel() for name in net.weights]))
    return np.array(found)


def spreads(gradients: np.ndarray, draws: int = 400) -> dict[int, float]:
    """By batch size: how far the gradient of a batch is from that of all rows, root mean square.

    The gradient of a batch is the mean of its rows' gradients; its rows are drawn with replacement.
    """
    random = np.random.default_rng(1)
    whole = gradients.mean(axis=0)
    found = {}
    for size in SIZES:
        batches = random.integers(len(gradients), size=(draws, size))
        gaps = np.array([gradients[batch].mean(axis=0) for batch in batches]) - whole
        found[size] = float(np.sqrt((gaps**2).sum(axis=1).mean()))
    return found


def train(X: np.ndarray, y: np.ndarray) -> dict[str, tw.Run]:
    """Each way with an alpha that suits it, the fastest of three runs: they differ in time alone.

    The loss over all rows is noted after each epoch.
    """
    found = {}
    for name, (size, alpha) in WAYS.items():
        settings = {"optimizer": tw.SGD(lr=alpha), "epochs": EPOCHS, "batch_size": size}
        settings |= {"validation": (X, y), "restore_best": False}
        runs = [tw.fit(network(), X, y, **settings) for _ in range(3)]
        found[name] = min(runs, key=lambda run: run.seconds)
    return found


def tell_noise(found: dict[int, float], size: float) -> dict[int, float]:
    law = {each: found[1] / np.sqrt(each) for each in SIZES}
    print(f"The gradient of all {ROWS} rows has the length {size:.3f}; how far off is that of")
    print("a batch, measured over 400 batches, and by the law spread(1) / sqrt(b)?")
    print("  batch   measured      law    variance")
    for each in SIZES:
        print(f"  {each:>5}{found[each]:>11.4f}{law[each]:>9.4f}{found[each] ** 2:>12.6f}")
    return law


def tell_ways(runs: dict[str, tw.Run]) -> None:
    print(f"\nLoss over all rows by epoch, {EPOCHS} epochs")
    print(
        f"  {'way':<12}{'batch':>6}{'alpha':>7}{'steps':>8}{'epoch 1':>10}{'10':>9}{'40':>9}",
        end="",
    )
    print("   ms an epoch")
    for name, run in runs.items():
        losses = [run.history["val_loss"][epoch - 1] for epoch in (1, 10, 40)]
        told = "".join(
            f"{loss:>{width}.4f}" for loss, width in zip(losses, (10, 9, 9), strict=True)
        )
        size, alpha = WAYS[name]
        milliseconds = 1000 * run.seconds / run.epochs
        print(f"  {name:<12}{size:>6}{alpha:>7g}{run.steps:>8,}{told}{milliseconds:>14.3f}")
    print("An epoch of stochastic descent gets furthest and takes longest; full batches")
    print("are fast through their rows and hardly move. Mini-batches take the middle.")


def main(picture: str | None = None) -> None:
    X, y = rows()
    gradients = row_gradients(X, y)
    measured = spreads(gradients)
    law = tell_noise(measured, float(np.linalg.norm(gradients.mean(axis=0))))
    runs = train(X, y)
    tell_ways(runs)

    epochs = np.arange(1, EPOCHS + 1)
    losses = {name: run.history["val_loss"] for name, run in runs.items()}
    times = {name: epochs * 1000 * run.seconds / EPOCHS for name, run in runs.items()}
    noise = {
        "measured": (np.log10(SIZES), [measured[size] for size in SIZES]),
        "1 / sqrt(b)": (np.log10(SIZES), [law[size] for size in SIZES]),
    }
    by_epoch = {name: (epochs, each) for name, each in losses.items()}
    by_time = {name: (times[name], each) for name, each in losses.items()}
    drawing.write(
        picture,
        "Three ways to take a step",
        (
            line_chart(
                noise,
                title="Noise of the gradient",
                x_label="log10 of the batch size",
                y_label="distance from the gradient of all rows",
            ),
            "What is measured lies on the law.",
        ),
        (
            line_chart(by_epoch, title="Loss by epoch", x_label="epoch", y_label="loss"),
            "By epochs, that is by rows seen, small batches are ahead.",
        ),
        (
            line_chart(by_time, title="Loss by time", x_label="milliseconds", y_label="loss"),
            "By the clock the lead of single rows is smaller: their epochs take longest.",
        ),
    )


if __name__ == "__main__":
    main(*sys.argv[1:2])
