"""A spiral of three arms: no straight line tells them apart, and a hidden layer does.

The case study of the notes of CS231n ("Minimal neural network case study"): 100 points an arm, full
batches, lr = 1, and half of 0.001 w^2 added to the loss for each weight. Softmax alone can only cut
the plane by straight lines, and gets half of the points; with 100 ReLU units before it, it bends
them. The notes name no seed, but their rows are those of seed 0: the loss of the softmax, which
does not depend on where it starts, is theirs to six digits. A first argument gets the picture.
"""

import sys

import drawing
import numpy as np

import talweg as tw
from talweg.draw import line_chart

POINTS, ARMS, DECAY = 100, 3, 1e-3
STEPS = {"softmax alone": (190, 10), "100 hidden units": (9_000, 1_000)}  # to a print, to the end


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
    """Cross-entropy and the penalty, as the notes print it."""
    said = net.predict(X)
    own = np.log(np.exp(said).sum(axis=1)) - said[np.arange(len(y)), y]
    squares = [(each**2).sum() for path, each in net.weights.items() if path.endswith("weight")]
    return float(own.mean() + DECAY / 2 * sum(squares))


def share(net: tw.Sequential, X: np.ndarray, y: np.ndarray) -> float:
    return float(np.mean(net.predict(X).argmax(axis=1) == y))


def train(name: str, engine: str | None = None) -> tuple[list[float], tw.Run]:
    """The loss at the start and at the last print, the share right at the end; the first run."""
    (X, y), net = spiral(), network(name)
    found, runs = [loss(net, X, y)], []
    settings = {"loss": "cross_entropy", "optimizer": tw.SGD(lr=1.0), "batch_size": None}
    for steps in STEPS[name]:
        runs.append(tw.fit(net, X, y, epochs=steps, engine=engine, **settings))
        found.append(loss(net, X, y))
    return [*found[:2], share(net, X, y)], runs[0]


def maps(nets: list[tw.Sequential]) -> None:
    """Which arm each net sees where, side by side."""
    across, down = np.linspace(-1, 1, 31), np.linspace(1, -1, 15)
    for height in down:
        rows = (net.predict(np.c_[across, np.full(31, height)]).argmax(axis=1) for net in nets)
        print("  " + "     ".join("".join(".+#"[arm] for arm in row) for row in rows))


def main(picture: str | None = None) -> None:
    found = {name: train(name) for name in STEPS}
    print(f"{'':<18}{'first loss':>12}{'last loss':>12}{'right':>8}")
    for name, ((first, last, right), _) in found.items():
        print(f"{name:<18}{first:>12.6f}{last:>12.6f}{right:>8.0%}")
    print("\nWhich of the three arms each of them sees where")
    maps([run.net for _, run in found.values()])
    lines = {
        name: (np.arange(1, run.epochs + 1), run.history["loss"])
        for name, (_, run) in found.items()
    }
    chart = line_chart(lines, title="Loss", x_label="step", y_label="loss", log_x=True)
    caption = "Straight lines are found at once, and are not enough; bending them takes longer."
    drawing.write(picture, "A spiral of three arms", (chart, caption))


if __name__ == "__main__":
    main(*sys.argv[1:2])
