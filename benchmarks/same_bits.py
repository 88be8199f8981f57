"""Check that the library still computes the same bits: some 460 short runs against a record.

    python -m benchmarks.same_bits                    # all of them, in half a minute
    python -m benchmarks.same_bits adam 'native/*'    # names that contain or match a pattern
    python -m benchmarks.same_bits --ir               # also compare the LLVM IR
    python -m benchmarks.same_bits --dump FOLDER      # also write the LLVM IR to files, by case
    python -m benchmarks.same_bits --record           # write the record anew
    python -m benchmarks.same_bits --arrays FILE      # write the arrays, compare with no record

The exit status is 1 if a bit differs. Record before a change of structure and check after it on
the same machine: the interpreter's bits depend on the processor and on NumPy's version. Those of
the native engine do not; `--level` compiles it for other processors of this family. Each
part of a result (weights, history, end of the run) has its own hash, so a difference shows which
part changed. Times do not count. A difference in the LLVM IR is only a note: the bits may agree.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.processors import LEVELS, compile_for
from benchmarks.same_bits_cases import CASES
from benchmarks.same_bits_cases.parts import Array, Case, Parts
from benchmarks.timing import machine

RECORD = Path(__file__).with_name("same_bits.json")
_DIGITS = 16
_FACTS = ("processor", "cpu", "vectors", "python", "numpy", "llvmlite")


@dataclass(frozen=True)
class Result:
    """A result's parts, their hashes (text stays as it is), and the LLVM IR of its programs."""

    parts: Parts
    bits: dict[str, str]
    texts: list[str] = field(default_factory=list)

    @property
    def ir(self) -> list[str]:
        return [_hash(text.encode()) for text in self.texts]


def main() -> None:
    """Check the chosen cases, or record all of them."""
    options = _options()
    if options.level:
        compile_for(options.level)
    names = chosen(options.patterns)
    if options.record and options.patterns:
        sys.exit("--record writes all cases: leave the patterns out")
    start = time.perf_counter()
    results = {name: run(CASES[name]) for name in names}
    print(f"{len(results)} cases in {time.perf_counter() - start:.0f} s")
    if options.dump:
        _dump(options.dump, results)
    if options.arrays:
        _save(options.arrays, results)
    elif options.record:
        _write(results)
    else:
        sys.exit(_report(results, json.loads(RECORD.read_text()), options))


def run(case: Case) -> Result:
    """Run a case and hash its result."""
    with warnings.catch_warnings(), compiled_texts() as texts:
        warnings.simplefilter("ignore")
        parts = case()
    bits = {name: _part(value) for name, value in parts.items()}
    return Result(parts, bits, sorted(texts))


@contextmanager
def compiled_texts() -> Iterator[set[str]]:
    """Collect every LLVM IR text that reaches the compiler or its cache.

    The routines that matrix products borrow are left out: a thread may compile them at any time.
    Only this function knows which function of the library the texts pass through.
    """
    from talweg.engine.native import build
    from talweg.engine.native.llvm import compiler

    borrowed = {build.routines(kind, compiler.host()) for kind in ("float", "double")}
    seen: set[str] = set()
    original = compiler._key

    def key(text: str, target: Any) -> bytes:
        if text not in borrowed:
            seen.add(text)
        return original(text, target)

    compiler._key = key
    try:
        yield seen
    finally:
        compiler._key = original


# Hashes -------------------------------------------------------------------------------------------


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:_DIGITS]


def _part(value: Any) -> str:
    """Text unchanged; the hash of anything else."""
    return value if isinstance(value, str) else _digest(value)


def _digest(value: Any) -> str:
    """The hash of an array or of nested values; names and order in a mapping do not count."""
    if isinstance(value, Mapping):
        return _hash("".join(sorted(map(_digest, value.values()))).encode())
    if isinstance(value, list | tuple):
        return _hash("".join(map(_digest, value)).encode())
    array = np.ascontiguousarray(value)
    if array.dtype.kind in "OU":
        return _hash(repr(array.tolist()).encode())
    return _hash(f"{array.dtype} {array.shape} ".encode() + array.tobytes())


# Arrays -------------------------------------------------------------------------------------------


def _save(path: Path, results: Mapping[str, Result]) -> None:
    """Write the arrays of each part to a .npz file, as `case: part: number`, and the machine."""
    arrays: dict[str, Any] = {
        f"{name}: {part}: {number}": array
        for name, result in results.items()
        for part, value in result.parts.items()
        for number, array in enumerate(_arrays(value))
    }
    np.savez(path, machine=json.dumps(_facts()), **arrays)


def _arrays(value: Any) -> Iterator[Array]:
    """The arrays in nested values; a list of numbers is one array, and objects become text."""
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list | tuple) and not all(map(np.isscalar, value)):
        for item in value:
            yield from _arrays(item)
    else:
        array = np.asarray(value)
        yield np.array(repr(array.tolist())) if array.dtype.kind == "O" else array


# The record ---------------------------------------------------------------------------------------


def _facts() -> dict[str, Any]:
    """The processor and the versions that the bits depend on."""
    facts = machine()
    return {name: facts[name] for name in _FACTS}


def _write(results: Mapping[str, Result]) -> None:
    record = {
        "machine": _facts(),
        "bits": {name: result.bits for name, result in results.items()},
        "ir": {name: result.ir for name, result in results.items() if result.texts},
    }
    RECORD.write_text(json.dumps(record, indent=1) + "\n")
    print(f"written to {RECORD}")


def _dump(folder: Path, results: Mapping[str, Result]) -> None:
    """Write each LLVM IR text to a file in a folder with the name of its case."""
    for name, result in results.items():
        for number, text in enumerate(result.texts):
            path = folder / name / f"{number}.ll"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)


def _report(results: Mapping[str, Result], record: Any, options: Any) -> int:
    """Print the differences from the record; the exit status."""
    facts = _facts()
    for name, value in record["machine"].items():
        if facts[name] != value:
            print(f"note: recorded with {name} {value}, this is {facts[name]}")
    differing = [name for name in results if _differs(name, results[name], record["bits"])]
    if options.ir:
        others = [name for name in results if results[name].ir != record["ir"].get(name, [])]
        _list("note: the LLVM IR differs", others)
        print(f"{len(results) - len(others)} of {len(results)} cases have the same LLVM IR")
    gone = [] if options.patterns else [name for name in record["bits"] if name not in results]
    _list("in the record, but not run", gone)
    print(f"{len(differing)} cases differ" if differing else "all bits are the same")
    return int(bool(differing or gone))


def _list(what: str, names: Iterable[str]) -> None:
    for name in names:
        print(f"{what}: {name}")


def _differs(name: str, result: Result, bits: Mapping[str, Mapping[str, str]]) -> bool:
    """Print the parts of a result that differ from the record; whether any do."""
    before = bits.get(name, {})
    parts = [
        part for part in {**before, **result.bits} if before.get(part) != result.bits.get(part)
    ]
    for part in parts:
        print(f"{name}: {part}: {before.get(part)} -> {result.bits.get(part)}")
    return bool(parts)


# Command line -------------------------------------------------------------------------------


def _options() -> argparse.Namespace:
    described = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("same_bits", description=__doc__, formatter_class=described)
    parser.add_argument(
        "patterns", nargs="*", help="parts of names, or patterns such as 'native/*'"
    )
    parser.add_argument("--record", action="store_true", help=f"write {RECORD.name} anew")
    parser.add_argument("--ir", action="store_true", help="also compare the LLVM IR")
    parser.add_argument("--arrays", type=Path, help="a .npz file for the arrays, by case and part")
    parser.add_argument("--level", choices=LEVELS, help="compile for a level of x86-64")
    parser.add_argument("--dump", type=Path, help="a folder for the LLVM IR, by case")
    return parser.parse_args()


def chosen(patterns: Iterable[str]) -> list[str]:
    """The names of the cases that patterns choose: a whole name chooses only its own case."""
    wanted = list(patterns) or ["*"]
    names = [name for name in CASES if any(_chooses(pattern, name) for pattern in wanted)]
    if not names:
        sys.exit(f"no case matches {' or '.join(wanted)}")
    return names


def _chooses(pattern: str, name: str) -> bool:
    if pattern in CASES:
        return pattern == name
    return pattern in name or fnmatch(name, pattern)


if __name__ == "__main__":
    main()
