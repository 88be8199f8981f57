"""What the functions around the steps have in common: the control block, threads, measures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from talweg.engine.native import control as c
from talweg.engine.native.driver.run_plans import RunPlans
from talweg.engine.native.emit.barrier import write_barrier
from talweg.engine.native.emit.frame import entry, part
from talweg.engine.native.llvm.ir import Module
from talweg.engine.native.llvm.values import Index, Value, number, size_of, type_of, vector
from talweg.engine.native.plan.kernel import Kernel
from talweg.engine.native.plan.plan import Plan
from talweg.engine.native.plan.view import Buffer

ROW_UNIT = 6
"""Rows are shared out among threads in multiples of a tile's rows."""


class Writer:
    """A function with the arguments (control, table, thread) and what all of them need."""

    name = ""
    result = "void"
    block = c.BLOCK

    def __init__(self, module: Module, plans: RunPlans) -> None:
        self.module, self.plans, self.program = module, plans, plans.program
        arguments = [("ptr", "control"), ("ptr", "table"), ("i64", "thread")]
        self.f = module.function(
            self.name, arguments, self.result, inline=False, rare=module.long_steps
        )
        self.control, self.table, self.thread = self.f.parameters
        self.threads = self.word(c.THREADS)

    def place(self, word: int) -> Value:
        return self.f.at(self.control, word, "i64")

    def word(self, word: int, type: str = "i64") -> Value:
        return self.f.load(type, self.place(word))

    def put(self, word: int, value: Index, type: str = "i64") -> None:
        self.f.store(value if isinstance(value, Value) else number(value, type), self.place(word))

    def shared_word(self, word: int) -> Value:
        """A word that another thread, or Python, may be writing."""
        return self.f.emit("i64", f"load atomic i64, {self.place(word)} monotonic, align 8")

    def entry(self, place: int) -> Value:
        return entry(self.f, self.table, place)

    def barrier(self) -> None:
        write_barrier(self.f, self.control, self.word(c.THREADS))

    @contextmanager
    def first_thread(self) -> Iterator[None]:
        with self.f.when(self.f.compare("==", self.thread, number(0, "i64"))):
            yield

    def call_region(self, name: str, rows: Value, low: Index, high: Index) -> None:
        f = self.f
        arguments = [self.table, rows, f.index(low), f.index(high), self.thread, self.threads]
        f.call(name, "void", *arguments)

    def by_rows(self, name: str, rows: Value, low: Index, high: Index) -> None:
        """A region by rows, on this thread's rows, block by block."""
        f, block = self.f, self.word(self.block)
        with f.loop(low, high, block) as loop:
            self.call_region(name, rows, loop.index, f.least(f.plus(loop.index, block), high))

    def part_of(self, rows: Value) -> tuple[Index, Index]:
        """This thread's rows of a batch."""
        f = self.f
        apart, parted, start = f.fresh("apart"), f.fresh("parted"), f.block
        f.branch(f.compare(">", self.threads, number(1, "i64")), apart, parted)
        f.open(apart)  # divisions, which a step of a tiny net would feel
        low, high = self._divided(rows)
        f.jump(parted)
        f.open(parted)
        zero = number(0, "i64")
        low = f.joined((low, apart), (zero, start))
        high = f.joined((high, apart), (rows, start))
        return low, high

    def _divided(self, rows: Value) -> tuple[Value, Value]:
        f = self.f
        units = f.over(f.plus(rows, ROW_UNIT - 1), ROW_UNIT)
        low = f.times(part(f, units, self.thread, self.threads), ROW_UNIT)
        high = f.times(part(f, units, f.plus(self.thread, 1), self.threads), ROW_UNIT)
        return f.index(f.least(low, rows)), f.index(f.least(high, rows))

    def add_measures(self, plan: Plan, sums: int, names: Sequence[str]) -> None:
        """Add a batch's measures to the sums."""
        f, room = self.f, self.entry(sums)
        for place, name in enumerate(names):
            where = f.at(room, place * self.program.graphs.replicas, "double")
            value = self.number_of(plan.outputs[name])
            f.store(f.add(f.load(value.type, where), value), where)

    def number_of(self, buffer: Buffer) -> Value:
        """The one number of a buffer, as a double; a vector of them, one for each replica."""
        type = vector(type_of(buffer.dtype), self.program.graphs.replicas)
        value = self.f.load(type, self.entry(buffer.place))
        return self.f.convert(value, "double")

    def zero(self, sums: int) -> None:
        room = self.entry(sums)
        for place in range(len(self.plans.summed) * self.program.graphs.replicas):
            self.f.store(number(0, "double"), self.f.at(room, place, "double"))

    def copy(self, to: Value, source: Value, count: Index, type: str) -> None:
        """Copy elements that do not overlap."""
        f = self.f
        f.module.declare("llvm.memcpy.p0.p0.i64", "void", ["ptr", "ptr", "i64", "i1"])
        size = f.index(f.times(count, size_of(type)))
        f.do(f"call void @llvm.memcpy.p0.p0.i64({to}, {source}, {size}, i1 false)")

    def leave_if(self, condition: Value, result: Value | None = None) -> None:
        """Return early."""
        leave, stay = self.f.fresh("leave"), self.f.fresh("stay")
        self.f.branch(condition, leave, stay)
        self.f.open(leave)
        self.f.give(result)
        self.f.open(stay)


def tickets_of(plan: Plan) -> dict[Kernel, int]:
    """The kernels of a step whose parts threads take as they come, numbered."""
    kernels = [kernel for kernel in plan.kernels if kernel.takes_tickets]
    return dict(zip(kernels, range(c.ROW_TICKETS), strict=False))
