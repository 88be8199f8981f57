"""Buckets: a hundred balls on a curve with five buckets end in five places.

Descent finds the bottom of the bucket that it starts in, and no other. Whoever starts often
enough finds the deepest: `tw.restarts` trains all starts side by side as one batched run, keeps the
best, and puts those together that found the same minimum. Small nets are such curves too. A path
as first argument gets the picture.
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
    """Of a place, or of many: from -5 to 5 five buckets, of which that near 2 is the deepest."""
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
        loss=lambda place, _: height(place[:, 0]),
        optimizer=tw.SGD(lr=0.02),
        epochs=300,
        metrics=tw.Metric("place", lambda place, _: place[:, 0]),
    )


def restart_net() -> tw.Restarts:
    """Exclusive or with two hidden units: just enough, so that many starts get stuck."""
    net = tw.Sequential(tw.Dense(2, "tanh", init=tw.Uniform(-1, 1)), tw.Dense(1, "sigmoid"))
    settings = {"loss": "mse", "optimizer": tw.SGD(lr=2.0), "epochs": 10_000, "batch_size": None}
    return tw.restarts(net, *EXCLUSIVE_OR, starts=BALLS, solved=0.01, **settings)


def tell_buckets(found: tw.Restarts) -> tuple[list[str], list[int]]:
    buckets = sorted(found.minima, key=lambda each: each.run.net.weights.flat[0])
    places = [each.run.net.weights.flat[0] for each in buckets]
    print(f"{BALLS} balls dropped between -5 and 5 end in {len(buckets)} places")
    print("    place   depth   balls")
    for place, each in zip(places, buckets, strict=True):
        print(f"  {place:>7.3f}{each.loss:>8.4f}{each.count:>8}")
    print(f"The best is kept: {found.best.net.weights.flat[0]:.3f},", end=" ")
    print(f"found by {found.solved:.0%} of the starts.")
    print("The chance that some of n starts finds it, 1 - (1 - share)^n:")
    print("  " + ", ".join(f"{found.chance(n):.0%} of {n}" for n in (1, 5, 10, 20)))
    return [f"{place:.2f}" for place in places], [each.count for each in buckets]


def tell_net(found: tw.Restarts) -> np.ndarray:
    print(
        f"\nA net for exclusive or, 2-2-1, started {BALLS} times as {found.sweep.programs} program"
    )
    print(found)
    print("What the nets of each minimum make of 00, 01, 10 and 11:")
    for place, each in enumerate(found.minima, 1):
        outputs = each.run.net.predict(EXCLUSIVE_OR[0]).ravel()
        print(f"{place:>7}  " + "".join(f"{value:>8.2f}" for value in outputs))
    return np.sort(found.losses)


def main(picture: str | None = None) -> None:
    balls = roll_all()
    names, counts = tell_buckets(balls)
    losses = tell_net(restart_net())

    x = np.linspace(-5, 5, 401)
    curve = {"height": (x, height(x))}
    starts = [run.history["place"][0] for run in balls.runs]
    ends = [run.net.weights.flat[0] for run in balls.runs]
    rank = np.arange(1, BALLS + 1)
    drawing.write(
        picture,
        "A hundred balls, five buckets",
        (
            line_chart(curve, title="The curve", x_label="place", y_label="height"),
            "Five buckets; that near 2 is the deepest by a little.",
        ),
        (
            scatter_chart(
                starts,
                ends,
                title="Where each ball ends",
                x_label="dropped at",
                y_label="at rest at",
                diagonal=False,
            ),
            "A stair of five steps: each ball keeps to the bucket that it was dropped into.",
        ),
        (
            bar_chart(names, counts, title="Balls at rest, by place"),
            "Nearly as many balls lie in a shallow bucket as in the deepest.",
        ),
        (
            line_chart(
                {"loss": (rank, losses)},
                title="A net for exclusive or, started 100 times",
                x_label="starts, the best first",
                y_label="loss",
            ),
            "The steps of the stair are the depths of this net's buckets.",
        ),
    )


if __name__ == "__main__":
    main(*sys.argv[1:2])
