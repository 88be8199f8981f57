"""The kernels of large matrix products, and of the packing of their right sides."""

from __future__ import annotations

from dataclasses import dataclass

from talweg.engine.native.ir.kernel import Kernel
from talweg.engine.native.ir.size import Size, element_count, shape_text
from talweg.engine.native.ir.view import Buffer, View, whole_of

SHARED = 2**16
"""From this many elements on, threads take parts of a product by outputs as they become free."""


@dataclass(frozen=True, eq=False)
class Pack(Kernel):
    """The right side of a product, laid out panel by panel so that it is read in sequence."""

    b: View
    packed: Buffer

    def reads(self) -> list[View]:
        return [self.b]

    def writes(self) -> list[View]:
        return [whole_of(self.packed)]

    def operations(self) -> Size:
        return element_count(self.b.shape)

    def __str__(self) -> str:
        return f"pack {shape_text(self.b.shape)}"


@dataclass(frozen=True, eq=False)
class Product(Kernel):
    """A matrix product c = a b of views (..., M, K) and (..., K, N).

    b may have been packed for all threads, or is packed by each into its `private` buffer.
    """

    a: View
    b: View
    c: View
    packed: Buffer | None = None
    private: Buffer | None = None

    def reads(self) -> list[View]:
        return [self.a, whole_of(self.packed) if self.packed else self.b]

    def writes(self) -> list[View]:
        return [self.c]

    def operations(self) -> Size:
        return element_count((Size(2), *self.c.shape, self.a.shape[-1]))

    @property
    def takes_tickets(self) -> bool:
        size = element_count(self.c.shape)
        is_flat = len(self.c.shape) == 2 and self.row_axis is None
        return is_flat and size.is_known and size.factor >= SHARED

    def __str__(self) -> str:
        note = " (packed)" if self.packed else ""
        return f"product {shape_text(self.a.shape)} by {shape_text(self.b.shape)}{note}"
