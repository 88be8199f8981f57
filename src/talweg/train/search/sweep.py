"""`sweep`: many runs as one call, side by side on threads, each structure compiled once."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

import numpy.typing as npt

from talweg.engine.registry import chosen_engine
from talweg.errors import DataError, SettingError, counted
from talweg.lazy import cached_property
from talweg.settings import Constraint, Flag, check, plain
from talweg.train.run.checkpoint import Checkpoint
from talweg.train.run.claim import claimed
from talweg.train.run.job import RULES
from talweg.train.run.progress import SharedBar
from talweg.train.run.run import Run
from talweg.train.search.bracket import Rungs, train_all
from talweg.train.search.ranges import SAMPLING
from talweg.train.search.run_state import compared_by, measure_at_best
from talweg.train.search.search_space import points_of
from talweg.train.search.successive_halving import SuccessiveHalving, rungs_of
from talweg.train.search.sweep_file import SweepFile
from talweg.train.search.sweep_identity import identity_of
from talweg.train.search.sweep_tasks import tasks_of
from talweg.train.search.table import Table, column
from talweg.train.search.warn import warn_of_failures, warn_of_gradients

_RULES: dict[str, Constraint] = {
    **SAMPLING,
    "resume": Flag(),
    **{name: RULES[name] for name in ("threads", "engine", "progress")},
}


def sweep(
    build: Callable[..., Any],
    X: Any,
    y: Any,
    *,
    over: Mapping[str, Any],
    points: int | None = None,
    sampling: str | None = None,
    halving: SuccessiveHalving | None = None,
    checkpoint: str | os.PathLike[str] | Checkpoint | None = None,
    resume: bool = False,
    threads: int | None = None,
    engine: str | None = None,
    progress: bool | None = None,
    **fit_settings: Any,
) -> Sweep:
    """Train a new network for every combination of values, each as `fit` would.

    Args:
        build: a function that builds a new network on each call.
        over: names and their values, such as {"lr": [0.1, 1], "seed": range(10)}. Parameters of
            `build` are passed to `build`; others are settings of `fit` or of its optimizer. `seed`
            is the seed of the run, and is passed to `build` too if it has such a parameter. A
            range, such as `tw.Range(1e-4, 1, log=True)`, needs `points`.
        points: the number of points to draw instead of all combinations: from ranges and, evenly,
            from lists. They depend on `seed`, and a larger number only adds points.
        sampling: "random", the default, draws each point independently; "sobol" fills the space
            more evenly (it needs SciPy: pip install 'talweg[search]'); "paired" needs lists of
            equal length: the first values form the first point, the second values the second.
        halving: a `tw.SuccessiveHalving`, which lets only the best runs continue to the last epoch.
        checkpoint: a file that holds the finished runs; it is saved atomically, every 30 seconds
            and at the end. `tw.Checkpoint(path, every=5)` sets another interval.
        resume: continue from that file if it exists; a file of another sweep is refused.
        threads: the number of runs side by side, by default the number of cores; each run uses one
            thread. The interpreter runs them one after another.
        engine, progress: as in `fit`.
        fit_settings: all other settings of `fit`, the same for every run. `validation=0.2` holds
            out the same rows in every run: `seed` draws them, not the seed of each run.

    Four or more runs of a tiny network (up to about 6,000 operations per step in float32) that
    differ only in weights and settings of the optimizer train as replicas of one run, one per lane
    of a vector, if none of them can stop early. Their sums have another order, so they agree with
    `fit` up to rounding; the other runs and the number of threads do not change a bit. The
    `seconds` of each replica are those of the whole group. Every other run equals that of `fit` bit
    for bit (for `validation=0.2`, that of `fit` with `tw.Holdout(0.2, seed)`, where `seed` is that
    of the sweep). Neither halving nor an interruption changes a bit of the runs that continue.

    Networks and settings are checked before anything is trained. A run that stops being finite does
    not affect the others: it has a `failure`, and one TrainingWarning names all such runs. Ctrl-C
    ends all runs within 100 ms and returns those that have started.

    >>> X = np.array([[0.0], [1.0], [2.0]])
    >>> build = lambda: tw.Sequential(tw.Dense(1))
    >>> result = sweep(build, X, 2 * X, over={"lr": [0.001, 0.1]}, optimizer="sgd", epochs=200)
    >>> result.best_point, result.programs
    ({'lr': 0.1}, 1)
    """
    start = time.perf_counter()
    own: dict[str, Any] = {"points": points, "sampling": sampling, "resume": resume}
    bar = SharedBar(plain(progress))
    own |= {"threads": threads, "engine": engine, "progress": bar.shows_bar}
    own = check("sweep", own, _RULES)
    threads, engine, resume = own["threads"], own["engine"], own["resume"]
    if halving is not None and not isinstance(halving, SuccessiveHalving):
        raise SettingError(
            f"sweep: halving must be tw.SuccessiveHalving(min_epochs) or None, not {halving!r}"
        )
    if resume and checkpoint is None:
        raise SettingError("sweep: resume=True needs a file: give its path as checkpoint")
    given = {**fit_settings, "engine": engine, "threads": 1, "progress": False}
    chosen = points_of(build, over, given, points, sampling)
    rungs = Rungs(rungs_of(halving, chosen), halving)
    tasks = tasks_of(build, X, y, chosen)
    warn_of_gradients(tasks, "at", "point")
    file = None
    if checkpoint is not None:
        identity = identity_of(
            tasks, chosen, X, y, fit_settings, halving, chosen_engine(engine).name
        )
        file = SweepFile(checkpoint, resume, identity, tasks)
    with claimed(file.file, file.identity) if file else nullcontext():
        trained = train_all(tasks, engine, bar, threads=threads, rungs=rungs, file=file)
    warn_of_failures([str(point) for point in chosen], trained.runs)
    states = [state for state in trained.states if state.run]
    return Sweep(
        runs=[run for run in trained.runs if run],
        points=[p.values for p, run in zip(chosen, trained.runs, strict=True) if run],
        left_out=[p.values for p, run in zip(chosen, trained.runs, strict=True) if not run],
        seconds=time.perf_counter() - start,
        compile_seconds=trained.compile_seconds,
        programs=trained.programs,
        rungs=[len(state.losses) for state in states] if halving else [],
    )


@dataclass(frozen=True, repr=False)
class Sweep:
    """The runs of a sweep and their points, in the order of the combinations or draws.

    `best` is the run with the lowest validation loss (training loss without validation) at the
    weights it ended with; a failed run is never the best. `table` has a column for each name and
    measure. `seconds` is the time of the whole call, `compile_seconds` the time of compiling its
    `programs`. `left_out` are the points whose runs had not started at Ctrl-C. With halving,
    `rungs` says how many rungs each run has finished; the table has it as "rung".
    """

    runs: list[Run]
    points: list[dict[str, Any]]
    left_out: list[dict[str, Any]]
    seconds: float
    compile_seconds: float
    programs: int
    rungs: list[int] = field(default_factory=list)

    @property
    def best(self) -> Run:
        return self.runs[self._best_index()]

    @property
    def best_point(self) -> dict[str, Any]:
        return self.points[self._best_index()]

    @property
    def columns(self) -> dict[str, npt.NDArray[Any]]:
        """The table as a plain dict, for `pandas.DataFrame`."""
        return dict(self.table)

    @cached_property
    def table(self) -> Table:
        """The values of each point, then the loss, other measures, and how each run ended."""
        swept = {name: [point[name] for point in self.points] for name in _names(self.points)}
        measures = list(_names(run.history for run in self.runs))
        measures.sort(key=("loss", "val_loss").__contains__, reverse=True)
        outcomes: dict[str, list[Any]] = {
            name: [measure_at_best(run, name) for run in self.runs] for name in measures
        }
        if self.rungs:
            outcomes["rung"] = self.rungs
        for name in ("stopped_by", "epochs", "seconds"):
            outcomes[name] = [getattr(run, name) for run in self.runs]
        columns = swept | {
            f"run_{name}" * (name in swept) or name: outcomes[name] for name in outcomes
        }
        return Table({name: column(values) for name, values in columns.items()}, self._least())

    @property
    def compared_by(self) -> str:
        """The measure that runs are compared by; the best has the lowest."""
        return compared_by(self.runs)

    def _least(self) -> int | None:
        losses = [measure_at_best(run, self.compared_by) for run in self.runs]
        good = [i for i, loss in enumerate(losses) if math.isfinite(loss)]
        good = [i for i in good if self.runs[i].failure is None]
        return min(good, key=losses.__getitem__, default=None)

    def _best_index(self) -> int:
        index = self._least()
        if index is None:
            raise DataError(
                "sweep: no run has a loss to compare, since none stayed finite for an epoch; "
                "the `failure` of each run in `runs` says why"
            )
        return index

    def __str__(self) -> str:
        lines = [str(self.table)] if self.runs else []
        if self._least() is not None:
            lines.append(f"* has the lowest {self.compared_by}")
        runs, programs = _counted(len(self.runs), "run"), _counted(self.programs, "program")
        compiling = f"including {self.compile_seconds:.2f} s to compile {programs}"
        lines.append(f"{runs} in {self.seconds:.2f} s, {compiling}")
        if self.left_out:
            left_out = _counted(len(self.left_out), "run")
            lines.append(f"{left_out} not started before Ctrl-C")
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"<Sweep of {counted(len(self.runs), 'run')}; print it for a table>"


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' * (count != 1)}"


def _names(records: Iterable[Mapping[str, Any]]) -> dict[str, None]:
    """All names that occur, in order."""
    return {name: None for record in records for name in record}
