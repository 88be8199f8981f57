"""Learning by heart, and what helps against it: masks, mini-batches, softmax, shared weights.

Five nets after "Grokking Deep Learning", chapters 8 to 10 (A. Trask). The plain one knows what it
is shown better and better, and others worse and worse. Dropout hides half of the hidden units at
each step, so that none can rely on another. The pictures are letters of which some dots are wrong;
with a folder of MNIST's files as second argument they are the book's thousand digits, and the
numbers are the book's. A path as first argument gets the picture.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import drawing
import numpy as np
from chapters import WAYS, Reader
from recognition import LETTERS, images, noisy

import talweg as tw
from talweg.draw import line_chart

MOST = 10_000_000  # numbers that are given to one fit
AT = (0, 10, 20, 50, 100, 200, 349)
AT_OF_DIGITS = (0, 10, 20)


@dataclass(frozen=True)
class Pictures:
    """Rows of pixels, and one-hot rows: those to learn, and others."""

    X: np.ndarray
    y: np.ndarray
    others: np.ndarray
    others_y: np.ndarray
    height: int
    width: int


def letters() -> Pictures:
    learnt, others = noisy(200, 0.2, seed=1), noisy(2000, 0.2, seed=2)
    one_hot = np.eye(len(LETTERS))
    return Pictures(learnt[0], one_hot[learnt[1]], others[0], one_hot[others[1]], 7, 5)


def digits(folder: Path) -> Pictures:
    (X, y), (others, wanted) = images(folder, "train"), images(folder, "t10k")
    return Pictures(X[:1000], np.eye(10)[y[:1000]], others, np.eye(10)[wanted], 28, 28)


def learn(
    name: str, pictures: Pictures, at: Sequence[int], engine: str | None = None
) -> list[tuple[float, ...]]:
    """Of each of these passes: loss and share right while it learns, error and share of others."""
    way = WAYS[name]
    y = pictures.y[: len(pictures.y) // way.batch_size * way.batch_size]
    X, found, done = pictures.X[: len(y)], [], 0
    net = Reader(way, pictures.height, pictures.width, y.shape[1])
    np.random.seed(1)
    spreads = {"first": way.spread, "second": 0.2}
    net.weights = {
        each: spreads[each] * np.random.random(shape) - spreads[each] / 2
        for each, shape in net.shapes().items()
    }
    most = max(1, MOST // (len(X) * (X.shape[1] + net.units)))
    for place in at:
        while done <= place:
            passes = min(most, place - done) or 1  # the pass that is asked for goes by itself
            run = tw.fit(
                net,
                net.rows(X, y, passes, way.drops),
                np.tile(y, (passes, 1)),
                loss="cross_entropy" if way.softmax else "half_sse",
                optimizer=tw.SGD(lr=way.alpha),
                epochs=1,
                batch_size=way.batch_size,
                shuffle=False,
                metrics=["accuracy"],
                threads=1,  # each step is short
                engine=engine,
            )
            done += passes
        loss, share = (float(run.history[each][0]) for each in ("loss", "accuracy"))
        error = loss if way.softmax else 2 * loss / way.batch_size
        found.append((error, share * len(X) / len(pictures.X), *judged(net, pictures)))
    return found


def judged(net: Reader, pictures: Pictures) -> tuple[float, float]:
    """The squared error of other pictures, and the share of them that is read right."""
    errors, right = 0.0, 0
    for start in range(0, len(pictures.others), 1000):
        X, y = (each[start : start + 1000] for each in (pictures.others, pictures.others_y))
        said = net.predict(net.rows(X, y, 1, draws=False))
        errors += ((said - y) ** 2).sum()
        right += (said.argmax(axis=1) == y.argmax(axis=1)).sum()
    return errors / len(pictures.others), right / len(pictures.others)


def main(picture: str | None = None, mnist: str | None = None) -> None:
    pictures, at = (digits(Path(mnist)), AT_OF_DIGITS) if mnist else (letters(), AT)
    names = [name for name in WAYS if mnist or name != "convolution"]  # letters are too small
    print(f"{len(pictures.X):,} pictures to learn, {len(pictures.others):,} others")
    others = {}
    for name in names:
        found = learn(name, pictures, at)
        others[name] = np.array(at), np.array([row[3] for row in found])
        print(f"\n{name + ': in pass':<25}" + "".join(f"{each:>7}" for each in at))
        for place, what in ((1, "right while it learns"), (3, "right of the others")):
            print(f"  {what:<23}" + "".join(f"{row[place]:>7.3f}" for row in found))
    print("\nThe plain net knows its pictures best, and at the end has lost others that it")
    print("could read before: what it learnt last is which dots are wrong. Where half of")
    print("the units are hidden, or pictures share a step, the two rows stay closer.")
    chart = line_chart(others, title="Others read right", x_label="pass", y_label="share")
    caption = "Reading others gets better, and for the plain net then worse again."
    drawing.write(picture, "Learning by heart", (chart, caption))


if __name__ == "__main__":
    main(*sys.argv[1:3])
