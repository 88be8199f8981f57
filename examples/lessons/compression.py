"""Compression, the fourth use of a net: seven measures of a shellfish kept as one to three numbers.

An autoencoder must give back what it was given through a layer of few units, the code. With linear
layers it can do no better than principal components, which lay a line or a plane through the rows.
With a hidden layer on the way there and back the line may bend: weight grows as the cube of length,
so a single number holds what needs two components. It begins as pretrained layers, unfolded. A path
as first argument gets the picture.
"""

import sys
from importlib.resources import files

import drawing
import numpy as np

import talweg as tw
from talweg.draw import line_chart

COLUMNS = ["length", "across", "height", "whole", "meat", "gut", "shell"]
NAMES = ("principal components", "autoencoder")
CODES = (1, 2, 3)
UNIT = 200  # the file has lengths of 200 mm, and weights of 200 g


def abalone() -> tuple[np.ndarray, np.ndarray]:
    """Measures of shellfish to learn from, and of others: sizes in mm, weights in g."""
    with (files("talweg.data") / "abalone" / "abalone.csv").open() as lines:
        rows = UNIT * np.loadtxt(lines, delimiter=",", skiprows=1, usecols=range(1, 8))
    rows = rows[np.random.default_rng(0).permutation(len(rows))]
    return rows[:3000], rows[3000:]


def components(X: np.ndarray, count: int) -> np.ndarray:
    """The directions (D, count) along which rows of mean 0 differ most."""
    return np.linalg.svd(X, full_matrices=False)[2][:count].T


def autoencoder(X: np.ndarray, count: int) -> tw.Sequential:
    """7-16-count-16-7: each layer prepared by itself, unfolded, and trained as a whole."""
    encoder = tw.Sequential(tw.Dense(16, "sigmoid"), tw.Dense(count)).init(X, seed=0)
    rule, method = tw.Adam(lr=0.01), tw.DenoisingAutoencoder(corruption=0.1)
    found = tw.pretrain(encoder, X, method=method, layers=[0, 1], optimizer=rule)
    net = found.unfold()
    fine = tw.Adam(lr=tw.CosineDecay(0.01))
    tw.fit(net, X, X, optimizer=fine, epochs=80, batch_size=50, seed=0)
    return net


def linear(X: np.ndarray, count: int) -> tw.Sequential:
    net = tw.Sequential(tw.Dense(count), tw.Dense(X.shape[1])).init(X, seed=0)
    tw.fit(net, X, X, optimizer=tw.LBFGS(), epochs=200, batch_size=None)
    return net


def kept(X: np.ndarray, restored: np.ndarray) -> np.ndarray:
    """The share of each column's variance that is still there."""
    return 1 - ((X - restored) ** 2).sum(0) / ((X - X.mean(0)) ** 2).sum(0)


def tell_shares(restored: dict[tuple[str, int], np.ndarray], T: np.ndarray) -> None:
    print(f"Seven measures of {len(T):,} shellfish, restored from a few numbers")
    print(f"  {'variance kept, by numbers':<28}" + "".join(f"{count:>8}" for count in CODES))
    for name in dict.fromkeys(name for name, _ in restored):
        shares = (kept(T, restored[name, count]).mean() for count in CODES)
        print(f"  {name:<28}" + "".join(f"{share:>8.1%}" for share in shares))
    print("(None of them was there when the net, and the components, were found.)")


def tell_columns(restored: dict[tuple[str, int], np.ndarray], T: np.ndarray) -> None:
    print("\nWhat a single number keeps of each measure")
    print(f"  {'':<22}" + "".join(f"{name:>8}" for name in COLUMNS))
    for name in NAMES:
        shares = kept(T, restored[name, 1])
        print(f"  {name:<22}" + "".join(f"{share:>8.1%}" for share in shares))


def tell_weights(names: dict[str, np.ndarray], others: np.ndarray) -> None:
    print("\nMean whole weight in g, by length in mm, as that number has it")
    ends = [0, 60, 100, 130, 170]
    print(f"  {'':<24}" + "".join(f"{f'to {end}':>9}" for end in ends[1:]) + "   below 0")
    for name, rows in names.items():
        groups = np.digitize(others[:, 0], ends)
        means = "".join(f"{rows[groups == at, 3].mean():>9.1f}" for at in range(1, len(ends)))
        print(f"  {name:<24}{means}{(rows[:, 3] < 0).sum():>10}")
    print("Along a straight line, small shellfish weigh less than nothing. The net's line")
    print("bends with them, and is still one number.")


def curve(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lengths in order, and the weights that go with them."""
    order = np.argsort(rows[:, 0])
    return rows[order, 0], rows[order, 3]


def measured(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean weights of shellfish of about the same length."""
    lengths = np.arange(30, 151, 10)
    near = [np.abs(rows[:, 0] - length) <= 5 for length in lengths]
    return lengths, np.array([rows[each, 3].mean() for each in near])


def main(picture: str | None = None) -> None:
    rows, others = abalone()
    centre, scale = rows.mean(0), rows.std(0)
    X, T = (rows - centre) / scale, (others - centre) / scale
    restored: dict[tuple[str, int], np.ndarray] = {}
    for count in CODES:
        axes = components(X, count)
        restored["principal components", count] = T @ axes @ axes.T
        restored["autoencoder, linear", count] = linear(X, count).predict(T)
        restored["autoencoder", count] = autoencoder(X, count).predict(T)
    tell_shares(restored, T)
    tell_columns(restored, T)

    names = {each: restored[each, 1] * scale + centre for each in NAMES}
    tell_weights({"measured": others, **names}, others)

    lines = {"measured": measured(others)} | {name: curve(each) for name, each in names.items()}
    drawing.write(
        picture,
        "Compression",
        (
            line_chart(
                lines, title="Restored from one number", x_label="length, mm", y_label="weight, g"
            ),
            "A component is a straight line; the autoencoder's follows the shellfish.",
        ),
    )


if __name__ == "__main__":
    main(*sys.argv[1:2])
