"""The contract of kernels that write their own code, unlike nests, which the planner fuses."""

from __future__ import annotations

from abc import abstractmethod

from talweg.engine.native.emit.frame import Frame
from talweg.engine.native.ir.kernel import Kernel


class OwnKernel(Kernel):
    """The base of a kernel that writes its own code.

    A subclass is a `@dataclass(frozen=True, eq=False)`: kernels are compared by identity. Its first
    field is `row_axis`, which is inherited; the others are the views and settings that `emit`
    needs. It tells the planner, besides its `row_axis`:

    - `reads()` and `writes()`: all views that it touches. Barriers, the lifetimes of buffers and
      the pruning of unused kernels rest on them.
    - `operations()`: how much work it is.
    - `is_alone`: True if the first thread does all the work. `emit` must then write the test for
      the first thread; a barrier between two such kernels is left out.
    - `takes_tickets`: True if threads take parts of the work as they become free, with
      `loop_over_tickets(f, count, frame.ticket(self))`, whenever the kernel is in `frame.tickets`.
    - `str(kernel)`: its line in a printed plan.
    """

    @abstractmethod
    def emit(self, frame: Frame) -> None:
        """Write this thread's share of the work at the end of the frame's function.

        Call `frame.start(view)` for each view before the first loop: it loads a pointer, which code
        inside a loop could not pass on to code after it. `frame.part_of` gives the thread's part
        of an axis: its rows, or its share of another axis. Never share an axis that is reduced (see
        `Kernel`). Memory is not zeroed, so write every element of the result.

        Memory beyond the views: `frame.entry(SCRATCH)` belongs to the thread, and holds as many
        bytes as GEMM needs (`gemm.scratch_bytes`); GEMM overwrites it. A matrix product inside a
        kernel calls `emit.gemm.product.gemm`, as `emit/product.py` does.
        """
