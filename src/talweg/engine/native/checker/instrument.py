"""Programs that check every address before they use it, for tests: a pass over the IR's text.

Each load and store, whole, masked or atomic, each copy and each fill first asks whether all its
bytes lie in one piece of memory that the run owns. The first that does not is noted and led to a
spare room, so that the run ends in order and Python can say what it was. Arrays on the stack are
such pieces from their `alloca` to the function's return. Two kinds of instruction are not checked:
prefetches, which do no harm anywhere, and those that move the register of floating point modes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from talweg.engine.native.checker.functions import PIECES, READ, WRITE, write_functions
from talweg.engine.native.llvm.ir import Module
from talweg.engine.native.llvm.values import size_of
from talweg.errors import EngineError


@dataclass(frozen=True)
class Checked:
    """The text of a program that checks itself, and what its checks speak of."""

    text: str
    sites: Sequence[str]
    """Function and instruction of each check; the first has number 1."""
    tables: dict[str, int]
    """Bytes of each array of constants, by the name under which the program shows it."""

    @property
    def names(self) -> list[str]:
        """What must be shown to Python, besides the program's own functions."""
        return [PIECES, *self.tables]


def with_checks(text: str) -> Checked:
    """A program that does the same, and checks where."""
    made, functions = _Pass(), Module(16)
    write_functions(functions)
    lines = [each for line in text.splitlines() for each in made.line(line)]
    known = {each for each in lines if each.startswith("declare")}
    extra = [each for each in str(functions).splitlines() if each not in known]
    text = "\n".join([f"@{PIECES} = global ptr null", *lines, *extra]) + "\n"
    return Checked(text, made.sites, made.tables)


_TYPE = r"(?P<type><[^>]*>|\w+)"
_PLACE = r"(?P<place>ptr [^,\s)]+)"
_MASK = r"i32 \d+, (?P<mask><(?P<lanes>\d+) x i1> [^,\s)]+)"
_MOVES = [  # what it does there, and how its line looks
    (READ, rf"= load (?:atomic )?{_TYPE}, {_PLACE}(?: acquire| monotonic)?(?:, align \d+)?$"),
    (WRITE, rf"^store (?:atomic )?{_TYPE} .+, {_PLACE}(?: release| monotonic)?, align \d+$"),
    (WRITE, rf"= atomicrmw add {_PLACE}, {_TYPE} \S+ \w+$"),
    (READ, rf"= call {_TYPE} @llvm\.masked\.load[^(]*\({_PLACE}, {_MASK}, .+\)$"),
    (WRITE, rf"^call void @llvm\.masked\.store[^(]*\({_TYPE} .+, {_PLACE}, {_MASK}\)$"),
]
_SIMPLE = [(end, re.compile(pattern)) for end, pattern in _MOVES]
_MANY = re.compile(r"^call void @llvm\.mem(cpy|set)[.\w]*\((.*), i1 false\)$")
_TABLE = re.compile(r"@(\w+) = internal constant \[(\d+) x (\w+)\]")
_ROOM = re.compile(r"(%\w+) = alloca (\w+|<[^>]*>), i64 (\d+)")
_TOUCHES = re.compile(r"(?<!fetch)\b(load|store|atomicrmw|cmpxchg)\b|@llvm\.(mem|masked)")


class _Pass:
    """Goes through a module's lines, and puts a check before each that reads or writes."""

    def __init__(self) -> None:
        self.sites: list[str] = []
        self.tables: dict[str, int] = {}
        self._function = ""
        self._rooms: list[str] = []

    def line(self, line: str) -> Iterator[str]:
        """The lines that take the place of one."""
        if table := _TABLE.match(line):
            self.tables[table[1]] = int(table[2]) * size_of(table[3])
            yield line.replace("internal constant", "constant")
        elif line.startswith("define"):
            self._function, self._rooms = line.partition("@")[2].partition("(")[0], []
            yield line
        elif line.startswith("  "):
            yield from (f"  {each}" for each in self._instruction(line.strip()))
        else:
            yield line

    def _instruction(self, line: str) -> Iterator[str]:
        if line.startswith("ret "):
            yield from (f"call void @talweg_leave(i64 {each})" for each in self._rooms)
            yield line
        elif room := _ROOM.match(line):
            yield from self._room(line, room[1], int(room[3]) * size_of(room[2]))
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

    def _room(self, line: str, place: str, size: int) -> Iterator[str]:
        """A piece for as long as the function runs."""
        self._rooms.append(f"{place}room")
        yield line
        yield f"{self._rooms[-1]} = call i64 @talweg_enter(ptr {place}, i64 {size})"

    def _checked(self, line: str) -> Iterator[str]:
        """An instruction at the place that the check before it gives."""
        end, found = next(
            ((end, found) for end, pattern in _SIMPLE if (found := pattern.search(line))),
            (READ, None),
        )
        if found is None:
            raise EngineError(f"no check is known for this instruction: {line}")
        number, size = self._site(line), size_of(found["type"])
        place, how = f"%checked{number}", f"i64 {number}, i64 {end}"
        if "mask" not in found.groupdict():
            yield f"{place} = call ptr @talweg_place({found['place']}, i64 {size}, {how})"
        else:
            lanes = int(found["lanes"])
            yield f"{place}bits = bitcast {found['mask']} to i{lanes}"
            yield f"{place}wide = zext i{lanes} {place}bits to i65"
            yield f"{place}mask = trunc i65 {place}wide to i64"
            lane = f"i64 {size // lanes}, i64 {place}mask"
            yield f"{place} = call ptr @talweg_lanes({found['place']}, {lane}, {how})"
        yield f"{line[: found.start('place')]}ptr {place}{line[found.end('place') :]}"
