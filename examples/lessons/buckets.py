"""Buckets: a hundred balls on a curve with five buckets end in five places.

Gradient descent finds the bottom of the bucket it starts in, and no other. With enough starts, one
finds the deepest bucket: `tw.restarts` trains all starts together as one batched run, keeps the
best, and groups the runs that reached the same minimum. Small networks have such minima too.
Give a path as the first argument to draw the charts.
"""

import sys
from typing import Any

import drawing
import numpy as np

import talweg as tw
from talweg.draw import bar_chart, line_chart, scatter_chart

BALLS = 100
EXCLUSIVE_OR = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), np.array([0, 1, 1, 0])


def height(x: Any) -> Any:
    """The height of the curve at x: five buckets between -5 and 5, the deepest near 2."""
    return 0.03 * (x - 1.5) ** 2 - tw.cos(np.pi * x)


def ball() -> tw.Sequential:
    start = tw.Uniform(-5.0, 5.0)
    return tw.Sequential(tw.Dense(1, bias=False, init=start), dtype="float64")


def roll_all() -> tw.Restarts:
    return tw.restarts(
        ball,
        [[1.0]],
        [0.0],
        starts=BALLS,
        loss=lambda position, _: height(position[:, 0]),
        optimizer=tw.SGD(lr=0.02),
        epochs=300,
        metrics=tw.Metric("position", lambda position, _: position[:, 0]),
    )


def restart_net() -> tw.Restarts:
    """Exclusive or with two hidden units, just enough, so many starts get stuck."""
    net = tw.Sequential(tw.Dense(2, "tanh", init=tw.Uniform(-1, 1)), tw.Dense(1, "sigmoid"))
    settings = {"loss": "mse", "optimizer": tw.SGD(lr=2.0), "epochs": 10_000, "batch_size": None}
    return tw.restarts(net, *EXCLUSIVE_OR, starts=BALLS, solved=0.01, **settings)


def print_buckets(restarts: tw.Restarts) -> tuple[list[str], list[int]]:
    buckets = sorted(restarts.minima, key=lambda bucket: bucket.run.net.weights.flat[0])
    bottoms = [bucket.run.net.weights.flat[0] for bucket in buckets]
    print(f"{BALLS} balls dropped between -5 and 5 end in {len(buckets)} places")
    print("       at   depth   balls")
    for bottom, bucket in zip(bottoms, buckets, strict=True):
        print(f"  {bottom:>7.3f}{bucket.loss:>8.4f}{bucket.count:>8}")
    print(f"The best is kept: {restarts.best.net.weights.flat[0]:.3f},", end=" ")
    print(f"found by {restarts.solved:.0%} of the starts.")
    print("The probability that at least one of n starts finds it, 1 - (1 - share)^n:")
    print("  " + ", ".join(f"{restarts.chance(n):.0%} for n = {n}" for n in (1, 5, 10, 20)))
    return [f"{bottom:.2f}" for bottom in bottoms], [bucket.count for bucket in buckets]


def print_network(restarts: tw.Restarts) -> np.ndarray:
    programs = f"{restarts.sweep.programs} program"
    print(f"\nA 2-2-1 network for exclusive or, started {BALLS} times as {programs}")
    print(restarts)
    print("The outputs at each minimum for 00, 01, 10 and 11:")
    for number, minimum in enumerate(restarts.minima, 1):
        outputs = minimum.run.net.predict(EXCLUSIVE_OR[0]).ravel()
        print(f"{number:>7}  " + "".join(f"{value:>8.2f}" for value in outputs))
    return np.sort(restarts.losses)


def main(picture: str | None = None) -> None:
    balls = roll_all()
    names, counts = print_buckets(balls)
    losses = print_network(restart_net())

    x = np.linspace(-5, 5, 401)
    curve = {"height": (x, height(x))}
    starts = [run.history["position"][0] for run in balls.runs]
    ends = [run.net.weights.flat[0] for run in balls.runs]
    rank = np.arange(1, BALLS + 1)
    drawing.write(
        picture,
        "A hundred balls, five buckets",
        (
            line_chart(curve, title="The curve", x_label="position", y_label="height"),
            "Five buckets; the one near 2 is slightly deeper than the others.",
        ),
        (
            scatter_chart(
                starts,
                ends,
                title="Where each ball ends",
                x_label="start",
                y_label="end",
                diagonal=False,
            ),
            "Five steps: each ball stays in the bucket it was dropped into.",
        ),
        (
            bar_chart(names, counts, title="Balls at rest, by position"),
            "A shallow bucket holds nearly as many balls as the deepest.",
        ),
        (
            line_chart(
                {"loss": (rank, losses)},
                title="A network for exclusive or, started 100 times",
                x_label="starts, the best first",
                y_label="loss",
            ),
            "Each step is one minimum of this network.",
        ),
    )


if __name__ == "__main__":
    main(*sys.argv[1:2])
