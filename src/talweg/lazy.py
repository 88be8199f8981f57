"""Properties that are computed on first use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

_T = TypeVar("_T")


class cached_property(Generic[_T]):  # noqa: N801 - the name in Python's library
    """`functools.cached_property` as it is since Python 3.12, without a lock.

    Python 3.11 holds one lock for all objects while it computes a value, so a process that is
    forked meanwhile would wait for that lock for ever.
    """

    def __init__(self, compute: Callable[[Any], _T]) -> None:
        self.compute = compute
        self.__doc__ = compute.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, instance: Any, owner: type | None = None) -> _T:
        if instance is None:
            return self  # type: ignore[return-value]  # accessed on the class, for the docstring
        value = vars(instance)[self.name] = self.compute(instance)
        return value
