"""The functions that a checked program calls, and the words that it shares with Python.

The words have 8 bytes each: those named below, with the site, address and size of the first error;
then arrays on the stack, as (start, size); then pieces of memory, as (start, end for reads, end for
writes), sorted by start and padded to a power of two.
"""

from __future__ import annotations

from talweg.engine.native.llvm.module import Function, Module
from talweg.engine.native.llvm.values import Value, number

PIECES = "talweg_pieces"
"""The global variable with the address of the words."""
READ, WRITE = 1, 2
"""The end of a piece that limits an access: index in its triple."""
HALVINGS, SITE, ADDRESS, BYTES, SPARE, STACK = range(6)
STACK_ARRAYS = 64
"""The most arrays on the stacks of all threads at one time."""
FIRST_PIECE = STACK + 2 * STACK_ARRAYS
_ZERO, _ONE = number(0, "i64"), number(1, "i64")


def write_functions(module: Module) -> None:
    """Write all functions. `talweg_address` returns an address if it is valid, else a spare one."""
    _write_inside(module)
    _write_elsewhere(module)
    _write_place(module)
    _write_lanes(module)
    _write_copy(module)
    _write_fill(module)
    _write_enter(module)
    _write_leave(module)


def _function(module: Module, name: str, parameters: str, result: str = "void") -> Function:
    pairs = [parameter.split() for parameter in parameters.split(", ")]
    return module.function(f"talweg_{name}", [(type, x) for type, x in pairs], result, inline=False)


def _words(f: Function) -> Value:
    return f.load("ptr", Value("ptr", f"@{PIECES}"))


def _whole(f: Function, address: Value) -> Value:
    return f.emit("i64", f"ptrtoint {address} to i64")


def _write_inside(module: Module) -> None:
    """Whether the last piece that starts at or before an address holds this many bytes there."""
    f = _function(module, "inside", "ptr address, i64 bytes, i64 end", "i1")
    address, size, end = f.parameters
    words, start = _words(f), _whole(f, address)
    pieces = f.at(words, FIRST_PIECE, "i64")
    halvings = f.load("i64", f.at(words, HALVINGS, "i64"))
    with f.loop(0, halvings, 1, [_ZERO]) as loop:
        turn = f.minus(f.minus(halvings, 1), loop.index)
        middle = f.plus(loop.values[0], f.bits("shl", _ONE, f.index(turn)))
        begins = f.load("i64", f.at(pieces, f.times(middle, 3), "i64"))
        loop.carry(f.select(f.compare("sle", begins, start), f.index(middle), loop.values[0]))
    ends = f.load("i64", f.at(pieces, f.plus(f.times(loop.results[0], 3), end), "i64"))
    f.ret(f.compare("sle", f.index(f.plus(start, size)), ends))


def _write_elsewhere(module: Module) -> None:
    """An address outside all pieces: on the stack, or an error, which is recorded."""
    f = _function(module, "elsewhere", "ptr address, i64 bytes, i64 site", "ptr")
    address, size, site = f.parameters
    words, start = _words(f), _whole(f, address)
    with f.loop(0, STACK_ARRAYS) as loop:
        room = f.at(words, f.plus(f.times(loop.index, 2), STACK), "i64")
        begins = f.emit("i64", f"load atomic i64, {room} monotonic, align 8")
        ends = f.plus(begins, f.load("i64", f.at(room, 1, "i64")))
        after = f.compare("sle", begins, start)
        before = f.compare("sle", f.index(f.plus(start, size)), f.index(ends))
        with f.when(f.bits("and", after, before)):
            f.ret(address)
            f.open(f.fresh("never"))
    note = f.at(words, SITE, "i64")
    swapped = f.emit("{ i64, i1 }", f"cmpxchg {note}, i64 0, {site} acq_rel monotonic")
    with f.when(f.emit("i1", f"extractvalue {swapped}, 1")):
        f.store(start, f.at(words, ADDRESS, "i64"))
        f.store(size, f.at(words, BYTES, "i64"))
    f.ret(f.load("ptr", f.at(words, SPARE, "i64")))


def _write_place(module: Module) -> None:
    f = _function(module, "address", "ptr address, i64 bytes, i64 site, i64 end", "ptr")
    address, size, site, end = f.parameters
    with f.when(f.call("talweg_inside", "i1", address, size, end)):
        f.ret(address)
        f.open(f.fresh("never"))
    f.ret(f.call("talweg_elsewhere", "ptr", address, size, site))


def _write_lanes(module: Module) -> None:
    """`talweg_address` for the lanes of a mask."""
    f = _function(module, "lanes", "ptr address, i64 bytes, i64 mask, i64 site, i64 end", "ptr")
    address, size, mask, site, end = f.parameters
    with f.loop(0, 64, 1, [mask]) as loop:
        bits = loop.values[0]
        with f.when(f.compare("ne", f.bits("and", bits, _ONE), _ZERO)):
            here = f.at(address, f.times(loop.index, size), "i8")
            valid = f.call("talweg_address", "ptr", here, size, site, end)
            with f.when(f.compare("ne", valid, here)):
                f.ret(valid)
                f.open(f.fresh("never"))
        loop.carry(f.bits("lshr", bits, _ONE))
    f.ret(address)


def _write_copy(module: Module) -> None:
    f = _function(module, "copy", "ptr to, ptr source, i64 bytes, i64 site")
    to, source, size, site = f.parameters
    pairs = ((to, WRITE), (source, READ))
    addresses = [
        f.call("talweg_address", "ptr", x, size, site, number(end, "i64")) for x, end in pairs
    ]
    right = [f.compare("eq", x, y) for x, y in zip(addresses, (to, source), strict=True)]
    with f.when(f.bits("and", *right)):
        f.module.declare("llvm.memcpy.p0.p0.i64", "void", ["ptr", "ptr", "i64", "i1"])
        f.do(f"call void @llvm.memcpy.p0.p0.i64({to}, {source}, {size}, i1 false)")
    f.ret()


def _write_fill(module: Module) -> None:
    f = _function(module, "fill", "ptr to, i8 value, i64 bytes, i64 site")
    to, value, size, site = f.parameters
    address = f.call("talweg_address", "ptr", to, size, site, number(WRITE, "i64"))
    with f.when(f.compare("eq", address, to)):
        no = Value("i1", "false")
        f.call("llvm.memset.p0.i64", "void", to, value, size, no, external=True)
    f.ret()


def _write_enter(module: Module) -> None:
    """Register an array on the stack; its number, or one beyond all if there is no room."""
    f = _function(module, "enter", "ptr address, i64 bytes", "i64")
    address, size = f.parameters
    words, start = _words(f), _whole(f, address)
    with f.loop(0, STACK_ARRAYS) as loop:
        room = f.at(words, f.plus(f.times(loop.index, 2), STACK), "i64")
        swapped = f.emit("{ i64, i1 }", f"cmpxchg {room}, i64 0, {start} acq_rel monotonic")
        with f.when(f.emit("i1", f"extractvalue {swapped}, 1")):
            f.store(size, f.at(room, 1, "i64"))
            f.ret(loop.index)
            f.open(f.fresh("never"))
    f.ret(number(STACK_ARRAYS, "i64"))


def _write_leave(module: Module) -> None:
    f = _function(module, "leave", "i64 note")
    (note,) = f.parameters
    with f.when(f.compare("slt", note, number(STACK_ARRAYS, "i64"))):
        room = f.at(_words(f), f.plus(f.times(note, 2), STACK), "i64")
        f.store(_ZERO, f.at(room, 1, "i64"))
        f.do(f"store atomic i64 0, {room} release, align 8")
    f.ret()
