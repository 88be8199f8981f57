"""What is made when it is first asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

_T = TypeVar("_T")


class cached_property(Generic[_T]):  # noqa: N801 - as Python's own, which it stands for
    """Python's `functools.cached_property` as it is since 3.12: without a lock.

    That of 3.11 holds one lock for all objects while a value is computed, so a process that is
    forked meanwhile would wait for it for ever.
    """

    def __init__(self, compute: Callable[[Any], _T]) -> None:
        self.compute = compute
        self.__doc__ = compute.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, instance: Any, owner: type | None = None) -> _T:
        if instance is None:
            return self  # type: ignore[return-value]  # asked of the class, for its docstring
        value = vars(instance)[self.name] = self.compute(instance)
        return value
