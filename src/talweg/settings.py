"""Constraints on settings, as data, and the one place where settings are checked.

`check` raises a `SettingError` that names the owner, the setting, the given value and the
constraint in words. Dataclasses state a constraint beside each field with
`setting(default, constraint)` and inherit `Checked`.
"""

from __future__ import annotations

import copy
import dataclasses
import functools
import inspect
import math
import numbers
import sys
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, Self, TypeVar

from talweg.errors import SettingError, nearest

_Function = TypeVar("_Function", bound=Callable[..., Any])


class Constraint(Protocol):
    """What a setting may be; its text completes "must be ..."."""

    def allows(self, value: Any) -> bool: ...

    def __str__(self) -> str: ...


@dataclass(frozen=True)
class Number:
    """A finite real number within bounds: `above` and `below` are open, the others closed."""

    above: float = -math.inf
    at_least: float = -math.inf
    below: float = math.inf
    at_most: float = math.inf
    whole: bool = False
    optional: bool = False

    def allows(self, value: Any) -> bool:
        if value is None:
            return self.optional
        kind = numbers.Integral if self.whole else numbers.Real
        if isinstance(value, bool) or not isinstance(value, kind):
            return False
        number: Any = value  # not as a float, which rounds integers above 2**53
        return (
            self.above < number < self.below
            and self.at_least <= number <= self.at_most
            and (self.whole or abs(number) <= sys.float_info.max)
        )

    def __str__(self) -> str:
        bounds = [
            f"{word} {bound:g}"
            for word, bound in (
                ("above", self.above),
                ("at least", self.at_least),
                ("below", self.below),
                ("at most", self.at_most),
            )
            if math.isfinite(bound)
        ]
        text = "an integer" if self.whole else "a number"
        if bounds:
            text += " of " if bounds[0].startswith("at ") else " "
            text += " and ".join(bounds)
        return text + (" or None" if self.optional else "")


@dataclass(frozen=True)
class Flag:
    """True or False."""

    optional: bool = False

    def allows(self, value: Any) -> bool:
        return isinstance(value, bool) or (self.optional and value is None)

    def __str__(self) -> str:
        return "True, False or None" if self.optional else "True or False"


@dataclass(frozen=True)
class Choice:
    """One of a few names."""

    names: tuple[str, ...]
    optional: bool = False

    def allows(self, value: Any) -> bool:
        return self.optional if value is None else value in self.names

    def __str__(self) -> str:
        text = "one of " + ", ".join(repr(name) for name in self.names)
        return text + (" or None" if self.optional else "")


_PLAIN: tuple[type, ...] = (bool, int, float, str, type(None))


def plain(value: Any) -> Any:
    """A value of NumPy, JAX or PyTorch with no axes as Python's own number, flag or text.

    Values in a list, tuple or dict are converted too; everything else is returned as it is.
    """
    if type(value) in _PLAIN:
        return value
    if type(value) in (list, tuple):
        return type(value)(plain(item) for item in value)
    if type(value) is dict:
        return {plain(name): plain(item) for name, item in value.items()}
    if getattr(value, "shape", None) == () and hasattr(value, "item"):
        value = value.item()
    if isinstance(value, numbers.Real) and type(value) not in _PLAIN:  # such as a long double
        return int(value) if isinstance(value, numbers.Integral) else float(value)
    return value


def check(
    owner: str, values: Mapping[str, Any], constraints: Mapping[str, Constraint]
) -> dict[str, Any]:
    """The values, those with a constraint converted by `plain`.

    Raises a `SettingError` for the first value that its constraint does not allow.
    """
    checked = {**values, **{name: plain(values[name]) for name in constraints}}
    for name, constraint in constraints.items():
        value = checked[name]
        if not constraint.allows(value):
            hint = ""
            if isinstance(constraint, Choice) and isinstance(value, str):
                hint = " " + nearest(value, constraint.names)
            raise SettingError(
                f"{owner}: {name} must be {constraint}, but {value!r} was given.{hint}"
            )
    return checked


def setting(default: Any, constraint: Constraint) -> Any:
    """A dataclass field with a default and a constraint."""
    return dataclasses.field(default=default, metadata={"constraint": constraint})


# Names of arguments -------------------------------------------------------------------------------


Hint = Callable[[str, Mapping[str, Any]], str]
"""(unknown name, all given settings) -> what to do, or "" for the nearest known name."""


def refuse_unknown(
    owner: str, given: Mapping[str, Any], known: Sequence[str], hint: Hint | None = None
) -> None:
    """Raise a SettingError for the first given name that is not known."""
    for name in given:
        if name not in known:
            words = (hint and hint(name, given)) or nearest(name, known)
            raise SettingError(f"{owner} has no argument {name!r}. {words}")


def names_known(hint: Hint | None = None) -> Callable[[_Function], _Function]:
    """Let a function refuse an unknown keyword argument with a suggestion."""

    def decorate(function: _Function) -> _Function:
        owner, known = f"{function.__name__}()", _names_of(function) or ()

        @functools.wraps(function)
        def call(*arguments: Any, **settings: Any) -> Any:
            refuse_unknown(owner, settings, known, hint)
            return function(*arguments, **settings)

        return call  # type: ignore[return-value]

    return decorate


class NamesKnown:
    """The base of classes that refuse an unknown keyword argument with a suggestion."""

    def __new__(cls, *arguments: Any, **settings: Any) -> Self:
        if settings and (known := _names_of(cls.__init__)) is not None:
            refuse_unknown(f"{cls.__name__}()", settings, known)
        return super().__new__(cls)


def _names_of(function: Any) -> tuple[str, ...] | None:
    """The names of a function's arguments, without `self`; None if it takes any."""
    code: types.CodeType | None = getattr(function, "__code__", None)
    if code is None or code.co_flags & inspect.CO_VARKEYWORDS:
        return None
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    return names[1:] if names[:1] == ("self",) else names


# Dataclasses --------------------------------------------------------------------------------------


class Checked(NamesKnown):
    """The base of dataclasses with settings: checks each field made by `setting`.

    It also converts numbers, flags and texts of NumPy to Python's own.
    """

    essential: ClassVar[tuple[str, ...]] = ()
    """The settings that `brief` always shows."""

    def __post_init__(self) -> None:
        fields = dataclasses.fields(self)  # type: ignore[arg-type]
        given = {field.name: plain(getattr(self, field.name)) for field in fields if field.init}
        for name, value in check(type(self).__name__, given, self._constraints()).items():
            object.__setattr__(self, name, value)

    def run_settings(self) -> dict[str, float]:
        """The settings that are inputs of a run: all numbers other than 0."""
        constraints = self._constraints().items()
        numbers = [name for name, constraint in constraints if isinstance(constraint, Number)]
        values = {name: getattr(self, name) for name in numbers}
        return {name: float(value) for name, value in values.items() if value}

    def with_tensors(self, settings: Mapping[str, Any]) -> Self:
        """The same with tensors in place of settings, for recording a run."""
        bound = copy.copy(self)
        for name, value in settings.items():
            object.__setattr__(bound, name, value)
        return bound

    def brief(self) -> str:
        """The object as Python code: the `essential` settings, and those that are not defaults."""
        fields = [field for field in dataclasses.fields(self) if field.init]  # type: ignore[arg-type]
        values = {field.name: getattr(self, field.name) for field in fields}
        shown = {
            field.name
            for field in fields
            if field.name in self.essential or not _is_same(values[field.name], field.default)
        }
        settings = (f"{name}={_code(value)}" for name, value in values.items() if name in shown)
        return f"{type(self).__name__}({', '.join(settings)})"

    def _constraints(self) -> dict[str, Constraint]:
        fields = dataclasses.fields(self)  # type: ignore[arg-type]
        return {
            field.name: field.metadata["constraint"]
            for field in fields
            if "constraint" in field.metadata
        }


def _is_same(value: Any, default: Any) -> bool:
    """Whether a setting has its default value; an array never has."""
    return value is default or (type(value) in _PLAIN and bool(value == default))


def _code(value: Any) -> str:
    return value.brief() if isinstance(value, Checked) else repr(value)
