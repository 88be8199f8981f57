"""Schemas of JSON records, as data, and the one place where records are checked.

A schema is built from the constraints of `talweg.settings` and the containers below; `fault` names
the first value that its constraint does not allow, and where it is.

>>> point = Record({"name": Text(), "at": Items(Number(), length=2)})
>>> fault({"name": "a", "at": [0.5, 1]}, point)
>>> fault({"name": "a", "at": [0.5, "1"]}, point, "point")
"point.at[1] must be a number, but is '1'"
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from talweg.settings import Constraint as Constraint, Flag as Flag, Number as Number

COUNT = Number(at_least=0, at_most=2**63 - 1, whole=True)
"""The constraint on counts; larger ones would overflow in computations of fractions."""
Part = tuple[str, Any, Constraint]
"""The path of a part in a value, the part, and its constraint."""


@runtime_checkable
class Container(Protocol):
    """A constraint on a value with parts that have constraints of their own."""

    def parts(self, value: Any) -> Iterator[Part]: ...


class _Absent:
    """A missing field of a record, which no constraint allows."""

    def __repr__(self) -> str:
        return "absent"


_ABSENT = _Absent()


@dataclass(frozen=True)
class _Unknown:
    """The constraint on a field that a record must not have."""

    def allows(self, value: Any) -> bool:
        return False

    def __str__(self) -> str:
        return "absent"


@dataclass(frozen=True)
class Anything:
    """Any JSON value: for values that are only shown or compared, never computed with."""

    def allows(self, value: Any) -> bool:
        return value is not _ABSENT

    def __str__(self) -> str:
        return "there"


@dataclass(frozen=True)
class Real:
    """Any float, infinite and NaN included."""

    def allows(self, value: Any) -> bool:
        is_huge = type(value) is int and abs(value) > sys.float_info.max
        return type(value) in (int, float) and not is_huge

    def __str__(self) -> str:
        return "a number"


@dataclass(frozen=True)
class Text:
    """Text that matches the whole `pattern`, if there is one."""

    pattern: str = ""
    optional: bool = False

    def allows(self, value: Any) -> bool:
        if value is None:
            return self.optional
        is_text = isinstance(value, str)
        return is_text and (not self.pattern or bool(re.fullmatch(self.pattern, value)))

    def __str__(self) -> str:
        like = f" like {self.pattern}" if self.pattern else ""
        return f"text{like}{' or None' if self.optional else ''}"


@dataclass(frozen=True)
class Items:
    """A list whose items have one constraint."""

    constraint: Constraint
    length: int | None = None
    at_least: int = 0
    unique: bool = False

    def allows(self, value: Any) -> bool:
        if not isinstance(value, list) or len(value) < self.at_least:
            return False
        is_long = self.length is None or len(value) == self.length
        return is_long and not (self.unique and _repeats(value))

    def parts(self, value: Any) -> Iterator[Part]:
        return ((f"[{i}]", item, self.constraint) for i, item in enumerate(value))

    def __str__(self) -> str:
        least = f"at least {self.at_least} " if self.at_least else ""
        count = least if self.length is None else f"{self.length} "
        return f"a list of {count}{'different ' if self.unique else ''}items"


@dataclass(frozen=True)
class Tuple:
    """A list of fixed length with a constraint for each item."""

    constraints: tuple[Constraint, ...]

    def allows(self, value: Any) -> bool:
        return isinstance(value, list) and len(value) == len(self.constraints)

    def parts(self, value: Any) -> Iterator[Part]:
        pairs = enumerate(zip(value, self.constraints, strict=True))
        return ((f"[{i}]", item, constraint) for i, (item, constraint) in pairs)

    def __str__(self) -> str:
        return f"a list of {len(self.constraints)} items"


@dataclass(frozen=True)
class Values:
    """A mapping with any names, whose values have one constraint."""

    constraint: Constraint

    def allows(self, value: Any) -> bool:
        return isinstance(value, dict)

    def parts(self, value: Any) -> Iterator[Part]:
        return ((f".{name}", item, self.constraint) for name, item in value.items())

    def __str__(self) -> str:
        return "a mapping"


@dataclass(frozen=True)
class Record:
    """A mapping with these fields and no others; `optional` ones may be absent."""

    fields: Mapping[str, Constraint]
    optional: Mapping[str, Constraint] = field(default_factory=dict)

    def allows(self, value: Any) -> bool:
        return isinstance(value, dict)

    def parts(self, value: Any) -> Iterator[Part]:
        for name, constraint in self.fields.items():
            yield f".{name}", value.get(name, _ABSENT), constraint
        for name in value.keys() - self.fields.keys():
            yield f".{name}", value[name], self.optional.get(name, _Unknown())

    def __str__(self) -> str:
        return "a mapping"


@dataclass(frozen=True)
class Tagged:
    """A mapping whose `tag` names which of several records it is."""

    tag: str
    records: Mapping[str, Constraint]

    def allows(self, value: Any) -> bool:
        return isinstance(value, dict) and _is_key(value.get(self.tag), self.records)

    def parts(self, value: Any) -> Iterator[Part]:
        yield "", value, self.records[value[self.tag]]

    def __str__(self) -> str:
        return f"a mapping whose {self.tag!r} is one of {', '.join(map(repr, self.records))}"


@dataclass(frozen=True)
class Either:
    """A value that one of several constraints allows."""

    constraints: tuple[Constraint, ...]

    def allows(self, value: Any) -> bool:
        return any(constraint.allows(value) for constraint in self.constraints)

    def parts(self, value: Any) -> Iterator[Part]:
        """The value, with a constraint that allows all its parts if there is one."""
        possible = [constraint for constraint in self.constraints if constraint.allows(value)]
        whole = (constraint for constraint in possible if fault(value, constraint) is None)
        yield "", value, next(whole, possible[-1])

    def __str__(self) -> str:
        return " or ".join(map(str, self.constraints))


@dataclass(frozen=True)
class Exactly:
    """One value."""

    value: Any

    def allows(self, value: Any) -> bool:
        return type(value) is type(self.value) and bool(value == self.value)

    def __str__(self) -> str:
        return repr(self.value)


NOTHING = Exactly(None)


def optional(constraint: Constraint) -> Either:
    """The constraint, or None."""
    return Either((NOTHING, constraint))


def fault(value: Any, constraint: Constraint, where: str = "it") -> str | None:
    """The first value that breaks its constraint, and where it is, in words; None if none does."""
    if not constraint.allows(value):
        return f"{where} must be {constraint}, but is {_shown(value)}"
    if not isinstance(constraint, Container):
        return None
    faults = (fault(part, own, where + path) for path, part, own in constraint.parts(value))
    return next(filter(None, faults), None)


def _is_key(value: Any, records: Mapping[str, Constraint]) -> bool:
    return isinstance(value, str) and value in records


def _repeats(values: list[Any]) -> bool:
    return len({repr(item) for item in values}) < len(values)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
