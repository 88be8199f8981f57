"""Which results may be written over an input of the same name, while it is still being read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from talweg.engine.native.plan.kernel import Kernel, Nest, Pack
from talweg.engine.native.plan.row_analysis import VIEWS
from talweg.engine.native.plan.symbolic_shapes import ONE, Node

Range = tuple[int, int]


class Reader(NamedTuple):
    """A kernel that reads elements of a vector, all or a range of them.

    `node` is what it reads, if the elements keep their order in it.
    """

    place: int
    elements: Range
    node: Node | None


def may_fill(
    whole: Node, old: Node, kernels: Sequence[Kernel], made_in: Mapping[Node, int]
) -> bool:
    """Whether a vector may be put together, piece by piece, where the old one stands.

    So it is if each piece is made by a nest, and whatever reads the old elements in its range has
    done so before, or is this very nest, which reads each one before it writes it.
    """
    if whole.gate is None or whole.gate.name != "concatenate" or whole.shape != old.shape:
        return False
    if len(whole.shape) != 1 or not whole.shape[0].is_known:
        return False
    readers = list(_readers(old, (0, old.shape[0].factor), True, kernels, made_in))
    start = 0
    for each in whole.inputs:
        end = start + each.shape[0].factor
        if not _may_write(_made(each), (start, end), readers, kernels, made_in):
            return False
        start = end
    return True


def _made(node: Node) -> Node:
    """What a node is a reshape of."""
    while node.gate is not None and node.gate.name == "reshape":
        node = node.inputs[0]
    return node


def _may_write(
    node: Node,
    elements: Range,
    readers: Sequence[Reader],
    kernels: Sequence[Kernel],
    made_in: Mapping[Node, int],
) -> bool:
    kernel = kernels[made_in[node]] if made_in[node] >= 0 else None
    if not isinstance(kernel, Nest) or node not in kernel.nodes:
        return False
    for each in readers:
        if each.elements[1] <= elements[0] or elements[1] <= each.elements[0]:
            continue
        if kernels[each.place] is kernel:
            if each.node is None or each.elements != elements or each.node.shape != kernel.shape:
                return False
        elif (kernels[each.place].stage, each.place) > (kernel.stage, made_in[node]):
            return False
    return True


def _readers(
    node: Node,
    elements: Range,
    in_order: bool,
    kernels: Sequence[Kernel],
    made_in: Mapping[Node, int],
) -> Iterator[Reader]:
    """The kernels that read a node, by way of views too."""
    for place, kernel in enumerate(kernels):
        if isinstance(kernel, Pack) and kernel.source is node:
            yield Reader(place, elements, None)
    for user in node.users:
        if user.gate is None or user.gate.name not in VIEWS:
            yield Reader(made_in[user], elements, node if in_order else None)
            continue
        taken, keeps = elements, in_order and user.gate.name == "reshape"
        if user.gate.name == "take_slice" and len(node.shape) == 1 and in_order:
            start, stop, step = user.settings["ranges"][0]
            if step == ONE and start.is_known and stop.is_known:
                taken, keeps = (elements[0] + start.factor, elements[0] + stop.factor), True
        yield from _readers(user, taken, keeps, kernels, made_in)
