"""Kernels that write their own code, unlike nests of loops, which the planner fuses."""

from __future__ import annotations

from abc import abstractmethod

from talweg.engine.native.emit.frame import Frame
from talweg.engine.native.plan.kernel import Kernel


class OwnKernel(Kernel):
    """The base of such a kernel: a frozen dataclass whose fields are the views that it needs."""

    @abstractmethod
    def emit(self, frame: Frame) -> None:
        """Write this thread's share of the work at the end of the frame's function."""
