"""Which alpha? The sweep of "A Neural Network in 13 lines of Python", in talweg, as one call.

Andrew Trask (iamtrask.github.io, 2015-07-27) trains his network of four rows with seven alphas,
each from the same starting weights, first with 4 hidden units, then with 32, and prints the mean
|error| before steps 0, 10,000, .. 50,000. His alpha is the `lr` of `tw.SGD`.
"""

import numpy as np

import talweg as tw

X = np.array([[0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 1]])
EXCLUSIVE_OR = np.array([0, 1, 1, 0])
ALPHAS = [0.001, 0.01, 0.1, 1.0, 10.0, 100.0, 1000.0]
STEPS = 60_000


def network(hidden: int) -> tw.Sequential:
    """Two sigmoid layers without biases, with the starting weights that the article draws."""
    layers = [tw.Dense(units, "sigmoid", bias=False) for units in (hidden, 1)]
    net = tw.Sequential(*layers, dtype="float64")
    np.random.seed(1)
    shapes = {"0.weight": (3, hidden), "1.weight": (hidden, 1)}
    net.weights = {name: 2 * np.random.random(shape) - 1 for name, shape in shapes.items()}
    return net


def main() -> None:
    sweep = tw.sweep(
        network,
        X,
        EXCLUSIVE_OR,
        over={"hidden": [4, 32], "lr": ALPHAS},
        loss="half_sse",
        optimizer="sgd",
        epochs=STEPS,
        batch_size=None,
        metrics=["mae"],
    )
    print(f"{'mean |error| before step':>33}")
    print(f"{'alpha':>5}" + "".join(f"{step:>12,}" for step in range(0, STEPS, 10_000)))
    for point, run in zip(sweep.points, sweep.runs, strict=True):
        if point["lr"] == ALPHAS[0]:
            print(f"{point['hidden']} hidden units")
        errors = run.history["mae"][::10_000]
        print(f"{point['lr']:>5g}" + "".join(f"{error:>12.8f}" for error in errors))
    best = sweep.best_point
    print(f"The least loss has alpha {best['lr']:g} with {best['hidden']} hidden units.")
    print("Tiny alphas hardly move, huge ones jump past every valley and stick at 0.5.")


if __name__ == "__main__":
    main()
