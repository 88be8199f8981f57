"""Streetlights: which of three lights means "walk"?

The example of chapter 6 of Andrew Trask's "Grokking Deep Learning", digit by digit: one linear
unit, w -= alpha * input * delta with delta = prediction - goal, one row per step. That is
stochastic gradient descent on half the squared error; the errors printed are the full squares.
Give a path as the first argument to draw the chart.
"""

import sys

import drawing
import numpy as np

import talweg as tw
from talweg.draw import line_chart

LIGHTS = np.array([[1, 0, 1], [0, 1, 1], [0, 0, 1], [1, 1, 1], [0, 1, 1], [1, 0, 1]], dtype=float)
WALK = np.array([0, 1, 0, 1, 1, 0], dtype=float)
CONFLICTING = LIGHTS[:4], np.array([1, 1, 0, 0], dtype=float)
START = np.array([[0.5], [0.48], [-0.7]])
BATCH_SIZES = {"stochastic": 1, "mini-batch": 2, "full batch": None}


def one_unit(start: np.ndarray) -> tw.Sequential:
    net = tw.Sequential(tw.Dense(1, bias=False), dtype="float64")
    net.weights = {"0.weight": start}
    return net


def train(
    rows: slice,
    epochs: int,
    *,
    start: np.ndarray = START,
    batch_size: int | None = 1,
    engine: str | None = None,
) -> tw.Run:
    return tw.fit(
        one_unit(start),
        LIGHTS[rows],
        WALK[rows],
        loss="half_sse",
        optimizer=tw.SGD(lr=0.1),
        epochs=epochs,
        batch_size=batch_size,
        shuffle=False,
        metrics=["sse"],
        engine=engine,
    )


def push(lights: np.ndarray, goal: float) -> np.ndarray:
    """The direction in which one row pushes each weight: minus the sign of the gradient, (D,).

    The prediction is fixed at 0.5, between the two goals, so each row pulls toward its own goal.
    """

    def loss(weights: tw.Tensor) -> tw.Tensor:
        return 0.5 * (0.5 + (weights * lights).sum() - goal) ** 2

    return -np.sign(tw.grad(loss)(np.zeros(3))).astype(int)


def print_pressure(title: str, lights: np.ndarray, goals: np.ndarray) -> None:
    print(f"\n{title}")
    print("  lights   goal   pressure on the weights")
    total = np.zeros(3, dtype=int)
    for x, goal in zip(lights, goals, strict=True):
        signs = push(x, goal)
        total += signs
        arrows = "  ".join("0+-"[sign] for sign in signs)
        print(f"  {x.astype(int)}{goal:>5.0f}      {arrows}")
    print("  total:          " + " ".join(f"{sign:+2d}" if sign else " 0" for sign in total))


def print_correlation(weights: np.ndarray) -> None:
    print("\nWhich lights correlate with walking, and the learned weights")
    print("  light   correlation with the goal   weight")
    for light, (column, weight) in enumerate(zip(LIGHTS.T, weights, strict=True)):
        constant = np.ptp(column) == 0
        text = "none: always on" if constant else f"{np.corrcoef(column, WALK)[0, 1]:+.2f}"
        print(f"  {light + 1:>5}   {text:<25}   {weight:+.4f}")
    print("The middle light decides: its weight went to 1, the others to 0.")


def errors(run: tw.Run) -> np.ndarray:
    """The sum of squared errors in each pass over the six rows; the history holds their mean."""
    return run.history["sse"] * len(LIGHTS)


def print_batch_sizes() -> dict[str, tw.Run]:
    print("\nThe same forty passes, with more rows per step")
    runs = {name: train(slice(None), 40, batch_size=size) for name, size in BATCH_SIZES.items()}
    for name, run in runs.items():
        print(f"  {name:<11}{run.steps:>4} steps, error in the last pass {errors(run)[-1]:.6f}")
    print("The loss is a sum, so one step on six rows goes as far as six steps on one row;")
    print("but a step on one row can undo what the previous step did for another.")
    return runs


def main(picture: str | None = None) -> None:
    print("One row only: each step multiplies the prediction by 1 - alpha * 2 lights = 0.8")
    run = train(slice(0, 1), 20)
    for step in (0, 1, 2, 19):
        error = run.history["sse"][step]
        print(f"  step {step + 1:>2}: error {error:.16g}, prediction {-np.sqrt(error):.16g}")

    print("\nAll six rows, one at a time, 40 passes")
    run = train(slice(None), 40)
    totals = errors(run)
    for epoch in (0, 1, 2, 3, 4, 39):
        print(f"  pass {epoch + 1:>2}: error {totals[epoch]:.16g}")
    print("  weights:", ", ".join(f"{weight:.8f}" for weight in run.net.weights.flat))
    print_correlation(run.net.weights.flat)
    print_pressure("Why: only the middle weight is always pushed up", LIGHTS, WALK)
    print_pressure(
        "Conflicting pressure: no single light helps; it takes a hidden layer", *CONFLICTING
    )

    print("\nOverfitting by accident: weights 0.5, 0.48, -0.5")
    predictions = one_unit(np.array([[0.5], [0.48], [-0.5]])).predict(LIGHTS)[:, 0]
    for x, goal, prediction in zip(LIGHTS, WALK, predictions, strict=True):
        print(f"  {x.astype(int)}  goal {goal:.0f}  prediction {prediction:5.2f}")
    print("Row 1 has no error, since 0.5 - 0.5 = 0, so it teaches nothing. Row 2 is wrong.")
    lines = {name: (np.arange(1, 41), errors(run)) for name, run in print_batch_sizes().items()}
    chart = line_chart(lines, title="Error by pass", x_label="pass", y_label="squared error")
    caption = "Stochastic descent takes six steps per pass, full-batch descent one."
    drawing.write(picture, "Streetlights", (chart, caption))


if __name__ == "__main__":
    main(*sys.argv[1:2])
