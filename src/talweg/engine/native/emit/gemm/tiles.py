"""The micro-kernels of GEMM: tiles of C whose sums stay in registers.

Every element of C is one chain, sum = fma(A[i, p], B[p, j], sum) for p = 0, 1, ..., whichever tile
holds it, so no choice made here changes a bit of the result. A last tile that does not fit overlaps
the rows before it and computes the same sums again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from talweg.engine.native.emit.gemm.matrix import Matrix
from talweg.engine.native.llvm.module import Function, Module
from talweg.engine.native.llvm.values import Index, Value, number, vector

RECORD = ("k", "a", "a_row", "a_step", "b_step", "b_panel", "c_row", "adding")
"""The fields of a block of C (+)= A B, which all its functions read; eight bytes each."""
POINTERS = [("ptr", "a"), ("ptr", "b"), ("ptr", "c")]
CHAINS = 8
"""Sums of a low tile, in four rows of two vectors or eight of one: enough to hide the latency of
fma, of which two begin in each cycle and take four."""
SHORT = 4
"""Rows from which low tiles pay."""
ROW_UNIT = 6
"""Threads share rows in multiples of this. A tall tile has 6 rows, or 12: then the last tile of a
thread may be half full."""
ABREAST = 8
"""Panels by which a single row is multiplied at a time: 16 chains, and one pass over the row gives
128 columns in float32. One row through 784-1024-1024-10 took 0.76 of the time that it takes with
two panels at a time, one through 384-512-512-1 0.85 (AMD Zen 3, vectors of 32 bytes)."""
MASKED_BYTES = 64
"""Bytes of the vectors whose masked stores are quick: those of AVX-512. With AVX2 each takes 12
cycles on AMD Zen 3."""
ABREAST_BYTES = 512
"""The most bytes of those columns: with vectors of 64 bytes, 8 chains are enough."""


class Tile(NamedTuple):
    """Rows of a tile, and a mask for each of its vectors of columns (None: all are in C)."""

    rows: int
    masks: Sequence[Value | None] = (None, None)


def panel_width(module: Module, type: str) -> int:
    """Columns of a tile, and of a panel of B: two vectors."""
    return 2 * module.vector_width(type)


def abreast(module: Module) -> int:
    """Panels by which a single row is multiplied at a time."""
    return min(ABREAST, ABREAST_BYTES // (2 * module.vector_bytes))


def tall(module: Module) -> int:
    """Rows of a tall tile: its sums, two vectors of B and one of A fill the registers."""
    return 6 if module.registers < 32 else 12


def write(f: Function, record: Value, **fields: Index) -> None:
    """Set fields of a record."""
    for name, value in fields.items():
        f.store(f.index(value), f.at(record, RECORD.index(name), "i64"))


def read(f: Function, record: Value, *names: str) -> list[Value]:
    """Fields of a record."""
    addresses = [f.at(record, RECORD.index(name), "i64") for name in names]
    kinds = ["ptr" if name == "a" else "i64" for name in names]
    return [
        f.emit(kind, f"load {kind}, {address}")
        for kind, address in zip(kinds, addresses, strict=True)
    ]


def strips(module: Module, type: str) -> str:
    """C[:m, panel] (+)= A[:m, :k] B[:k, panel] by tall tiles, whose rows divide m."""
    name, rows = f"talweg_strips_{type}", tall(module)
    f = module.function(name, [("ptr", "record"), ("i64", "m"), *POINTERS], inline=False)
    record, m, a, b, c = f.parameters
    zeros, zero = Value("ptr", f"@talweg_zeros_{type}"), number(0, "i64")
    a_row, c_row, flag = read(f, record, "a_row", "c_row", "adding")
    adding = f.compare("ne", flag, zero)
    old_row = f.select(adding, c_row, zero)
    with f.loop(0, m, rows) as strip:
        target = f.at(c, f.times(strip.index, c_row), type)
        targets = _spaced(f, type, target, c_row, rows)
        for row in targets:
            # its end: if that is another cache line, the panel before has fetched the beginning
            _prefetch(f, f.at(row, panel_width(module, type) - 1, type))
        left = f.at(a, f.times(strip.index, a_row), type)
        sums = _tile(f, type, record, Matrix(left, a_row), b, Tile(rows))
        old = _spaced(f, type, f.select(adding, target, zeros), old_row, rows)
        _add(f, type, list(zip(old, targets, strict=True)), sums)
    f.ret()
    return name


def edge(module: Module, type: str, name: str, vectors: int, *, masked: bool) -> str:
    """C[first:m, :width] (+)= A[first:m, :k] B[:k, :width] by low tiles of one or two vectors.

    The last tile overlaps the one before where it does not fit; if there are fewer rows than in a
    tile, each row is computed alone, as many times over. Full tiles that do not accumulate are
    stored to C directly, others by way of a tile in memory. `masked` reads only `width` columns of
    B.
    """
    rows = CHAINS // vectors
    sizes = [("ptr", "record"), ("i64", "first"), ("i64", "m"), ("i64", "width")]
    f = module.function(f"talweg_{name}_{type}", [*sizes, *POINTERS], inline=False)
    record, first, m, width, a, b, c = f.parameters
    zero, wide = number(0, "i64"), number(panel_width(module, type), "i64")
    tile = f.stack(type, rows * panel_width(module, type))
    masks = _masks(f, type, width, vectors) if masked else (None,) * vectors
    a_row, c_row, flag = read(f, record, "a_row", "c_row", "adding")
    few = f.compare("slt", m, number(rows, "i64"))
    step, apart = f.select(few, number(1, "i64"), number(rows, "i64")), f.select(few, zero, a_row)
    whole = number(vectors * module.vector_width(type), "i64")
    is_whole = f.compare("eq", f.bits("or", f.bits("xor", width, whole), flag), zero)
    direct = f.bits("and", is_whole, f.bits("xor", few, number(True, "i1")))
    row, last = f.select(direct, c_row, wide), f.minus(m, step)
    with f.loop(first, m, step) as strip:
        start = f.index(f.least(strip.index, last))
        left = f.at(a, f.times(start, a_row), type)
        sums = _tile(f, type, record, Matrix(left, apart), b, Tile(rows, masks))
        address = f.select(direct, f.at(c, f.times(start, c_row), type), tile)
        for i, target in enumerate(_spaced(f, type, address, row, rows)):
            _store(f, type, sums[vectors * i : vectors * (i + 1)], target)
        with f.when(f.bits("xor", direct, number(True, "i1"))):
            done = f.minus(strip.index, start)
            source = f.at(tile, f.times(done, wide), type)
            target = f.at(c, f.times(strip.index, c_row), type)
            fresh = f.index(f.minus(step, done))
            f.call(f"talweg_settle_{type}", "void", record, fresh, width, source, target)
    f.ret()
    return name


def _masks(f: Function, type: str, width: Value, vectors: int) -> tuple[Value, ...]:
    """Masks of the lanes of the vectors of a panel that hold the first `width` columns."""
    lanes = f.module.vector_width(type)
    return tuple(f.first_lanes(f.minus(width, v * lanes), lanes) for v in range(vectors))


def _prefetch(f: Function, address: Value) -> None:
    """Prefetch a cache line for writing."""
    f.module.declare("llvm.prefetch.p0", "void", ["ptr", "i32", "i32", "i32"])
    f.do(f"call void @llvm.prefetch.p0({address}, i32 1, i32 3, i32 1)")


def _spaced(f: Function, type: str, start: Value, row: Value, count: int) -> list[Value]:
    """The addresses of `count` rows."""
    addresses = [start]
    while len(addresses) < count:
        addresses.append(f.at(addresses[-1], row, type))
    return addresses


def _store(f: Function, type: str, sums: Sequence[Value], target: Value) -> None:
    """Store vectors one after the other."""
    for v, value in enumerate(sums):
        f.store(value, f.at(target, v * f.module.vector_width(type), type))


def _add(
    f: Function, type: str, pairs: Sequence[tuple[Value, Value]], sums: Sequence[Value]
) -> None:
    """Store old + sums for each pair of addresses: of the old values, and of the target.

    Two sums belong to each pair. All loads come before all stores, since an address may occur
    twice.
    """
    totals = []
    for i, (old, _) in enumerate(pairs):
        before = [_part(f, type, old, v, None) for v in range(2)]
        totals.append([f.add(x, sums[2 * i + v]) for v, x in enumerate(before)])
    for (_, target), total in zip(pairs, totals, strict=True):
        _store(f, type, total, target)


def _tile(
    f: Function,
    type: str,
    record: Value,
    a: Matrix,
    b: Value,
    tile: Tile,
) -> list[Value]:
    """The sums over p of a tile: rows of A times two vectors of B.

    The addresses in A and B are frozen at each step, so that LLVM does not transform them: that
    would take a tenth of the compile time and gain nothing.
    """
    lanes = f.module.vector_width(type)
    k, a_step, b_step = read(f, record, "k", "a_step", "b_step")
    twice, thrice = f.index(f.times(a.row, 2)), f.index(f.times(a.row, 3))
    count = len(tile.masks)
    zeros = [number(0, vector(type, lanes))] * (count * tile.rows)
    with f.loop(0, k, 1, [a.pointer, b, *zeros]) as loop:
        left, right, *sums = loop.values
        columns = [_part(f, type, right, v, mask) for v, mask in enumerate(tile.masks)]
        totals = []
        base = left
        for i in range(tile.rows):
            if i and i % 3 == 0:
                base = f.at(base, thrice, type)
            x = f.load(type, f.at(base, (0, a.row, twice)[i % 3], type))
            x = f.splat(x, lanes)
            totals += [f.fma(x, columns[v], sums[count * i + v]) for v in range(count)]
        loop.carry(
            _frozen(f, f.at(left, a_step, type)), _frozen(f, f.at(right, b_step, type)), *totals
        )
    return loop.results[2:]


def _frozen(f: Function, x: Value) -> Value:
    return f.emit(x.type, f"freeze {x}")


def _part(f: Function, type: str, start: Value, v: int, mask: Value | None) -> Value:
    """Vector v of a row of B, or those of its lanes where the mask holds."""
    lanes = f.module.vector_width(type)
    address, wide = f.at(start, v * lanes, type), vector(type, lanes)
    return f.masked_load(wide, address, mask) if mask else f.load(wide, address)


def settle(module: Module, type: str) -> None:
    """C (+)= the first `width` columns of the rows of a tile in memory."""
    sizes = [("ptr", "record"), ("i64", "rows"), ("i64", "width")]
    f = module.function(
        f"talweg_settle_{type}", [*sizes, ("ptr", "tile"), ("ptr", "c")], inline=False
    )
    record, rows, width, tile, c = f.parameters
    c_row, flag = read(f, record, "c_row", "adding")
    adding = f.compare("ne", flag, number(0, "i64"))
    has_masks = module.vector_bytes >= MASKED_BYTES
    masks = _masks(f, type, width, 2) if has_masks else ()
    with f.loop(0, rows, 1, [tile, c]) as loop:
        source, target = loop.values
        old = f.select(adding, target, Value("ptr", f"@talweg_zeros_{type}"))
        if has_masks:
            _add_masked(f, type, (old, source, target), masks)
        else:
            _add_columns(f, type, (old, source, target), width)
        loop.carry(f.at(source, panel_width(module, type), type), f.at(target, c_row, type))
    f.ret()


def _add_masked(
    f: Function, type: str, row: tuple[Value, Value, Value], masks: Sequence[Value]
) -> None:
    """target = old + source, in the lanes of the masks."""
    old, source, target = row
    lanes = f.module.vector_width(type)
    for v, mask in enumerate(masks):
        x, y, z = (f.at(start, v * lanes, type) for start in (old, source, target))
        before = f.masked_load(vector(type, lanes), x, mask)
        f.masked_store(f.add(before, f.load(vector(type, lanes), y)), z, mask)


def _add_columns(f: Function, type: str, row: tuple[Value, Value, Value], width: Value) -> None:
    """target = old + source, for the first `width` columns: whole vectors, then single numbers."""
    whole = f.rounded_down(width, f.module.vector_width(type))
    for count, start, stop in ((f.module.vector_width(type), 0, whole), (1, whole, width)):
        some = vector(type, count)
        with f.loop(start, stop, count) as column:
            x, y, z = (f.at(start, column.index, type) for start in row)
            f.store(f.add(f.load(some, x), f.load(some, y)), z)


def row(module: Module, type: str) -> str:
    """C[:m, full panels] (+)= A[:m, :k] B, row by row, several panels at a time.

    The last group is padded with copies of the last panel.
    """
    name = f"talweg_row_{type}"
    sizes = [("ptr", "record"), ("i64", "m"), ("i64", "panels")]
    f = module.function(name, [*sizes, *POINTERS], inline=False)
    record, m, panels, a, b, c = f.parameters
    a_row, c_row, b_panel, flag = read(f, record, "a_row", "c_row", "b_panel", "adding")
    adding = f.compare("ne", flag, number(0, "i64"))
    zeros = Value("ptr", f"@talweg_zeros_{type}")
    last, count = f.minus(panels, 1), abreast(module)
    with f.loop(0, m, 1, [a, c]) as loop:
        left, target = loop.values
        with f.loop(0, panels, count) as group:
            columns = [f.least(f.plus(group.index, i), last) for i in range(count)]
            starts = [f.at(b, f.times(column, b_panel), type) for column in columns]
            sums = _row_tile(f, type, record, left, starts)
            wide = panel_width(module, type)
            targets = [f.at(target, f.times(column, wide), type) for column in columns]
            _add(
                f, type, [(f.select(adding, address, zeros), address) for address in targets], sums
            )
        loop.carry(f.at(left, a_row, type), f.at(target, c_row, type))
    f.ret()
    return name


def _row_tile(
    f: Function, type: str, record: Value, a: Value, starts: Sequence[Value]
) -> list[Value]:
    """The sums over p of one row of A times several panels of B."""
    lanes = f.module.vector_width(type)
    k, a_step, b_step = read(f, record, "k", "a_step", "b_step")
    zeros = [number(0, vector(type, lanes))] * (2 * len(starts))
    with f.loop(0, k, 1, [a, number(0, "i64"), *zeros]) as loop:
        left, step, *sums = loop.values
        x = f.splat(f.load(type, left), lanes)
        addresses = [f.at(start, step, type) for start in starts]
        columns = [_part(f, type, address, v, None) for address in addresses for v in range(2)]
        totals = [f.fma(x, column, value) for column, value in zip(columns, sums, strict=True)]
        following = _frozen(f, f.index(f.plus(step, b_step)))
        loop.carry(_frozen(f, f.at(left, a_step, type)), following, *totals)
    return loop.results[2:]
