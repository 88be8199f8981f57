"""Universal approximation: enough hidden units fit any continuous function.

One hidden layer of tanh units can approximate every continuous function on a bounded set (Cybenko
1989): each unit adds one bend, placed anywhere. The error falls as units are added, provided that
training finds good weights, so the lesson keeps the best of several starts.
Give a path as the first argument to draw the charts.
"""

import sys

import drawing
import numpy as np

import talweg as tw
from talweg.draw import line_chart

UNITS = [1, 2, 3, 5, 8, 16]
SEEDS = range(8)


def function(x: np.ndarray) -> np.ndarray:
    """Waves with a corner at 0, for x from -1 to 1."""
    return np.sin(6 * x) / 2 + np.abs(x)


def network(units: int) -> tw.Sequential:
    """tanh units whose bends start at random positions between -1 and 1."""
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
    """The start with the lowest final loss, for each number of units."""
    best: dict[int, tw.Run] = {}
    for point, run in zip(sweep.points, sweep.runs, strict=True):
        units = point["units"]
        if units not in best or run.history["loss"][-1] < best[units].history["loss"][-1]:
            best[units] = run
    return best


def errors(sweep: tw.Sweep, units: int) -> np.ndarray:
    """The root mean squared error of each start with that many units, the best first."""
    pairs = zip(sweep.points, sweep.runs, strict=True)
    losses = [run.history["loss"][-1] for point, run in pairs if point["units"] == units]
    return np.sqrt(np.sort(losses))


def main(picture: str | None = None) -> None:
    sweep = train()
    by_units = {units: errors(sweep, units) for units in UNITS}
    print(f"sin(6 x) / 2 + |x| from -1 to 1, {len(SEEDS)} starts for each number of tanh units")
    print("Root mean squared error, 6,000 full-batch steps of Adam")
    print("  units   weights      best    median     worst")
    for units, starts in by_units.items():
        shown = (starts[0], np.median(starts), starts[-1])
        print(f"  {units:>5}{3 * units + 1:>10}" + "".join(f"{error:>10.4f}" for error in shown))
    print("More units give less error. With few units the starts end far apart: losing")
    print("one unit to a bad start matters more when there are only three.")

    x = np.linspace(-1, 1, 301)
    best = best_runs(sweep)
    fits = {f"{units} units": (x, best[units].net.predict(x[:, None])[:, 0]) for units in (1, 2, 5)}
    sizes = np.log2(UNITS)
    falls = {
        "best start": (sizes, [starts[0] for starts in by_units.values()]),
        "median": (sizes, [np.median(starts) for starts in by_units.values()]),
    }
    drawing.write(
        picture,
        "Universal approximation",
        (
            line_chart(
                falls, title="Error by hidden units", x_label="log2 of units", y_label="error"
            ),
            "Each doubling helps until the number of steps becomes the limit.",
        ),
        (
            line_chart(
                {**fits, "function": (x, function(x))},
                title="Outputs of the best networks",
                x_label="x",
                y_label="output",
            ),
            "Each unit contributes one bend; five units are hard to tell from the function.",
        ),
    )


if __name__ == "__main__":
    main(*sys.argv[1:2])
