"""`sweep`: many runs as one call, side by side on threads, each structure compiled once."""

from __future__ import annotations

import math
import os
import time
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

import numpy.typing as npt

from talweg.errors import DataError, SettingError, TrainingWarning, counted
from talweg.lazy import cached_property
from talweg.settings import Constraint, Flag, check, plain
from talweg.train.run.checkpoint import Checkpoint
from talweg.train.run.claim import claimed
from talweg.train.run.engines import chosen_engine
from talweg.train.run.fit import RULES
from talweg.train.run.progress import Whole
from talweg.train.run.run import Run
from talweg.train.search.executor import SideBySide, cores
from talweg.train.search.jobs import Task, tasks_of
from talweg.train.search.ranges import SAMPLING
from talweg.train.search.rung_results import Standing, kept, measure_of
from talweg.train.search.rungs import Contest
from talweg.train.search.search_space import points_of
from talweg.train.search.successive_halving import SuccessiveHalving, rungs_of
from talweg.train.search.sweep_file import SweepFile
from talweg.train.search.sweep_identity import identity_of
from talweg.train.search.table import Table, column

_NAMED = 3  # points that a warning names
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
    progress: bool | Whole | None = None,
    **fit_settings: Any,
) -> Sweep:
    """Train a new net for every combination of values, each as `fit` would.

    Args:
        build: a function that makes a new net each time.
        over: names and their values, as {"lr": [0.1, 1], "seed": range(10)}. A name that `build`
            takes goes to it, others are settings of `fit` or of its optimiser. `seed` is the
            run's, and goes to `build` too if it takes one. A range, as
            `tw.Range(1e-4, 1, log=True)`, needs `points`.
        points: draw so many points instead of all combinations: from ranges and, evenly, from
            lists. They follow from `seed`; the first are the same, however many follow.
        sampling: "random" draws each point by itself, the default; "sobol" fills the space more
            evenly (it takes SciPy: pip install 'talweg[search]'); "paired" takes lists of one
            length, of which the first values make the first point, the second ones the next.
        halving: a `tw.SuccessiveHalving`, which lets only the best runs continue to the last epoch.
        checkpoint: a file that holds the runs that are done; it is written every 30 seconds and
            at the end, whole or not at all. `tw.Checkpoint(path, every=5)` says how often.
        resume: go on from that file if it is there; a file of another sweep is refused.
        threads: runs side by side, as many as there are cores by default; each takes one. On the
            interpreter they go one after the other.
        engine, progress: as in `fit`.
        fit_settings: all other settings of `fit`, the same for every run. `validation=0.2` holds
            out the same rows in every run: `seed` draws them, not the seed of each run.

    Four or more runs of a tiny net (some 6,000 operations a step in float32) that differ in weights
    and settings of the optimiser are replicas of one run, in lanes of vectors, if all go to their
    last epoch. They add up in another order, and so agree with `fit` up to rounding; which others
    run beside them, and on how many threads, changes no bit. The `seconds` of each are those of
    all. Every other run is bit for bit what `fit` gives (for `validation=0.2`, with
    `tw.Holdout(0.2, seed)`, where `seed` is that of the sweep). Neither halving nor an interruption
    changes a bit of the runs that go on.

    Nets and settings are checked before anything is trained. A run that stops being finite harms
    no other: it has a `failure`, and one TrainingWarning names such runs. Ctrl-C ends all within
    100 ms and returns those that were begun.

    >>> X = np.array([[0.0], [1.0], [2.0]])
    >>> build = lambda: tw.Sequential(tw.Dense(1))
    >>> found = sweep(build, X, 2 * X, over={"lr": [0.001, 0.1]}, optimizer="sgd", epochs=200)
    >>> found.best_point, found.programs
    ({'lr': 0.1}, 1)
    """
    start = time.perf_counter()
    own: dict[str, Any] = {"points": points, "sampling": sampling, "resume": resume}
    whole = progress if isinstance(progress, Whole) else Whole(plain(progress))
    own |= {"threads": threads, "engine": engine, "progress": whole.shows_bar}
    own = check("sweep", own, _RULES)
    threads, engine, resume = own["threads"], own["engine"], own["resume"]
    if halving is not None and not isinstance(halving, SuccessiveHalving):
        raise SettingError(
            f"sweep: halving must be tw.SuccessiveHalving(min_epochs) or None, not {halving!r}"
        )
    if resume and checkpoint is None:
        raise SettingError("sweep: resume needs a file: give checkpoint, as a path")
    given = {**fit_settings, "engine": engine, "threads": 1, "progress": False}
    chosen = points_of(build, over, given, points, sampling)
    rungs = rungs_of(halving, chosen)
    tasks = tasks_of(build, X, y, chosen)
    _warn_of_gradients(tasks)
    interprets = chosen_engine(engine) == "numpy"
    file = None
    if checkpoint is not None:
        identity = identity_of(tasks, X, y, fit_settings, halving, chosen_engine(engine))
        file = SweepFile(checkpoint, resume, identity, tasks)
    workers = 1 if interprets else threads or cores()
    claim = claimed(file.file, file.identity) if file else nullcontext()
    with claim, SideBySide(tasks, engine, workers, whole) as side_by_side:
        contest = Contest(tasks, halving, rungs, side_by_side, file, replicates=not interprets)
        standings = contest.run()
    whole.earlier += side_by_side.watched.values()
    _warn_of_failures(tasks, standings)
    begun = [each for each in zip(tasks, standings, strict=True) if each[1].run]
    return Sweep(
        runs=[each.run for _, each in begun if each.run],
        points=[task.point.values for task, _ in begun],
        left_out=[t.point.values for t, each in zip(tasks, standings, strict=True) if not each.run],
        seconds=time.perf_counter() - start,
        compile_seconds=sum(side_by_side.compiled.values()),
        programs=0 if interprets else len(side_by_side.compiled),
        rungs=[len(each.losses) for _, each in begun] if halving else [],
    )


def _warn_of_gradients(tasks: Sequence[Task]) -> None:
    told = [each for each in tasks if each.warning]
    if told:
        others = _counted(len(told) - 1, "other point")
        more = f" The same holds at {others}." if len(told) > 1 else ""
        words = f"sweep at {told[0].point}: {told[0].warning}{more}"
        warnings.warn(words, TrainingWarning, stacklevel=3)


def _warn_of_failures(tasks: Sequence[Task], standings: Sequence[Standing]) -> None:
    places = zip(tasks, standings, strict=True)
    failed = [task for task, each in places if each.run and each.run.failure]
    if not failed:
        return
    shown = "; ".join(str(task.point) for task in failed[:_NAMED])
    more = f"; and {len(failed) - _NAMED} more" if len(failed) > _NAMED else ""
    warnings.warn(
        f"{len(failed)} of {counted(len(tasks), 'run')} stopped being finite: {shown}{more}. The "
        "`failure` of each says where, and what to try; it changed nothing in the other runs.",
        TrainingWarning,
        stacklevel=3,
    )


# What is left -------------------------------------------------------------------------------------


@dataclass(frozen=True, repr=False)
class Sweep:
    """The runs of a sweep and their points, in the order of the product, or as they were drawn.

    `best` is the run with the least validation loss, or where there is none, the least training
    loss, each with the weights that the run kept; a run that failed is never the best. `table`
    has a column for each name and measure. `seconds` is the time of the whole call,
    `compile_seconds` what its `programs` took. `left_out` are points that Ctrl-C left out. With
    halving, `rungs` says how many rungs each run has done; the table has it as "rung".
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
        return self.runs[self._best_place()]

    @property
    def best_point(self) -> dict[str, Any]:
        return self.points[self._best_place()]

    @property
    def columns(self) -> dict[str, npt.NDArray[Any]]:
        """The table as a plain dict, such as `pandas.DataFrame` takes."""
        return dict(self.table)

    @cached_property
    def table(self) -> Table:
        """What was swept, then the loss, other measures, and the end of each run."""
        swept = {name: [each[name] for each in self.points] for name in _names(self.points)}
        measures = list(_names(run.history for run in self.runs))
        measures.sort(key=("loss", "val_loss").__contains__, reverse=True)
        found: dict[str, list[Any]] = {
            name: [kept(run, name) for run in self.runs] for name in measures
        }
        if self.rungs:
            found["rung"] = self.rungs
        for name in ("stopped_by", "epochs", "seconds"):
            found[name] = [getattr(run, name) for run in self.runs]
        columns = swept | {f"run_{name}" * (name in swept) or name: found[name] for name in found}
        return Table({name: column(each) for name, each in columns.items()}, self._least())

    @property
    def compared_by(self) -> str:
        """The measure that the best has the least of."""
        return measure_of(self.runs)

    def _least(self) -> int | None:
        losses = [kept(run, self.compared_by) for run in self.runs]
        good = [i for i, each in enumerate(losses) if math.isfinite(each)]
        good = [i for i in good if self.runs[i].failure is None]
        return min(good, key=losses.__getitem__, default=None)

    def _best_place(self) -> int:
        place = self._least()
        if place is None:
            raise DataError(
                "sweep: no run has a loss to compare: none stayed finite for an epoch; see the "
                "`failure` of each of `runs`"
            )
        return place

    def __str__(self) -> str:
        lines = [str(self.table)] if self.runs else []
        if self._least() is not None:
            lines.append(f"* has the least {self.compared_by}")
        runs, programs = _counted(len(self.runs), "run"), _counted(self.programs, "program")
        compiling = f"{self.compile_seconds:.2f} s of them for compiling {programs}"
        lines.append(f"{runs} in {self.seconds:.2f} s, {compiling}")
        if self.left_out:
            left_out = _counted(len(self.left_out), "run")
            lines.append(f"{left_out} not begun, since Ctrl-C came before")
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"<Sweep of {counted(len(self.runs), 'run')}; print it for a table>"


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' * (count != 1)}"


def _names(records: Iterable[Mapping[str, Any]]) -> dict[str, None]:
    """All names that come up, in order."""
    return {name: None for each in records for name in each}
