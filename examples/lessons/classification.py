"""Classification, the third use of a network: is a shellfish female, male or an infant?

The network gives each class a probability and minimizes the cross-entropy, minus the logarithm of
the probability it gave the true class. Measurements separate infants from adults, but hardly
females from males. So the network is right in little more than half the cases, and knows it: of the
rows where it says 60%, about 60% are right. Give a path as the first argument to draw the charts.
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
EDGES = np.arange(0.3, 1.0, 0.1)  # lower edges of the bins of predicted probabilities


def abalone() -> tuple[np.ndarray, np.ndarray]:
    """Seven measurements and the rings, standardized, and the class, 0 to 2."""
    with (files("talweg.data") / "abalone" / "abalone.csv").open() as lines:
        cells = np.loadtxt(lines, delimiter=",", skiprows=1, dtype=str)
    X = cells[:, 1:].astype(float)
    return (X - X.mean(axis=0)) / X.std(axis=0), (cells[:, :1] == CLASSES).argmax(axis=1)


def split(seed: int) -> tuple[np.ndarray, ...]:
    """3,000 training rows, and the rest for testing."""
    X, y = abalone()
    order = np.random.default_rng(seed).permutation(len(X))
    train, test = order[:3000], order[3000:]
    return X[train], y[train], X[test], y[test]


def train(X: np.ndarray, y: np.ndarray, engine: str | None = None) -> tw.Run:
    net = tw.Sequential(tw.Dense(16, "tanh"), tw.Dense(3, "softmax"))
    optimizer = tw.Adam(lr=tw.CosineDecay(0.01))
    settings = {"loss": "cross_entropy", "optimizer": optimizer, "epochs": 30, "batch_size": 50}
    return tw.fit(net, X, y, validation=0.2, seed=0, engine=engine, **settings)


def print_confusion(counts: np.ndarray) -> None:
    print("True class by row, predicted class by column (counts)")
    print(f"{'predicted':>10}" + "".join(f"{name:>9}" for name in NAMES))
    for name, row in zip(NAMES, counts, strict=True):
        print(f"{name:>10}" + "".join(f"{count:>9}" for count in row))


def calibration(confidence: np.ndarray, right: np.ndarray) -> list[tuple[float, float, int]]:
    """The mean confidence, the accuracy and the number of rows in each bin of confidence."""
    bins = [(low <= confidence) & (confidence < low + 0.1 + 1e-9) for low in EDGES]
    return [(confidence[b].mean(), right[b].mean(), int(b.sum())) for b in bins if b.sum() >= 20]


def main(picture: str | None = None) -> None:
    X, y, test_X, test_y = split(seed=0)
    run = train(X, y)
    probabilities = run.net.predict(test_X)
    predicted = probabilities.argmax(axis=1)
    counts = np.zeros((3, 3), dtype=int)
    np.add.at(counts, (test_y, predicted), 1)
    print_confusion(counts)
    right = predicted == test_y
    print(f"\nOf {len(test_y)} test rows, {right.mean():.1%} are right; always answering")
    print(f"'male' would be right in {np.mean(test_y == 1):.1%}.")
    infant = np.mean((predicted == 2) == (test_y == 2))
    adults = (test_y < 2) & (predicted < 2)
    print(f"Infant or adult: {infant:.1%} right. Female or male: {right[adults].mean():.1%}.")

    rows = calibration(probabilities.max(axis=1), right)
    print("\nDoes it know what it does not know?")
    print(" confidence   accuracy   rows")
    for confidence, accuracy, count in rows:
        print(f"{confidence:>11.0%}{accuracy:>11.0%}{count:>7}")

    confidences, accuracies, _ = (np.array(column) for column in zip(*rows, strict=True))
    lines = {"accuracy": (confidences, accuracies), "confidence": (confidences, confidences)}
    drawing.write(
        picture,
        "Female, male or infant",
        (
            confusion_chart(NAMES, counts, title="True and predicted class"),
            "The network finds infants; it confuses females and males.",
        ),
        (
            line_chart(lines, title="Calibration", x_label="confidence", y_label="accuracy"),
            "The closer the lines, the more its probabilities can be trusted.",
        ),
    )


if __name__ == "__main__":
    main(*sys.argv[1:2])
