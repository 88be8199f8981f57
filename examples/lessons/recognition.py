"""Recognition, the second use of a network: letters of 5 by 7 pixels, some of which are flipped.

The network sees each letter many times, each time with different pixels flipped, so it cannot
memorize images and has to learn what makes a letter. It is compared with the nearest clean letter,
the best possible answer when all pixels are equally likely to be wrong. Given a folder with the
files of MNIST as the second argument, it also reads handwritten digits.
Give a path as the first argument to draw the chart.
"""

import gzip
import sys
from pathlib import Path

import drawing
import numpy as np

import talweg as tw
from talweg.draw import line_chart

FONT = {  # rows of five pixels, from the top
    "A": "01110 10001 10001 11111 10001 10001 10001",
    "B": "11110 10001 10001 11110 10001 10001 11110",
    "C": "01110 10001 10000 10000 10000 10001 01110",
    "D": "11110 10001 10001 10001 10001 10001 11110",
    "E": "11111 10000 10000 11110 10000 10000 11111",
    "F": "11111 10000 10000 11110 10000 10000 10000",
    "G": "01110 10001 10000 10111 10001 10001 01110",
    "H": "10001 10001 10001 11111 10001 10001 10001",
}
LETTERS = np.array([[int(pixel) for pixel in rows if pixel != " "] for rows in FONT.values()])
NOISE = (0.0, 0.05, 0.1, 0.15, 0.2, 0.3)  # the probability that a pixel is flipped


def noisy(count: int, noise: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Random letters with each pixel flipped with probability `noise`, and their classes."""
    random = np.random.default_rng(seed)
    letters = random.integers(0, len(LETTERS), count)
    flipped = random.random((count, LETTERS.shape[1])) < noise
    return np.where(flipped, 1 - LETTERS[letters], LETTERS[letters]).astype(float), letters


def train(X: np.ndarray, y: np.ndarray, *, hidden: int, epochs: int) -> tw.Run:
    net = tw.Sequential(tw.Dense(hidden, "relu"), tw.Dense(int(y.max()) + 1))
    optimizer = tw.Adam(lr=tw.CosineDecay(0.003))
    settings = {"loss": "cross_entropy", "optimizer": optimizer, "batch_size": 50}
    return tw.fit(net, X, y, epochs=epochs, seed=0, **settings)


def nearest(X: np.ndarray) -> np.ndarray:
    """The clean letter that differs in the fewest pixels."""
    return np.abs(X[:, None] - LETTERS).sum(axis=2).argmin(axis=1)


def show(X: np.ndarray) -> None:
    """Print letters side by side."""
    for row in range(7):
        print("  " + "   ".join("".join(".#"[int(d)] for d in x[5 * row : 5 * row + 5]) for x in X))


def print_letters() -> dict[str, list[float]]:
    net = train(*noisy(8000, 0.15, seed=1), hidden=32, epochs=20).net
    print("Letters with 15% of their pixels flipped")
    X, letters = noisy(8, 0.15, seed=3)
    show(X)
    predicted = net.predict(X).argmax(axis=1)
    print("  " + "   ".join(f"{name:<5}" for name in np.array(list(FONT))[letters]), "true")
    print("  " + "   ".join(f"{name:<5}" for name in np.array(list(FONT))[predicted]), "predicted")

    print("\n       noise   network   nearest clean letter   (accuracy)")
    accuracies: dict[str, list[float]] = {"network": [], "nearest clean letter": []}
    for noise in NOISE:
        X, letters = noisy(4000, noise, seed=2)
        answers = net.predict(X).argmax(axis=1), nearest(X)
        for accuracy, predicted in zip(accuracies.values(), answers, strict=True):
            accuracy.append(float(np.mean(predicted == letters)))
        print(f"{noise:>12.0%}" + "".join(f"{row[-1]:>10.1%}" for row in accuracies.values()))
    return accuracies


def read_mnist(folder: Path, part: str) -> tuple[np.ndarray, np.ndarray]:
    """The images of MNIST as rows of 784 numbers from 0 to 1, and their digits."""
    with gzip.open(folder / f"{part}-images-idx3-ubyte.gz") as file:
        pixels = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 784)
    with gzip.open(folder / f"{part}-labels-idx1-ubyte.gz") as file:
        return pixels / 255, np.frombuffer(file.read(), np.uint8, offset=8).astype(int)


def print_digits(folder: Path) -> None:
    (X, y), (test_X, test_y) = read_mnist(folder, "train"), read_mnist(folder, "t10k")
    net = train(X[:20_000], y[:20_000], hidden=128, epochs=5).net
    accuracy = np.mean(net.predict(test_X).argmax(axis=1) == test_y)
    print(
        f"\nHandwritten digits: of {len(test_X):,} test images, it reads {accuracy:.1%} correctly."
    )


def main(picture: str | None = None, mnist: str | None = None) -> None:
    accuracies = print_letters()
    if mnist is not None:
        print_digits(Path(mnist))
    lines = {name: (np.array(NOISE), np.array(row)) for name, row in accuracies.items()}
    chart = line_chart(lines, title="Accuracy", x_label="noise", y_label="accuracy")
    caption = "Trained on noisy letters only, the network reads nearly as well as possible."
    drawing.write(picture, "Recognition", (chart, caption))


if __name__ == "__main__":
    main(*sys.argv[1:3])
