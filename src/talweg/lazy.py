"""Properties that are computed, and modules that are imported, on first use."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from typing import Any, Generic, TypeVar

from talweg.forks import importing

_T = TypeVar("_T")


class cached_property(Generic[_T]):  # noqa: N801 - the name in Python's library
    """`functools.cached_property` as it is since Python 3.12, without a lock.

    Python 3.11 holds one lock for all objects while it computes a value, so a process that is
    forked meanwhile would wait for that lock forever.
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


class ClassTable(Mapping[str, type[_T]]):
    """Classes by name. The module of a class is imported when the class is first asked for.

    >>> kinds: ClassTable[Any] = ClassTable({"fraction": "fractions.Fraction"})
    >>> kinds["fraction"](1, 2), kinds.name_of(kinds["fraction"])
    (Fraction(1, 2), 'fraction')
    """

    def __init__(self, paths: Mapping[str, str]) -> None:
        self.paths = dict(paths)

    def __getitem__(self, name: str) -> type[_T]:
        module, _, attribute = self.paths[name].rpartition(".")
        with importing:
            kind: type[_T] = getattr(import_module(module), attribute)
        return kind

    def __iter__(self) -> Iterator[str]:
        return iter(self.paths)

    def __len__(self) -> int:
        return len(self.paths)

    def name_of(self, kind: type) -> str | None:
        """The name of a class, None if it is not in the table."""
        path = f"{kind.__module__}.{kind.__qualname__}"
        return next((name for name, own in self.paths.items() if own == path), None)
