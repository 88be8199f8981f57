"""Slopes: three ways in which gradient descent fails on a curve, and the remedy for each.

A ball rolls down a curve, guided by its slope alone. If the slopes are too steep it jumps over the
bucket, if they are too flat it stops half-way, and a dent on the way holds it. The three update
rules are those of "A Neural Network in 13 lines of Python" (Andrew Trask, iamtrask.github.io,
2015-07-27): naive, "probably oversimplified", and improved, which is `tw.SGD`.
Give a path as the first argument to draw the charts.
"""

import sys
from collections.abc import Callable, Mapping
from typing import Any

import drawing
import numpy as np

import talweg as tw
from talweg.draw import line_chart


class Naive(tw.Optimizer):
    """A step of fixed length down the slope."""

    def update(
        self, weights: tw.Tensor, gradient: tw.Tensor, state: Mapping[str, tw.Tensor]
    ) -> tuple[tw.Tensor, dict[str, tw.Tensor]]:
        return weights - self.lr * tw.sign(gradient), {}


class Oversimplified(tw.Optimizer):
    """A step equal to the slope."""

    def update(
        self, weights: tw.Tensor, gradient: tw.Tensor, state: Mapping[str, tw.Tensor]
    ) -> tuple[tw.Tensor, dict[str, tw.Tensor]]:
        return weights - gradient, {}


def bucket(x: tw.Tensor) -> tw.Tensor:
    return x * x


def steep_bucket(x: tw.Tensor) -> tw.Tensor:
    return 2 * x * x


def flat_bucket(x: tw.Tensor) -> tw.Tensor:
    """Nearly level far from the minimum."""
    return 1 - tw.exp(-x * x / 2)


def dented_bucket(x: Any) -> Any:
    return x * x / 8 - tw.cos(2 * x)


def roll(
    curve: Callable[[tw.Tensor], tw.Tensor], optimizer: tw.Optimizer, start: float, steps: int
) -> np.ndarray:
    """The position of a ball before and after each step; the ball is a network with one weight."""
    ball = tw.Sequential(tw.Dense(1, bias=False, init=start), dtype="float64")
    run = tw.fit(
        ball,
        [[1.0]],
        [0.0],
        loss=lambda position, _: curve(position[:, 0]),
        optimizer=optimizer,
        epochs=steps,
        metrics=tw.Metric("position", lambda position, _: position[:, 0]),
    )
    return np.append(run.history["position"], ball.weights.flat)


def show(name: str, path: np.ndarray, most: int = 5) -> None:
    first = "".join(f"{position:8.2f}" for position in path[:most])
    print(f"  {name:<19}{first} .. {path[-1]:.4g}")


def too_steep() -> dict[str, np.ndarray]:
    balls = {
        "naive, step 1": roll(bucket, Naive(lr=1.0), 2.5, 20),
        "oversimplified": roll(bucket, Oversimplified(), 2.5, 20),
        "the same, steeper": roll(steep_bucket, Oversimplified(), 2.5, 20),
        "improved, alpha 0.1": roll(steep_bucket, tw.SGD(lr=0.1), 2.5, 20),
    }
    print("Slopes too steep: the ball's first positions .. and the last; minimum at 0")
    for name, path in balls.items():
        show(name, path)
    print("Fixed steps end up hopping back and forth. A step equal to the slope lands as")
    print("high as before or, in a steeper bucket, three times as far out each time.")
    print("Remedy: a fraction alpha of the slope. 2 x^2 has the slope 4 x, so each step")
    print("leaves 1 - 4 alpha = 0.6 of the distance.")
    return balls


def too_flat() -> dict[str, np.ndarray]:
    balls = {
        "alpha 0.1": roll(flat_bucket, tw.SGD(lr=0.1), 3.0, 100),
        "alpha 1": roll(flat_bucket, tw.SGD(lr=1.0), 3.0, 100),
        "Adam, alpha 0.1": roll(flat_bucket, tw.Adam(lr=0.1), 3.0, 100),
    }
    print("\nSlopes too flat: 100 steps from 3, where the slope is 0.03")
    for name, path in balls.items():
        show(name, path)
    print("Remedy: a larger alpha, or an optimizer that scales its step by past slopes.")
    return balls


def local_minima() -> dict[str, np.ndarray]:
    starts = (5.0, 2.0, -0.9, -4.0)
    balls = {f"from {start:g}": roll(dented_bucket, tw.SGD(lr=0.1), start, 60) for start in starts}
    print("\nLocal minima: x^2 / 8 - cos 2 x has a dent on either side of its minimum")
    for name, path in balls.items():
        height = float(dented_bucket(path[-1]))
        print(f"  {name:<10} stops at {round(path[-1], 3) + 0.0:6.3f}, height {height:6.3f}")
    print("Remedy: start several times and keep the lowest, as the next lessons do.")
    return balls


def main(picture: str | None = None) -> None:
    steep, flat, dents = too_steep(), too_flat(), local_minima()
    shown = {name: path for name, path in steep.items() if "steeper" not in name}
    charts = (
        (shown, "Slopes too steep", "Only the step with a fraction of the slope converges."),
        (flat, "Slopes too flat", "With a small alpha the ball hardly moves."),
        (dents, "Local minima", "Where a ball ends depends on where it starts."),
    )
    figures = []
    for balls, title, caption in charts:
        lines = {name: (np.arange(len(path[:31])), path[:31]) for name, path in balls.items()}
        chart = line_chart(lines, title=title, x_label="step", y_label="position")
        figures.append((chart, caption))
    x = np.linspace(-5, 5, 301)
    curve = line_chart(
        {"height": (x, dented_bucket(x))},
        title="The dented bucket",
        x_label="position",
        y_label="height",
    )
    drawing.write(picture, "Slopes", *figures, (curve, "Two dents, and the minimum at 0."))


if __name__ == "__main__":
    main(*sys.argv[1:2])
