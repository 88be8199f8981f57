"""Kernels: the work of a plan. Each kernel reads and writes views of buffers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from talweg.engine.native.ir.size import Size
from talweg.engine.native.ir.view import View


class Work(ABC):
    """Something that reads and writes views: a kernel, or a region of kernels."""

    @abstractmethod
    def reads(self) -> list[View]:
        """The views that are read."""

    @abstractmethod
    def writes(self) -> list[View]:
        """The views that are written."""

    @abstractmethod
    def operations(self) -> Size:
        """The number of arithmetic operations: its leading term in the number of rows N."""

    @property
    def is_alone(self) -> bool:
        """Whether the first thread does it all."""
        return False


@dataclass(frozen=True, eq=False)
class Kernel(Work):
    """One piece of code, of which each thread computes a part.

    `row_axis` is the row axis of its result in a region by rows, else None. In a region by rows a
    thread computes its rows, and by outputs its share of the elements of the result.

    Threads never share an axis that is summed or otherwise reduced: one thread adds up all terms of
    an element, in an order that the number of threads does not change. So bits do not depend on the
    number of threads. Every kernel must keep to this.
    """

    row_axis: int | None

    @property
    def takes_tickets(self) -> bool:
        """Whether threads take parts of the kernel as they come, rather than equal shares."""
        return False

    @abstractmethod
    def __str__(self) -> str: ...
