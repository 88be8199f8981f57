"""A neural network in eleven lines of Python, reproduced in talweg digit by digit.

Andrew Trask's two networks (iamtrask.github.io, 2015-07-12) learn tables of four rows by full-batch
gradient descent. His update, w += input.T @ (error * slope), is a gradient step with lr = 1 on half
the sum of squared errors: `loss="half_sse"` and `tw.SGD(lr=1.0)`.
Give a path as the first argument to draw the chart.
"""

import sys

import drawing
import numpy as np

import talweg as tw
from talweg.draw import line_chart

X = np.array([[0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 1]])
FIRST_COLUMN = np.array([0, 0, 1, 1])
EXCLUSIVE_OR = np.array([0, 1, 1, 0])


def network(*units: int) -> tw.Sequential:
    """Sigmoid layers without biases, with the article's initial weights."""
    layers = [tw.Dense(size, "sigmoid", bias=False) for size in units]
    net = tw.Sequential(*layers, dtype="float64")
    np.random.seed(1)
    shapes = zip([3, *units], units, strict=False)
    net.weights = {f"{i}.weight": 2 * np.random.random(shape) - 1 for i, shape in enumerate(shapes)}
    return net


def train(
    net: tw.Sequential, y: np.ndarray, epochs: int, lr: float = 1.0, engine: str | None = None
) -> tw.Run:
    return tw.fit(
        net,
        X,
        y,
        loss="half_sse",
        optimizer=tw.SGD(lr=lr),
        epochs=epochs,
        batch_size=None,
        metrics=["mae"],
        engine=engine,
    )


def print_outputs(net: tw.Sequential, y: np.ndarray) -> None:
    print(f"{'input':>12}{'target':>9}   output")
    for x, target, output in zip(X, y, net.predict(X)[:, 0], strict=True):
        print(f"{x!s:>12}{target:>9}   {output:.8f}")


def two_layers() -> None:
    print("Two layers: three inputs and one sigmoid unit, 10,000 steps")
    net = network(1)
    train(net, FIRST_COLUMN, epochs=9_999)
    print_outputs(net, FIRST_COLUMN)  # the article prints the outputs before the last update
    train(net, FIRST_COLUMN, epochs=1)  # continues from the current weights
    print("final weights:", ", ".join(f"{weight:.8f}" for weight in net.weights.flat))
    print("The first column alone decides: its weight grew, and the last weight offsets it.")


def three_layers() -> tw.Run:
    print("Three layers: four hidden units, which can learn 'one or the other, not both'")
    net = network(4, 1)
    run = train(net, EXCLUSIVE_OR, epochs=60_000)
    print(f"{'step':>8}   mean |error|")
    for step in range(0, 60_000, 10_000):
        print(f"{step:>8}   {run.history['mae'][step]:.12g}")
    print_outputs(net, EXCLUSIVE_OR)
    print("No single column decides: the hidden units had to combine them.")
    return run


def main(picture: str | None = None) -> None:
    two_layers()
    print()
    error = three_layers().history["mae"]
    shown = np.unique(np.geomspace(1, len(error), 200).astype(int)) - 1
    chart = line_chart(
        {"mean |error|": (shown + 1, error[shown])},
        title="Four hidden units learn exclusive or",
        x_label="step",
        y_label="mean |error|",
        log_x=True,
    )
    caption = (
        "For some hundred steps little changes; then one hidden unit after another contributes."
    )
    drawing.write(picture, "The thirteen-line network", (chart, caption))


if __name__ == "__main__":
    main(*sys.argv[1:2])
