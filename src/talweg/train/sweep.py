"""`sweep`: many runs as one call, side by side on threads, each structure compiled once."""

from __future__ import annotations

import math
import os
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from talweg.engine.program import Control, Outcome
from talweg.errors import DataError, TrainingWarning
from talweg.settings import check
from talweg.train.fit import RULES, Engine, chosen_engine, engine_for, interruptible
from talweg.train.points import Task, in_words, named, points_of, tasks_of
from talweg.train.progress import ProgressBar, wants_bar
from talweg.train.run import Run
from talweg.train.work import Work, one_by_one, works_of

_LOOK = 0.02  # seconds between two looks for Ctrl-C
_NAMED = 3  # points that a warning names
_WIDTH = 80
_ROWS = 40  # of a table that is printed; a longer one is cut in the middle


def sweep(
    build: Callable[..., Any],
    X: Any,
    y: Any,
    *,
    over: Mapping[str, Any],
    threads: int | None = None,
    engine: str | None = None,
    progress: bool | None = None,
    **fit_settings: Any,
) -> Sweep:
    """Train a new net for every combination of values, each as `fit` would.

    Args:
        build: a function that makes a new net each time.
        over: names and their values, as {"lr": [0.1, 1], "seed": range(10)}. A name that `build`
            takes goes to it, others are settings of `fit` or of its optimiser. `seed` is the
            run's, and goes to `build` too if it takes one.
        threads: runs side by side, as many as there are cores by default; each takes one. On the
            interpreter they go one after the other.
        engine, progress: as in `fit`.
        fit_settings: all other settings of `fit`, the same for every run.

    Four or more runs of a tiny net (some 6,000 operations a step in float32) that differ in weights
    and settings of the optimiser are replicas of one run, in lanes of vectors, if all go to their
    last epoch. They add up in another order, and so agree with `fit` up to rounding; which others
    run beside them, and on how many threads, changes no bit. The `seconds` of each are those of
    all. Every other run is bit for bit what `fit` gives.

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
    own = {"threads": threads, "engine": engine, "progress": progress}
    check("sweep", own, {name: RULES[name] for name in own})
    given = {**fit_settings, "engine": engine, "threads": 1, "progress": False}
    tasks = tasks_of(build, X, y, points_of(build, over, given))
    interprets = chosen_engine(engine) == "numpy"
    workers = 1 if interprets else threads or _cores()
    all_runs = _Runs(one_by_one(tasks) if interprets else works_of(tasks, workers), engine, workers)
    runs = all_runs.all(wants_bar(progress))
    _warn_of_failures(tasks, runs)
    return Sweep(
        runs=[run for run in runs if run],
        points=[task.point.values for task, run in zip(tasks, runs, strict=True) if run],
        left_out=[task.point.values for task, run in zip(tasks, runs, strict=True) if not run],
        seconds=time.perf_counter() - start,
        compile_seconds=sum(all_runs.compiled.values()),
        programs=0 if interprets else len(all_runs.compiled),
    )


def _cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _warn_of_failures(tasks: Sequence[Task], runs: Sequence[Run | None]) -> None:
    failed = [task for task, run in zip(tasks, runs, strict=True) if run and run.failure]
    if not failed:
        return
    shown = "; ".join(str(task.point) for task in failed[:_NAMED])
    more = f"; and {len(failed) - _NAMED} more" if len(failed) > _NAMED else ""
    warnings.warn(
        f"{len(failed)} of {len(tasks)} runs stopped being finite: {shown}{more}. The `failure` of "
        "each says where, and what to try; it changed nothing in the other runs.",
        TrainingWarning,
        stacklevel=3,
    )


# Running ------------------------------------------------------------------------------------------


class _Runs:
    """The runs of a sweep: one thread compiles ahead, some train, the caller's waits for Ctrl-C."""

    def __init__(self, works: Sequence[Work], engine: str | None, workers: int) -> None:
        self.works, self.engine = works, engine
        self.controls = [Control() for _ in works]
        self.begun: set[int] = set()
        self.runs: list[Run | None] = [None] * sum(len(each.tasks) for each in works)
        self.engines: dict[Any, Future[Engine]] = {}
        self.compiled: dict[Any, float] = {}  # how long the programs took that were run
        self.finding = threading.Lock()
        self.compiling = ThreadPoolExecutor(1, "talweg-compile")
        self.training = ThreadPoolExecutor(min(workers, len(works)), "talweg-train")

    def all(self, shows_bar: bool) -> list[Run | None]:
        """Every run in the order of the tasks; None for those that Ctrl-C left out."""
        done = Control()
        bar = ProgressBar(done, len(self.runs)) if shows_bar else nullcontext()
        futures: dict[Future[None], int] = {}
        with interruptible(*self.controls), bar:
            try:
                self._submit(futures)
                self._wait(futures, done)
            finally:
                self._end(futures)
        return self.runs

    def _submit(self, futures: dict[Future[None], int]) -> None:
        """Programs are compiled in the order in which they are needed."""
        for place in _longest_first(self.works):
            engine = self._engine(self.works[place])
            futures[self.training.submit(self._one, place, engine)] = place

    def _engine(self, work: Work) -> Future[Engine]:
        """What runs a work; compiled when first asked for."""
        with self.finding:
            if work.key not in self.engines:
                self.engines[work.key] = self.compiling.submit(self._compile, work)
            return self.engines[work.key]

    def _compile(self, work: Work) -> Engine:
        engine = engine_for(self.engine, work.program)

        def run(*given: Any) -> Outcome:
            outcome = engine(*given)
            self.compiled[work.key] = outcome.compile_seconds
            return outcome

        return run

    def _one(self, place: int, engine: Future[Engine]) -> None:
        work, control = self.works[place], self.controls[place]
        with named(work.lead.point):
            trained_by = engine.result()
            self.begun.add(place)  # before the look at the flag, so that no run slips through
            if not control.stop:
                runs = work.run(trained_by, self._alone, control)
                for each, run in zip(work.places, runs, strict=True):
                    self.runs[each] = run

    def _alone(self, task: Task) -> Engine:
        """What runs a task by itself."""
        return self._engine(Work((), (task,))).result()

    def _wait(self, futures: Mapping[Future[None], int], done: Control) -> None:
        """Until all are done; after Ctrl-C, until those are that have begun."""
        pending = set(futures)
        while pending:
            finished, pending = wait(pending, _LOOK, FIRST_EXCEPTION)
            for each in finished:
                each.result()  # an error ends them all
                done.epoch += len(self.works[futures[each]].places)
            if self.controls[0].stop:
                pending = {each for each in pending if futures[each] in self.begun}

    def _end(self, futures: Mapping[Future[None], int]) -> None:
        """End what is still under way, after an error or a second Ctrl-C."""
        for control in self.controls:
            control.stop = True
        for pool in (self.compiling, self.training):
            pool.shutdown(wait=False, cancel_futures=True)
        wait(each for each, place in futures.items() if place in self.begun)


def _longest_first(works: Sequence[Work]) -> list[int]:
    """The places of the works, program by program, so that no core is left with a long one."""
    costs = [each.cost for each in works]
    most: dict[Any, int] = {}
    for work, cost in zip(works, costs, strict=True):
        most[work.key] = max(cost, most.get(work.key, 0))
    rank = {key: i for i, key in enumerate(sorted(most, key=most.__getitem__, reverse=True))}
    return sorted(range(len(works)), key=lambda place: (rank[works[place].key], -costs[place]))


# What is left -------------------------------------------------------------------------------------


@dataclass(frozen=True, repr=False)
class Sweep:
    """The runs of a sweep and their points, in the order of the product.

    `best` is the run with the least validation loss, or where there is none, the least training
    loss, each with the weights that the run kept; a run that failed is never the best. `table`
    has a column for each name and measure. `seconds` is the time of the whole call,
    `compile_seconds` what its `programs` took. `left_out` are points that Ctrl-C left out.
    """

    runs: list[Run]
    points: list[dict[str, Any]]
    left_out: list[dict[str, Any]]
    seconds: float
    compile_seconds: float
    programs: int

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
            name: [_kept(run, name) for run in self.runs] for name in measures
        }
        for name in ("stopped_by", "epochs", "seconds"):
            found[name] = [getattr(run, name) for run in self.runs]
        columns = swept | {f"run_{name}" * (name in swept) or name: found[name] for name in found}
        return Table({name: _column(each) for name, each in columns.items()}, self._least())

    def _watched(self) -> str:
        return "val_loss" if any("val_loss" in run.history for run in self.runs) else "loss"

    def _least(self) -> int | None:
        losses = [_kept(run, self._watched()) for run in self.runs]
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
            lines.append(f"* has the least {self._watched()}")
        runs, programs = _counted(len(self.runs), "run"), _counted(self.programs, "program")
        compiling = f"{self.compile_seconds:.2f} s of them for compiling {programs}"
        lines.append(f"{runs} in {self.seconds:.2f} s, {compiling}")
        if self.left_out:
            left_out = _counted(len(self.left_out), "run")
            lines.append(f"{left_out} not begun, since Ctrl-C came before")
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"<Sweep of {len(self.runs)} runs; print it for a table>"


class Table(dict[str, npt.NDArray[Any]]):
    """Columns by name, each with a value a run; printing it gives a table of at most 80 letters."""

    def __init__(self, columns: Mapping[str, npt.NDArray[Any]], best: int | None) -> None:
        super().__init__(columns)
        self.best = best

    def __str__(self) -> str:
        rows = len(next(iter(self.values()), ()))
        places: list[int | None] = list(range(rows))
        if rows > _ROWS:
            half = _ROWS // 2
            places = [*range(half), None, *range(rows - half, rows)]
        lines = [""] * (len(places) + 1)
        for name, column in self.items():
            lines = _beside(lines, _cells(name, column, places))
        marks = [" ", *("*" if each == self.best and each is not None else " " for each in places)]
        return "\n".join(f"{m}{line}".rstrip() for m, line in zip(marks, lines, strict=True))


def _cells(name: str, column: npt.NDArray[Any], places: Sequence[int | None]) -> list[str]:
    """A column as text of one width: numbers to the right, words to the left."""
    cells = [name, *("..." if each is None else in_words(column[each]) for each in places)]
    width = max(map(len, cells))
    is_number = column.dtype.kind in "iuf"
    return [each.rjust(width) if is_number else each.ljust(width) for each in cells]


def _beside(lines: list[str], cells: list[str]) -> list[str]:
    """The lines with one more column, where it fits; a long table loses its last ones."""
    if lines[0] and len(lines[0]) + 2 + len(cells[0]) >= _WIDTH:
        return lines
    return [f"{line}  {cell}" for line, cell in zip(lines, cells, strict=True)]


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' * (count != 1)}"


def _names(records: Iterable[Mapping[str, Any]]) -> dict[str, None]:
    """All names that come up, in order."""
    return {name: None for each in records for name in each}


def _kept(run: Run, name: str) -> float:
    """A measure in the epoch whose weights the run kept; NaN where there is none."""
    values = run.history.get(name, ())
    return float(values[run.best_epoch - 1]) if 0 < run.best_epoch <= len(values) else math.nan


def _column(values: list[Any]) -> npt.NDArray[Any]:
    """An array of numbers or words; of objects where values are neither."""
    kinds = {type(each) for each in values}
    if kinds <= {int, float} or kinds in ({str}, {bool}):
        return np.array(values)
    column = np.empty(len(values), object)
    column[:] = values
    return column
