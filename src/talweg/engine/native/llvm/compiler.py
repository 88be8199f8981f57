"""From LLVM IR to callable machine code: llvmlite emits object code and links it in memory.

LLVM's optimization passes are not run: the text is lean already, and the passes would take longer
than code generation. Programs are cached in this process and on disk.
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

_OLDEST = (20, 0, 0)  # LLVM that knows opaque pointers and splat constants
_WINDOWS = sys.platform == "win32"
# Position-independent code of the small model folds constants into instructions. It needs code and
# constants near each other, where JITLink puts them; the linker on Windows does not.
_OPTIONS = {
    "opt": 2,
    "reloc": "static" if _WINDOWS else "pic",
    "codemodel": "large" if _WINDOWS else "small",
    "jit": True,
}
# LLVM took 20 bytes per byte of a text of 8 MB. With a small text it still failed with 16 MB to
# spare, in a heap with only scattered pages free
_ROOM, _TEXT_ROOM, _CODE_ROOM = 2**25, 24, 4
# with room for other threads meanwhile: each starts with a stack of 8 MB
_BESIDE_ROOM = 2**26
_LIBRARY_ROOM = 2**28  # to load LLVM itself, which takes 170 MB in llvmlite 0.50
_KEPT = 64  # programs that this process keeps, used or not
_Key = tuple[bytes, tuple[str, ...], tuple[str, ...]]


@dataclass(frozen=True)
class Target:
    """A processor to compile for: its names in LLVM, its vector width, its vector registers."""

    triple: str
    cpu: str
    features: str
    vector_bytes: int = 16
    registers: int = 16
    optimizes: bool = True
    """Whether LLVM optimizes the code it generates; without, it takes a quarter of the time."""


@dataclass(frozen=True)
class Compiled:
    """A program in memory; its addresses are valid as long as this object or a copy of it lives."""

    addresses: dict[str, int]
    size: int
    """Bytes of the object code."""
    seconds: float
    """The time to get the program, compiled or from a cache."""
    from_cache: bool
    """Whether this process or another had compiled it before."""
    _library: Any = field(repr=False)


def is_available() -> bool:
    """Whether llvmlite can compile here; the first call imports it."""
    return not why_unavailable()


def why_unavailable() -> str:
    """Why nothing can be compiled here and what to do; empty if it can."""
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
    has_avx2 = features.get("avx2", False) and features.get("fma", False)
    has_avx512 = has_avx2 and features.get("avx512vl", False) and features.get("avx512bw", False)
    is_arm = triple.startswith(("aarch64", "arm64"))
    return Target(
        # code that is linked in memory has ELF form on Windows, too
        triple=triple + "-elf" * ("windows" in triple),
        cpu=llvm.get_host_cpu_name(),
        features=features.flatten(),
        vector_bytes=64 if has_avx512 else 32 if has_avx2 else 16,
        registers=32 if has_avx512 or is_arm else 16,
    )


def compiled(
    text: str,
    names: Sequence[str],
    shared: Sequence[str] = (),
    *,
    cache: Cache | None = None,
    optimizes: bool = True,
) -> Compiled:
    """Load the program of a text; with the addresses of the named public functions.

    It comes from this process, else from `cache` (the user's by default), else from the compiler.
    It is linked with the programs of the `shared` texts, which all programs share.
    """
    start = time.perf_counter()
    target = replace(host(), optimizes=optimizes)
    code = _key(text, target)
    key = (code, tuple(names), tuple(shared))
    program = _programs.get(key)
    if program is None:
        with _compiling:
            program = _programs.get(key)  # another thread may have compiled it meanwhile
            if program is None:
                program = _compile(text, names, shared, target, cache or user_cache(), start)
                _programs.put(key, program)
                return program
    return replace(program, seconds=time.perf_counter() - start, from_cache=True)


def compile_ahead(text: str) -> None:
    """Start to compile a text that programs will share; LLVM does not hold the GIL meanwhile."""
    # Python waits forever for a thread that lacks memory in its first lines
    if text in _shared_code or _is_compiling_shared() or not can_allocate(_BESIDE_ROOM):
        return
    with suppress(RuntimeError, MemoryError):  # without a thread, the first user compiles it
        Thread(target=_try_to_compile_shared, args=(text,), name=AHEAD).start()


def _try_to_compile_shared(text: str) -> None:
    with suppress(MemoryError, EngineError):  # the first user tries again and reports it
        _shared_object_code(text, user_cache())


def _is_compiling_shared() -> bool:
    """Whether another thread is compiling a shared text."""
    is_free_now = _compiling_shared.acquire(blocking=False)
    if is_free_now:
        _compiling_shared.release()
    return not is_free_now


def _shared_object_code(text: str, cache: Cache) -> bytes:
    """The object code of a shared text; a second thread waits for the first."""
    with _compiling_shared:
        code = _shared_code.get(text)
        if code is None:
            code = _shared_code[text] = _object_code(text, host(), cache)[0]
        return code


def object_code(text: str, target: Target) -> bytes:
    """Compile a text to an object file, for any processor that LLVM knows."""
    _demand(_TEXT_ROOM * len(text))
    with _llvm().create_context() as context, _parsed(text, context) as program:
        try:
            program.verify()
            code: bytes = _machine(target).emit_object(program)
        except RuntimeError as error:
            raise _refused(text, str(error)) from None
    return code


def _demand(size: int) -> None:
    """OutOfMemoryError if this many bytes are not free: LLVM would abort the process instead."""
    others = [thread for thread in enumerate_threads() if thread is not current_thread()]
    is_alone = not any(thread.name.startswith("talweg") for thread in others)
    advice = 'Free some, train a network with fewer layers, or use engine="numpy".'
    require_memory(
        size + (_ROOM if is_alone else _BESIDE_ROOM), "To compile and load this run", advice
    )


def forget() -> None:
    """Drop the programs that this process keeps; those in use live on."""
    _programs.clear()
    _shared_code.clear()


class _Programs:
    """The most recently used programs, for all threads."""

    def __init__(self, limit: int) -> None:
        self._limit, self.lock = limit, RLock()
        self._items: OrderedDict[_Key, Compiled] = OrderedDict()

    def get(self, key: _Key) -> Compiled | None:
        with self.lock:
            if key in self._items:
                self._items.move_to_end(key)
            return self._items.get(key)

    def put(self, key: _Key, program: Compiled) -> None:
        dropped = None  # freed without the lock: unloading a program may wait for LLVM
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
# llvmlite runs one call into LLVM at a time, so this lock costs nothing, and a program that two
# threads want at once is compiled once
_compiling = RLock()
_shared_code: dict[str, bytes] = {}  # by text; there are one or two per dtype
_compiling_shared = RLock()
hold_over_forks(lambda: [_compiling, _compiling_shared, _programs.lock])
AHEAD = "talweg-compile-ahead"
"""The name of the thread that compiles shared texts ahead."""
_numbers = count()


def _key(text: str, target: Target) -> bytes:
    import llvmlite  # type: ignore[import-untyped]

    versions = f"{llvmlite.__version__} {_llvm().llvm_version_info} {_options(target)}"
    return key_of(versions, target.triple, target.cpu, target.features, text)


def _compile(
    text: str,
    names: Sequence[str],
    shared: Sequence[str],
    target: Target,
    cache: Cache,
    start: float,
) -> Compiled:
    code, from_cache = _object_code(text, target, cache)
    codes = [code, *(_shared_object_code(other, cache) for other in shared)]
    library = _linked(text, codes, names)
    addresses = {name: library[name] for name in names}
    size = sum(map(len, codes))
    return Compiled(addresses, size, time.perf_counter() - start, from_cache, library)


def _object_code(text: str, target: Target, cache: Cache) -> tuple[bytes, bool]:
    """The object code of a text for a processor, and whether it came from the cache."""
    key = _key(text, target)
    cached = cache.load(key)
    if cached is not None:
        return cached, True
    code = object_code(text, target)
    cache.store(key, code)
    return code, False


def _linked(text: str, codes: Sequence[bytes], names: Sequence[str]) -> Any:
    """Put the code in executable memory, where it stays as long as the result lives."""
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
            f"The program cannot be loaded: {error}. It must define {', '.join(names)}; from "
            f"outside it calls {', '.join(outside) or 'nothing'}."
        ) from None


@cache
def _llvm() -> Any:
    """The binding of llvmlite, initialized for this processor."""
    share_one_heap()
    try:
        import llvmlite.binding as llvm  # type: ignore[import-untyped]
    except (ImportError, OSError, MemoryError) as error:
        raise EngineError(_not_loaded(error)) from error
    if llvm.llvm_version_info < _OLDEST:
        raise EngineError(
            f"The native engine needs LLVM {_OLDEST[0]} or later; this llvmlite brings "
            f"{llvm.llvm_version_info[0]}. Upgrade it (pip install -U llvmlite), or use "
            'engine="numpy".'
        )
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm


def _not_loaded(error: Exception) -> str:
    """Why llvmlite cannot be imported; its message does not tell a lack of memory from damage."""
    if isinstance(error, ModuleNotFoundError):
        return (
            "The native engine needs llvmlite, which is not installed. Install it (pip install "
            '"llvmlite"), or use engine="numpy".'
        )
    if isinstance(error, MemoryError) or not can_allocate(_LIBRARY_ROOM):
        return (
            f"The native engine needs llvmlite, which takes {_LIBRARY_ROOM / 2**20:.0f} MB of "
            'memory to load, which is not free. Free some, or use engine="numpy".'
        )
    return (
        f"The native engine needs llvmlite, which cannot be loaded ({error}). Install it again "
        '(pip install --force-reinstall "llvmlite"), or use engine="numpy".'
    )


@lru_cache(maxsize=1)
def _linker(number: int) -> Any:
    """The linker of a number of successive programs, freed with the last of them.

    It keeps 9 KB of each program that is dropped, so one linker for all would grow without end.
    Loading takes 0.3 ms this way, 1.2 ms with a linker for each program, and 1.5 ms with MCJIT,
    which aborts the process where this linker reports an error.
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
        raise EngineError(f"LLVM cannot generate code for {target.triple!r}: {error}.") from None
    return known.create_target_machine(cpu=target.cpu, features=target.features, **_options(target))


def _options(target: Target) -> dict[str, Any]:
    return _OPTIONS if target.optimizes else {**_OPTIONS, "opt": 0}


def _parsed(text: str, context: Any) -> Any:
    try:
        return _llvm().parse_assembly(text, context)
    except RuntimeError as error:
        raise _refused(text, str(error)) from None


def _refused(text: str, message: str) -> EngineError:
    """The error of LLVM about a text, with the line that it means.

    The parser gives a line number; the verifier repeats the instruction, if any.
    """
    lines = text.splitlines()
    place = re.search(r"<string>:(\d+):\d+: error: (.*)", message)
    if place:
        line, reason = int(place[1]), place[2]
    else:
        reason, *quoted = [part.strip() for part in message.strip().splitlines()]
        line = next((n for n, text in enumerate(lines, 1) if text.strip() in quoted and text), 0)
    shown = f" in line {line}: {lines[line - 1].strip()}" if 0 < line <= len(lines) else ""
    return EngineError(f"LLVM rejects the program{shown}\n{reason}")
