"""What a setting allows, as data, and the one place where settings are checked.

A rule says in words what it wants; `check` compares, and raises a `SettingError` that names the
owner, the setting, what was given and what is allowed. Dataclasses state their rules beside
their fields with `setting(default, rule)` and inherit `Checked`.
"""

from __future__ import annotations

import copy
import dataclasses
import math
import numbers
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, Self

from talweg.errors import SettingError, nearest


class Constraint(Protocol):
    """What one setting allows."""

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
        number: Any = value  # not as a float, which rounds what is beyond 2**53
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
        text = "a whole number" if self.whole else "a number"
        if bounds:
            text += " " + " and ".join(bounds)
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
    """A single number, flag or text of NumPy, JAX or PyTorch as Python's own, also those in a list,
    tuple or dict; all else as it is.
    """
    if type(value) in _PLAIN:
        return value
    if type(value) in (list, tuple):
        return type(value)(plain(each) for each in value)
    if type(value) is dict:
        return {plain(name): plain(each) for name, each in value.items()}
    if getattr(value, "shape", None) == () and hasattr(value, "item"):
        value = value.item()
    if isinstance(value, numbers.Real) and type(value) not in _PLAIN:  # such as a long double
        return int(value) if isinstance(value, numbers.Integral) else float(value)
    return value


def check(owner: str, values: Mapping[str, Any], rules: Mapping[str, Constraint]) -> dict[str, Any]:
    """The values, those with a rule as Python's own numbers, flags and texts: what is to be used.

    Raises a `SettingError` for the first that its rule does not allow.
    """
    found = {**values, **{name: plain(values[name]) for name in rules}}
    for name, rule in rules.items():
        value = found[name]
        if not rule.allows(value):
            hint = ""
            if isinstance(rule, Choice) and isinstance(value, str):
                hint = " " + nearest(value, rule.names)
            raise SettingError(f"{owner}: {name} must be {rule}, but {value!r} was given.{hint}")
    return found


def setting(default: Any, rule: Constraint) -> Any:
    """A dataclass field with a default and the rule that its value must keep."""
    return dataclasses.field(default=default, metadata={"rule": rule})


class Checked:
    """A dataclass base that checks each field made by `setting` when an instance is made, and
    keeps NumPy's numbers, flags and texts as Python's own.
    """

    def __post_init__(self) -> None:
        fields = dataclasses.fields(self)  # type: ignore[arg-type]
        given = {each.name: plain(getattr(self, each.name)) for each in fields if each.init}
        for name, value in check(type(self).__name__, given, self._rules()).items():
            object.__setattr__(self, name, value)

    def run_settings(self) -> dict[str, float]:
        """The settings that are inputs of a run: numbers other than 0, which leaves a part out."""
        numbers = [name for name, rule in self._rules().items() if isinstance(rule, Number)]
        values = {name: getattr(self, name) for name in numbers}
        return {name: float(value) for name, value in values.items() if value}

    def with_tensors(self, settings: Mapping[str, Any]) -> Self:
        """The same with tensors in the place of its settings: what a run records."""
        bound = copy.copy(self)
        for name, each in settings.items():
            object.__setattr__(bound, name, each)
        return bound

    def _rules(self) -> dict[str, Constraint]:
        fields = dataclasses.fields(self)  # type: ignore[arg-type]
        return {each.name: each.metadata["rule"] for each in fields if "rule" in each.metadata}
