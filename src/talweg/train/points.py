"""From the values of a sweep to runs that are ready to go: each structure is recorded once.

Runs whose nets and settings differ in nothing but numbers that a program takes in (weights, seed,
epochs, settings of the optimiser) are copies of one recorded run, each with a net of its own.
"""

from __future__ import annotations

import dataclasses
import inspect
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from talweg.engine.program import Rows
from talweg.errors import SettingError, TalwegError, nearest
from talweg.gates import Array
from talweg.nn import Loss, Metric, Module, as_loss
from talweg.optim import FullBatch, Optimizer, as_optimizer
from talweg.settings import check
from talweg.train.alike import forward, likeness, signature
from talweg.train.fit import RULES, Job, copy_of, fit, job_of, refuse_part, without_rows
from talweg.train.rows import training_and_validation

Build = Callable[..., Any]

_PARAMETERS = inspect.signature(fit).parameters.values()
_DEFAULTS = {each.name: each.default for each in _PARAMETERS if each.kind is each.KEYWORD_ONLY}
_OF_THE_SWEEP = ("threads", "engine", "progress")
_SWEPT = [name for name in _DEFAULTS if name not in _OF_THE_SWEEP]
_LONGEST = 40  # letters of a value in words


@dataclass(frozen=True)
class Point:
    """One choice of values: what `build` gets, and all settings of its run.

    `structure` is equal for points that differ in nothing but what a program takes in.
    """

    values: dict[str, Any]
    build: dict[str, Any]
    settings: dict[str, Any]
    structure: tuple[Any, ...]

    def __str__(self) -> str:
        return ", ".join(f"{name}={in_words(each)}" for name, each in self.values.items())


@dataclass(frozen=True)
class Task:
    """A run that waits to be done; those of one `key` share a compiled program.

    `operations` are those of one step, `steps` those of one epoch.
    """

    point: Point
    job: Job
    rows: Callable[[], tuple[Rows, Rows | None]] | None
    key: Any
    operations: int
    steps: int

    @property
    def cost(self) -> int:
        """The operations of the whole run."""
        return self.operations * self.steps * self.job.program.epochs

    def ready(self) -> Job:
        """The run with its rows, which are split off only now where the seed decides which."""
        if self.rows is None:
            return self.job
        rows, held_out = self.rows()
        return replace(self.job, rows=rows, held_out=held_out)


def in_words(value: Any) -> str:
    """A value as errors and tables name it: functions by their names, nothing too long."""
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    if isinstance(value, Loss | Metric):
        text = value.name
    elif callable(value) and hasattr(value, "__name__"):
        text = value.__name__
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."


@contextmanager
def named(point: Point) -> Iterator[None]:
    """While entered, an error says at which point of the sweep it came up."""
    try:
        yield
    except TalwegError as error:
        error.args = (f"sweep at {point}: {error}" if point.values else str(error),)
        raise
    except Exception as error:
        error.add_note(f"(in a sweep, at {point})")
        raise


# Points -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Signature:
    """The names that a call of `build` takes, those it needs, and whether it takes any other."""

    takes: frozenset[str]
    needs: frozenset[str]
    takes_any: bool


def points_of(build: Build, over: Any, given: Mapping[str, Any]) -> list[Point]:
    """The points of the product, in its order, with their settings checked."""
    if isinstance(build, Module) or not callable(build):
        raise SettingError(
            "sweep: build must be a function that makes a new net each time, such as "
            f"lambda: tw.Sequential(tw.Dense(1)), not {build!r}"
        )
    if not isinstance(over, Mapping):
        raise SettingError(
            f"sweep: over must be a mapping of names to values, as {{'lr': [0.1, 1]}}, not {over!r}"
        )
    for name in given:
        _refuse_unknown(name, given)
    columns = {name: _values(name, each) for name, each in over.items()}
    places = itertools.product(*(range(len(each)) for each in columns.values()))
    takes, rules = _signature_of(build), _Rules()
    return [_point(takes, columns, given, each, rules) for each in places]


def _refuse_unknown(name: str, given: Mapping[str, Any]) -> None:
    if name in _DEFAULTS:
        return
    rule = as_optimizer(given.get("optimizer", _DEFAULTS["optimizer"]))
    hint = nearest(name, _DEFAULTS)
    if name in _fields(rule):
        hint = f"It is one of the optimiser: give optimizer=tw.{type(rule).__name__}({name}=...)."
    raise SettingError(f"sweep: there is no setting {name!r}. {hint}")


def _values(name: str, given: Any) -> list[Any]:
    """The values of one name as Python's own."""
    values = given.tolist() if isinstance(given, np.ndarray) else given
    if isinstance(values, str | bytes) or not isinstance(values, Sequence):
        raise SettingError(
            f"sweep: over[{name!r}] must be a list, a range or an array of values, but {given!r} "
            f"was given; for one value write [{given!r}]"
        )
    if not len(values):
        raise SettingError(f"sweep: over[{name!r}] is empty, so there is nothing to run")
    return [each.item() if isinstance(each, np.generic) else each for each in values]


def _signature_of(build: Build) -> _Signature:
    try:
        parameters = list(inspect.signature(build).parameters.values())
    except (TypeError, ValueError):  # some that are written in C do not say
        parameters = []
    named = [p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    needed = [p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    return _Signature(
        frozenset(each.name for each in named),
        frozenset(each.name for each in needed if each.default is each.empty),
        any(each.kind is each.VAR_KEYWORD for each in parameters),
    )


class _Rule(NamedTuple):
    """An optimiser, the numbers that a run takes in of it, and what else decides the program."""

    rule: Optimizer | FullBatch
    numbers: frozenset[str]
    structure: tuple[Any, ...]


class _Rules:
    """The optimisers of a sweep, each made once for all points that have it."""

    def __init__(self) -> None:
        self.made: dict[Any, _Rule] = {}

    def of(self, given: Any, settings: Mapping[str, Any]) -> _Rule:
        """The optimiser that is given, with other settings; all of them outlive the sweep."""
        key = id(given), *((name, id(value)) for name, value in settings.items())
        if key not in self.made:
            rule = as_optimizer(given)
            self.made[key] = _rule(replace(rule, **settings) if settings else rule)
        return self.made[key]


def _rule(rule: Optimizer | FullBatch) -> _Rule:
    changing = *rule.schedules(1), rule.changes_each_step, *rule.plateaus().items()
    return _Rule(rule, frozenset(rule.run_settings()), (type(rule), changing))


def _point(
    signature: _Signature,
    columns: Mapping[str, list[Any]],
    given: Mapping[str, Any],
    places: Sequence[int],
    rules: _Rules,
) -> Point:
    """The point at these places of its columns."""
    at = dict(zip(columns, places, strict=True))
    values = {name: columns[name][place] for name, place in at.items()}
    settings = {**_DEFAULTS, **given, **_to_run(signature, values)}
    with named(Point(values, {}, {}, ())):
        check("fit", settings, RULES)
        plain = rules.of(settings["optimizer"], {})
        for_rule = _to_rule(signature, values, plain.rule)
        chosen = plain
        if for_rule:
            chosen = rules.of(settings["optimizer"], for_rule)
            settings["optimizer"] = chosen.rule
        build = _to_build(signature, values, settings, {*given, *values}, for_rule)
    numbers = _taken_in(settings) | (for_rule.keys() & chosen.numbers)
    numbers -= signature.takes - {"seed"}
    structure = (
        *chosen.structure,
        *((n, None if n in numbers else place) for n, place in at.items()),
    )
    return Point(values, build, settings, structure)


def _to_run(signature: _Signature, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values that are settings of `fit`; the seed is one even where `build` takes it too."""
    names = [n for n in values if n in _SWEPT and (n == "seed" or n not in signature.takes)]
    return {name: values[name] for name in names}


def _to_rule(
    signature: _Signature, values: Mapping[str, Any], rule: Optimizer | FullBatch
) -> dict[str, Any]:
    """The values that are settings of the optimiser: what neither `build` nor `fit` takes."""
    fields = _fields(rule)
    names = [name for name in values if name not in signature.takes and name not in _DEFAULTS]
    for name in names:
        if name not in fields and not signature.takes_any:
            known = [*signature.takes, *_SWEPT, *fields]
            raise SettingError(
                f"neither build, fit nor {type(rule).__name__} takes {name!r}. "
                f"{nearest(name, known)}"
            )
    return {name: values[name] for name in names if name in fields}


def _to_build(
    signature: _Signature,
    values: Mapping[str, Any],
    settings: Mapping[str, Any],
    chosen: set[str],
    for_rule: Mapping[str, Any],
) -> dict[str, Any]:
    """What `build` is called with; the seed if it was `chosen`."""
    found = {n: v for n, v in values.items() if n in signature.takes or n not in _DEFAULTS}
    found = {name: each for name, each in found.items() if name not in for_rule}
    for name in sorted(values.keys() - found.keys() - {*_SWEPT, *for_rule}):
        raise SettingError(f"{name} is one for all runs: give it beside over, as {name}=...")
    if "seed" in signature.takes and "seed" in chosen:
        found["seed"] = settings["seed"]
    for name in sorted(signature.needs - found.keys()):
        raise SettingError(f"build needs {name!r}: give over={{{name!r}: [...]}}, or a default")
    return found


def _taken_in(settings: Mapping[str, Any]) -> set[str]:
    """The settings of a run that its program takes in as numbers.

    Where classes are weighed after a split, the seed decides how many rows are left.
    """
    weighed_after = _is_share(settings) and settings["class_weight"] is not None
    return {"epochs"} if weighed_after else {"epochs", "seed"}


def _is_share(settings: Mapping[str, Any]) -> bool:
    return isinstance(settings["validation"], float | np.floating)


def _fields(rule: Optimizer | FullBatch) -> list[str]:
    return [each.name for each in dataclasses.fields(rule) if each.init]


# Tasks --------------------------------------------------------------------------------------------


def tasks_of(build: Build, X: Any, y: Any, points: Sequence[Point]) -> list[Task]:
    """Every run, ready to go: nothing is trained before all are."""
    maker = _Maker(build, X, y)
    return [maker.task(point) for point in points]


@dataclass(frozen=True)
class _Lead:
    """The first run of its structure, which the others are copies of."""

    task: Task
    forward: tuple[Any, ...]
    likeness: Any


class _Maker:
    """Makes the nets, in the order of the points, and their runs."""

    def __init__(self, build: Build, X: Any, y: Any) -> None:
        self.build, self.X, self.y = build, X, y
        self.leads: dict[Any, _Lead] = {}
        self.rows: dict[str, Array] = {}
        self.parts: set[int] = set()

    def task(self, point: Point) -> Task:
        with named(point):
            net = self._net(point)
            x = self._rows(net)
            return self._copy(net, x, point) or self._recorded(net, x, point)

    def _net(self, point: Point) -> Module:
        net = self.build(**point.build)
        if not isinstance(net, Module):
            raise SettingError(
                f"build must return a net such as tw.Sequential(...), but returned {net!r}"
            )
        refuse_part(net)
        parts = {id(part) for _, part in net.named_modules()}
        if parts & self.parts:
            raise SettingError(
                f"build must make a new net each time, but this {type(net).__name__} was there "
                "before, or a part of it"
            )
        self.parts |= parts
        return net

    def _rows(self, net: Module) -> Any:
        """X in the net's dtype, converted once; as it came where `fit` will refuse it."""
        if net.dtype not in self.rows:
            x = np.ascontiguousarray(net.as_rows(self.X))
            self.rows[net.dtype] = x if np.isfinite(x).all() else self.X
        return self.rows[net.dtype]

    def _recorded(self, net: Module, x: Any, point: Point) -> Task:
        job = job_of(net, x, self.y, point.settings)
        steps = -(-len(job.rows) // job.program.batch_size)
        size = job.program.step.cost().operations, steps
        task = self._task(point, job, x, _key(job), size)
        self.leads.setdefault(point.structure, _Lead(task, forward(net, x), likeness(net)))
        return task

    def _copy(self, net: Module, x: Any, point: Point) -> Task | None:
        """The run as a copy of the first of its structure; None where the net is another."""
        lead, settings = self.leads.get(point.structure), point.settings
        if lead is None:
            return None
        mine = likeness(net)
        is_alike = mine is not None and mine == lead.likeness
        if not net.is_initialized and is_alike:
            net.init_as(lead.task.job.net, x[:2], seed=settings["seed"])
        elif not net.is_initialized:
            net.init(x[:2], seed=settings["seed"])
        if not is_alike and forward(net, x) != lead.forward:
            return None
        if not np.isfinite(net.weights.flat).all():
            return None
        job = copy_of(lead.task.job, net, settings)
        size = lead.task.operations, lead.task.steps
        return self._task(point, job, x, lead.task.key, size)

    def _task(self, point: Point, job: Job, x: Any, key: Any, size: tuple[int, int]) -> Task:
        settings = point.settings
        if not _is_share(settings):
            return Task(point, job, None, key, *size)
        names = ("validation", "sample_weight", "class_weight", "seed")
        rest = [settings[name] for name in names]
        loss = as_loss(settings["loss"])
        rows = partial(training_and_validation, job.net, x, self.y, loss, *rest)
        # rows that are split off are copies, so each run holds its own only while it is done
        return Task(point, replace(job, rows=without_rows(job.rows)), rows, key, *size)


# What is the same -------------------------------------------------------------------------------


def _key(job: Job) -> Any:
    """What decides the compiled program of a run; the evaluation follows from the step."""
    program = job.program
    return (
        signature(program.step),
        program.evaluation_size,
        program.validates,
        program.watch_steps,
        *program.schedules,
        *program.plateaus.items(),
        program.changes_each_step,
        *(id(each) for each in job.stops),
    )
