"""Packing: copies of a matrix in the order in which the micro-kernels read it."""

from __future__ import annotations

from collections.abc import Sequence

from talweg.engine.native.emit.gemm.matrix import Matrix
from talweg.engine.native.emit.gemm.tiles import panel_width
from talweg.engine.native.llvm.module import Function, Module
from talweg.engine.native.llvm.values import Value, number, size_of, vector, width_of

TOGETHER = 32
"""Rows that are packed together. Each is read from end to end, which the prefetcher follows; read
panel by panel, every cache line was a miss."""
COPY_PARAMETERS = [
    ("ptr", "source"),
    ("i64", "source_row"),
    ("ptr", "target"),
    ("i64", "target_row"),
]


def quarter(type: str) -> int:
    """Elements in 16 bytes, within which shuffles are cheap on every processor."""
    return 16 // size_of(type)


def copy(module: Module, type: str) -> str:
    """target[i, p] = source[i, p] for i < rows, p < columns; columns fill at least one vector."""
    name = f"talweg_copy_{type}"
    if name in module.functions:
        return name
    f = module.function(name, [("i64", "rows"), ("i64", "columns"), *COPY_PARAMETERS], inline=False)
    rows, columns, source, source_row, target, target_row = f.parameters
    wide = vector(type, module.vector_width(type))
    last = f.minus(columns, module.vector_width(type))
    with f.loop(0, rows, 1, [source, target]) as row:
        x, y = row.values
        with f.loop(0, columns, module.vector_width(type)) as column:
            first = f.least(column.index, last)
            f.store(f.load(wide, f.at(x, first, type)), f.at(y, first, type))
        row.carry(f.at(x, source_row, type), f.at(y, target_row, type))
    f.ret()
    return name


def transpose(module: Module, type: str) -> str:
    """target[p, r] = source[r, p] for r < rows, p < columns.

    Blocks of one vector of rows by 16 bytes of columns are transposed in registers. The last block
    of each axis overlaps the one before if it does not fit, so each axis must hold one block.
    """
    name = f"talweg_turn_{type}"
    if name in module.functions:
        return name
    f = module.function(name, [("i64", "rows"), ("i64", "columns"), *COPY_PARAMETERS], inline=False)
    rows, columns, source, source_row, target, target_row = f.parameters
    high, part = module.vector_width(type), quarter(type)
    last_row, last_column = f.minus(rows, high), f.minus(columns, part)
    with f.loop(0, rows, high) as block:
        first = f.least(block.index, last_row)
        starts = [f.at(source, f.times(first, source_row), type)]
        while len(starts) < high:
            starts.append(f.at(starts[-1], source_row, type))
        with f.loop(0, columns, part) as loop:
            column = f.least(loop.index, last_column)
            goal = f.at(target, f.plus(f.times(column, target_row), first), type)
            for line in _transposed(f, type, [f.at(start, column, type) for start in starts]):
                f.store(line, goal)
                goal = f.at(goal, target_row, type)
    f.ret()
    return name


def _transposed(f: Function, type: str, starts: Sequence[Value]) -> list[Value]:
    """Vectors of which the i-th holds element i of every row; rows begin at `starts`."""
    part = quarter(type)
    loaded = [f.load(vector(type, part), start) for start in starts]
    wide = [_joined(f, loaded[i::part]) for i in range(part)]
    for _ in range(part.bit_length() - 1):
        wide = _interleaved(f, wide, part)
    return wide


def _joined(f: Function, parts: list[Value]) -> Value:
    """The vectors joined into one."""
    while len(parts) > 1:
        order = range(2 * width_of(parts[0].type))
        parts = [f.shuffle(x, y, order) for x, y in zip(parts[::2], parts[1::2], strict=True)]
    return parts[0]


def _interleaved(f: Function, x: list[Value], part: int) -> list[Value]:
    """x[i] and x[i + half] interleaved element by element, within every 16 bytes.

    Repeated log2(part) times, this transposes squares of `part` rows.
    """
    half, wide = part // 2, width_of(x[0].type)
    halves = []
    for low, high in zip(x[:half], x[half:], strict=True):
        for begin in (0, half):
            places = [start + begin + i for start in range(0, wide, part) for i in range(half)]
            halves.append(f.shuffle(low, high, [lane + y for lane in places for y in (0, wide)]))
    return halves


def pack(module: Module, type: str, *, public: bool = False) -> str:
    """Pack panels [first, last) of B: k rows of a panel's columns, padded with zeros.

    Panels lie `depth` rows apart in the target, of which these k may be a part.
    """
    name = f"talweg_pack_{type}"
    if name in module.functions:
        return name
    transposing = transpose(module, type)
    source = [("i64", "k"), ("i64", "n"), ("ptr", "b"), ("i64", "b_step"), ("i64", "b_column")]
    goal = [("ptr", "out"), ("i64", "depth"), ("i64", "first"), ("i64", "last")]
    f = module.function(name, [*source, *goal], public=public, inline=False)
    k, n, b, b_step, b_column, out, depth, first, last = f.parameters
    wide = number(panel_width(module, type), "i64")
    deep = f.compare("sge", k, number(quarter(type), "i64"))
    along = f.compare("eq", b_column, number(1, "i64"))
    across = f.bits("and", f.compare("eq", b_step, number(1, "i64")), deep)
    block = f.select(along, number(TOGETHER, "i64"), f.intrinsic("smax", k, number(1, "i64")))
    with f.loop(0, k, block, [b, out]) as rows:
        count = f.index(f.least(f.minus(k, rows.index), block))
        with f.loop(first, last) as panel:
            column = f.times(panel.index, wide)
            width = f.index(f.least(f.minus(n, column), wide))
            begin = f.at(rows.values[0], f.times(column, b_column), type)
            target = f.at(rows.values[1], f.times(column, depth), type)
            full = f.compare("eq", width, wide)
            choices = [f.bits("and", full, layout) for layout in (along, across)]
            with f.when(choices[0]):
                _copy_panel(f, type, count, Matrix(begin, b_step), target)
            with f.when(choices[1]):
                f.call(transposing, "void", wide, count, begin, b_column, target, wide)
            with f.when(f.compare("eq", f.bits("or", *choices), number(False, "i1"))):
                rest = Matrix(begin, b_step, b_column)
                _copy_elements(f, type, (count, width), rest, target)
        pairs = zip(rows.values, (b_step, wide), strict=True)
        rows.carry(*(f.at(address, f.times(step, block), type) for address, step in pairs))
    f.ret()
    return name


def _copy_panel(f: Function, type: str, rows: Value, source: Matrix, target: Value) -> None:
    """Copy rows of a full panel."""
    wide = vector(type, f.module.vector_width(type))
    with f.loop(0, rows, 1, [source.pointer, target]) as row:
        x, y = row.values
        for first in (0, width_of(wide)):
            f.store(f.load(wide, f.at(x, first, type)), f.at(y, first, type))
        row.carry(f.at(x, source.row, type), f.at(y, 2 * width_of(wide), type))


def _copy_elements(
    f: Function, type: str, shape: tuple[Value, Value], source: Matrix, target: Value
) -> None:
    """Copy a panel of any B element by element, and pad it with zeros."""
    k, width = shape
    wide, last = panel_width(f.module, type), f.minus(width, 1)
    with f.loop(0, k, 1, [source.pointer, target]) as loop:
        x, y = loop.values
        with f.loop(0, wide) as lane:
            column = f.least(lane.index, last)
            value = f.load(type, f.at(x, f.times(column, source.column), type))
            inside = f.compare("slt", lane.index, width)
            f.store(f.select(inside, value, number(0, type)), f.at(y, lane.index, type))
        loop.carry(f.at(x, source.row, type), f.at(y, wide, type))
