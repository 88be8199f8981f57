"""A pass over the text of LLVM IR that makes a program check every address before it uses it.

Each load, store, copy and fill, masked and atomic ones too, first checks that all its bytes are
inside one piece of memory that the run owns. The first one that fails is recorded and redirected to
spare memory, so that the run ends in order and Python can report it. An array on the stack is a
piece from its `alloca` to the return of its function. Two kinds of instruction are not checked:
prefetches, which are harmless, and those that access the floating-point control register.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from talweg.engine.native.checker.functions import PIECES, READ, WRITE, write_functions
from talweg.engine.native.llvm.module import Module
from talweg.engine.native.llvm.values import size_of
from talweg.errors import EngineError


@dataclass(frozen=True)
class Checked:
    """The text of a checked program, and what its checks refer to."""

    text: str
    sites: Sequence[str]
    """The function and the instruction of each check; numbers start at 1."""
    tables: dict[str, int]
    """The bytes of each constant array, by its name in the program."""

    @property
    def names(self) -> list[str]:
        """The symbols that Python needs besides the program's own functions."""
        return [PIECES, *self.tables]


def with_checks(text: str) -> Checked:
    """The same program with checks."""
    instrumented, functions = _Pass(), Module(16)
    write_functions(functions)
    lines = [new for line in text.splitlines() for new in instrumented.line(line)]
    known = {line for line in lines if line.startswith("declare")}
    extra = [line for line in str(functions).splitlines() if line not in known]
    text = "\n".join([f"@{PIECES} = global ptr null", *lines, *extra]) + "\n"
    return Checked(text, instrumented.sites, instrumented.tables)


_TYPE = r"(?P<type><[^>]*>|\w+)"
_ADDRESS = r"(?P<address>ptr [^,\s)]+)"
_MASK = r"i32 \d+, (?P<mask><(?P<lanes>\d+) x i1> [^,\s)]+)"
_MOVES = [  # the kind of access, and the pattern of its line
    (READ, rf"= load (?:atomic )?{_TYPE}, {_ADDRESS}(?: acquire| monotonic)?(?:, align \d+)?$"),
    (WRITE, rf"^store (?:atomic )?{_TYPE} .+, {_ADDRESS}(?: release| monotonic)?, align \d+$"),
    (WRITE, rf"= atomicrmw add {_ADDRESS}, {_TYPE} \S+ \w+$"),
    (READ, rf"= call {_TYPE} @llvm\.masked\.load[^(]*\({_ADDRESS}, {_MASK}, .+\)$"),
    (WRITE, rf"^call void @llvm\.masked\.store[^(]*\({_TYPE} .+, {_ADDRESS}, {_MASK}\)$"),
]
_SIMPLE = [(end, re.compile(pattern)) for end, pattern in _MOVES]
_MANY = re.compile(r"^call void @llvm\.mem(cpy|set)[.\w]*\((.*), i1 false\)$")
_TABLE = re.compile(r"@(\w+) = internal constant \[(\d+) x (\w+)\]")
_ALLOCA = re.compile(r"(%\w+) = alloca (\w+|<[^>]*>), i64 (\d+)")
_TOUCHES = re.compile(r"(?<!fetch)\b(load|store|atomicrmw|cmpxchg)\b|@llvm\.(mem|masked)")


class _Pass:
    """Goes through the lines of a module and adds a check before each access."""

    def __init__(self) -> None:
        self.sites: list[str] = []
        self.tables: dict[str, int] = {}
        self._function = ""
        self._arrays: list[str] = []

    def line(self, line: str) -> Iterator[str]:
        """The lines that replace a line."""
        if table := _TABLE.match(line):
            self.tables[table[1]] = int(table[2]) * size_of(table[3])
            yield line.replace("internal constant", "constant")
        elif line.startswith("define"):
            self._function, self._arrays = line.partition("@")[2].partition("(")[0], []
            yield line
        elif line.startswith("  "):
            yield from (f"  {new}" for new in self._instruction(line.strip()))
        else:
            yield line

    def _instruction(self, line: str) -> Iterator[str]:
        if line.startswith("ret "):
            yield from (f"call void @talweg_leave(i64 {number})" for number in self._arrays)
            yield line
        elif array := _ALLOCA.match(line):
            yield from self._stack_array(line, array[1], int(array[3]) * size_of(array[2]))
        elif many := _MANY.match(line):
            name = {"cpy": "copy", "set": "fill"}[many[1]]
            yield f"call void @talweg_{name}({many[2]}, i64 {self._site(line)})"
        elif _TOUCHES.search(line):
            yield from self._checked(line)
        else:
            yield line

    def _site(self, line: str) -> int:
        self.sites.append(f"{self._function}: {line}")
        return len(self.sites)

    def _stack_array(self, line: str, address: str, size: int) -> Iterator[str]:
        """Register an array on the stack until the function returns."""
        self._arrays.append(f"{address}room")
        yield line
        yield f"{self._arrays[-1]} = call i64 @talweg_enter(ptr {address}, i64 {size})"

    def _checked(self, line: str) -> Iterator[str]:
        """An access at the address that the check before it returns."""
        end, match = next(
            ((end, match) for end, pattern in _SIMPLE if (match := pattern.search(line))),
            (READ, None),
        )
        if match is None:
            raise EngineError(f"no check is known for this instruction: {line}")
        number, size = self._site(line), size_of(match["type"])
        address, how = f"%checked{number}", f"i64 {number}, i64 {end}"
        if "mask" not in match.groupdict():
            yield f"{address} = call ptr @talweg_address({match['address']}, i64 {size}, {how})"
        else:
            lanes = int(match["lanes"])
            yield f"{address}bits = bitcast {match['mask']} to i{lanes}"
            yield f"{address}wide = zext i{lanes} {address}bits to i65"
            yield f"{address}mask = trunc i65 {address}wide to i64"
            lane = f"i64 {size // lanes}, i64 {address}mask"
            yield f"{address} = call ptr @talweg_lanes({match['address']}, {lane}, {how})"
        yield f"{line[: match.start('address')]}ptr {address}{line[match.end('address') :]}"
