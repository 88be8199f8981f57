"""LLVM IR as text: modules, functions and their control flow.

Text is the fastest form to build, and `print(module)` shows what is compiled. Values are SSA; loops
carry values in phi instructions and test their condition at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from talweg.engine.native.llvm.instructions import Header, Instructions
from talweg.engine.native.llvm.values import Index, Value


class Module(Header):
    """The text of one LLVM module: declarations, globals and functions."""

    def __init__(
        self,
        vector_bytes: int,
        registers: int = 16,
        family: str = "",
        math: Mapping[str, Callable[..., Any]] | None = None,
        *,
        optimizes_only_kernels: bool = False,
    ) -> None:
        super().__init__(vector_bytes, math)
        self.registers, self.family = registers, family
        # whether code that runs only a few times per step is compiled without optimization
        self.optimizes_only_kernels = optimizes_only_kernels
        # types whose GEMM routines are linked to the program; None: the module contains its own
        self.linked_types: set[str] | None = None
        self.functions: dict[str, Function] = {}

    def function(
        self,
        name: str,
        parameters: Sequence[tuple[str, str]],
        result: str = "void",
        *,
        public: bool = False,
        inline: bool | None = None,
        rare: bool = False,
    ) -> Function:
        """A new function of (type, name) parameters; only public ones are visible from outside.

        A `rare` one is compiled without optimization (`optnone`), which takes half the time.
        """
        function = Function(self, name, parameters, result, public=public, inline=inline, rare=rare)
        self.functions[name] = function
        return function

    def __str__(self) -> str:
        parts = [*self._globals, *self._declared.values(), *map(str, self.functions.values())]
        return "\n".join(parts) + "\n"


class Function(Instructions):
    """A function, written instruction by instruction into its current basic block."""

    module: Module

    def __init__(
        self,
        module: Module,
        name: str,
        parameters: Sequence[tuple[str, str]],
        result: str,
        *,
        public: bool,
        inline: bool | None,
        rare: bool = False,
    ) -> None:
        super().__init__(module)
        self.name, self.result = name, result
        self.parameters = [Value(type, f"%{parameter}") for type, parameter in parameters]
        linkage = "" if public else "internal "
        attributes = {None: "", True: " alwaysinline", False: " noinline"}[inline]
        attributes = " noinline optnone" if rare else attributes
        # `noalias` is not claimed: buffers may be views of one arena
        self._head = (
            f"define {linkage}{result} @{name}({', '.join(map(str, self.parameters))})"
            f" nounwind{attributes} {{"
        )
        self.label = ""  # of the basic block that is being written
        self.open("entry")

    def open(self, label: str) -> None:
        """Start a basic block; the one before must have ended."""
        self.label = label
        self._lines.append(f"{label}:")

    def __str__(self) -> str:
        return "\n".join([self._head, *self._lines, "}"])

    # Control ----------------------------------------------------------------------------------

    def ret(self, x: Value | None = None) -> None:
        """Return from the function."""
        self.do("ret void" if x is None else f"ret {x}")

    def jump(self, label: str) -> None:
        self.do(f"br label %{label}")

    def branch(self, condition: Value, yes: str, no: str) -> None:
        self.do(f"br {condition}, label %{yes}, label %{no}")

    def phi(self, *sources: tuple[Value, str]) -> Value:
        """A phi, first in its basic block: the value that belongs to the block before it."""
        result = Value(sources[0][0].type, f"%{self.fresh('j')}")
        self._lines.append(phi_text(result, *sources))
        return result

    @contextmanager
    def when(self, condition: Value) -> Iterator[None]:
        """What is written inside runs only if the condition holds."""
        yes, done = self.fresh("then"), self.fresh("done")
        self.branch(condition, yes, done)
        self.open(yes)
        yield
        self.jump(done)
        self.open(done)

    @contextmanager
    def loop(
        self,
        start: Index,
        stop: Index,
        step: Index = 1,
        carried: Sequence[Value] = (),
    ) -> Iterator[Loop]:
        """for index in range(start, stop, step), with values carried from iteration to iteration.

        The condition is tested before the first iteration and at the end of each. After the `with`,
        `loop.results` are the final carried values.
        """
        before, body, after = self.label, self.fresh("loop"), self.fresh("end")
        first, limit = self.index(start), self.index(stop)
        rounds = None
        if isinstance(start, int) and isinstance(stop, int) and isinstance(step, int):
            rounds = len(range(start, stop, step))
        if rounds == 1:
            loop = Loop(first, list(carried))
            yield loop
            loop.results += loop.after
            return
        if rounds:
            self.jump(body)
        else:
            self.branch(self.compare("slt", first, limit), body, after)
        self.open(body)
        index = Value("i64", f"%{self.fresh('i')}")
        values = [Value(value.type, f"%{self.fresh('c')}") for value in carried]
        phis = len(self._lines)
        self._lines += [""] * (1 + len(values))
        loop = Loop(index, values)
        yield loop
        following = self.index(self.plus(index, step))
        latch = self.label
        self.branch(self.compare("slt", following, limit), body, after)
        self._lines[phis] = phi_text(index, (first, before), (following, latch))
        for i, (value, initial, final) in enumerate(zip(values, carried, loop.after, strict=True)):
            self._lines[phis + 1 + i] = phi_text(value, (initial, before), (final, latch))
        self.open(after)
        for initial, final in zip(carried, loop.after, strict=True):
            result = Value(initial.type, f"%{self.fresh('r')}")
            sources = [(final, latch)] if rounds else [(initial, before), (final, latch)]
            self._lines.append(phi_text(result, *sources))
            loop.results.append(result)


class Loop:
    """A loop being written: its index, its carried values, and after its end their results."""

    def __init__(self, index: Value, values: list[Value]) -> None:
        self.index = index
        self.values = values
        self.results: list[Value] = []
        self.after: list[Value] = values

    def carry(self, *values: Value) -> None:
        """Set the values with which the next iteration begins."""
        self.after = list(values)


def phi_text(result: Value, *sources: tuple[Value, str]) -> str:
    """The text of a phi instruction."""
    incoming = ", ".join(f"[ {value.name}, %{label} ]" for value, label in sources)
    return f"  {result.name} = phi {result.type} {incoming}"
