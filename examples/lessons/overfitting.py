"""Overfitting, and remedies for it: dropout, mini-batches, softmax, shared weights.

Five networks after "Grokking Deep Learning", chapters 8 to 10 (A. Trask). The plain one keeps
improving on its training images and gets worse on others. Dropout silences half of the hidden
units in each step, so no unit can rely on another. The images are noisy letters. Given a folder
with the files of MNIST as the second argument, they are the book's thousand digits, and the numbers
are the book's. Give a path as the first argument to draw the chart.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import drawing
import numpy as np
from book_networks import RECIPES, Reader, Recipe
from recognition import LETTERS, noisy, read_mnist

import talweg as tw
from talweg.draw import line_chart

LARGEST = 10_000_000  # numbers passed to one fit
EPOCHS = (0, 10, 20, 50, 100, 200, 349)
EPOCHS_OF_DIGITS = (0, 10, 20)


@dataclass(frozen=True)
class Images:
    """Training and held-out images as rows of pixels, their classes as one-hot rows."""

    X: np.ndarray
    y: np.ndarray
    held_out: np.ndarray
    held_out_y: np.ndarray
    height: int
    width: int


def letters() -> Images:
    train, test = noisy(200, 0.2, seed=1), noisy(2000, 0.2, seed=2)
    one_hot = np.eye(len(LETTERS))
    return Images(train[0], one_hot[train[1]], test[0], one_hot[test[1]], 7, 5)


def digits(folder: Path) -> Images:
    (X, y), (others, labels) = read_mnist(folder, "train"), read_mnist(folder, "t10k")
    return Images(X[:1000], np.eye(10)[y[:1000]], others, np.eye(10)[labels], 28, 28)


def initial_weights(net: Reader, recipe: Recipe) -> dict[str, np.ndarray]:
    np.random.seed(1)
    spreads = {"first": recipe.spread, "second": 0.2}
    return {
        name: spreads[name] * np.random.random(shape) - spreads[name] / 2
        for name, shape in net.shapes().items()
    }


def learn(
    name: str, images: Images, epochs: Sequence[int], engine: str | None = None
) -> list[tuple[float, ...]]:
    """Training error and accuracy, test error and accuracy after each of these epochs."""
    recipe = RECIPES[name]
    y = images.y[: len(images.y) // recipe.batch_size * recipe.batch_size]
    X, measured, done = images.X[: len(y)], [], 0
    net = Reader(recipe, images.height, images.width, y.shape[1])
    net.weights = initial_weights(net, recipe)
    most = max(1, LARGEST // (len(X) * (X.shape[1] + net.units)))
    for epoch in epochs:
        while done <= epoch:
            passes = min(most, epoch - done) or 1  # the measured epoch runs by itself
            run = tw.fit(
                net,
                net.rows(X, y, passes, recipe.dropout),
                np.tile(y, (passes, 1)),
                loss="cross_entropy" if recipe.softmax else "half_sse",
                optimizer=tw.SGD(lr=recipe.alpha),
                epochs=1,
                batch_size=recipe.batch_size,
                shuffle=False,
                metrics=["accuracy"],
                threads=1,  # each step is short
                engine=engine,
            )
            done += passes
        loss, accuracy = (float(run.history[measure][0]) for measure in ("loss", "accuracy"))
        error = loss if recipe.softmax else 2 * loss / recipe.batch_size
        measured.append((error, accuracy * len(X) / len(images.X), *evaluate(net, images)))
    return measured


def evaluate(net: Reader, images: Images) -> tuple[float, float]:
    """The mean squared error and the accuracy on the test images."""
    errors, right = 0.0, 0
    for start in range(0, len(images.held_out), 100):
        X, y = (rows[start : start + 100] for rows in (images.held_out, images.held_out_y))
        outputs = net.predict(net.rows(X, y, 1, draws=False))
        errors += ((outputs - y) ** 2).sum()
        right += (outputs.argmax(axis=1) == y.argmax(axis=1)).sum()
    return errors / len(images.held_out), right / len(images.held_out)


def main(picture: str | None = None, mnist: str | None = None) -> None:
    images, epochs = (digits(Path(mnist)), EPOCHS_OF_DIGITS) if mnist else (letters(), EPOCHS)
    names = [name for name in RECIPES if mnist or name != "convolution"]  # letters are too small
    print(f"{len(images.X):,} training images, {len(images.held_out):,} test images")
    lines = {}
    for name in names:
        measured = learn(name, images, epochs)
        lines[name] = np.array(epochs), np.array([row[3] for row in measured])
        print(f"\n{name + ': epoch':<25}" + "".join(f"{epoch:>7}" for epoch in epochs))
        for column, label in ((1, "training accuracy"), (3, "test accuracy")):
            print(f"  {label:<23}" + "".join(f"{row[column]:>7.3f}" for row in measured))
    print("\nThe plain network is best on its training images, and in the end misreads test")
    print("images that it read correctly before: it has learned the noise. With dropout,")
    print("mini-batches or softmax, the two rows stay closer together.")
    chart = line_chart(lines, title="Test accuracy", x_label="epoch", y_label="accuracy")
    caption = "Test accuracy rises, and for the plain network falls again."
    drawing.write(picture, "Overfitting", (chart, caption))


if __name__ == "__main__":
    main(*sys.argv[1:3])
