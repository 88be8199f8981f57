"""Regions: the kernels of a plan, grouped by the way in which threads share their work.

A region becomes one function. A region may stand inside another in place of a kernel: hazards and
lifetimes take it as one piece of work that reads and writes what its kernels do.

A loop over time steps could be such an inner region, but three things are missing: an index that
moves the views of its kernels from step to step, hazards and lifetimes between one step and the
next, and the loop itself in `emit/region.py`.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from talweg.engine.native.ir.kernel import Kernel, Work
from talweg.engine.native.ir.size import Size
from talweg.engine.native.ir.view import View
from talweg.engine.native.plan.hazards import conflict
from talweg.engine.native.plan.row_analysis import FIRST, Phase


class Region(Work):
    """The base of regions. One that `precedes_batch` does not depend on the batch."""

    precedes_batch: bool = False

    @property
    @abstractmethod
    def body(self) -> Sequence[Work]:
        """The kernels and inner regions, in order."""

    @abstractmethod
    def lines(self) -> Iterator[str]:
        """The region as a plan prints it."""

    @abstractmethod
    def replaced(self, parts: Mapping[Work, Work]) -> Region:
        """The region with each part of its body replaced; a part that is not in `parts` is gone."""

    def kernels(self) -> Iterator[Kernel]:
        """All kernels, those of inner regions too."""
        for work in self.body:
            if isinstance(work, Region):
                yield from work.kernels()
            elif isinstance(work, Kernel):
                yield work

    def reads(self) -> list[View]:
        return list(chain.from_iterable(work.reads() for work in self.body))

    def writes(self) -> list[View]:
        return list(chain.from_iterable(work.writes() for work in self.body))

    def operations(self) -> Size:
        sizes = [work.operations() for work in self.body]
        power = max(size.power for size in sizes)
        return Size(sum(size.factor for size in sizes if size.power == power), power)


@dataclass(frozen=True, eq=False)
class ByRows(Region):
    """Each thread takes blocks of rows through all of the body; rows never wait for each other."""

    sequence: tuple[Work, ...]

    @property
    def body(self) -> Sequence[Work]:
        return self.sequence

    def replaced(self, parts: Mapping[Work, Work]) -> ByRows:
        return ByRows(_replaced(self.sequence, parts))

    def lines(self) -> Iterator[str]:
        yield "by rows"
        for work in self.body:
            yield from _lines(work, "  ")


@dataclass(frozen=True, eq=False)
class ByOutputs(Region):
    """Threads share out the elements of each result.

    The work of one level touches nothing that the others of it write; a level may need what earlier
    levels have written, so barriers part them.
    """

    levels: tuple[tuple[Work, ...], ...]
    precedes_batch: bool = False

    @property
    def body(self) -> Sequence[Work]:
        return tuple(chain.from_iterable(self.levels))

    def replaced(self, parts: Mapping[Work, Work]) -> ByOutputs:
        levels = (_replaced(level, parts) for level in self.levels)
        return replace(self, levels=tuple(level for level in levels if level))

    def lines(self) -> Iterator[str]:
        yield "by outputs, before the batch" if self.precedes_batch else "by outputs"
        for number, level in enumerate(self.levels):
            for work in level:
                yield from _lines(work, f"  {number}: ")


def _replaced(body: Sequence[Work], parts: Mapping[Work, Work]) -> tuple[Work, ...]:
    return tuple(parts[work] for work in body if work in parts)


def _lines(work: Work, start: str) -> Iterator[str]:
    if isinstance(work, Region):
        for line in work.lines():
            yield start + line
            start = " " * len(start)
        return
    reads = " ".join(view.buffer.name for view in work.reads())
    writes = " ".join(view.buffer.name for view in work.writes())
    yield f"{start}{work}"
    yield f"      {reads} -> {writes}"


def regions_of(kernels: Iterable[tuple[Phase, Kernel]]) -> tuple[Region, ...]:
    """Kernels by phase; within a phase they keep their order, or go by levels."""
    by_phase: dict[Phase, list[Kernel]] = {}
    for phase, kernel in kernels:
        by_phase.setdefault(phase, []).append(kernel)
    return tuple(_region(phase, by_phase[phase]) for phase in sorted(by_phase))


def _region(phase: Phase, kernels: list[Kernel]) -> Region:
    if phase.by_rows:
        return ByRows(tuple(kernels))
    return ByOutputs(_levels(kernels), phase == FIRST)


def _levels(kernels: list[Kernel]) -> tuple[tuple[Kernel, ...], ...]:
    """Each kernel goes to the first level after all kernels that it must wait for."""
    level_of: dict[Kernel, int] = {}
    for kernel in kernels:
        waits = [level + 1 for other, level in level_of.items() if conflict(other, kernel)]
        level_of[kernel] = max(waits, default=0)
    count = max(level_of.values()) + 1
    return tuple(tuple(k for k in kernels if level_of[k] == level) for level in range(count))
