"""The instructions of LLVM IR: arithmetic, conversions, indices, loads and stores."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from talweg.engine.native.llvm.values import (
    FLOATS,
    Index,
    Value,
    element,
    number,
    size_of,
    vector,
    width_of,
)

_SIGNS = {">": ("ogt", "sgt", "ugt"), ">=": ("oge", "sge", "uge"), "==": ("oeq", "eq", "eq")}
"""The comparisons that have a sign: their names for floats, for integers, and for i1."""


class Header:
    """What the functions of a module share: declarations, constant arrays, the vector width.

    `math` holds the writers of mathematical functions, by the name of the gate.
    """

    def __init__(
        self, vector_bytes: int, math: Mapping[str, Callable[..., Any]] | None = None
    ) -> None:
        self.vector_bytes, self.math = vector_bytes, math or {}
        self._declared: dict[str, str] = {}
        self._globals: list[str] = []

    def vector_width(self, type: str) -> int:
        """Elements of a type in a vector register."""
        return self.vector_bytes // size_of(type)

    def declare(self, name: str, result: str, parameters: Sequence[str]) -> None:
        """Declare an intrinsic or a function from outside."""
        self._declared.setdefault(name, f"declare {result} @{name}({', '.join(parameters)})")

    def table(self, name: str, values: Sequence[Value]) -> Value:
        """Define a read-only array of constants; returns its address."""
        body = ", ".join(map(str, values))
        kind = f"[{len(values)} x {values[0].type}]"
        self._globals.append(f"@{name} = internal constant {kind} [{body}], align 64")
        return Value("ptr", f"@{name}")


class Instructions:
    """Writes instructions, one per line, and returns their values.

    Python integers may take the place of i64 values, and are folded.
    """

    def __init__(self, module: Header) -> None:
        self.module = module
        self._lines: list[str] = []
        self._count = 0

    def fresh(self, prefix: str = "v") -> str:
        """A new name for a value or a label."""
        self._count += 1
        return f"{prefix}{self._count}"

    def emit(self, type: str, text: str) -> Value:
        """Write an instruction that has a result."""
        self._count += 1
        name = f"%v{self._count}"
        self._lines.append(f"  {name} = {text}")
        return Value(type, name)

    def do(self, text: str) -> None:
        """Write an instruction without a result."""
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
        """x y + z, with one rounding."""
        return self.intrinsic("fma", x, y, z)

    def bits(self, name: str, x: Value, y: Value) -> Value:
        """An operation on the bits of integers: and, or, xor, shl, lshr, ashr."""
        return self._binary(name, x, y)

    def remainder(self, x: Value, y: Value) -> Value:
        """The remainder of two non-negative integers."""
        return self._binary("urem", x, y)

    def compare(self, how: str, x: Value, y: Value) -> Value:
        """Compare two values: ogt, oge, olt, oeq, uno, ... for floats, sgt, eq, ... for integers.

        `>`, `>=` and `==` are for code that serves all types; they are false if a float is NaN.
        """
        is_float = element(x.type) in FLOATS
        kind = "fcmp" if is_float else "icmp"
        if how in _SIGNS:
            how = _SIGNS[how][0 if is_float else 1 + (element(x.type) == "i1")]
        return self.emit(
            vector("i1", width_of(x.type)), f"{kind} {how} {x.type} {x.name}, {y.name}"
        )

    def select(self, condition: Value, x: Value, y: Value) -> Value:
        return self.emit(x.type, f"select {condition}, {x}, {y}")

    def intrinsic(self, name: str, *arguments: Value, result: str = "") -> Value:
        """Call an LLVM intrinsic that is overloaded on the type of its first argument."""
        type = arguments[0].type
        suffix = f"v{width_of(type)}" if width_of(type) > 1 else ""
        suffix += {"float": "f32", "double": "f64"}.get(element(type), element(type))
        return self.call(f"llvm.{name}.{suffix}", result or type, *arguments, external=True)

    def call(self, name: str, result: str, *arguments: Value, external: bool = False) -> Value:
        """Call a function of this module; `external` declares one from outside."""
        if external:
            self.module.declare(name, result, [argument.type for argument in arguments])
        text = f"call {result} @{name}({', '.join(map(str, arguments))})"
        if result == "void":
            self.do(text)
            return Value("void", "")
        return self.emit(result, text)

    def math(self, name: str, *values: Value) -> Value:
        """Write the mathematical function of a gate, by the gate's name."""
        result: Value = self.module.math[name](self, *values)
        return result

    # Types ----------------------------------------------------------------------------------

    def bitcast(self, x: Value, type: str) -> Value:
        return self.emit(type, f"bitcast {x} to {type}")

    def convert(self, x: Value, of: str) -> Value:
        """Convert to another element type; floats are truncated to integers."""
        source, type = element(x.type), vector(of, width_of(x.type))
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
        """The lowest bits of integers."""
        type = vector(of, width_of(x.type))
        return self.emit(type, f"trunc {x} to {type}")

    def splat(self, x: Value, count: int) -> Value:
        """A vector with a scalar in every lane."""
        if count == 1 or width_of(x.type) == count:
            return x
        type = vector(x.type, count)
        first = self.emit(type, f"insertelement {type} poison, {x}, i64 0")
        return self.emit(
            type, f"shufflevector {first}, {type} poison, <{count} x i32> zeroinitializer"
        )

    def shuffle(self, x: Value, y: Value, order: Sequence[int]) -> Value:
        """The lanes of x and then y in the given order; -1 leaves a lane undefined."""
        picks = ", ".join("i32 poison" if lane < 0 else f"i32 {lane}" for lane in order)
        type = vector(element(x.type), len(order))
        return self.emit(type, f"shufflevector {x}, {y}, <{len(order)} x i32> <{picks}>")

    def extract(self, x: Value, lane: Index) -> Value:
        return self.emit(element(x.type), f"extractelement {x}, {self.index(lane)}")

    def insert(self, x: Value, item: Value, lane: Index) -> Value:
        return self.emit(x.type, f"insertelement {x}, {item}, {self.index(lane)}")

    def iota(self, type: str) -> Value:
        """The constants 0, 1, 2, ... in the lanes of an integer type."""
        if width_of(type) == 1:
            return number(0, type)
        of = element(type)
        return Value(type, f"<{', '.join(f'{of} {i}' for i in range(width_of(type)))}>")

    # Indices ----------------------------------------------------------------------------------
    # Arithmetic on i64 that folds Python integers and must not overflow. `add`, `multiply` and so
    # on take values of any type, and integers wrap around.

    def index(self, x: Index) -> Value:
        """An index as an i64 value."""
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
        """The quotient of two non-negative integers, rounded down."""
        if isinstance(x, int) and isinstance(y, int):
            return x // y
        return x if y == 1 else self._binary("udiv", self.index(x), self.index(y))

    def least(self, x: Index, y: Index) -> Index:
        if isinstance(x, int) and isinstance(y, int):
            return min(x, y)
        return self.intrinsic("smin", self.index(x), self.index(y))

    def rounded_down(self, x: Index, unit: int) -> Index:
        """The largest multiple of `unit`, a power of two, that is at most x."""
        if isinstance(x, int):
            return x - x % unit
        return x if unit == 1 else self.bits("and", x, number(-unit, "i64"))

    # Memory -----------------------------------------------------------------------------------

    def at(self, pointer: Value, index: Index, type: str) -> Value:
        """The address of an element of an array of `type`."""
        if isinstance(index, int) and index == 0:
            return pointer
        return self.emit("ptr", f"getelementptr {type}, {pointer}, {self.index(index)}")

    def load(self, type: str, pointer: Value) -> Value:
        return self.emit(type, f"load {type}, {pointer}, align {size_of(element(type))}")

    def store(self, x: Value, pointer: Value) -> None:
        self.do(f"store {x}, {pointer}, align {size_of(element(x.type))}")

    def masked_load(self, type: str, pointer: Value, mask: Value) -> Value:
        """Load the lanes where the mask holds; the others are 0."""
        align = size_of(element(type))
        zero = Value(type, "zeroinitializer")
        name = f"llvm.masked.load.{self._suffix(type)}.p0"
        self.module.declare(name, type, ["ptr", "i32", mask.type, type])
        return self.emit(type, f"call {type} @{name}({pointer}, i32 {align}, {mask}, {zero})")

    def masked_store(self, x: Value, pointer: Value, mask: Value) -> None:
        """Store the lanes where the mask holds."""
        align = size_of(element(x.type))
        name = f"llvm.masked.store.{self._suffix(x.type)}.p0"
        self.module.declare(name, "void", [x.type, "ptr", "i32", mask.type])
        self.do(f"call void @{name}({x}, {pointer}, i32 {align}, {mask})")

    def _suffix(self, type: str) -> str:
        of = {"float": "f32", "double": "f64"}.get(element(type), element(type))
        return f"v{width_of(type)}{of}" if width_of(type) > 1 else of

    def first_lanes(self, count: Index, lanes: int) -> Value:
        """A mask of the first `count` lanes."""
        if isinstance(count, int):
            held = ", ".join(f"i1 {int(lane < count)}" for lane in range(lanes))
            return Value(vector("i1", lanes), f"<{held}>")
        type, limit = (
            vector("i64" if self.module.vector_bytes // 8 >= lanes else "i32", lanes),
            count,
        )
        if element(type) == "i32":
            limit = self.emit("i32", f"trunc {limit} to i32")
        return self.compare("slt", self.iota(type), self.splat(limit, lanes))

    def stack(self, type: str, count: int, align: int = 64) -> Value:
        """An array on the stack, until the function returns; only in the entry block."""
        return self.emit("ptr", f"alloca {type}, i64 {count}, align {align}")
