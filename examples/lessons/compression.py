"""Compression, the fourth use of a network: seven measurements in one to three numbers.

An autoencoder must reproduce its input through a layer of few units, the code. With linear layers
it does no better than principal components, which fit a line or a plane. With a hidden layer on
each side of the code, the line can bend: weight grows as the cube of length, so one number keeps
what would take two components. The autoencoder starts from pretrained layers, unfolded.
Give a path as the first argument to draw the chart.
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
UNIT = 200  # the file's units are 200 mm and 200 g


def abalone() -> tuple[np.ndarray, np.ndarray]:
    """Training and test rows: lengths in mm, weights in g."""
    with (files("talweg.data") / "abalone" / "abalone.csv").open() as lines:
        rows = UNIT * np.loadtxt(lines, delimiter=",", skiprows=1, usecols=range(1, 8))
    rows = rows[np.random.default_rng(0).permutation(len(rows))]
    return rows[:3000], rows[3000:]


def components(X: np.ndarray, count: int) -> np.ndarray:
    """The directions (D, count) of largest variance of rows with mean 0."""
    return np.linalg.svd(X, full_matrices=False)[2][:count].T


def autoencoder(X: np.ndarray, count: int) -> tw.Sequential:
    """7-16-count-16-7: pretrained layer by layer, unfolded, and fine-tuned as a whole."""
    encoder = tw.Sequential(tw.Dense(16, "sigmoid"), tw.Dense(count)).init(X, seed=0)
    method, optimizer = tw.DenoisingAutoencoder(corruption=0.1), tw.Adam(lr=0.01)
    net = tw.pretrain(encoder, X, method=method, layers=[0, 1], optimizer=optimizer).unfold()
    fine_tuning = tw.Adam(lr=tw.CosineDecay(0.01))
    tw.fit(net, X, X, optimizer=fine_tuning, epochs=80, batch_size=50, seed=0)
    return net


def linear(X: np.ndarray, count: int) -> tw.Sequential:
    net = tw.Sequential(tw.Dense(count), tw.Dense(X.shape[1])).init(X, seed=0)
    tw.fit(net, X, X, optimizer=tw.LBFGS(), epochs=200, batch_size=None)
    return net


def preserved_variance(X: np.ndarray, reconstruction: np.ndarray) -> np.ndarray:
    """The share of each column's variance that is preserved."""
    return 1 - ((X - reconstruction) ** 2).sum(0) / ((X - X.mean(0)) ** 2).sum(0)


def print_shares(reconstructed: dict[tuple[str, int], np.ndarray], T: np.ndarray) -> None:
    print(f"Seven measurements of {len(T):,} test shellfish, reconstructed from a few numbers")
    print(f"  {'variance kept, by numbers':<28}" + "".join(f"{count:>8}" for count in CODES))
    for name in dict.fromkeys(name for name, _ in reconstructed):
        shares = (preserved_variance(T, reconstructed[name, count]).mean() for count in CODES)
        print(f"  {name:<28}" + "".join(f"{share:>8.1%}" for share in shares))
    print("(Neither the networks nor the components were fitted to these rows.)")


def print_columns(reconstructed: dict[tuple[str, int], np.ndarray], T: np.ndarray) -> None:
    print("\nVariance of each measurement kept by a single number")
    print(f"  {'':<22}" + "".join(f"{name:>8}" for name in COLUMNS))
    for name in NAMES:
        shares = preserved_variance(T, reconstructed[name, 1])
        print(f"  {name:<22}" + "".join(f"{share:>8.1%}" for share in shares))


def print_weights(names: dict[str, np.ndarray], test: np.ndarray) -> None:
    print("\nMean whole weight in g by length in mm, reconstructed from a single number")
    ends = [0, 60, 100, 130, 170]
    print(f"  {'':<24}" + "".join(f"{f'to {end}':>9}" for end in ends[1:]) + "   below 0")
    for name, rows in names.items():
        groups = np.digitize(test[:, 0], ends)
        means = "".join(f"{rows[groups == i, 3].mean():>9.1f}" for i in range(1, len(ends)))
        print(f"  {name:<24}{means}{(rows[:, 3] < 0).sum():>10}")
    print("On a straight line, small shellfish get negative weights. The network's line")
    print("bends with the data, and still takes one number.")


def curve(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sorted lengths, and the weights that belong to them."""
    order = np.argsort(rows[:, 0])
    return rows[order, 0], rows[order, 3]


def mean_weights(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean weights of shellfish of similar length."""
    lengths = np.arange(30, 151, 10)
    near = [np.abs(rows[:, 0] - length) <= 5 for length in lengths]
    return lengths, np.array([rows[mask, 3].mean() for mask in near])


def main(picture: str | None = None) -> None:
    train, test = abalone()
    mean, scale = train.mean(0), train.std(0)
    X, T = (train - mean) / scale, (test - mean) / scale
    reconstructed: dict[tuple[str, int], np.ndarray] = {}
    for count in CODES:
        axes = components(X, count)
        reconstructed["principal components", count] = T @ axes @ axes.T
        reconstructed["autoencoder, linear", count] = linear(X, count).predict(T)
        reconstructed["autoencoder", count] = autoencoder(X, count).predict(T)
    print_shares(reconstructed, T)
    print_columns(reconstructed, T)

    names = {name: reconstructed[name, 1] * scale + mean for name in NAMES}
    print_weights({"measured": test, **names}, test)

    lines = {"measured": mean_weights(test)} | {name: curve(rows) for name, rows in names.items()}
    drawing.write(
        picture,
        "Compression",
        (
            line_chart(
                lines,
                title="Reconstructed from one number",
                x_label="length, mm",
                y_label="weight, g",
            ),
            "A component is a straight line; the autoencoder's line follows the data.",
        ),
    )


if __name__ == "__main__":
    main(*sys.argv[1:2])
