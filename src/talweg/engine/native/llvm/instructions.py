"""The instructions of LLVM IR: arithmetic, conversions, whole numbers, loads and stores."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from talweg.engine.native.llvm.values import (
    FLOATS,
    Index,
    Value,
    element,
    lanes,
    number,
    size_of,
    vector,
)

_SIGNS = {">": ("ogt", "sgt", "ugt"), ">=": ("oge", "sge", "uge"), "==": ("oeq", "eq", "eq")}
"""Comparisons by sign: their names for floats, for whole numbers, and for i1."""


class Header:
    """What all functions of a module share: declarations, constant tables, the vector width.

    `math` writes mathematical functions of values, by the names of their gates.
    """

    def __init__(
        self, vector_bytes: int, math: Mapping[str, Callable[..., Any]] | None = None
    ) -> None:
        self.vector_bytes, self.math = vector_bytes, math or {}
        self._declared: dict[str, str] = {}
        self._globals: list[str] = []

    def lanes(self, type: str) -> int:
        """How many elements of this type one vector register holds."""
        return self.vector_bytes // size_of(type)

    def declare(self, name: str, result: str, parameters: Sequence[str]) -> None:
        """Make an intrinsic or a function from elsewhere known."""
        self._declared.setdefault(name, f"declare {result} @{name}({', '.join(parameters)})")

    def table(self, name: str, values: Sequence[Value]) -> Value:
        """A read-only array of constants; the value is its address."""
        body = ", ".join(map(str, values))
        kind = f"[{len(values)} x {values[0].type}]"
        self._globals.append(f"@{name} = internal constant {kind} [{body}], align 64")
        return Value("ptr", f"@{name}")


class Instructions:
    """Writes instructions, one a line; each that has a result gives its value.

    Python integers may stand where an i64 is wanted, and are folded.
    """

    def __init__(self, module: Header) -> None:
        self.module = module
        self._lines: list[str] = []
        self._count = 0

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
        """A mathematical function by the name of its gate."""
        result: Value = self.module.math[name](self, *values)
        return result

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

    def truncate(self, x: Value, of: str) -> Value:
        """The lowest bits of whole numbers."""
        type = vector(of, lanes(x.type))
        return self.emit(type, f"trunc {x} to {type}")

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
