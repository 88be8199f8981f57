"""Pools of objects, each used by one call at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

_T = TypeVar("_T")


class Pool(Generic[_T]):
    """As many objects as there are calls at the same time.

    Taking an object is one atomic operation of Python, so no fork can leave a lock taken.
    """

    def __init__(self, make: Callable[[], _T]) -> None:
        self._make = make
        self._free: list[_T] = []

    def take(self) -> _T:
        """A free object; a new one if there is none."""
        try:
            return self._free.pop()
        except IndexError:
            return self._make()

    def give_back(self, one: _T) -> None:
        """Return an object for the next call; an object that is not returned is dropped."""
        self._free.append(one)
