"""Hidden sizes: 4 and 32 hidden units over seven alphas, and how often the weights turn round.

More hidden units are more balls rolling at once: the chance is higher that one of them lies in a
good bucket. How often the update of a weight changes its direction shows what alpha does: hardly
ever where it is tiny, often where it is best. The numbers are those of "A Neural Network in 13
lines of Python" (Andrew Trask, iamtrask.github.io). A path as first argument gets the picture.
"""

import sys

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


def turns(run: tw.Run) -> np.ndarray:
    """How often each weight of the net turned round, one number a weight."""
    return np.concatenate([each.ravel() for each in run.direction_changes.values()])


def main(picture: str | None = None) -> None:
    sweep = train()
    runs = {
        (point["hidden"], point["lr"]): run
        for point, run in zip(sweep.points, sweep.runs, strict=True)
    }
    for size in SIZES:
        print(f"{size} hidden units: mean |error| before step, and turns of the average weight")
        print(" alpha" + "".join(f"{step:>11,}" for step in range(0, STEPS, 10_000)) + "   turns")
        for alpha in ALPHAS:
            run = runs[size, alpha]
            cells = "".join(f"{error:>11.7f}" for error in run.history["mae"][::10_000])
            print(f"{alpha:>6g}{cells}{turns(run).mean():>8.3f}")
    best = sweep.best_point
    print(f"\nThe least loss has alpha {best['lr']:g} with {best['hidden']} hidden units.")
    print("Tiny alphas: the weights keep their direction, and are still under way.")
    print("The best alpha turns often: it hunts around the bottom. The largest jump")
    print("out of every bucket at once, and stay where the sigmoids are flat, at 0.5.")

    print("\nTurns of each weight with 4 hidden units, alpha 10")
    for name, counts in runs[4, 10.0].direction_changes.items():
        for row in counts if name == "0.weight" else counts.T:
            print(f"  {name:<10}" + "".join(f"{count:>4}" for count in row))

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
