"""Buckets: a hundred balls on a curve with five buckets end in five places.

Descent finds the bottom of the bucket that it starts in, and no other. Whoever starts often
enough finds the deepest: the starts are a sweep over seeds, trained side by side as one batched
run, of which the best is kept. Small nets are such curves too. A path as first argument gets the
picture.
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


def roll_all() -> tw.Sweep:
    return tw.sweep(
        ball,
        [[1.0]],
        [0.0],
        over={"seed": range(BALLS)},
        loss=lambda place, _: height(place[:, 0]),
        optimizer=tw.SGD(lr=0.02),
        epochs=300,
        metrics=tw.Metric("place", lambda place, _: place[:, 0]),
    )


def restart_net() -> tw.Sweep:
    """Exclusive or with two hidden units: just enough, so that many starts get stuck."""

    def net() -> tw.Sequential:
        return tw.Sequential(tw.Dense(2, "tanh", init=tw.Uniform(-1, 1)), tw.Dense(1, "sigmoid"))

    settings = {"loss": "mse", "optimizer": tw.SGD(lr=0.5), "epochs": 2000, "batch_size": None}
    return tw.sweep(net, *EXCLUSIVE_OR, over={"seed": range(BALLS)}, **settings)


def tell_buckets(sweep: tw.Sweep) -> tuple[list[str], list[int]]:
    ends = np.array([run.net.weights.flat[0] for run in sweep.runs])
    losses = np.array([run.history["loss"][-1] for run in sweep.runs])
    places, bucket = np.unique(ends.round(3), return_inverse=True)
    print(f"{BALLS} balls dropped between -5 and 5 end in {len(places)} places")
    print("    place   depth   balls")
    counts = np.bincount(bucket).tolist()
    for number, place in enumerate(places):
        depth = losses[bucket == number].mean()
        print(f"  {place:>7.3f}{depth:>8.4f}{counts[number]:>8}")
    share = float(np.mean(losses < losses.min() + 1e-6))
    print(f"The best is kept: {sweep.best.net.weights.flat[0]:.3f},", end=" ")
    print(f"found by {share:.0%} of the starts.")
    print("The chance that some of n starts finds it, 1 - (1 - share)^n:")
    chances = ", ".join(f"{1 - (1 - share) ** n:.0%} of {n}" for n in (1, 5, 10, 20))
    print(f"  {chances}")
    return [f"{place:.2f}" for place in places], counts


def tell_net(sweep: tw.Sweep) -> np.ndarray:
    losses = np.sort([run.history["loss"][-1] for run in sweep.runs])
    low, middle, high = np.quantile(losses, [0.1, 0.5, 0.9])
    print(f"\nA net for exclusive or, 2-2-1, started {BALLS} times")
    print(f"  best {losses[0]:.5f}, a tenth below {low:.5f}, half below {middle:.5f},")
    print(f"  a tenth above {high:.5f}; solved (below 0.01): {np.mean(losses < 0.01):.0%}")
    print(f"  {BALLS} runs as {sweep.programs} program")
    return losses


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
