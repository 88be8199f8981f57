"""The points of a sweep: the arguments of `build` and all settings of each run."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, NamedTuple

from talweg.errors import SettingError, nearest
from talweg.nn import Loss, Metric, Module
from talweg.optim import FullBatch, Optimizer, as_optimizer, optimizer_hint
from talweg.settings import Constraint, check, plain, refuse_unknown
from talweg.train.run.folds import Fold, Holdout
from talweg.train.run.job import RULES
from talweg.train.run.lower import DEFAULTS
from talweg.train.search.ranges import Range, visited
from talweg.train.search.tasks import errors_named

Build = Callable[..., Any]

_OF_THE_SWEEP = ("threads", "engine", "progress", "checkpoint", "resume")
_SWEPT = [name for name in DEFAULTS if name not in _OF_THE_SWEEP]
_LONGEST = 40  # letters of a value in words


@dataclass(frozen=True)
class Point:
    """One choice of values: the arguments of `build` and all settings of the run.

    Points have equal `structure` if they differ only in inputs of the program.
    """

    values: dict[str, Any]
    build: dict[str, Any]
    settings: dict[str, Any]
    structure: tuple[Any, ...]

    @property
    def name(self) -> str:
        """The beginning of errors at this point; "" for a point without values."""
        return f"sweep at {self}" if self.values else ""

    def __str__(self) -> str:
        return ", ".join(f"{name}={in_words(value)}" for name, value in self.values.items())


def in_words(value: Any) -> str:
    """A value as errors and tables show it: functions by name, and cut if it is long."""
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    if isinstance(value, Loss | Metric):
        text = value.name
    elif callable(value) and hasattr(value, "__name__"):
        text = value.__name__
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."


# Points -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Signature:
    """The parameters that `build` takes, those it needs, and whether it takes any others."""

    takes: frozenset[str]
    needs: frozenset[str]
    takes_any: bool


def points_of(
    build: Build,
    over: Any,
    given: Mapping[str, Any],
    points: int | None = None,
    sampling: str | None = None,
) -> list[Point]:
    """All combinations in order, or the points that are drawn, with their settings checked."""
    if isinstance(build, Module) or not callable(build):
        raise SettingError(
            "sweep: build must be a function that builds a new network on each call, such as "
            f"lambda: tw.Sequential(tw.Dense(1)), not {build!r}"
        )
    if not isinstance(over, Mapping):
        raise SettingError(
            "sweep: over must be a mapping of names to values, such as {'lr': [0.1, "
            f"1]}}, not {over!r}"
        )
    refuse_unknown("sweep()", given, [*DEFAULTS], optimizer_hint)
    given = {name: plain(value) if name in RULES else value for name, value in given.items()}
    values = {name: _values(name, value) for name, value in over.items()}
    seed = given.get("seed", DEFAULTS["seed"])
    columns, chosen = visited(values, points, sampling, seed)
    signature = _signature_of(build)
    rules = _Rules({name: RULES[name] for name in RULES.keys() & over})
    return [_point(signature, columns, given, indices, rules) for indices in chosen]


def _values(name: str, given: Any) -> list[Any] | Range:
    """The values of one name as Python objects, or their range."""
    if isinstance(given, Range):
        return given
    values = given.tolist() if hasattr(given, "tolist") else given
    if isinstance(values, str | bytes) or not isinstance(values, Sequence):
        raise SettingError(
            f"sweep: over[{name!r}] must be a list, a range or an array of values, or a "
            f"tw.Range(low, high), but {given!r} was given; for one value write [{given!r}]"
        )
    if not len(values):
        raise SettingError(f"sweep: over[{name!r}] is empty, so there is nothing to run")
    return [plain(value) for value in values]


def _signature_of(build: Build) -> _Signature:
    try:
        parameters = list(inspect.signature(build).parameters.values())
    except (TypeError, ValueError):  # some functions written in C have no signature
        parameters = []
    named = [p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    needed = [p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    return _Signature(
        frozenset(parameter.name for parameter in named),
        frozenset(parameter.name for parameter in needed if parameter.default is parameter.empty),
        any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters),
    )


class _Rule(NamedTuple):
    """An optimizer, its numbers that are inputs of a program, and all else that decides it."""

    rule: Optimizer | FullBatch
    numbers: frozenset[str]
    structure: tuple[Any, ...]


class _Rules:
    """The optimizers of a sweep, each made once for all points that have it.

    `check` checks all settings at the first point and the swept ones at later points.
    """

    def __init__(self, swept: Mapping[str, Constraint]) -> None:
        self.made: dict[Any, _Rule] = {}
        self.swept = swept

    def check(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        return check("fit", settings, self.swept if self.made else RULES)

    def of(self, given: Any, settings: Mapping[str, Any]) -> _Rule:
        """The given optimizer with other settings; all of them outlive the sweep."""
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
    indices: Sequence[int],
    rules: _Rules,
) -> Point:
    """The point with the values at these indices of the columns."""
    at = dict(zip(columns, indices, strict=True))
    values = {name: columns[name][index] for name, index in at.items()}
    settings = {**DEFAULTS, **given, **_to_run(signature, values)}
    settings["validation"] = _same_rows(settings["validation"], {**DEFAULTS, **given}["seed"])
    with errors_named(Point(values, {}, {}, ()).name):
        settings = rules.check(settings)
        plain = rules.of(settings["optimizer"], {})
        for_rule = _to_rule(signature, values, plain.rule)
        chosen = plain
        if for_rule:
            chosen = rules.of(settings["optimizer"], for_rule)
            settings["optimizer"] = chosen.rule
        build = _to_build(signature, values, settings, {*given, *values}, for_rule)
    numbers = {"epochs", "seed"} | (for_rule.keys() & chosen.numbers)
    numbers -= signature.takes - {"seed"}
    is_fold = isinstance(settings["validation"], Fold)
    numbers |= {"validation"} if is_fold and "validation" not in signature.takes else set()
    structure = (
        *chosen.structure,
        *((n, None if n in numbers else index) for n, index in at.items()),
    )
    return Point(values, build, settings, structure)


def _to_run(signature: _Signature, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values that are settings of `fit`; the seed is one even if `build` takes it too."""
    names = [n for n in values if n in _SWEPT and (n == "seed" or n not in signature.takes)]
    return {name: values[name] for name in names}


def _to_rule(
    signature: _Signature, values: Mapping[str, Any], rule: Optimizer | FullBatch
) -> dict[str, Any]:
    """The values that are settings of the optimizer, which neither `build` nor `fit` takes."""
    fields = _fields(rule)
    names = [name for name in values if name not in signature.takes and name not in DEFAULTS]
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
    """The arguments of `build`, with the seed if it was `chosen`."""
    arguments = {n: v for n, v in values.items() if n in signature.takes or n not in DEFAULTS}
    arguments = {name: value for name, value in arguments.items() if name not in for_rule}
    for name in sorted(values.keys() - arguments.keys() - {*_SWEPT, *for_rule}):
        raise SettingError(f"{name} is the same for all runs: give it outside over, as {name}=...")
    if "seed" in signature.takes and "seed" in chosen:
        arguments["seed"] = settings["seed"]
    for name in sorted(signature.needs - arguments.keys()):
        raise SettingError(f"build needs {name!r}: give over={{{name!r}: [...]}}, or a default")
    return arguments


def _same_rows(validation: Any, seed: int) -> Any:
    """A share as rows drawn by the seed of the sweep, since runs compare only on the same rows."""
    share = plain(validation)
    return Holdout(share, seed) if isinstance(share, float) else validation


def _fields(rule: Optimizer | FullBatch) -> frozenset[str]:
    kind: Any = type(rule)
    return _fields_of(kind)


@cache
def _fields_of(kind: type[Any]) -> frozenset[str]:
    return frozenset(field.name for field in dataclasses.fields(kind) if field.init)
