"""Slopes: the three ways in which descent fails on a curve, and the cure of each.

A ball rolls down a curve by its slope alone. Where slopes are too big it jumps over the bucket,
where they are too small it stops half-way, and a dent on the way holds it. The three rules are
those of "A Neural Network in 13 lines of Python" (Andrew Trask, iamtrask.github.io, 2015-07-27):
naive, "probably oversimplified", and improved, which is `tw.SGD`. A path as first argument gets
the picture.
"""

import sys
from collections.abc import Callable, Mapping
from typing import Any

import drawing
import numpy as np

import talweg as tw
from talweg.draw import line_chart


class Naive(tw.Optimizer):
    """Always a step of the same length, to where the slope falls."""

    def update(
        self, weights: tw.Tensor, gradient: tw.Tensor, state: Mapping[str, tw.Tensor]
    ) -> tuple[tw.Tensor, dict[str, tw.Tensor]]:
        return weights - self.lr * tw.sign(gradient), {}


class Oversimplified(tw.Optimizer):
    """A step as long as the slope is steep."""

    def update(
        self, weights: tw.Tensor, gradient: tw.Tensor, state: Mapping[str, tw.Tensor]
    ) -> tuple[tw.Tensor, dict[str, tw.Tensor]]:
        return weights - gradient, {}


def bucket(x: tw.Tensor) -> tw.Tensor:
    return x * x


def steep_bucket(x: tw.Tensor) -> tw.Tensor:
    return 2 * x * x


def flat_bucket(x: tw.Tensor) -> tw.Tensor:
    """Nearly level away from the middle."""
    return 1 - tw.exp(-x * x / 2)


def dented_bucket(x: Any) -> Any:
    return x * x / 8 - tw.cos(2 * x)


def roll(
    curve: Callable[[tw.Tensor], tw.Tensor], rule: tw.Optimizer, start: float, steps: int
) -> np.ndarray:
    """The places of a ball: where it starts, and after each step. A net of one weight is enough."""
    ball = tw.Sequential(tw.Dense(1, bias=False, init=start), dtype="float64")
    run = tw.fit(
        ball,
        [[1.0]],
        [0.0],
        loss=lambda place, _: curve(place[:, 0]),
        optimizer=rule,
        epochs=steps,
        metrics=tw.Metric("place", lambda place, _: place[:, 0]),
    )
    return np.append(run.history["place"], ball.weights.flat)


def show(name: str, places: np.ndarray, most: int = 5) -> None:
    first = "".join(f"{place:8.2f}" for place in places[:most])
    print(f"  {name:<19}{first} .. {places[-1]:.4g}")


def too_big() -> dict[str, np.ndarray]:
    balls = {
        "naive, step 1": roll(bucket, Naive(lr=1.0), 2.5, 20),
        "oversimplified": roll(bucket, Oversimplified(), 2.5, 20),
        "the same, steeper": roll(steep_bucket, Oversimplified(), 2.5, 20),
        "improved, alpha 0.1": roll(steep_bucket, tw.SGD(lr=0.1), 2.5, 20),
    }
    print("Slopes too big: first places of a ball .. and its last; the lowest is 0")
    for name, places in balls.items():
        show(name, places)
    print("A fixed step ends up hopping across; a step as long as the slope lands as")
    print("high as it was, or, in a steeper bucket, three times as far out each time.")
    print("Cure: a share alpha of the slope. 2 x^2 has the slope 4 x, so each step")
    print("leaves 1 - 4 alpha = 0.6 of the way.")
    return balls


def too_small() -> dict[str, np.ndarray]:
    balls = {
        "alpha 0.1": roll(flat_bucket, tw.SGD(lr=0.1), 3.0, 100),
        "alpha 1": roll(flat_bucket, tw.SGD(lr=1.0), 3.0, 100),
        "Adam, alpha 0.1": roll(flat_bucket, tw.Adam(lr=0.1), 3.0, 100),
    }
    print("\nSlopes too small: 100 steps from 3, where the slope is 0.03")
    for name, places in balls.items():
        show(name, places)
    print("Cure: a larger alpha, or a rule that measures its step by the slopes it saw.")
    return balls


def local_minima() -> dict[str, np.ndarray]:
    starts = (5.0, 2.0, -0.9, -4.0)
    balls = {f"from {start:g}": roll(dented_bucket, tw.SGD(lr=0.1), start, 60) for start in starts}
    print("\nLocal minima: x^2 / 8 - cos 2 x has dents left and right of its lowest place")
    for name, places in balls.items():
        height = float(dented_bucket(places[-1]))
        print(f"  {name:<10} rests at {round(places[-1], 3) + 0.0:6.3f}, height {height:6.3f}")
    print("Cure: start at several places and keep the lowest; the next lessons do.")
    return balls


def main(picture: str | None = None) -> None:
    found = {"big": too_big(), "small": too_small(), "local": local_minima()}
    titles = {
        "big": ("Slopes too big", "Only the ball that takes a share of the slope comes to rest."),
        "small": ("Slopes too small", "With a small alpha the ball hardly leaves its place."),
        "local": ("Local minima", "Where a ball ends depends on where it starts."),
    }
    figures = []
    for key, (title, caption) in titles.items():
        shown = {
            name: places[:31]
            for name, places in found[key].items()
            if key != "big" or "steeper" not in name
        }
        lines = {name: (np.arange(len(places)), places) for name, places in shown.items()}
        chart = line_chart(lines, title=title, x_label="step", y_label="place")
        figures.append((chart, caption))
    x = np.linspace(-5, 5, 301)
    curve = line_chart(
        {"height": (x, dented_bucket(x))},
        title="The dented bucket",
        x_label="place",
        y_label="height",
    )
    drawing.write(picture, "Slopes", *figures, (curve, "Two dents, and the lowest place at 0."))


if __name__ == "__main__":
    main(*sys.argv[1:2])
