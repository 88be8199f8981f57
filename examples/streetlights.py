"""Streetlights: which of three lights means "walk"?

The example of chapter 6 of Andrew Trask's "Grokking Deep Learning", number for number: one linear
unit, w -= alpha * input * delta with delta = prediction - goal, a row at a time. That is stochastic
gradient descent on half the squared error; the errors printed are the squares themselves.
"""

import numpy as np

import talweg as tw

LIGHTS = np.array([[1, 0, 1], [0, 1, 1], [0, 0, 1], [1, 1, 1], [0, 1, 1], [1, 0, 1]], dtype=float)
WALK = np.array([0, 1, 0, 1, 1, 0], dtype=float)
CONFLICTING = LIGHTS[:4], np.array([1, 1, 0, 0], dtype=float)
START = np.array([[0.5], [0.48], [-0.7]])


def one_unit(start: np.ndarray) -> tw.Sequential:
    net = tw.Sequential(tw.Dense(1, bias=False), dtype="float64")
    net.weights = {"0.weight": start}
    return net


def train(rows: slice, epochs: int) -> tw.Run:
    return tw.fit(
        one_unit(START),
        LIGHTS[rows],
        WALK[rows],
        loss="half_sse",
        optimizer=tw.SGD(lr=0.1),
        epochs=epochs,
        batch_size=1,
        shuffle=False,
        metrics=["sse"],
    )


def push(lights: np.ndarray, goal: float) -> np.ndarray:
    """Which way one row pushes each weight: minus the gradient's sign, (D,).

    The prediction is held at 0.5, between the goals, so that each row pulls towards its own.
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
        arrows = "  ".join("0+-"[each] for each in signs)
        print(f"  {x.astype(int)}{goal:>5.0f}      {arrows}")
    print("  in all:         " + " ".join(f"{each:+2d}" if each else " 0" for each in total))


def main() -> None:
    print("One row only: each step leaves 0.8 of the prediction, 1 - alpha * 2 lights")
    run = train(slice(0, 1), 20)
    for step in (0, 1, 2, 19):
        error = run.history["sse"][step]
        print(f"  step {step + 1:>2}: error {error:.16g}, prediction {-np.sqrt(error):.16g}")

    print("\nAll six rows, one at a time, 40 passes")
    run = train(slice(None), 40)
    totals = run.history["sse"] * len(LIGHTS)
    for epoch in (0, 1, 2, 3, 4, 39):
        print(f"  pass {epoch + 1:>2}: error {totals[epoch]:.16g}")
    print("  weights:", ", ".join(f"{each:.8f}" for each in run.net.weights.flat))
    print("The middle light decides: its weight went to 1, the others to 0.")

    print_pressure("Why: the middle column is pushed up only, the others both ways", LIGHTS, WALK)
    print_pressure("Conflicting pressure: no column helps; a hidden layer is needed", *CONFLICTING)

    print("\nOverfitting by accident: weights 0.5, 0.48, -0.5")
    predictions = one_unit(np.array([[0.5], [0.48], [-0.5]])).predict(LIGHTS)[:, 0]
    for x, goal, found in zip(LIGHTS, WALK, predictions, strict=True):
        print(f"  {x.astype(int)}  goal {goal:.0f}  prediction {found:5.2f}")
    print("Row 1 has no error, since 0.5 - 0.5 = 0: it teaches nothing. Row 2 is wrong.")


if __name__ == "__main__":
    main()
