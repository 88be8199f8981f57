"""From IR text to machine code that can be called: llvmlite emits an object and links it in memory.

LLVM's optimisation passes are not run: the text comes lean, and the passes would take longer than
the code generation itself. Programs are kept in this process, then on disk.
"""

from __future__ import annotations

import re
import sys
import time
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from itertools import count
from threading import RLock, Thread, current_thread, enumerate as enumerate_threads
from typing import Any

from talweg.engine.native.llvm.cache import Cache, key_of, user_cache
from talweg.errors import EngineError
from talweg.forks import hold_over_forks
from talweg.memory_limits import can_allocate, require_memory, share_one_heap

_OLDEST = (20, 0, 0)  # of LLVM: the text has opaque pointers and splatted constants
_WINDOWS = sys.platform == "win32"
# Position-independent code of the small model folds constants into instructions. It asks that code
# and constants lie near each other, as JITLink lays them; the linker there is on Windows does not.
_OPTIONS = {
    "opt": 2,
    "reloc": "static" if _WINDOWS else "pic",
    "codemodel": "large" if _WINDOWS else "small",
    "jit": True,
}
# LLVM took 20 bytes for each of a text of 8 MB; of a small one, it still failed with 16 MB more
# in a heap of which only scattered pages were free
_ROOM, _TEXT_ROOM, _CODE_ROOM = 2**25, 24, 4
# with what other threads take meanwhile: each begins with a stack of 8 MB
_BESIDE_ROOM = 2**26
_LIBRARY_ROOM = 2**28  # to load LLVM itself; that of llvmlite 0.50 takes 170 MB
_KEPT = 64  # programs that this process keeps, whether still used or not
_Key = tuple[bytes, tuple[str, ...], tuple[str, ...]]


@dataclass(frozen=True)
class Target:
    """A processor to compile for: what LLVM calls it, and how its vectors are best cut."""

    triple: str
    cpu: str
    features: str
    vector_bytes: int = 16
    registers: int = 16


@dataclass(frozen=True)
class Compiled:
    """A program in memory; its addresses hold as long as this object, or a copy of it, lives."""

    addresses: dict[str, int]
    size: int
    """Bytes of the object code."""
    seconds: float
    """How long it took to get the program, wherever it came from."""
    from_cache: bool
    """Whether it had been compiled before, by this process or by another."""
    _library: Any = field(repr=False)


def is_available() -> bool:
    """Whether an llvmlite is here that can compile; the first answer costs its import."""
    return not why_unavailable()


def why_unavailable() -> str:
    """Why nothing can be compiled here, and what helps; empty where it can."""
    try:
        _llvm()
    except EngineError as error:
        return str(error)
    return ""


@cache
def host() -> Target:
    """The processor that this process runs on."""
    llvm = _llvm()
    triple, features = llvm.get_process_triple(), llvm.get_host_cpu_features()
    wide = features.get("avx2", False) and features.get("fma", False)
    many = features.get("avx512vl", False) or triple.startswith(("aarch64", "arm64"))
    return Target(
        # on Windows, too, code that is linked in memory has the form it has on Linux
        triple=triple + "-elf" * ("windows" in triple),
        cpu=llvm.get_host_cpu_name(),
        features=features.flatten(),
        vector_bytes=32 if wide else 16,
        registers=32 if many else 16,
    )


def compiled(
    text: str, names: Sequence[str], borrowed: Sequence[str] = (), *, cache: Cache | None = None
) -> Compiled:
    """The program of this text, loaded, with the addresses of the named public functions.

    Looked for in this process, then in `cache` (the user's if none is given), then compiled. It
    is linked with the programs of the `borrowed` texts, which are compiled once for all.
    """
    start = time.perf_counter()
    code = _key(text, host())
    key = (code, tuple(names), tuple(borrowed))
    found = _programs.get(key)
    if found is None:
        with _compiling:
            found = _programs.get(key)  # another thread may have made it meanwhile
            if found is None:
                made = _made(text, names, borrowed, code, cache or user_cache(), start)
                _programs.put(key, made)
                return made
    return replace(found, seconds=time.perf_counter() - start, from_cache=True)


def compile_ahead(text: str) -> None:
    """Begin to compile what programs will borrow: LLVM holds no lock of Python's meanwhile."""
    # a thread that fails for want of memory in its first lines would be waited for for ever
    if text in _lent or _is_lending() or not can_allocate(_BESIDE_ROOM):
        return
    with suppress(RuntimeError, MemoryError):  # none is to be had, and none is needed
        Thread(target=_try_to_lend, args=(text,), name=AHEAD).start()


def _try_to_lend(text: str) -> None:
    with suppress(MemoryError, EngineError):  # who borrows it tries again, and is told
        _borrowed(text, user_cache())


def _is_lending() -> bool:
    """Whether another thread compiles what programs borrow."""
    is_free_now = _lending.acquire(blocking=False)
    if is_free_now:
        _lending.release()
    return not is_free_now


def _borrowed(text: str, cache: Cache) -> bytes:
    """The object code of a text that programs are linked with; whoever comes second waits."""
    with _lending:
        code = _lent.get(text)
        if code is None:
            code = _lent[text] = _object_code(text, _key(text, host()), cache)[0]
        return code


def object_code(text: str, target: Target) -> bytes:
    """The object file that this text compiles to, for any processor that LLVM knows."""
    _demand(_TEXT_ROOM * len(text))
    with _llvm().create_context() as context, _parsed(text, context) as program:
        try:
            program.verify()
            code: bytes = _machine(target).emit_object(program)
        except RuntimeError as error:
            raise _refused(text, str(error)) from None
    return code


def _demand(size: int) -> None:
    """OutOfMemoryError if so many bytes cannot be had: LLVM would end the process instead."""
    others = [each for each in enumerate_threads() if each is not current_thread()]
    is_alone = not any(each.name.startswith("talweg") for each in others)
    advice = 'Free some, train a net of fewer layers, or take engine="numpy".'
    require_memory(
        size + (_ROOM if is_alone else _BESIDE_ROOM), "To compile and load this run", advice
    )


def forget() -> None:
    """Let go of the programs that this process keeps; those in use live on."""
    _programs.clear()
    _lent.clear()


class _Programs:
    """The programs used last, for all threads."""

    def __init__(self, limit: int) -> None:
        self._limit, self.lock = limit, RLock()
        self._items: OrderedDict[_Key, Compiled] = OrderedDict()

    def get(self, key: _Key) -> Compiled | None:
        with self.lock:
            if key in self._items:
                self._items.move_to_end(key)
            return self._items.get(key)

    def put(self, key: _Key, program: Compiled) -> None:
        dropped = None  # freed after the lock: to unload a program can mean to wait for LLVM
        with self.lock:
            self._items[key] = program
            if len(self._items) > self._limit:
                dropped = self._items.popitem(last=False)
        del dropped

    def clear(self) -> None:
        with self.lock:
            self._items, dropped = OrderedDict(), self._items
        dropped.clear()


_programs = _Programs(_KEPT)
# llvmlite runs one call into LLVM at a time, so to compile in turn costs nothing, and a program
# that two threads want at once is compiled once
_compiling = RLock()
_lent: dict[str, bytes] = {}  # a text or two for each kind of number, by text
_lending = RLock()
hold_over_forks(lambda: [_compiling, _lending, _programs.lock])
AHEAD = "talweg-compile-ahead"
"""The name of the thread that compiles what will be borrowed."""
_numbers = count()


def _key(text: str, target: Target) -> bytes:
    import llvmlite  # type: ignore[import-untyped]

    versions = f"{llvmlite.__version__} {_llvm().llvm_version_info} {_OPTIONS}"
    return key_of(versions, target.triple, target.cpu, target.features, text)


def _made(
    text: str,
    names: Sequence[str],
    borrowed: Sequence[str],
    key: bytes,
    cache: Cache,
    start: float,
) -> Compiled:
    code, from_cache = _object_code(text, key, cache)
    codes = [code, *(_borrowed(each, cache) for each in borrowed)]
    library = _linked(text, codes, names)
    addresses = {name: library[name] for name in names}
    size = sum(map(len, codes))
    return Compiled(addresses, size, time.perf_counter() - start, from_cache, library)


def _object_code(text: str, key: bytes, cache: Cache) -> tuple[bytes, bool]:
    """The object code of a text for this processor, and whether it was there already."""
    found = cache.load(key)
    if found is not None:
        return found, True
    code = object_code(text, host())
    cache.store(key, code)
    return code, False


def _linked(text: str, codes: Sequence[bytes], names: Sequence[str]) -> Any:
    """The code in executable memory, for as long as the result lives."""
    _demand(_CODE_ROOM * sum(map(len, codes)))
    builder = _llvm().JITLibraryBuilder().add_current_process()
    for code in codes:
        builder.add_object_img(code)
    for name in names:
        builder.export_symbol(name)
    number = next(_numbers)
    try:
        return builder.link(_linker(number // _KEPT), f"talweg{number}")
    except RuntimeError as error:
        outside = sorted(set(re.findall(r"^declare .*@(?!llvm\.)([\w.$]+)", text, re.MULTILINE)))
        raise EngineError(
            f"The program cannot be loaded: {error}. Asked for were {', '.join(names)}; from "
            f"outside it calls {', '.join(outside) or 'nothing'}."
        ) from None


@cache
def _llvm() -> Any:
    """llvmlite's binding, ready for the processor we run on."""
    share_one_heap()
    try:
        import llvmlite.binding as llvm  # type: ignore[import-untyped]
    except (ImportError, OSError, MemoryError) as error:
        raise EngineError(_not_loaded(error)) from error
    if llvm.llvm_version_info < _OLDEST:
        raise EngineError(
            f"The native engine needs LLVM {_OLDEST[0]} or later; this llvmlite brings "
            f"{llvm.llvm_version_info[0]}. Upgrade it (pip install -U llvmlite), or take "
            'engine="numpy".'
        )
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm


def _not_loaded(error: Exception) -> str:
    """Why llvmlite is not here; its own words do not tell a lack of memory from damage."""
    if isinstance(error, ModuleNotFoundError):
        return (
            "The native engine needs llvmlite, which is not installed. Install it (pip install "
            '"llvmlite"), or take engine="numpy".'
        )
    if isinstance(error, MemoryError) or not can_allocate(_LIBRARY_ROOM):
        return (
            f"The native engine needs llvmlite, which takes {_LIBRARY_ROOM / 2**20:.0f} MB of "
            'memory to load, and they cannot be had. Free some, or take engine="numpy".'
        )
    return (
        f"The native engine needs llvmlite, which cannot be loaded ({error}). Install it again "
        '(pip install --force-reinstall "llvmlite"), or take engine="numpy".'
    )


@lru_cache(maxsize=1)
def _linker(number: int) -> Any:
    """The linker of some programs that follow each other; the last of them to go frees it.

    It frees a program that is dropped all but 9 KB, so one for all programs would grow. Loading
    takes 0.3 ms so, 1.2 ms with a linker for each, and 1.5 ms with MCJIT, which ends the process
    where this one answers with an error.
    """
    machine = _machine(host())
    return _llvm().create_lljit_compiler(machine, use_jit_link=not _WINDOWS, suppress_errors=True)


@cache
def _machine(target: Target) -> Any:
    llvm = _llvm()
    if target.triple != host().triple:
        llvm.initialize_all_targets()
        llvm.initialize_all_asmprinters()
    try:
        known = llvm.Target.from_triple(target.triple)
    except RuntimeError as error:
        raise EngineError(f"LLVM has no code for {target.triple!r}: {error}.") from None
    return known.create_target_machine(cpu=target.cpu, features=target.features, **_OPTIONS)


def _parsed(text: str, context: Any) -> Any:
    try:
        return _llvm().parse_assembly(text, context)
    except RuntimeError as error:
        raise _refused(text, str(error)) from None


def _refused(text: str, message: str) -> EngineError:
    """What LLVM has against the text, with the line that it means.

    The parser names a line; the verifier repeats the instruction, or none.
    """
    lines = text.splitlines()
    place = re.search(r"<string>:(\d+):\d+: error: (.*)", message)
    if place:
        line, reason = int(place[1]), place[2]
    else:
        reason, *quoted = [each.strip() for each in message.strip().splitlines()]
        line = next((n for n, each in enumerate(lines, 1) if each.strip() in quoted and each), 0)
    shown = f" in line {line}: {lines[line - 1].strip()}" if 0 < line <= len(lines) else ""
    return EngineError(f"LLVM refuses the program{shown}\n{reason}")
