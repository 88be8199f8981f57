"""A spiral with three arms: straight lines cannot separate them, and a hidden layer can.

The "Minimal neural network case study" of the CS231n notes: 100 points per arm, full batches,
lr = 1, and a penalty of 0.0005 w^2 per weight. Softmax alone separates classes by straight lines
and gets half of the points right; 100 ReLU units before it bend these lines. The notes give no
seed, but seed 0 reproduces the final loss of softmax, which does not depend on the initial weights,
to six digits. Give a path as the first argument to draw the chart.
"""

import sys

import drawing
import numpy as np

import talweg as tw
from talweg.draw import line_chart

POINTS, ARMS, DECAY = 100, 3, 1e-3
# steps until the loss that the notes print last, and steps after it
STEPS = {"softmax alone": (190, 10), "100 hidden units": (9_000, 1_000)}


def spiral() -> tuple[np.ndarray, np.ndarray]:
    np.random.seed(0)
    radius, arms = np.linspace(0, 1, POINTS), []
    for arm in range(ARMS):
        angle = np.linspace(4 * arm, 4 * arm + 4, POINTS) + 0.2 * np.random.randn(POINTS)
        arms.append(np.c_[radius * np.sin(angle), radius * np.cos(angle)])
    return np.concatenate(arms), np.repeat(np.arange(ARMS), POINTS)


def network(name: str) -> tw.Sequential:
    penalty = tw.L2(DECAY / 2)
    hidden = [tw.Dense(100, "relu", weight_penalty=penalty)] * (name != "softmax alone")
    net = tw.Sequential(*hidden, tw.Dense(ARMS, weight_penalty=penalty), dtype="float64")
    net.init(spiral()[0])
    for path, weights in net.weights.items():
        weights[...] = 0.01 * np.random.randn(*weights.shape) if path.endswith("weight") else 0.0
    return net


def loss(net: tw.Sequential, X: np.ndarray, y: np.ndarray) -> float:
    """Cross-entropy plus the penalty, as the notes print it."""
    logits = net.predict(X)
    cross_entropy = np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(len(y)), y]
    matrices = [weights for path, weights in net.weights.items() if path.endswith("weight")]
    return float(cross_entropy.mean() + DECAY / 2 * sum((W**2).sum() for W in matrices))


def accuracy(net: tw.Sequential, X: np.ndarray, y: np.ndarray) -> float:
    return float(np.mean(net.predict(X).argmax(axis=1) == y))


def train(name: str, engine: str | None = None) -> tuple[list[float], tw.Run]:
    """The initial loss, the loss the notes print last, the final accuracy; and the first run."""
    (X, y), net = spiral(), network(name)
    losses, runs = [loss(net, X, y)], []
    settings = {"loss": "cross_entropy", "optimizer": tw.SGD(lr=1.0), "batch_size": None}
    for steps in STEPS[name]:
        runs.append(tw.fit(net, X, y, epochs=steps, engine=engine, **settings))
        losses.append(loss(net, X, y))
    return [*losses[:2], accuracy(net, X, y)], runs[0]


def print_maps(nets: list[tw.Sequential]) -> None:
    """The predicted class over the plane, for each network side by side."""
    across, down = np.linspace(-1, 1, 31), np.linspace(1, -1, 15)
    for height in down:
        rows = (net.predict(np.c_[across, np.full(31, height)]).argmax(axis=1) for net in nets)
        print("  " + "     ".join("".join(".+#"[arm] for arm in row) for row in rows))


def main(picture: str | None = None) -> None:
    results = {name: train(name) for name in STEPS}
    print(f"{'':<18}{'first loss':>12}{'last loss':>12}{'accuracy':>10}")
    for name, ((first, last, right), _) in results.items():
        print(f"{name:<18}{first:>12.6f}{last:>12.6f}{right:>10.0%}")
    print("\nThe predicted arm over the plane: softmax alone left, 100 hidden units right")
    print_maps([run.net for _, run in results.values()])
    lines = {
        name: (np.arange(1, run.epochs + 1), run.history["loss"])
        for name, (_, run) in results.items()
    }
    chart = line_chart(lines, title="Loss", x_label="step", y_label="loss", log_x=True)
    caption = "Straight lines are found at once and are not enough; bending them takes longer."
    drawing.write(picture, "A spiral with three arms", (chart, caption))


if __name__ == "__main__":
    main(*sys.argv[1:2])
