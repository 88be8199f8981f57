"""`talweg.dataclass` makes the same classes as Python's decorator."""

import dataclasses
import math
from typing import Any

import pytest

from talweg.dataclass import dataclass as ours

OPTIONS: list[dict[str, bool]] = [
    {},
    {"eq": False},
    {"frozen": True},
    {"frozen": True, "eq": False},
    {"frozen": True, "repr": False},
    {"frozen": True, "kw_only": True},
]


def made(dataclass: Any, **options: bool) -> Any:
    class Point:
        x: float
        y: int = dataclasses.field(default=2, compare=False)
        z: str = dataclasses.field(default="z", repr=False)

    return dataclass(**options)(Point)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_it_compares_hashes_and_prints_as_pythons(options: dict[str, bool]) -> None:
    facts = []
    for Point in (made(ours, **options), made(dataclasses.dataclass, **options)):
        a, same, other = Point(x=math.nan), Point(x=math.nan, y=3), Point(x=1.0, z="other")
        is_compared = options.get("eq", True)
        has_hash = Point.__hash__ is not None
        facts.append(
            [
                [a == a, a == same, a == other, a == 1],
                hash(other) if has_hash and is_compared else has_hash,
                repr(other).replace(hex(id(other)), "") if options.get("repr", True) else "",
                dataclasses.astuple(dataclasses.replace(other, y=5)),
            ]
        )
    assert facts[0] == facts[1]


def test_a_frozen_one_refuses_new_values() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError, match="cannot assign to field 'x'"):
        made(ours, frozen=True)(1.0).x = 2.0


def test_a_subclass_may_use_pythons_decorator() -> None:
    @dataclasses.dataclass(frozen=True)
    class Named(made(ours, frozen=True)):  # type: ignore[misc]
        name: str = "a"

    assert Named(1.0) == Named(1.0) != Named(1.0, name="b")


def test_methods_of_the_class_stay() -> None:
    @ours(frozen=True)
    class Own:
        x: int

        def __repr__(self) -> str:
            return "own"

        def __eq__(self, other: object) -> bool:
            return True

    assert repr(Own(1)) == "own"
    assert Own(1) == Own(2)
