"""The order of kernels, and from it how long each buffer is needed."""

from __future__ import annotations

from talweg.engine.native.plan.kernel import Kernel, Nest
from talweg.engine.native.plan.view import Buffer, View


def ordered(kernels: list[Kernel]) -> list[Kernel]:
    """Kernels by stage, and within a stage that is split by outputs, by level."""
    kernels = sorted(kernels, key=lambda each: each.stage)
    for place, kernel in enumerate(kernels):
        before = [k for k in kernels[:place] if k.stage == kernel.stage]
        if kernel.stage % 2 == 0:
            clashes = [k.level + 1 for k in before if _clash(k, kernel)]
            kernel.level = max(clashes, default=0)
    return sorted(kernels, key=lambda each: (each.stage, each.level))


def note_lifetimes(kernels: list[Kernel], outputs: set[Buffer]) -> None:
    """How long each buffer is needed; what one odd stage alone uses is kept by blocks."""
    stages_of: dict[Buffer, set[int]] = {}
    for kernel in kernels:
        for view in (*kernel.reads(), *kernel.writes()):
            stages_of.setdefault(view.buffer, set()).add(kernel.stage)
    turned = {v.buffer for k in kernels for v in (*k.reads(), *k.writes()) if not _leads_by_rows(v)}
    for buffer, found in stages_of.items():
        by_rows = len(found) == 1 and min(found) % 2 == 1 and buffer not in turned
        if buffer.kind == "shared" and by_rows and buffer not in outputs:
            buffer.kind = "block"
    for at, kernel in enumerate(kernels):
        for view in (*kernel.reads(), *kernel.writes()):
            buffer = view.buffer
            buffer.used(at if buffer.kind == "block" else kernel.stage)
    last = max((each.stage for each in kernels), default=0) + 1
    for buffer in stages_of:
        if buffer.kind == "shared" and buffer.first == 0:
            buffer.used(last)  # made once for many batches that are evaluated
    for buffer in outputs:
        buffer.used(0)
        buffer.used(max((each.stage for each in kernels), default=0) + 1)


def _leads_by_rows(view: View) -> bool:
    """Whether a row of this view is a row of its buffer, one after another."""
    if not all(each.is_known for each in (*view.strides, *view.offset)):
        return False
    rows = [
        size.factor * stride.factor
        for size, stride in zip(view.shape, view.strides, strict=True)
        if size.power
    ]
    return view.buffer.size.power == 1 and rows == [view.buffer.size.factor]


def must_wait(first: Kernel, second: Kernel) -> bool:
    """Whether a barrier must part two kernels of a stage: not those that one thread does anyway."""
    alone = [isinstance(each, Nest) and each.is_alone for each in (first, second)]
    return not all(alone) and _clash(first, second)


def _clash(first: Kernel, second: Kernel) -> bool:
    """Whether the second must wait for the first: one writes what the other reads or writes."""
    pairs = (
        (first.writes(), second.reads()),
        (first.writes(), second.writes()),
        (first.reads(), second.writes()),
    )
    return any(_overlap(x, y) for xs, ys in pairs for x in xs for y in ys)


def _overlap(x: View, y: View) -> bool:
    """Whether two views may share an element."""
    if x.buffer is not y.buffer:
        return False
    one, other = _extent(x), _extent(y)
    return one is None or other is None or (one[0] < other[1] and other[0] < one[1])


def _extent(view: View) -> tuple[int, int] | None:
    """First and last element (exclusive) of a view of known size; None where it holds the rows."""
    if not all(each.is_known for each in (*view.shape, *view.strides, *view.offset)):
        return None
    start = sum(each.factor for each in view.offset)
    steps = [
        (size.factor - 1) * stride.factor
        for size, stride in zip(view.shape, view.strides, strict=True)
    ]
    low = start + sum(each for each in steps if each < 0)
    return low, start + sum(each for each in steps if each > 0) + 1
