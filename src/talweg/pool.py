"""A pool of objects that one call at a time uses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

_T = TypeVar("_T")


class Pool(Generic[_T]):
    """As many objects as there are calls at once.

    Taking one is a single step of Python's, so there is no lock that a fork could leave taken.
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
        """Let the next call have it; what is not given back is dropped."""
        self._free.append(one)
