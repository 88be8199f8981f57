"""A neural network in eleven lines of Python, in talweg, number for number.

Andrew Trask's two networks (iamtrask.github.io, 2015-07-12) learn tables of four rows by full-batch
gradient descent. His update, w += input.T @ (error * slope), is a step of gradient descent with
lr = 1 on half the sum of squared errors: `loss="half_sse"` and `tw.SGD(lr=1.0)` are all it takes.
A path as first argument gets the picture.
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
    """Sigmoid layers without biases, with the starting weights that the article draws."""
    layers = [tw.Dense(each, "sigmoid", bias=False) for each in units]
    net = tw.Sequential(*layers, dtype="float64")
    np.random.seed(1)
    sizes = zip([3, *units], units, strict=False)
    net.weights = {f"{i}.weight": 2 * np.random.random(size) - 1 for i, size in enumerate(sizes)}
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
    print(f"{'input':>12}{'wanted':>9}   output")
    for x, wanted, output in zip(X, y, net.predict(X)[:, 0], strict=True):
        print(f"{x!s:>12}{wanted:>9}   {output:.8f}")


def two_layers() -> None:
    print("Two layers: three inputs straight to one sigmoid unit, 10,000 steps")
    net = network(1)
    train(net, FIRST_COLUMN, epochs=9_999)
    print_outputs(net, FIRST_COLUMN)  # the article's outputs are those that its last step saw
    train(net, FIRST_COLUMN, epochs=1)  # goes on from the weights as they are
    print("final weights:", ", ".join(f"{each:.8f}" for each in net.weights.flat))
    print("The first column alone decides: its weight grew, and the last balances it.")


def three_layers() -> tw.Run:
    print("Three layers: four hidden units, which can tell 'one or the other, not both'")
    net = network(4, 1)
    run = train(net, EXCLUSIVE_OR, epochs=60_000)
    print(f"{'step':>8}   mean |error|")
    for step in range(0, 60_000, 10_000):
        print(f"{step:>8}   {run.history['mae'][step]:.12g}")
    print_outputs(net, EXCLUSIVE_OR)
    print("No single column decides: the hidden units had to find the combination.")
    return run


def main(picture: str | None = None) -> None:
    two_layers()
    print()
    error = three_layers().history["mae"]
    at = np.unique(np.geomspace(1, len(error), 200).astype(int)) - 1
    chart = line_chart(
        {"mean |error|": (at + 1, error[at])},
        title="Four hidden units learn exclusive or",
        x_label="step",
        y_label="mean |error|",
        log_x=True,
    )
    caption = "Hardly anything for some hundred steps; then one hidden unit after the other helps."
    drawing.write(picture, "The thirteen-line network", (chart, caption))


if __name__ == "__main__":
    main(*sys.argv[1:2])
