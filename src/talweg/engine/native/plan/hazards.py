"""Hazards: which kernels must wait for each other, and which results may overwrite an input.

Both are decided on views: two kernels conflict if one writes what the other reads or writes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from talweg.engine.native.ir.kernel import Work
from talweg.engine.native.ir.node import Node, ViewForm
from talweg.engine.native.ir.view import View
from talweg.engine.native.plan.groups import Groups, PackGroup

# Between kernels ----------------------------------------------------------------------------------


def conflict(first: Work, second: Work) -> bool:
    """Whether the second must wait for the first: one writes what the other reads or writes."""
    pairs = (
        (first.writes(), second.reads()),
        (first.writes(), second.writes()),
        (first.reads(), second.writes()),
    )
    return any(overlap(x, y) for xs, ys in pairs for x in xs for y in ys)


def needs_barrier(first: Work, second: Work) -> bool:
    """Whether a barrier must part two kernels: not if one thread does both anyway."""
    return not (first.is_alone and second.is_alone) and conflict(first, second)


def overlap(x: View, y: View) -> bool:
    """Whether two views may share an element."""
    if x.buffer is not y.buffer:
        return False
    one, other = x.extent, y.extent
    return one is None or other is None or (one[0] < other[1] and other[0] < one[1])


# Between groups -----------------------------------------------------------------------------------


class Reading(NamedTuple):
    """A group that reads a node through a view. `is_exact` is False where the group reads a copy
    of the view that has another shape.
    """

    group: int
    view: View
    is_exact: bool


def may_overwrite(node: Node, target: View, old: Sequence[Reading], groups: Groups) -> bool:
    """Whether a node may be written over an input, of which `old` are all readings.

    A nest must compute it, and all that read these elements of the input must have done so: they
    run before, or are this very nest, which reads each element before it writes it.
    """
    nest, index = groups.nest_of(node), groups.index_of[node]
    if nest is None:
        return False
    for reading in old:
        if not overlap(reading.view, target):
            continue
        if reading.group == index:
            if not (reading.is_exact and _same_elements(reading.view, target)):
                return False
        elif (groups.groups[reading.group].phase, reading.group) > (nest.phase, index):
            return False
    return True


def _same_elements(one: View, other: View) -> bool:
    return one.shape == other.shape and one.is_same_as(other)


def readings(node: Node, view: View, groups: Groups, is_exact: bool = True) -> Iterator[Reading]:
    """The groups that read a node that stands in `view`, also by way of views of it."""
    for index, group in enumerate(groups.groups):
        if isinstance(group, PackGroup) and group.source is node:
            yield Reading(index, view, is_exact)
    for user in node.users:
        form = user.form
        if isinstance(form, ViewForm):
            moved = form.move(user, view) if is_exact else None
            yield from readings(user, moved or view, groups, moved is not None)
        else:
            yield Reading(groups.index_of[user], view, is_exact)
