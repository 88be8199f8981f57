"""The base of the functions of a training loop: the control block, threads, measures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from talweg.engine.native import control_block as c
from talweg.engine.native.driver.run_plans import RunPlans
from talweg.engine.native.emit.barrier import write_barrier
from talweg.engine.native.emit.frame import entry, part
from talweg.engine.native.emit.gemm.tiles import ROW_UNIT
from talweg.engine.native.ir.kernel import Kernel
from talweg.engine.native.ir.view import Buffer
from talweg.engine.native.llvm.module import Module
from talweg.engine.native.llvm.values import Index, Value, number, size_of, type_of, vector
from talweg.engine.native.plan.plan import Plan


class Writer:
    """Writes one function of (control, table, thread).

    The constructor opens the function in the module and loads the number of threads; `write`, in
    each subclass, writes the rest.
    """

    name = ""
    result = "void"
    block_rows_word = c.BLOCK_ROWS

    def __init__(self, module: Module, plans: RunPlans) -> None:
        self.module, self.plans, self.program = module, plans, plans.program
        arguments = [("ptr", "control"), ("ptr", "table"), ("i64", "thread")]
        self.f = module.function(
            self.name, arguments, self.result, inline=False, rare=module.optimizes_only_kernels
        )
        self.control, self.table, self.thread = self.f.parameters
        self.threads = self.word(c.THREADS)

    def address(self, word: int) -> Value:
        """The address of a word of the control block."""
        return self.f.at(self.control, word, "i64")

    def word(self, word: int, type: str = "i64") -> Value:
        """Load a word of the control block."""
        return self.f.load(type, self.address(word))

    def set_word(self, word: int, value: Index, type: str = "i64") -> None:
        """Store a word of the control block."""
        self.f.store(value if isinstance(value, Value) else number(value, type), self.address(word))

    def shared_word(self, word: int) -> Value:
        """Load a word that another thread, or Python, may be writing."""
        return self.f.emit("i64", f"load atomic i64, {self.address(word)} monotonic, align 8")

    def entry(self, slot: int) -> Value:
        """The pointer in a slot of the table."""
        return entry(self.f, self.table, slot)

    def barrier(self) -> None:
        """Let all threads wait for each other."""
        write_barrier(self.f, self.control, self.threads)

    @contextmanager
    def first_thread(self) -> Iterator[None]:
        """A context: the first thread alone runs the code that is written in it."""
        with self.f.when(self.f.compare("eq", self.thread, number(0, "i64"))):
            yield

    def call_region(self, name: str, rows: Value, low: Index, high: Index) -> None:
        """Call the function of a region; a region by rows computes rows low <= i < high."""
        f = self.f
        arguments = [self.table, rows, f.index(low), f.index(high), self.thread, self.threads]
        f.call(name, "void", *arguments)

    def by_rows(self, name: str, rows: Value, low: Index, high: Index) -> None:
        """Call the function of a region by rows block by block, on rows low <= i < high."""
        f, block_rows = self.f, self.word(self.block_rows_word)
        with f.loop(low, high, block_rows) as loop:
            self.call_region(name, rows, loop.index, f.least(f.plus(loop.index, block_rows), high))

    def share_of(self, rows: Value) -> tuple[Index, Index]:
        """The rows [low, high) of a batch that belong to this thread, in whole tiles of a GEMM."""
        f = self.f
        divide, done, start = f.fresh("apart"), f.fresh("parted"), f.label
        f.branch(f.compare("sgt", self.threads, number(1, "i64")), divide, done)
        f.open(divide)  # a single thread skips the divisions, which slow steps of tiny networks
        low, high = self._divide(rows)
        f.jump(done)
        f.open(done)
        zero = number(0, "i64")
        low = f.phi((low, divide), (zero, start))
        high = f.phi((high, divide), (rows, start))
        return low, high

    def _divide(self, rows: Value) -> tuple[Value, Value]:
        f = self.f
        units = f.over(f.plus(rows, ROW_UNIT - 1), ROW_UNIT)
        low = f.times(part(f, units, self.thread, self.threads), ROW_UNIT)
        high = f.times(part(f, units, f.plus(self.thread, 1), self.threads), ROW_UNIT)
        return f.index(f.least(low, rows)), f.index(f.least(high, rows))

    def add_measures(self, plan: Plan, sums: int, names: Sequence[str]) -> None:
        """Add a batch's measures to the sums."""
        f, array = self.f, self.entry(sums)
        for index, name in enumerate(names):
            address = f.at(array, index * self.program.graphs.replicas, "double")
            value = self.load_number(plan.outputs[name])
            f.store(f.add(f.load(value.type, address), value), address)

    def load_number(self, buffer: Buffer) -> Value:
        """The number in a buffer as a double; with replicas, the vector of their numbers."""
        type = vector(type_of(buffer.dtype), self.program.graphs.replicas)
        value = self.f.load(type, self.entry(buffer.slot))
        return self.f.convert(value, "double")

    def clear_sums(self, sums: int) -> None:
        """Set the sums of an epoch to 0."""
        array = self.entry(sums)
        for index in range(len(self.plans.summed) * self.program.graphs.replicas):
            self.f.store(number(0, "double"), self.f.at(array, index, "double"))

    def copy(self, to: Value, source: Value, count: Index, type: str) -> None:
        """Copy `count` elements; source and target do not overlap."""
        f = self.f
        f.module.declare("llvm.memcpy.p0.p0.i64", "void", ["ptr", "ptr", "i64", "i1"])
        size = f.index(f.times(count, size_of(type)))
        f.do(f"call void @llvm.memcpy.p0.p0.i64({to}, {source}, {size}, i1 false)")

    def return_if(self, condition: Value) -> None:
        """Return early if the condition holds."""
        leave, stay = self.f.fresh("leave"), self.f.fresh("stay")
        self.f.branch(condition, leave, stay)
        self.f.open(leave)
        self.f.ret()
        self.f.open(stay)


def tickets_of(plan: Plan) -> dict[Kernel, int]:
    """The ticket of each kernel whose parts threads take as they become free.

    If there are more such kernels than tickets, the rest have none: their parts are divided among
    the threads beforehand.
    """
    kernels = [kernel for kernel in plan.kernels if kernel.takes_tickets]
    return dict(zip(kernels, range(c.ROW_TICKETS), strict=False))
