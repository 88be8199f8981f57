"""Backpropagation in code: a hidden layer learns what no single streetlight reveals.

The network of chapter 6 of Andrew Trask's "Grokking Deep Learning", digit by digit: ReLU hidden
units, one linear output, one row per step, alpha = 0.2. The lesson shows every number of one step,
then the whole training, then the variant of github.com/ngduyanhece/medium_ai_tutor.
Give a path as the first argument to draw the chart.
"""

import sys

import drawing
import numpy as np

import talweg as tw
from talweg.draw import line_chart

FOUR = np.array([[1, 0, 1], [0, 1, 1], [0, 0, 1], [1, 1, 1]], dtype=float)
WALK_OF_FOUR = np.array([1, 1, 0, 0], dtype=float)
SIX = np.array([[1, 0, 1], [0, 1, 1], [0, 0, 1], [1, 1, 1], [0, 1, 1], [1, 0, 1]], dtype=float)
WALK_OF_SIX = np.array([0, 1, 0, 1, 1, 0], dtype=float)


def drawn_weights(hidden: int, draw: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """The two weight matrices that a notebook cell draws when run `draw` times after seed(1)."""
    np.random.seed(1)
    for _ in range(draw):
        pair = 2 * np.random.random((3, hidden)) - 1, 2 * np.random.random((hidden, 1)) - 1
    return pair


def one_iteration() -> tw.Tensor:
    """The loss of the first row, 0.5 * (goal - prediction)^2, with every intermediate named."""
    first, second = drawn_weights(hidden=3)
    weights_0_1 = tw.tensor(first, name="weights_0_1")
    weights_1_2 = tw.tensor(second, name="weights_1_2")
    sums = tw.matmul(FOUR[:1], weights_0_1).named("sums_1")
    layer_1 = tw.relu(sums).named("layer_1")
    layer_2 = tw.matmul(layer_1, weights_1_2).named("layer_2")
    gap = (layer_2 - WALK_OF_FOUR[0]).named("gap")
    return (0.5 * (gap * gap).sum()).named("loss")


def train(lights: np.ndarray, walk: np.ndarray, draw: int = 1, engine: str | None = None) -> tw.Run:
    net = tw.Sequential(tw.Dense(4, "relu", bias=False), tw.Dense(1, bias=False), dtype="float64")
    net.weights = dict(zip(["0.weight", "1.weight"], drawn_weights(4, draw), strict=True))
    return tw.fit(
        net,
        lights,
        walk,
        loss="half_sse",
        optimizer=tw.SGD(lr=0.2),
        epochs=60,
        batch_size=1,
        shuffle=False,
        metrics=["sse"],
        engine=engine,
    )


def print_errors(run: tw.Run, rows: int) -> None:
    for epoch in range(9, 60, 10):
        print(f"  pass {epoch + 1:>2}: error {run.history['sse'][epoch] * rows:.16g}")


def as_list(values: np.ndarray, digits: int = 8) -> str:
    return "[" + ", ".join(f"{value:.{digits}g}" for value in values.ravel()) + "]"


def print_trace(loss: tw.Tensor) -> None:
    """Print the columns of `tw.trace` that matter here; `print(tw.trace(loss))` shows them all."""
    print(f"{'node':<13}{'gate':<12}{'value':<27}gradient")
    for row in tw.trace(loss).rows:
        if row.gradient is not None and row.value.size <= 3:
            value, gradient = as_list(row.value, 4), as_list(row.gradient, 4)
            print(f"{row.node:<13}{row.gate:<12}{value:<27}{gradient}")


def main(picture: str | None = None) -> None:
    print("One iteration, three hidden units, the first row\n")
    loss = one_iteration()
    loss.backward()
    layer_1, layer_2 = loss.find("layer_1"), loss.find("layer_2")
    print("layer_1          ", as_list(layer_1.value))
    print("layer_2          ", as_list(layer_2.value))
    print("error            ", as_list(2 * loss.value), "(squared, without the half)")
    print("layer_2_delta    ", as_list(layer_2.grad), "= prediction - goal")
    print("layer_1_delta    ", as_list(loss.find("sums_1").grad), "(relu passes one unit)")
    print("weight_delta_1_2 ", as_list(loss.find("weights_1_2").grad))
    print("\nEvery number, inputs first; read the gradients from the bottom up:\n")
    print_trace(loss)

    print("\nFour rows with conflicting pressure, four hidden units, sum of squared errors")
    four, six = train(FOUR, WALK_OF_FOUR), train(SIX, WALK_OF_SIX)
    print_errors(four, rows=4)
    print("\nThe six rows of the streetlights lesson, same starting weights")
    print_errors(six, rows=6)

    passes = np.arange(1, 61)
    lines = {
        "four rows": (passes, four.history["sse"] * 4),
        "six rows": (passes, six.history["sse"] * 6),
    }
    chart = line_chart(lines, title="Error of a pass", x_label="pass", y_label="squared error")
    caption = "The four rows need a hidden layer; the six are linear, so they are learned faster."
    drawing.write(picture, "Backpropagation in code", (chart, caption))


if __name__ == "__main__":
    main(*sys.argv[1:2])
