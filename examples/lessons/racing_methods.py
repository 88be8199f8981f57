"""The race goes on: ten methods in one valley and on one network, with the same number of passes.

Optimizers such as SGD take one step per pass, or one per batch. AW-SGD learns which rows matter and
samples them more often. Annealing needs no gradient and proposes points at random. BFGS and L-BFGS
learn the curvature, with one or two passes per step. If a method has a learning rate, the best of
several counts. Give a path as the first argument to draw the charts.
"""

import sys
import warnings
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import drawing
import numpy as np
from race import OPTIMIZERS as ALL_OPTIMIZERS, VALLEY_RATES, shellfish

import talweg as tw
from talweg.draw import line_chart

OPTIMIZERS = {
    name: ALL_OPTIMIZERS[name]
    for name in ("SGD", "momentum", "Nesterov", "AdaGrad", "AdaDelta", "Adam")
}
SEARCHES = {
    "annealing": tw.SimulatedAnnealing(
        temperature=0.3, step_size=0.3, end_fraction=1e-3, proposals=10
    ),
    "BFGS": tw.BFGS(),
    "L-BFGS": tw.LBFGS(),
}
METHODS = ("annealing", "SGD", "AW-SGD", *list(OPTIMIZERS)[1:], "BFGS", "L-BFGS")
SHOWN = ("annealing", "SGD", "AW-SGD", "Adam", "BFGS")
SAMPLER = tw.AdaptiveSampling(strata="rows", lr=0.05)
Curve = tuple[float | None, np.ndarray, np.ndarray]  # learning rate, passes, losses


class Course(NamedTuple):
    """A network, rows and a loss to minimize, with a budget and the learning rates to try."""

    name: str
    build: Callable[[], tw.Module]
    X: np.ndarray
    y: np.ndarray
    loss: Any
    passes: int
    batch_size: int | None
    rates: list[float]
    aw_sgd_rates: list[float]


def valley() -> Course:
    """The valley as two rows, one per term; the network's outputs are a point in the valley."""

    def height(point: Any, term: Any) -> Any:
        x, y = point[:, 0], point[:, 1]
        return 2 * (term[:, 0] * (1 - x) ** 2 + term[:, 1] * 10 * (y - x * x) ** 2)

    def build() -> tw.Module:
        start = np.array([[-1.5, 2.0]])
        return tw.Sequential(tw.Dense(2, bias=False, init=start), dtype="float64")

    aw_sgd_rates = [0.0004, 0.0016, 0.0064]
    rows = np.ones((2, 1)), np.eye(2)
    return Course("valley", build, *rows, height, 300, None, VALLEY_RATES, aw_sgd_rates)


def network() -> Course:
    """A 7-16-1 network that predicts the rings of 1,000 shellfish, 32 rows per step."""

    def build() -> tw.Module:
        return tw.Sequential(tw.Dense(16, "tanh"), tw.Dense(1))

    rates = [0.003, 0.01, 0.03, 0.1, 0.3, 1.0]
    return Course("network", build, *shellfish(), "mse", 30, 32, rates, [0.03, 0.1])


def race(course: Course) -> dict[str, Curve]:
    """The best learning rate of each method, and its loss over all rows by passes."""
    curves = {name: train_sgd(course, rule) for name, rule in OPTIMIZERS.items()}
    curves["AW-SGD"] = train_aw_sgd(course)
    curves |= {name: search(course, method) for name, method in SEARCHES.items()}
    return {name: curves[name] for name in METHODS}


def settings(course: Course) -> dict[str, Any]:
    rows = (course.X, course.y)
    return {"loss": course.loss, "validation": rows, "restore_best": False}


def train_sgd(course: Course, optimizer: tw.Optimizer) -> Curve:
    """An optimizer at the best of the learning rates of the course."""
    sweep = tw.sweep(
        course.build,
        course.X,
        course.y,
        over={"lr": course.rates},
        optimizer=optimizer,
        batch_size=course.batch_size,
        epochs=course.passes,
        **settings(course),
    )
    return best_run(course.rates, sweep.runs)


def train_aw_sgd(course: Course) -> Curve:
    limits = {"batch_size": course.batch_size or 1, "epochs": course.passes, **settings(course)}
    rules = (tw.SGD(lr=rate) for rate in course.aw_sgd_rates)
    rows = course.X, course.y
    runs = [tw.fit(course.build(), *rows, optimizer=r, sampler=SAMPLER, **limits) for r in rules]
    return best_run(course.aw_sgd_rates, runs)


def search(course: Course, method: Any) -> Curve:
    """A method without a learning rate, which may take several passes per step."""
    passes_per_step = method.proposals if method is SEARCHES["annealing"] else 1
    steps = course.passes // passes_per_step
    limits = {"batch_size": None, "epochs": steps, **settings(course)}
    run = tw.fit(course.build(), course.X, course.y, optimizer=method, **limits)
    passes = np.cumsum(run.watched.get("passes", np.full(run.epochs, passes_per_step)))
    within = passes <= course.passes
    return None, passes[within], run.history["val_loss"][within]


def best_run(rates: list[float], runs: Sequence[tw.Run]) -> Curve:
    ends = [run.history["val_loss"][-1] if run.failure is None else np.inf for run in runs]
    best = int(np.nanargmin(ends))
    losses = runs[best].history["val_loss"]
    return rates[best], np.arange(1, len(losses) + 1), losses


def print_curves(curves: dict[str, Curve], moments: tuple[int, ...]) -> None:
    heads = "".join(f"{f'after {moment}':>14}" for moment in moments)
    print(f"  {'method':<12}{'rate':>8}{heads}")
    for name, (rate, passes, losses) in curves.items():
        last = [max(0, np.searchsorted(passes, moment, "right") - 1) for moment in moments]
        cells = "".join(f"{losses[i]:>14.3g}" for i in last)
        print(f"  {name:<12}{f'{rate:.2g}' if rate else '-':>8}{cells}")


def main(picture: str | None = None) -> None:
    courses = valley(), network()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", tw.TrainingWarning)  # the largest rates diverge
        in_valley, on_network = (race(course) for course in courses)
    print("In the valley (1 - x)^2 + 10 (y - x^2)^2, from -1.5, 2: the height by passes")
    print_curves(in_valley, (20, 100, 300))
    print("After some steps BFGS and L-BFGS know the curvature, and converge at once.")
    print("\nOn a 7-16-1 network with 1,000 rows: the loss by passes")
    print_curves(on_network, (1, 10, 30))
    print("A pass is 32 steps for methods that take 32 rows per step, and at most one for")
    print("full-batch methods. Annealing, which has no gradient, hardly leaves its start.")
    figures = []
    for course, curves in zip(courses, (in_valley, on_network), strict=True):
        lines = {name: curves[name][1:] for name in SHOWN}
        title = f"On the {course.name}"
        chart = line_chart(lines, title=title, x_label="passes", y_label="loss")
        figures.append((chart, f"The loss over all rows by passes, on the {course.name}."))
    drawing.write(picture, "Ten methods", *figures)


if __name__ == "__main__":
    main(*sys.argv[1:2])
