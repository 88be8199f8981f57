"""The race goes on: ten methods on one valley and on one net, with the same passes over the rows.

Update rules take one step a pass, or one a batch. AW-SGD draws single rows, as often as it learns
that they matter. Annealing needs no gradient, and proposes places at random. BFGS and L-BFGS learn
how the valley bends, with a pass or two a step. Where a learning rate is asked for, the best of
several counts. A path as first argument gets the picture.
"""

import sys
import warnings
from typing import Any

import drawing
import numpy as np
from race import RULES as UPDATE_RULES, VALLEY_RATES, shellfish

import talweg as tw
from talweg.draw import line_chart

RULES = {
    name: UPDATE_RULES[name]
    for name in ("SGD", "momentum", "Nesterov", "AdaGrad", "AdaDelta", "Adam")
}
SEARCHES = {
    "annealing": tw.SimulatedAnnealing(
        temperature=0.3, step_size=0.3, end_fraction=1e-3, proposals=10
    ),
    "BFGS": tw.BFGS(),
    "L-BFGS": tw.LBFGS(),
}
METHODS = ("annealing", "SGD", "AW-SGD", *list(RULES)[1:], "BFGS", "L-BFGS")
SHOWN = ("annealing", "SGD", "AW-SGD", "Adam", "BFGS")
NET_RATES = [0.003, 0.01, 0.03, 0.1, 0.3, 1.0]
DRAWN_RATES = {"valley": [0.0004, 0.0016, 0.0064], "net": [0.03, 0.1]}  # AW-SGD: run one by one
PASSES = {"valley": 300, "net": 30}
SAMPLER = tw.AdaptiveSampling(strata="rows", lr=0.05)


def valley() -> dict[str, Any]:
    """The valley as two rows, one for each of its terms; a net whose outputs are the place."""

    def height(place: Any, term: Any) -> Any:
        x, y = place[:, 0], place[:, 1]
        return 2 * (term[:, 0] * (1 - x) ** 2 + term[:, 1] * 10 * (y - x * x) ** 2)

    def build() -> tw.Module:
        start = np.array([[-1.5, 2.0]])
        return tw.Sequential(tw.Dense(2, bias=False, init=start), dtype="float64")

    rows = {"X": np.ones((2, 1)), "y": np.eye(2)}
    return {"build": build, **rows, "loss": height, "batch_size": None, "rates": VALLEY_RATES}


def net() -> dict[str, Any]:
    """A net, 7-16-1, that predicts the rings of 1,000 shellfish; rules take 32 rows a step."""

    def build() -> tw.Module:
        return tw.Sequential(tw.Dense(16, "tanh"), tw.Dense(1))

    X, y = shellfish()
    return {"build": build, "X": X, "y": y, "loss": "mse", "batch_size": 32, "rates": NET_RATES}


def race(where: str, field: dict[str, Any]) -> dict[str, tuple[Any, np.ndarray, np.ndarray]]:
    """Of each method: its rate, and the losses over all rows after so many passes."""
    build, X, y, rates = (field[name] for name in ("build", "X", "y", "rates"))
    passes = PASSES[where]
    settings = {
        "loss": field["loss"],
        "validation": (X, y),
        "restore_best": False,
        "epochs": passes,
    }
    found = {}
    for name, rule in RULES.items():
        of_rule = {**settings, "optimizer": rule, "batch_size": field["batch_size"]}
        runs = tw.sweep(build, X, y, over={"lr": rates}, **of_rule).runs
        found[name] = _best(rates, runs)
    drawn = {**settings, "batch_size": 1 if where == "valley" else 32, "sampler": SAMPLER}
    rates = DRAWN_RATES[where]
    runs = [tw.fit(build(), X, y, optimizer=tw.SGD(lr=rate), **drawn) for rate in rates]
    found["AW-SGD"] = _best(rates, runs)
    for name, rule in SEARCHES.items():
        steps = passes // rule.proposals if name == "annealing" else passes
        of_rule = {**settings, "optimizer": rule, "batch_size": None, "epochs": steps}
        run = tw.fit(build(), X, y, **of_rule)
        each = run.watched.get("passes", np.full(run.epochs, passes // steps))
        made = np.cumsum(each)
        found[name] = None, made[made <= passes], run.history["val_loss"][made <= passes]
    return {name: found[name] for name in METHODS}


def _best(rates: list[float], runs: list[tw.Run]) -> tuple[float, np.ndarray, np.ndarray]:
    ends = [run.history["val_loss"][-1] if run.failure is None else np.inf for run in runs]
    best = int(np.nanargmin(ends))
    losses = runs[best].history["val_loss"]
    return rates[best], np.arange(1, len(losses) + 1), losses


def tell(found: dict[str, Any], moments: tuple[int, ...]) -> None:
    told = "".join(f"{f'after {moment}':>14}" for moment in moments)
    print(f"  {'method':<12}{'rate':>8}{told}")
    for name, (rate, passes, losses) in found.items():
        at = [losses[max(0, np.searchsorted(passes, each, "right") - 1)] for each in moments]
        words = f"{rate:.2g}" if rate else "-"
        told = "".join(f"{each:>14.3g}" for each in at)
        print(f"  {name:<12}{words:>8}{told}")


def main(picture: str | None = None) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", tw.TrainingWarning)  # the largest rates leave the valley
        found = {"valley": race("valley", valley()), "net": race("net", net())}
    print(f"In the valley (1 - x)^2 + 10 (y - x^2)^2, from -1.5, 2: {PASSES['valley']} passes,")
    print("the height after so many")
    tell(found["valley"], (20, 100, 300))
    print("BFGS and L-BFGS know after some steps how the valley bends, and fall to its end.")
    print(f"\nOn a net, 7-16-1, and 1,000 rows: {PASSES['net']} passes, the loss after so many")
    tell(found["net"], (1, 10, 30))
    print("A pass is 32 steps for rules that see 32 rows at a time, a step or less for")
    print("those that see all. SimulatedAnnealing, without a gradient, hardly leaves its start.")
    figures = []
    for where, methods in found.items():
        lines = {name: methods[name][1:] for name in SHOWN}
        chart = line_chart(lines, title=f"On the {where}", x_label="passes", y_label="loss")
        figures.append((chart, f"The loss over all rows after each pass, on the {where}."))
    drawing.write(picture, "Ten methods", *figures)


if __name__ == "__main__":
    main(*sys.argv[1:2])
