"""The error plane: over two weights the error is a landscape, and gradient descent is a path in it.

The error of a linear unit with two inputs is a bowl, elongated here because the inputs are
correlated. Along a direction of curvature c, one step leaves 1 - alpha c of the distance to the
bottom. Alpha above 2 / c diverges, so the steepest direction sets the limit. Give a path as the
first argument to draw the error's contours and the paths of a small, a good and a too large alpha.
"""

import sys

import drawing
import numpy as np

import talweg as tw
from talweg.draw import line_chart

STEPS = 25
START = np.array([-1.5, 2.5])


def rows() -> tuple[np.ndarray, np.ndarray]:
    """Two correlated inputs, and the target 1 x0 + 0.5 x1 plus noise."""
    random = np.random.default_rng(0)
    common, own = random.normal(size=(100, 1)), random.normal(size=(100, 2))
    X = common + 0.5 * own
    return X, X @ [1.0, 0.5] + 0.2 * random.normal(size=100)


class Unit(tw.Module):
    """A linear unit that returns its prediction and, to log them, its two weights: (N, 3)."""

    dtype = "float64"

    def __call__(self, x: tw.Tensor) -> tw.Tensor:
        weights = self.parameter("weights", (2,), START)
        return tw.concatenate([(x * weights).sum(1, keepdims=True), 0 * x + weights], axis=1)


def descend(X: np.ndarray, y: np.ndarray, alpha: float) -> tuple[np.ndarray, np.ndarray]:
    """The weights (steps + 1, 2) and the error before each step."""
    net = Unit()
    run = tw.fit(
        net,
        X,
        np.repeat(y[:, None], 3, axis=1),
        loss=lambda output, target: (output[:, 0] - target[:, 0]) ** 2,
        optimizer=tw.SGD(lr=alpha),
        epochs=STEPS,
        batch_size=None,
        metrics=[
            tw.Metric("first", lambda output, _: output[:, 1]),
            tw.Metric("second", lambda output, _: output[:, 2]),
        ],
    )
    before = np.stack([run.history["first"], run.history["second"]], 1)
    return np.vstack([before, net.weights.flat]), run.history["loss"]


def curvatures(X: np.ndarray) -> np.ndarray:
    """The eigenvalues of the Hessian of the mean squared error, 2 X^T X / N."""
    return np.linalg.eigvalsh(2 * X.T @ X / len(X))


def main(picture: str | None = None) -> None:
    X, y = rows()
    low, high = curvatures(X)
    best = np.linalg.lstsq(X, y, rcond=None)[0]
    alphas = {"small": 0.1 / high, "good": 2 / (low + high), "too large": 2.08 / high}

    def error(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """The error at weights a, b, from its minimum and its second derivatives."""
        gap = np.stack([a - best[0], b - best[1]], -1)
        return ((gap @ (X.T @ X / len(X))) * gap).sum(-1) + np.mean((X @ best - y) ** 2)

    bottom = float(error(*best))
    print(f"The minimum: weights {best[0]:.3f} and {best[1]:.3f}, error {bottom:.4f}")
    print(
        f"Curvature along the valley {low:.3f}, across it {high:.3f}: {high / low:.0f} times larger"
    )
    print(f"So alpha must be below 2 / {high:.3f} = {2 / high:.3f}")
    print(f"\nError above the minimum, starting at {START[0]} and {START[1]}")
    print(f"  {'alpha':<18}{'step 0':>9}{'step 5':>9}{'step 25':>10}   kept per step")
    print(f"  {'':<46}   along, across")
    paths, errors = {}, {}
    for name, alpha in alphas.items():
        label = f"{name}, {alpha:.3f}"
        paths[label], before = descend(X, y, alpha)
        above = np.append(before, error(*paths[label][-1])) - bottom
        errors[label] = (np.arange(len(above)), above)
        cells = "".join(f"{above[step]:>{width}.4f}" for step, width in ((0, 9), (5, 9), (25, 10)))
        print(f"  {label:<18}{cells}   {1 - alpha * low:5.2f}  {1 - alpha * high:6.2f}")
    print("\nSmall: it drops to the floor of the valley and creeps along it. Good: it")
    print("moves as fast along the valley as across. Too large: it swings across the")
    print("valley, higher each time, although it converges along it.")

    drawing.write(
        picture,
        "The error plane",
        (
            drawing.plane(
                error,
                paths,
                area=((-3.2, 3.2), (-2.0, 4.0)),
                levels=bottom + np.array([0.02, 0.1, 0.3, 1, 2, 4, 8, 14, 22, 32]),
                title="Three ways down an elongated bowl",
            ),
            "The ring marks the start, each dot the end of a path after 25 steps.",
        ),
        (
            line_chart(errors, title="Error above the minimum", x_label="step", y_label="error"),
            "The slowest direction decides how fast each path converges in the end.",
        ),
    )


if __name__ == "__main__":
    main(*sys.argv[1:2])
