"""Universal approximation: with enough hidden units a net comes as near to a function as one likes.

One hidden layer of tanh units suffices for every continuous function on a bounded set (Cybenko
1989): each unit is a bend that can be put anywhere, and the output adds them up. The error falls
as units are added, if the net is trained well enough to use them: the best of several starts
counts. A path as first argument gets the picture.
"""

import sys

import drawing
import numpy as np

import talweg as tw
from talweg.draw import line_chart

UNITS = [1, 2, 3, 5, 8, 16]
SEEDS = range(8)


def function(x: np.ndarray) -> np.ndarray:
    """Two waves and a corner, from -1 to 1."""
    return np.sin(6 * x) / 2 + np.abs(x)


def network(units: int) -> tw.Sequential:
    """tanh units whose bends start anywhere between -1 and 1."""
    spread = tw.Uniform(-6.0, 6.0)
    return tw.Sequential(
        tw.Dense(units, "tanh", init=spread, bias_init=tw.Uniform(-4, 4)), tw.Dense(1)
    )


def train() -> tw.Sweep:
    x = np.linspace(-1, 1, 101)
    return tw.sweep(
        network,
        x[:, None],
        function(x),
        over={"units": UNITS, "seed": SEEDS},
        optimizer=tw.Adam(lr=tw.CosineDecay(0.02)),
        epochs=6000,
        batch_size=None,
    )


def best_runs(sweep: tw.Sweep) -> dict[int, tw.Run]:
    """For each number of units the start with the least loss."""
    found: dict[int, tw.Run] = {}
    for point, run in zip(sweep.points, sweep.runs, strict=True):
        units = point["units"]
        if units not in found or run.history["loss"][-1] < found[units].history["loss"][-1]:
            found[units] = run
    return found


def errors(sweep: tw.Sweep, units: int) -> np.ndarray:
    """Root mean squared errors of the starts with so many units, the best first."""
    pairs = zip(sweep.points, sweep.runs, strict=True)
    return np.sort([run.history["loss"][-1] ** 0.5 for at, run in pairs if at["units"] == units])


def main(picture: str | None = None) -> None:
    sweep = train()
    found = {units: errors(sweep, units) for units in UNITS}
    print(f"sin(6 x) / 2 + |x| from -1 to 1, {len(SEEDS)} starts for each number of tanh units")
    print("Root mean squared error, 6,000 full-batch steps of Adam")
    print("  units   weights      best    median     worst")
    for units, each in found.items():
        told = "".join(f"{error:>10.4f}" for error in (each[0], np.median(each), each[-1]))
        print(f"  {units:>5}{3 * units + 1:>10}{told}")
    print("More units, less error. With few of them, starts end far apart: a unit is")
    print("missed more where there are only three.")

    x = np.linspace(-1, 1, 301)
    best = best_runs(sweep)
    fits = {f"{units} units": (x, best[units].net.predict(x[:, None])[:, 0]) for units in (1, 2, 5)}
    sizes = np.log2(UNITS)
    falls = {
        "best start": (sizes, [each[0] for each in found.values()]),
        "median": (sizes, [np.median(each) for each in found.values()]),
    }
    drawing.write(
        picture,
        "Universal approximation",
        (
            line_chart(
                falls, title="Error by hidden units", x_label="log2 of units", y_label="error"
            ),
            "Each doubling helps, until the budget of steps is what limits.",
        ),
        (
            line_chart(
                {**fits, "function": (x, function(x))},
                title="What the best nets say",
                x_label="x",
                y_label="output",
            ),
            "One unit is one bend, two are two; five are hard to tell from the function.",
        ),
    )


if __name__ == "__main__":
    main(*sys.argv[1:2])
