"""Three batch sizes: stochastic, mini-batch and full-batch gradient descent on one problem.

The gradient of a batch is the gradient of all rows plus noise. For a batch of size b the variance
of the noise falls as 1 / b, so its standard deviation falls only as 1 / sqrt(b): a hundred times
the work for a tenth of the noise. For the same rows, small batches give many noisy steps, and large
ones few accurate steps that a computer takes fast.
Give a path as the first argument to draw the charts.
"""

import sys

import drawing
import numpy as np

import talweg as tw
from talweg.draw import line_chart

ROWS, EPOCHS = 512, 40
SIZES = [1, 4, 16, 64, 256]
METHODS = {"stochastic": (1, 0.02), "mini-batch": (32, 0.2), "full batch": (ROWS, 0.3)}


def rows() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    X = random.uniform(-1, 1, (ROWS, 4))
    return X, np.sin(3 * X[:, 0]) * X[:, 1] + X[:, 2] + 0.1 * random.normal(size=ROWS)


def network() -> tw.Sequential:
    return tw.Sequential(tw.Dense(16, "tanh"), tw.Dense(1), dtype="float64")


def row_gradients(X: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The gradient of each row's loss at the initial weights, (rows, weights)."""
    net = network().init(X, seed=0)
    gradients = []
    for row in range(len(X)):
        loss = tw.mse(net(X[row : row + 1]), y[row : row + 1, None])
        loss.backward()
        gradients.append(np.concatenate([loss.find(name).grad.ravel() for name in net.weights]))
    return np.array(gradients)


def spreads(gradients: np.ndarray, draws: int = 400) -> dict[int, float]:
    """The root mean square distance between the gradients of a batch and of all rows, by size.

    The gradient of a batch is the mean of its rows' gradients; rows are drawn with replacement.
    """
    random = np.random.default_rng(1)
    whole = gradients.mean(axis=0)
    distances = {}
    for size in SIZES:
        batches = random.integers(len(gradients), size=(draws, size))
        gaps = np.array([gradients[batch].mean(axis=0) for batch in batches]) - whole
        distances[size] = float(np.sqrt((gaps**2).sum(axis=1).mean()))
    return distances


def train(X: np.ndarray, y: np.ndarray) -> dict[str, tw.Run]:
    """Each method with a suitable alpha: the fastest of three runs, which differ only in time.

    The validation loss is the loss over all rows after each epoch.
    """
    fastest = {}
    for name, (size, alpha) in METHODS.items():
        settings = {"optimizer": tw.SGD(lr=alpha), "epochs": EPOCHS, "batch_size": size}
        settings |= {"validation": (X, y), "restore_best": False}
        runs = [tw.fit(network(), X, y, **settings) for _ in range(3)]
        fastest[name] = min(runs, key=lambda run: run.seconds)
    return fastest


def print_noise(measured: dict[int, float], norm: float) -> dict[int, float]:
    expected = {size: measured[1] / np.sqrt(size) for size in SIZES}
    print(f"The gradient of all {ROWS} rows has norm {norm:.3f}. The distance to a batch's")
    print("gradient, measured over 400 batches, and expected by noise(1) / sqrt(b):")
    print("  batch   measured expected    variance")
    for size in SIZES:
        variance = measured[size] ** 2
        print(f"  {size:>5}{measured[size]:>11.4f}{expected[size]:>9.4f}{variance:>12.6f}")
    return expected


def print_methods(runs: dict[str, tw.Run]) -> None:
    print(f"\nLoss over all rows by epoch, {EPOCHS} epochs")
    heads = f"{'batch':>6}{'alpha':>7}{'steps':>8}{'epoch 1':>10}{'10':>9}{'40':>9}"
    print(f"  {'method':<12}{heads}  ms per epoch")
    for name, run in runs.items():
        losses = [run.history["val_loss"][epoch - 1] for epoch in (1, 10, 40)]
        columns = zip(losses, (10, 9, 9), strict=True)
        cells = "".join(f"{loss:>{width}.4f}" for loss, width in columns)
        size, alpha = METHODS[name]
        milliseconds = 1000 * run.seconds / run.epochs
        print(f"  {name:<12}{size:>6}{alpha:>7g}{run.steps:>8,}{cells}{milliseconds:>14.3f}")
    print("An epoch of stochastic descent makes the most progress and takes longest. Full")
    print("batches are fast and hardly move. Mini-batches are in between.")


def main(picture: str | None = None) -> None:
    X, y = rows()
    gradients = row_gradients(X, y)
    measured = spreads(gradients)
    expected = print_noise(measured, float(np.linalg.norm(gradients.mean(axis=0))))
    runs = train(X, y)
    print_methods(runs)

    epochs = np.arange(1, EPOCHS + 1)
    losses = {name: run.history["val_loss"] for name, run in runs.items()}
    times = {name: epochs * 1000 * run.seconds / EPOCHS for name, run in runs.items()}
    noise = {
        "measured": (np.log10(SIZES), [measured[size] for size in SIZES]),
        "1 / sqrt(b)": (np.log10(SIZES), [expected[size] for size in SIZES]),
    }
    by_epoch = {name: (epochs, curve) for name, curve in losses.items()}
    by_time = {name: (times[name], curve) for name, curve in losses.items()}
    drawing.write(
        picture,
        "Three batch sizes",
        (
            line_chart(
                noise,
                title="Noise of the gradient",
                x_label="log10 of the batch size",
                y_label="distance to the full gradient",
            ),
            "The measurements follow the law.",
        ),
        (
            line_chart(by_epoch, title="Loss by epoch", x_label="epoch", y_label="loss"),
            "Per epoch, that is per row seen, small batches are ahead.",
        ),
        (
            line_chart(by_time, title="Loss by time", x_label="milliseconds", y_label="loss"),
            "By time the lead of single rows is smaller, because their epochs take longest.",
        ),
    )


if __name__ == "__main__":
    main(*sys.argv[1:2])
