"""Recognition, the second use of a net: letters of 5 by 7 dots, of which some are wrong.

The net sees each letter many times, each time with other dots turned round, so it cannot learn the
pictures by heart: it learns what makes a letter. Beside it stands the nearest clean letter, which
is the best that one can do where every dot is as likely to be wrong. With a folder of MNIST's files
as second argument, it reads handwritten digits too. A path as first argument gets the picture.
"""

import gzip
import sys
from pathlib import Path

import drawing
import numpy as np

import talweg as tw
from talweg.draw import line_chart

FONT = {  # rows of five dots, from the top
    "A": "01110 10001 10001 11111 10001 10001 10001",
    "B": "11110 10001 10001 11110 10001 10001 11110",
    "C": "01110 10001 10000 10000 10000 10001 01110",
    "D": "11110 10001 10001 10001 10001 10001 11110",
    "E": "11111 10000 10000 11110 10000 10000 11111",
    "F": "11111 10000 10000 11110 10000 10000 10000",
    "G": "01110 10001 10000 10111 10001 10001 01110",
    "H": "10001 10001 10001 11111 10001 10001 10001",
}
LETTERS = np.array([[int(dot) for dot in rows if dot != " "] for rows in FONT.values()])
WRONG = (0.0, 0.05, 0.1, 0.15, 0.2, 0.3)  # the shares of dots that are turned round


def noisy(count: int, wrong: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """So many letters, each dot of them turned round with a chance, and which they are."""
    random = np.random.default_rng(seed)
    which = random.integers(0, len(LETTERS), count)
    turned = random.random((count, LETTERS.shape[1])) < wrong
    return np.where(turned, 1 - LETTERS[which], LETTERS[which]).astype(float), which


def train(X: np.ndarray, y: np.ndarray, *, hidden: int, epochs: int) -> tw.Run:
    net = tw.Sequential(tw.Dense(hidden, "relu"), tw.Dense(int(y.max()) + 1))
    rule = tw.Adam(lr=tw.CosineDecay(0.003))
    settings = {"loss": "cross_entropy", "optimizer": rule, "epochs": epochs, "batch_size": 50}
    return tw.fit(net, X, y, seed=0, **settings)


def nearest(X: np.ndarray) -> np.ndarray:
    """The clean letter that differs in the fewest dots."""
    return np.abs(X[:, None] - LETTERS).sum(axis=2).argmin(axis=1)


def show(X: np.ndarray) -> None:
    """Letters side by side, as dots."""
    for row in range(7):
        print("  " + "   ".join("".join(".#"[int(d)] for d in x[5 * row : 5 * row + 5]) for x in X))


def tell_letters() -> dict[str, list[float]]:
    net = train(*noisy(8000, 0.15, seed=1), hidden=32, epochs=20).net
    print("Letters with 15% of their dots turned round")
    X, which = noisy(8, 0.15, seed=3)
    show(X)
    says = net.predict(X).argmax(axis=1)
    print("  " + "   ".join(f"{name:<5}" for name in np.array(list(FONT))[which]), "is meant")
    print("  " + "   ".join(f"{name:<5}" for name in np.array(list(FONT))[says]), "is read")

    print("\n  wrong dots   the net   nearest clean letter")
    shares: dict[str, list[float]] = {"the net": [], "nearest clean letter": []}
    for wrong in WRONG:
        X, which = noisy(4000, wrong, seed=2)
        found = net.predict(X).argmax(axis=1), nearest(X)
        for share, says in zip(shares.values(), found, strict=True):
            share.append(float(np.mean(says == which)))
        print(f"{wrong:>12.0%}" + "".join(f"{share[-1]:>10.1%}" for share in shares.values()))
    return shares


def images(folder: Path, part: str) -> tuple[np.ndarray, np.ndarray]:
    """MNIST's pictures as rows of 784 numbers from 0 to 1, and their digits."""
    with gzip.open(folder / f"{part}-images-idx3-ubyte.gz") as file:
        pixels = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 784)
    with gzip.open(folder / f"{part}-labels-idx1-ubyte.gz") as file:
        return pixels / 255, np.frombuffer(file.read(), np.uint8, offset=8).astype(int)


def tell_digits(folder: Path) -> None:
    (X, y), (T, wanted) = images(folder, "train"), images(folder, "t10k")
    net = train(X[:20_000], y[:20_000], hidden=128, epochs=5).net
    share = np.mean(net.predict(T).argmax(axis=1) == wanted)
    print(f"\nHandwritten digits: of {len(T):,} that it never saw, {share:.1%} are read.")


def main(picture: str | None = None, mnist: str | None = None) -> None:
    shares = tell_letters()
    if mnist is not None:
        tell_digits(Path(mnist))
    lines = {name: (np.array(WRONG), np.array(share)) for name, share in shares.items()}
    chart = line_chart(lines, title="Letters read", x_label="wrong dots", y_label="share right")
    caption = "The net, which was never told how letters are drawn, reads nearly as well as can be."
    drawing.write(picture, "Recognition", (chart, caption))


if __name__ == "__main__":
    main(*sys.argv[1:3])
