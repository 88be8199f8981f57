"""Classification, the third use of a net: is a shellfish female, male or an infant?

The net gives a probability to each class, and learns by cross-entropy: minus the logarithm of what
it gave to the right one. Measures tell infants from adults, but hardly females from males. So the
net is right in little more than half the cases, and knows it: of those where it says 60 %, some
60 % are right. A path as first argument gets the picture.
"""

import sys
from importlib.resources import files

import drawing
import numpy as np

import talweg as tw
from talweg.draw import line_chart
from talweg.draw.charts.confusion_matrix import confusion_chart

CLASSES = ["F", "M", "I"]
NAMES = ["female", "male", "infant"]
EDGES = np.arange(0.3, 1.0, 0.1)  # of the bins of what the net says


def abalone() -> tuple[np.ndarray, np.ndarray]:
    """Seven measures and the rings, standardised, and the class, 0 to 2."""
    with (files("talweg.data") / "abalone" / "abalone.csv").open() as lines:
        cells = np.loadtxt(lines, delimiter=",", skiprows=1, dtype=str)
    X = cells[:, 1:].astype(float)
    return (X - X.mean(axis=0)) / X.std(axis=0), (cells[:, :1] == CLASSES).argmax(axis=1)


def split(seed: int) -> tuple[np.ndarray, ...]:
    """3,000 rows to learn from, and the others."""
    X, y = abalone()
    order = np.random.default_rng(seed).permutation(len(X))
    learnt, held = order[:3000], order[3000:]
    return X[learnt], y[learnt], X[held], y[held]


def train(X: np.ndarray, y: np.ndarray, engine: str | None = None) -> tw.Run:
    net = tw.Sequential(tw.Dense(16, "tanh"), tw.Dense(3, "softmax"))
    rule = tw.Adam(lr=tw.CosineDecay(0.01))
    settings = {"loss": "cross_entropy", "optimizer": rule, "epochs": 30, "batch_size": 50}
    return tw.fit(net, X, y, validation=0.2, seed=0, engine=engine, **settings)


def tell_confusion(counts: np.ndarray) -> None:
    print("What they are, and what the net says (counts)")
    print(f"{'says':>10}" + "".join(f"{name:>9}" for name in NAMES))
    for name, row in zip(NAMES, counts, strict=True):
        print(f"{name:>10}" + "".join(f"{count:>9}" for count in row))


def calibration(said: np.ndarray, right: np.ndarray) -> list[tuple[float, float, int]]:
    """For each bin of what it says: the mean said, the share that is right, the number of rows."""
    bins = [(low <= said) & (said < low + 0.1 + 1e-9) for low in EDGES]
    return [(said[b].mean(), right[b].mean(), int(b.sum())) for b in bins if b.sum() >= 20]


def main(picture: str | None = None) -> None:
    X, y, T, wanted = split(seed=0)
    run = train(X, y)
    chances = run.net.predict(T)
    says = chances.argmax(axis=1)
    counts = np.zeros((3, 3), dtype=int)
    np.add.at(counts, (wanted, says), 1)
    tell_confusion(counts)
    right = says == wanted
    print(f"\nOf {len(T)} that it never saw, {right.mean():.1%} are right; always saying")
    print(f"'male' would be right in {np.mean(wanted == 1):.1%}.")
    infant = np.mean((says == 2) == (wanted == 2))
    adults = (wanted < 2) & (says < 2)
    print(f"Infant or adult: {infant:.1%} right. Female or male: {right[adults].mean():.1%}.")

    rows = calibration(chances.max(axis=1), right)
    print("\nDoes it know what it does not know?")
    print("    it says   is right   rows")
    for said, share, count in rows:
        print(f"{said:>11.0%}{share:>11.0%}{count:>7}")

    said, shares, _ = (np.array(each) for each in zip(*rows, strict=True))
    lines = {"what came true": (said, shares), "what it said": (said, said)}
    drawing.write(
        picture,
        "Female, male or infant",
        (
            confusion_chart(NAMES, counts, title="What they are, and what the net says"),
            "Infants are found; females and males look alike.",
        ),
        (
            line_chart(lines, title="Does it know?", x_label="it says", y_label="share right"),
            "The nearer the lines, the more its probabilities are worth.",
        ),
    )


if __name__ == "__main__":
    main(*sys.argv[1:2])
