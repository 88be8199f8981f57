"""Hidden sizes: 4 and 32 hidden units, seven alphas, and how often the weights change direction.

More hidden units are more balls rolling at once, so one of them is more likely to start in a good
bucket. How often a weight's update changes direction shows what alpha does: hardly ever when alpha
is tiny, often when it is best. The numbers are those of "A Neural Network in 13 lines of Python"
(Andrew Trask, iamtrask.github.io). Give a path as the first argument to draw the charts.
"""

import sys
from collections.abc import Callable

import drawing
import numpy as np

import talweg as tw
from talweg.draw import line_chart

X = np.array([[0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 1]])
EXCLUSIVE_OR = np.array([0, 1, 1, 0])
ALPHAS = [0.001, 0.01, 0.1, 1.0, 10.0, 100.0, 1000.0]
SIZES = [4, 32]
STEPS = 60_000


def network(hidden: int) -> tw.Sequential:
    """Two sigmoid layers without biases, with the article's initial weights."""
    layers = [tw.Dense(units, "sigmoid", bias=False) for units in (hidden, 1)]
    net = tw.Sequential(*layers, dtype="float64")
    np.random.seed(1)
    shapes = {"0.weight": (3, hidden), "1.weight": (hidden, 1)}
    net.weights = {name: 2 * np.random.random(shape) - 1 for name, shape in shapes.items()}
    return net


def train(
    sizes: list[int] = SIZES,
    alphas: list[float] = ALPHAS,
    steps: int = STEPS,
    engine: str | None = None,
) -> tw.Sweep:
    return tw.sweep(
        network,
        X,
        EXCLUSIVE_OR,
        over={"hidden": sizes, "lr": alphas},
        loss="half_sse",
        optimizer="sgd",
        epochs=steps,
        batch_size=None,
        metrics=["mae"],
        watch="direction_changes",
        engine=engine,
    )


class SideBySide(tw.Module):
    """The networks of all alphas in one module; the last of four rows is the output weights."""

    dtype = "float64"

    def __init__(self, hidden: int) -> None:
        self.hidden = hidden

    def __call__(self, x: tw.Tensor) -> tw.Tensor:
        shape = len(ALPHAS), 4, self.hidden
        weights, _ = self.parameter("weights", shape), self.parameter("changes", shape)
        second = tw.reshape(weights[:, 3], len(ALPHAS), self.hidden, 1)
        outputs = tw.sigmoid(tw.matmul(tw.sigmoid(tw.matmul(x, weights[:, :3])), second))
        return tw.reshape(outputs, outputs.shape[:2]).T


class OwnAlphas(tw.Optimizer):
    """SGD with an alpha for each network; it also counts how often each gradient changes sign."""

    def init(self, weights: np.ndarray) -> dict[str, np.ndarray]:
        return {"up": np.full(weights.size // 2, 0.5)}  # the first sign counts as half a change

    def update(
        self, weights: tw.Tensor, gradient: tw.Tensor, state: dict[str, tw.Tensor]
    ) -> tuple[tw.Tensor, dict[str, tw.Tensor]]:
        size = weights.size // 2  # the other half holds the counts
        steps = np.repeat(ALPHAS, size // len(ALPHAS)) * gradient[:size]
        up = tw.cast(gradient[:size] > 0, "float64")
        changes = weights[size:] + tw.absolute(up - state["up"])
        return tw.concatenate([weights[:size] - steps, changes]), {"up": up}


def error_of(index: int) -> Callable[[tw.Tensor, tw.Tensor], tw.Tensor]:
    def error(outputs: tw.Tensor, targets: tw.Tensor) -> tw.Tensor:
        return tw.absolute(outputs - targets)[:, index]

    error.__name__ = f"alpha {ALPHAS[index]:g}"
    return error


def train_side_by_side(hidden: int, steps: int = STEPS, engine: str | None = None) -> tw.Run:
    """All alphas in one run, which takes the interpreter little longer than one alone."""
    first, second = network(hidden).init(X).weights.values()
    net, start = SideBySide(hidden), np.vstack([first, second.T])
    shape = len(ALPHAS), *start.shape
    net.weights = {"weights": np.broadcast_to(start, shape), "changes": np.full(shape, -0.5)}
    return tw.fit(
        net,
        X,
        np.stack([EXCLUSIVE_OR] * len(ALPHAS), axis=1),
        loss="half_sse",
        optimizer=OwnAlphas(),
        epochs=steps,
        batch_size=None,
        metrics=[error_of(index) for index in range(len(ALPHAS))],
        watch="direction_changes",
        engine=engine,
    )


def main(picture: str | None = None) -> None:
    sweep = train()
    points = ((point["hidden"], point["lr"]) for point in sweep.points)
    runs = dict(zip(points, sweep.runs, strict=True))
    for size in SIZES:
        print(f"{size} hidden units: mean |error| before step, mean direction changes of a weight")
        print(" alpha" + "".join(f"{step:>11,}" for step in range(0, STEPS, 10_000)) + " changes")
        for alpha in ALPHAS:
            run = runs[size, alpha]
            cells = "".join(f"{error:>11.7f}" for error in run.history["mae"][::10_000])
            counts = np.concatenate([layer.ravel() for layer in run.direction_changes.values()])
            print(f"{alpha:>6g}{cells}{counts.mean():>8.3f}")
    best = sweep.best_point
    print(f"\nThe lowest loss is at alpha {best['lr']:g} with {best['hidden']} hidden units.")
    print("With tiny alphas the weights keep their direction, and are still on their way.")
    print("With the best alpha they oscillate around the minimum. The largest alphas jump")
    print("out of every bucket at once, and stay where the sigmoids are flat, at 0.5.")

    print("\nDirection changes of each gradient, as the article counts, and of each weight")
    run = train_side_by_side(4)
    both = run.net.weights["changes"], run.direction_changes["weights"]
    for index in (ALPHAS.index(10), ALPHAS.index(1000)):
        print(f"  4 hidden units, alpha {ALPHAS[index]:g}")
        for rows in zip(*(counts[index] for counts in both), strict=True):
            print("      ".join("".join(f"{count:>6.0f}" for count in row) for row in rows))
    print("Where a step is too small to move a weight, only its gradient changes sign.")

    figures = []
    for size, caption in zip(SIZES, CAPTIONS, strict=True):
        lines = {}
        for alpha in (0.01, 1.0, 10.0, 100.0):
            steps = np.arange(0, STEPS, 200)
            lines[f"alpha {alpha:g}"] = (steps, runs[size, alpha].history["mae"][steps])
        chart = line_chart(
            lines, title=f"{size} hidden units", x_label="step", y_label="mean |error|"
        )
        figures.append((chart, caption))
    drawing.write(picture, "Hidden sizes", *figures)


CAPTIONS = (
    "Alpha 10 is best; alpha 100 gets stuck in a bucket half-way down.",
    "With 32 units every alpha up to 10 does better than with 4; alpha 100 fails at once.",
)

if __name__ == "__main__":
    main(*sys.argv[1:2])
