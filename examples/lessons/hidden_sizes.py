"""Hidden sizes: 4 and 32 hidden units over seven alphas, and how often the weights turn round.

More hidden units are more balls rolling at once: the chance is higher that one of them lies in a
good bucket. How often the update of a weight changes its direction shows what alpha does: hardly
ever where it is tiny, often where it is best. The numbers are those of "A Neural Network in 13
lines of Python" (Andrew Trask, iamtrask.github.io). A path as first argument gets the picture.
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
    """Two sigmoid layers without biases, with the starting weights that the article draws."""
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


class Abreast(tw.Module):
    """The nets of all alphas, side by side in one: the last of the four rows leads out."""

    dtype = "float64"

    def __init__(self, hidden: int) -> None:
        self.hidden = hidden

    def __call__(self, x: tw.Tensor) -> tw.Tensor:
        shape = len(ALPHAS), 4, self.hidden
        weights, _ = self.parameter("weights", shape), self.parameter("turns", shape)
        second = tw.reshape(weights[:, 3], len(ALPHAS), self.hidden, 1)
        outputs = tw.sigmoid(tw.matmul(tw.sigmoid(tw.matmul(x, weights[:, :3])), second))
        return tw.reshape(outputs, outputs.shape[:2]).T


class OwnAlphas(tw.Optimizer):
    """Descent with an alpha for each net, which counts how often each gradient turns."""

    def init(self, weights: np.ndarray) -> dict[str, np.ndarray]:
        return {"up": np.full(weights.size // 2, 0.5)}  # to turn from here counts a half

    def update(
        self, weights: tw.Tensor, gradient: tw.Tensor, state: dict[str, tw.Tensor]
    ) -> tuple[tw.Tensor, dict[str, tw.Tensor]]:
        size = weights.size // 2  # the other half are the counts
        steps = np.repeat(ALPHAS, size // len(ALPHAS)) * gradient[:size]
        up = tw.cast(gradient[:size] > 0, "float64")
        turns = weights[size:] + tw.absolute(up - state["up"])
        return tw.concatenate([weights[:size] - steps, turns]), {"up": up}


def error_of(place: int) -> Callable[[tw.Tensor, tw.Tensor], tw.Tensor]:
    def error(outputs: tw.Tensor, wanted: tw.Tensor) -> tw.Tensor:
        return tw.absolute(outputs - wanted)[:, place]

    error.__name__ = f"alpha {ALPHAS[place]:g}"
    return error


def train_abreast(hidden: int, steps: int = STEPS, engine: str | None = None) -> tw.Run:
    """All alphas in one run, which takes the interpreter little longer than one alone."""
    first, second = network(hidden).init(X).weights.values()
    net, start = Abreast(hidden), np.vstack([first, second.T])
    shape = len(ALPHAS), *start.shape
    net.weights = {"weights": np.broadcast_to(start, shape), "turns": np.full(shape, -0.5)}
    return tw.fit(
        net,
        X,
        np.stack([EXCLUSIVE_OR] * len(ALPHAS), axis=1),
        loss="half_sse",
        optimizer=OwnAlphas(),
        epochs=steps,
        batch_size=None,
        metrics=[error_of(place) for place in range(len(ALPHAS))],
        watch="direction_changes",
        engine=engine,
    )


def main(picture: str | None = None) -> None:
    sweep = train()
    points = ((point["hidden"], point["lr"]) for point in sweep.points)
    runs = dict(zip(points, sweep.runs, strict=True))
    for size in SIZES:
        print(f"{size} hidden units: mean |error| before step, and turns of the average weight")
        print(" alpha" + "".join(f"{step:>11,}" for step in range(0, STEPS, 10_000)) + "   turns")
        for alpha in ALPHAS:
            run = runs[size, alpha]
            cells = "".join(f"{error:>11.7f}" for error in run.history["mae"][::10_000])
            counts = np.concatenate([each.ravel() for each in run.direction_changes.values()])
            print(f"{alpha:>6g}{cells}{counts.mean():>8.3f}")
    best = sweep.best_point
    print(f"\nThe least loss has alpha {best['lr']:g} with {best['hidden']} hidden units.")
    print("Tiny alphas: the weights keep their direction, and are still under way.")
    print("The best alpha turns often: it hunts around the bottom. The largest jump")
    print("out of every bucket at once, and stay where the sigmoids are flat, at 0.5.")

    print("\nTurns of each gradient, as the article counts, and of each weight")
    run = train_abreast(4)
    both = run.net.weights["turns"], run.direction_changes["weights"]
    for place in (ALPHAS.index(10), ALPHAS.index(1000)):
        print(f"  4 hidden units, alpha {ALPHAS[place]:g}")
        for rows in zip(*(each[place] for each in both), strict=True):
            print("      ".join("".join(f"{count:>6.0f}" for count in row) for row in rows))
    print("Where a step is too small to move a weight, only the gradient turns.")

    figures = []
    for size, caption in zip(SIZES, CAPTIONS, strict=True):
        lines = {}
        for alpha in (0.01, 1.0, 10.0, 100.0):
            at = np.arange(0, STEPS, 200)
            lines[f"alpha {alpha:g}"] = (at, runs[size, alpha].history["mae"][at])
        chart = line_chart(
            lines, title=f"{size} hidden units", x_label="step", y_label="mean |error|"
        )
        figures.append((chart, caption))
    drawing.write(picture, "Hidden sizes", *figures)


CAPTIONS = (
    "Alpha 10 is best; alpha 100 falls into a bucket half-way down and stays there.",
    "With 32 units every alpha up to 10 does better than with 4; alpha 100 fails at once.",
)

if __name__ == "__main__":
    main(*sys.argv[1:2])
