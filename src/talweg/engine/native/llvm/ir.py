"""LLVM IR as text: one module, its functions, and the instructions of each.

Text is the fastest form to make and the plainest to read: `print(module)` shows what is compiled.
Values are SSA; loops carry values in phis and test at their end. Python integers may stand where
an i64 is wanted, and are folded.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from talweg.engine.native.llvm.ir_types import (
    _SIGNS as _SIGNS,
    FLOATS as FLOATS,
    Index as Index,
    Loop as Loop,
    Value as Value,
    element as element,
    lanes as lanes,
    number as number,
    phi as phi,
    size_of as size_of,
    type_of as type_of,
    vector as vector,
)


class Module:
    """The text of one LLVM module: declarations, globals and functions."""

    def __init__(self, vector_bytes: int, registers: int = 16, family: str = "") -> None:
        self.vector_bytes, self.registers, self.family = vector_bytes, registers, family
        self.long_steps = False  # whether what runs a few times a step counts as rare
        self.borrowed: set[str] | None = None  # types whose products come from elsewhere, or none
        self.functions: dict[str, Function] = {}
        self._declared: dict[str, str] = {}
        self._globals: list[str] = []

    def lanes(self, type: str) -> int:
        """How many elements of this type one vector register holds."""
        return self.vector_bytes // size_of(type)

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
        """A new function of (type, name) parameters; only public ones are seen from outside.

        What runs rarely is optimised less (LLVM's `optnone`): it compiles in half the time.
        """
        made = Function(self, name, parameters, result, public=public, inline=inline, rare=rare)
        self.functions[name] = made
        return made

    def declare(self, name: str, result: str, parameters: Sequence[str]) -> None:
        """Make an intrinsic or a function from elsewhere known."""
        self._declared.setdefault(name, f"declare {result} @{name}({', '.join(parameters)})")

    def table(self, name: str, values: Sequence[Value]) -> Value:
        """A read-only array of constants; the value is its address."""
        body = ", ".join(map(str, values))
        kind = f"[{len(values)} x {values[0].type}]"
        self._globals.append(f"@{name} = internal constant {kind} [{body}], align 64")
        return Value("ptr", f"@{name}")

    def __str__(self) -> str:
        parts = [*self._globals, *self._declared.values(), *map(str, self.functions.values())]
        return "\n".join(parts) + "\n"


class Function:
    """One function, written instruction by instruction into its current block."""

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
        self.module, self.name, self.result = module, name, result
        self.parameters = [Value(type, f"%{each}") for type, each in parameters]
        linkage = "" if public else "internal "
        attributes = {None: "", True: " alwaysinline", False: " noinline"}[inline]
        attributes = " noinline optnone" if rare else attributes
        # `noalias` is not claimed: buffers may be views of one arena
        self._head = (
            f"define {linkage}{result} @{name}({', '.join(map(str, self.parameters))})"
            f" nounwind{attributes} {{"
        )
        self._lines: list[str] = []
        self._count = 0
        self.block = "entry"
        self.open("entry")

    # Text ---------------------------------------------------------------------------------

    def fresh(self, prefix: str = "v") -> str:
        self._count += 1
        return f"{prefix}{self._count}"

    def emit(self, type: str, text: str) -> Value:
        """One instruction that has a result."""
        self._count += 1
        name = f"%v{self._count}"
        self._lines.append(f"  {name} = {text}")
        return Value(type, name)

    def do(self, text: str) -> None:
        """One instruction without a result."""
        self._lines.append(f"  {text}")

    def open(self, label: str) -> None:
        """Begin a block; the one before must have ended."""
        self.block = label
        self._lines.append(f"{label}:")

    def __str__(self) -> str:
        return "\n".join([self._head, *self._lines, "}"])

    # Arithmetic -----------------------------------------------------------------------------

    def _binary(self, name: str, x: Value, y: Value) -> Value:
        return self.emit(x.type, f"{name} {x.type} {x.name}, {y.name}")

    def add(self, x: Value, y: Value) -> Value:
        return self._binary("fadd" if element(x.type) in FLOATS else "add", x, y)

    def subtract(self, x: Value, y: Value) -> Value:
        return self._binary("fsub" if element(x.type) in FLOATS else "sub", x, y)

    def multiply(self, x: Value, y: Value) -> Value:
        return self._binary("fmul" if element(x.type) in FLOATS else "mul", x, y)

    def divide(self, x: Value, y: Value) -> Value:
        return self._binary("fdiv" if element(x.type) in FLOATS else "sdiv", x, y)

    def negative(self, x: Value) -> Value:
        if element(x.type) in FLOATS:
            return self.emit(x.type, f"fneg {x}")
        return self.subtract(number(0, x.type), x)

    def fma(self, x: Value, y: Value, z: Value) -> Value:
        """x y + z, rounded once."""
        return self.intrinsic("fma", x, y, z)

    def bits(self, name: str, x: Value, y: Value) -> Value:
        """A bitwise operation: and, or, xor, shl, lshr, ashr; also urem, udiv."""
        return self._binary(name, x, y)

    def compare(self, how: str, x: Value, y: Value) -> Value:
        """An i1 (a vector of them): ogt, oge, olt, oeq, uno, ... for floats; sgt, eq, ... else.

        `>`, `>=` and `==` are for all types, and false where a float is NaN.
        """
        is_float = element(x.type) in FLOATS
        kind = "fcmp" if is_float else "icmp"
        if how in _SIGNS:
            how = _SIGNS[how][0 if is_float else 1 + (element(x.type) == "i1")]
        return self.emit(vector("i1", lanes(x.type)), f"{kind} {how} {x.type} {x.name}, {y.name}")

    def select(self, condition: Value, x: Value, y: Value) -> Value:
        return self.emit(x.type, f"select {condition}, {x}, {y}")

    def intrinsic(self, name: str, *arguments: Value, result: str = "") -> Value:
        """An LLVM intrinsic that is overloaded on the type of its first argument."""
        type = arguments[0].type
        suffix = f"v{lanes(type)}" if lanes(type) > 1 else ""
        suffix += {"float": "f32", "double": "f64"}.get(element(type), element(type))
        return self.call(f"llvm.{name}.{suffix}", result or type, *arguments, declared=False)

    def call(self, name: str, result: str, *arguments: Value, declared: bool = True) -> Value:
        """Call a function of this module, or, with `declared` False, one from elsewhere."""
        if not declared:
            self.module.declare(name, result, [each.type for each in arguments])
        text = f"call {result} @{name}({', '.join(map(str, arguments))})"
        if result == "void":
            self.do(text)
            return Value("void", "")
        return self.emit(result, text)

    def math(self, name: str, *values: Value) -> Value:
        """A mathematical function by its gate's name, as `vector_math` writes it."""
        from talweg.engine.native.emit.math.functions import (
            FUNCTIONS,  # it is written with this class
        )

        return FUNCTIONS[name](self, *values)

    # Types ----------------------------------------------------------------------------------

    def bitcast(self, x: Value, type: str) -> Value:
        return self.emit(type, f"bitcast {x} to {type}")

    def convert(self, x: Value, of: str) -> Value:
        """The same numbers as elements of another type; floats to whole numbers are truncated."""
        source, type = element(x.type), vector(of, lanes(x.type))
        if source == of:
            return x
        if of == "i1":
            zero = number(0, x.type)
            return self.compare("une" if source in FLOATS else "ne", x, zero)
        if source in FLOATS and of in FLOATS:
            how = "fpext" if of == "double" else "fptrunc"
        elif source in FLOATS:
            how = "fptosi"
        elif of in FLOATS:
            how = "uitofp" if source in ("i1", "i8") else "sitofp"
        elif size_of(source) > size_of(of):
            how = "trunc"
        else:
            how = "zext" if source in ("i1", "i8") else "sext"
        return self.emit(type, f"{how} {x} to {type}")

    def splat(self, x: Value, count: int) -> Value:
        """A scalar in every lane of a vector."""
        if count == 1 or lanes(x.type) == count:
            return x
        type = vector(x.type, count)
        first = self.emit(type, f"insertelement {type} poison, {x}, i64 0")
        return self.emit(
            type, f"shufflevector {first}, {type} poison, <{count} x i32> zeroinitializer"
        )

    def shuffle(self, x: Value, y: Value, order: Sequence[int]) -> Value:
        """Lanes of x, then y, in the given order; -1 leaves a lane undefined."""
        picks = ", ".join("i32 poison" if each < 0 else f"i32 {each}" for each in order)
        type = vector(element(x.type), len(order))
        return self.emit(type, f"shufflevector {x}, {y}, <{len(order)} x i32> <{picks}>")

    def extract(self, x: Value, lane: Index) -> Value:
        return self.emit(element(x.type), f"extractelement {x}, {self.index(lane)}")

    def insert(self, x: Value, item: Value, lane: Index) -> Value:
        return self.emit(x.type, f"insertelement {x}, {item}, {self.index(lane)}")

    def count_up(self, type: str) -> Value:
        """The constant 0, 1, 2, ... in the lanes of a type of whole numbers."""
        if lanes(type) == 1:
            return number(0, type)
        of = element(type)
        return Value(type, f"<{', '.join(f'{of} {i}' for i in range(lanes(type)))}>")

    # Whole numbers ----------------------------------------------------------------------------

    def index(self, x: Index) -> Value:
        return number(x, "i64") if isinstance(x, int) else x

    def plus(self, x: Index, y: Index) -> Index:
        if isinstance(x, int) and isinstance(y, int):
            return x + y
        if x == 0 or y == 0:
            return y if x == 0 else x
        return self._binary("add nsw", self.index(x), self.index(y))

    def minus(self, x: Index, y: Index) -> Index:
        if isinstance(x, int) and isinstance(y, int):
            return x - y
        return x if y == 0 else self._binary("sub nsw", self.index(x), self.index(y))

    def times(self, x: Index, y: Index) -> Index:
        if isinstance(x, int) and isinstance(y, int):
            return x * y
        if x == 0 or y == 0:
            return 0
        if x == 1 or y == 1:
            return y if x == 1 else x
        return self._binary("mul nsw", self.index(x), self.index(y))

    def over(self, x: Index, y: Index) -> Index:
        """The quotient of two numbers that are not negative, rounded down."""
        if isinstance(x, int) and isinstance(y, int):
            return x // y
        return x if y == 1 else self._binary("udiv", self.index(x), self.index(y))

    def least(self, x: Index, y: Index) -> Index:
        if isinstance(x, int) and isinstance(y, int):
            return min(x, y)
        return self.intrinsic("smin", self.index(x), self.index(y))

    def rounded_down(self, x: Index, unit: int) -> Index:
        """The multiple of a power of two at or below x."""
        if isinstance(x, int):
            return x - x % unit
        return x if unit == 1 else self.bits("and", x, number(-unit, "i64"))

    # Memory -----------------------------------------------------------------------------------

    def at(self, pointer: Value, place: Index, type: str) -> Value:
        """The address of element `place` of an array of `type`."""
        if isinstance(place, int) and place == 0:
            return pointer
        return self.emit("ptr", f"getelementptr {type}, {pointer}, {self.index(place)}")

    def load(self, type: str, pointer: Value) -> Value:
        return self.emit(type, f"load {type}, {pointer}, align {size_of(element(type))}")

    def store(self, x: Value, pointer: Value) -> None:
        self.do(f"store {x}, {pointer}, align {size_of(element(x.type))}")

    def masked_load(self, type: str, pointer: Value, mask: Value) -> Value:
        """The lanes where the mask holds; 0 elsewhere."""
        align = size_of(element(type))
        zero = Value(type, "zeroinitializer")
        name = f"llvm.masked.load.{self._suffix(type)}.p0"
        self.module.declare(name, type, ["ptr", "i32", mask.type, type])
        return self.emit(type, f"call {type} @{name}({pointer}, i32 {align}, {mask}, {zero})")

    def masked_store(self, x: Value, pointer: Value, mask: Value) -> None:
        align = size_of(element(x.type))
        name = f"llvm.masked.store.{self._suffix(x.type)}.p0"
        self.module.declare(name, "void", [x.type, "ptr", "i32", mask.type])
        self.do(f"call void @{name}({x}, {pointer}, i32 {align}, {mask})")

    def _suffix(self, type: str) -> str:
        of = {"float": "f32", "double": "f64"}.get(element(type), element(type))
        return f"v{lanes(type)}{of}" if lanes(type) > 1 else of

    def first_lanes(self, count: Index, lanes: int) -> Value:
        """A mask that holds in the first `count` lanes."""
        if isinstance(count, int):
            held = ", ".join(f"i1 {int(place < count)}" for place in range(lanes))
            return Value(vector("i1", lanes), f"<{held}>")
        type, limit = (
            vector("i64" if self.module.vector_bytes // 8 >= lanes else "i32", lanes),
            count,
        )
        if element(type) == "i32":
            limit = self.emit("i32", f"trunc {limit} to i32")
        return self.compare("slt", self.count_up(type), self.splat(limit, lanes))

    def stack(self, type: str, count: int, align: int = 64) -> Value:
        """Room for `count` elements that lives as long as the call; only in the entry block."""
        return self.emit("ptr", f"alloca {type}, i64 {count}, align {align}")

    # Control ----------------------------------------------------------------------------------

    def give(self, x: Value | None = None) -> None:
        """Return from the function."""
        self.do("ret void" if x is None else f"ret {x}")

    def jump(self, label: str) -> None:
        self.do(f"br label %{label}")

    def branch(self, condition: Value, yes: str, no: str) -> None:
        self.do(f"br {condition}, label %{yes}, label %{no}")

    def joined(self, *sources: tuple[Value, str]) -> Value:
        """The value of the block, by its label, that control came from; first in its own block."""
        result = Value(sources[0][0].type, f"%{self.fresh('j')}")
        self._lines.append(phi(result, *sources))
        return result

    @contextmanager
    def when(self, condition: Value) -> Iterator[None]:
        """What is written inside runs only where the condition holds."""
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
        """for index in range(start, stop, step), with values carried from round to round.

        Tested at the end, behind one test before the first round. After the `with`,
        `loop.results` are the carried values as they were left.
        """
        before, body, after = self.block, self.fresh("loop"), self.fresh("end")
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
        values = [Value(each.type, f"%{self.fresh('c')}") for each in carried]
        place = len(self._lines)
        self._lines += [""] * (1 + len(values))
        loop = Loop(index, values)
        yield loop
        following = self.index(self.plus(index, step))
        latch = self.block
        self.branch(self.compare("slt", following, limit), body, after)
        self._lines[place] = phi(index, (first, before), (following, latch))
        for i, (value, initial, final) in enumerate(zip(values, carried, loop.after, strict=True)):
            self._lines[place + 1 + i] = phi(value, (initial, before), (final, latch))
        self.open(after)
        for initial, final in zip(carried, loop.after, strict=True):
            result = Value(initial.type, f"%{self.fresh('r')}")
            sources = [(final, latch)] if rounds else [(initial, before), (final, latch)]
            self._lines.append(phi(result, *sources))
            loop.results.append(result)
