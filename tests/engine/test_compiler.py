"""From IR text to machine code: compiled functions compute, and refused texts say why."""

from __future__ import annotations

import ctypes
import dataclasses
import gc
import math
import struct
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from talweg.engine.native.llvm import compiler
from talweg.engine.native.llvm.cache import Cache
from talweg.engine.native.llvm.compiler import Compiled, Target, compiled, forget, host, object_code
from talweg.errors import EngineError

pytest.importorskip("llvmlite")

WHOLE, REAL = ctypes.c_int64, ctypes.c_double


def adder(constant: int) -> str:
    """A program that adds a constant, by an inner function."""
    return (
        f"define internal i64 @inner(i64 %x) noinline {{\n  %y = add i64 %x, {constant}\n"
        "  ret i64 %y\n}\n"
        "define i64 @outer(i64 %x) {\n  %y = call i64 @inner(i64 %x)\n  ret i64 %y\n}\n"
    )


def call(program: Compiled, name: str, *arguments: float, of: Any = WHOLE) -> Any:
    return ctypes.CFUNCTYPE(of, *[of] * len(arguments))(program.addresses[name])(*arguments)


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    forget()
    return Cache(tmp_path / "talweg")


OFF = Cache(None)


# Compiled programs compute ----------------------------------------------------------------------


def test_a_program_is_compiled_and_called(cache: Cache) -> None:
    program = compiled(adder(7), ["outer"], cache=cache)
    assert set(program.addresses) == {"outer"}
    assert call(program, "outer", 35) == 42


def test_a_program_may_have_several_functions_and_no_names() -> None:
    text = "".join(f"define i64 @give{n}() {{\n  ret i64 {n}\n}}\n" for n in range(5))
    names = [f"give{n}" for n in (3, 0, 4)]
    program = compiled(text, names, cache=OFF)
    assert [call(program, name) for name in names] == [3, 0, 4]
    assert compiled(text, [], cache=OFF).addresses == {}


# Shared routines --------------------------------------------------------------------------------


SHARED = "define i64 @shared(i64 %x) {\n  %y = add i64 %x, 7\n  ret i64 %y\n}\n"


def program_of(number: int) -> str:
    return (
        "declare i64 @shared(i64)\n"
        f"define i64 @call{number}(i64 %x) {{\n  %y = call i64 @shared(i64 %x)\n"
        f"  %z = add i64 %y, {number}\n  ret i64 %z\n}}\n"
    )


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts that are compiled during the test."""
    texts: list[str] = []
    compile_now = compiler.object_code
    monkeypatch.setattr(
        compiler, "object_code", lambda text, *rest: texts.append(text) or compile_now(text, *rest)
    )
    return texts


def test_shared_routines_are_compiled_once_for_all_programs(cache: Cache, made: list[str]) -> None:
    for number in (1, 2):
        program = compiled(program_of(number), [f"call{number}"], [SHARED], cache=cache)
        assert call(program, f"call{number}", 30) == 37 + number
        assert program.size > len(object_code(SHARED, host()))
    assert made == [program_of(1), SHARED, program_of(2)]
    forget()
    compiled(program_of(3), ["call3"], [SHARED], cache=cache)
    assert made == [program_of(1), SHARED, program_of(2), program_of(3)]


def test_shared_routines_may_be_compiled_ahead(
    cache: Cache, made: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiler, "user_cache", lambda: OFF)
    compiler.compile_ahead(SHARED)
    program = compiled(program_of(4), ["call4"], [SHARED], cache=OFF)
    assert call(program, "call4", 1) == 12
    assert sorted(made) == sorted([SHARED, program_of(4)])


def test_a_failure_ahead_is_reported_to_the_program(cache: Cache) -> None:
    compiler.compile_ahead("nonsense")
    for thread in threading.enumerate():
        if thread.name == compiler.AHEAD:
            thread.join()
    with pytest.raises(EngineError, match="nonsense"):
        compiled(program_of(5), ["call5"], ["nonsense"], cache=OFF)


def test_functions_of_the_process_are_found() -> None:
    text = """
declare double @sin(double)
declare double @cos(double)
declare double @fmod(double, double)
define double @wave(double %x) {
  %s = call double @sin(double %x)
  %c = call double @cos(double %x)
  %p = fmul double %s, %c
  %r = call double @fmod(double %p, double 0.25)
  ret double %r
}
define double @rest(double %x, double %y) {
  %r = frem double %x, %y
  ret double %r
}
"""
    program = compiled(text, ["wave", "rest"], cache=OFF)
    for x in (0.1, 2.0, -30.5):
        expected = math.fmod(math.sin(x) * math.cos(x), 0.25)
        assert call(program, "wave", x, of=REAL) == expected
        assert call(program, "rest", x, 0.7, of=REAL) == math.fmod(x, 0.7)


def test_memory_is_filled_and_copied() -> None:
    text = """
declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)
declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)
define void @work(ptr %to, ptr %from, i64 %count) {
  %middle = getelementptr i8, ptr %to, i64 %count
  call void @llvm.memcpy.p0.p0.i64(ptr %to, ptr %from, i64 %count, i1 false)
  call void @llvm.memset.p0.i64(ptr %middle, i8 7, i64 %count, i1 false)
  ret void
}
"""
    program = compiled(text, ["work"], cache=OFF)
    source, target = ctypes.create_string_buffer(b"x" * 5000), ctypes.create_string_buffer(10_000)
    work = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, WHOLE)
    work(program.addresses["work"])(ctypes.addressof(target), ctypes.addressof(source), 5000)
    assert target.raw == b"x" * 5000 + b"\7" * 5000


def test_constants_are_aligned_as_the_text_says() -> None:
    text = """
@table = internal constant [3 x double] [double 1.5, double 2.5, double 3.5], align 64
define double @pick(double %place) {
  %i = fptosi double %place to i64
  %p = getelementptr double, ptr @table, i64 %i
  %r = load double, ptr %p
  ret double %r
}
define i64 @where() {
  %a = ptrtoint ptr @table to i64
  ret i64 %a
}
"""
    program = compiled(text, ["pick", "where"], cache=OFF)
    assert [call(program, "pick", float(i), of=REAL) for i in range(3)] == [1.5, 2.5, 3.5]
    assert call(program, "where") % 64 == 0


def test_vectors_of_the_width_of_the_host_run() -> None:
    count = host().vector_bytes // 8
    type = f"<{count} x double>"
    text = f"""
declare {type} @llvm.fma.v{count}f64({type}, {type}, {type})
define double @work(double %x) {{
  %a = insertelement {type} poison, double %x, i64 0
  %v = shufflevector {type} %a, {type} poison, <{count} x i32> zeroinitializer
  %f = call {type} @llvm.fma.v{count}f64({type} %v, {type} %v, {type} splat (double 1.0))
  %r = extractelement {type} %f, i64 {count - 1}
  ret double %r
}}
"""
    assert call(compiled(text, ["work"], cache=OFF), "work", 3.0, of=REAL) == 10.0


# Caches -----------------------------------------------------------------------------------------


def test_a_program_is_compiled_once_then_taken_from_memory_then_from_disk(cache: Cache) -> None:
    first = compiled(adder(1), ["outer"], cache=cache)
    again = compiled(adder(1), ["outer"], cache=cache)
    forget()
    loaded = compiled(adder(1), ["outer"], cache=cache)
    assert [each.from_cache for each in (first, again, loaded)] == [False, True, True]
    assert again.addresses == first.addresses != loaded.addresses
    assert first.size == again.size == loaded.size == len(object_code(adder(1), host()))
    assert len({each.seconds for each in (first, again, loaded)}) == 3
    assert all(each.seconds > 0 for each in (first, again, loaded))
    assert call(loaded, "outer", 1) == 2


def test_other_names_of_the_same_text_are_another_program(cache: Cache) -> None:
    text = adder(1) + "define i64 @third() {\n  ret i64 3\n}\n"
    compiled(text, ["outer"], cache=cache)
    both = compiled(text, ["outer", "third"], cache=cache)
    assert both.from_cache
    assert (call(both, "outer", 4), call(both, "third")) == (5, 3)


def test_programs_are_cached_in_memory_without_a_disk_cache() -> None:
    forget()
    assert not compiled(adder(2), ["outer"], cache=OFF).from_cache
    assert compiled(adder(2), ["outer"], cache=OFF).from_cache
    forget()
    assert not compiled(adder(2), ["outer"], cache=OFF).from_cache


def test_a_damaged_entry_is_compiled_again(cache: Cache) -> None:
    compiled(adder(3), ["outer"], cache=cache)
    assert cache.folder is not None
    (entry,) = cache.folder.iterdir()
    whole = entry.read_bytes()
    entry.write_bytes(whole[:-100] + bytes(100))
    forget()
    program = compiled(adder(3), ["outer"], cache=cache)
    assert not program.from_cache
    assert call(program, "outer", 1) == 4
    assert entry.read_bytes() == whole


def test_the_cache_of_the_user_is_the_default(
    cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiler, "user_cache", lambda: cache)
    compiled(adder(4), ["outer"])
    assert cache.folder is not None
    assert len(list(cache.folder.iterdir())) == 1


def test_everything_that_determines_the_code_is_in_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    target = Target("x86_64-unknown-linux-gnu", "znver3", "+avx2,+fma")
    parts = {"triple": "x86_64-apple-darwin", "cpu": "skylake", "features": "+avx2"}
    parts["optimizes"] = False
    others = [dataclasses.replace(target, **{part: value}) for part, value in parts.items()]
    keys = [compiler._key(adder(1), other) for other in [target, *others]]
    keys.append(compiler._key(adder(2), target))
    for name, value in {
        "llvmlite.__version__": "99",
        "llvmlite.binding.llvm_version_info": (99,),
    }.items():
        with monkeypatch.context() as patch:
            patch.setattr(name, value)
            keys.append(compiler._key(adder(1), target))
    monkeypatch.setitem(compiler._OPTIONS, "opt", 3)
    keys.append(compiler._key(adder(1), target))
    assert len(set(keys)) == len(keys) == 9


@pytest.mark.slow
def test_the_number_of_programs_kept_is_bounded_and_used_ones_stay() -> None:
    forget()
    compiled(adder(0), ["outer"], cache=OFF)
    for constant in range(1, compiler._KEPT + 10):
        compiled(adder(constant), ["outer"], cache=OFF)
        assert compiled(adder(0), ["outer"], cache=OFF).from_cache
    assert not compiled(adder(1), ["outer"], cache=OFF).from_cache


SCRIPT = """
import ctypes, sys
from pathlib import Path
from talweg.engine.native.llvm.cache import Cache
from talweg.engine.native.llvm.compiler import compiled
program = compiled({text!r}, ["outer"], cache=Cache(Path({folder!r})))
outer = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)(program.addresses["outer"])
print(program.from_cache, outer(1))
"""


def run(script: str) -> str:
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.slow
def test_the_next_process_loads_what_one_has_compiled(cache: Cache) -> None:
    script = SCRIPT.format(text=adder(5), folder=str(cache.folder))
    assert [run(script), run(script)] == ["False 6", "True 6"]


# Lifetime ---------------------------------------------------------------------------------------


def test_a_program_lives_as_long_as_it_is_held() -> None:
    held = compiled(adder(8), ["outer"], cache=OFF)
    copy = compiled(adder(8), ["outer"], cache=OFF)
    forget()
    del held
    for constant in range(100, 130):  # whose code would take its place in memory
        compiled(adder(constant), ["outer"], cache=OFF)
        forget()
    gc.collect()
    assert call(copy, "outer", 1) == 9


MEMORY = """
import resource
from talweg.engine.native.llvm import compiler
from talweg.engine.native.llvm.cache import Cache
def make(number, entries):
    # as many different programs as the cache has entries
    text = f"@table = constant [{entries} x i64] zeroinitializer\\n"
    text += f"define i64 @outer() {{\\n  ret i64 {number}\\n}}\\n"
    compiler.compiled(text, ["outer", "table"], cache=Cache(None))
    compiler.forget()
def most():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for number in range(compiler._KEPT + 1):
    make(number, 32_768)
before = most()
for number in range(200):
    make(number, 32_768)
large = most()
code = compiler.object_code("define i64 @outer() { ret i64 1 }", compiler.host())
for number in range(2000):
    compiler._linked("", [code], ["outer"])
print(large - before, most() - large)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="counts kilobytes as Linux does")
def test_memory_does_not_grow_with_dropped_programs() -> None:
    large, small = map(int, run(MEMORY).split())
    assert large < 10_000  # of 200 * 256 KB
    assert small < 5_000  # of 2000 * 9 KB


# Threads ----------------------------------------------------------------------------------------


def test_threads_compile_side_by_side(cache: Cache) -> None:
    def work(constant: int) -> int:
        program = compiled(adder(constant), ["outer"], cache=cache)
        result: int = call(program, "outer", 1)
        return result

    with ThreadPoolExecutor(8) as pool:
        constants = [n % 40 for n in range(400)]
        assert list(pool.map(work, constants)) == [constant + 1 for constant in constants]


def test_threads_that_want_the_same_program_compile_it_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    forget()
    made = []

    def counted(text: str, target: Target) -> bytes:
        made.append(text)
        return object_code(text, target)

    monkeypatch.setattr(compiler, "object_code", counted)
    with ThreadPoolExecutor(8) as pool:
        programs = list(pool.map(lambda _: compiled(adder(9), ["outer"], cache=OFF), range(8)))
    assert len(made) == 1
    assert len({each.addresses["outer"] for each in programs}) == 1
    assert sum(not each.from_cache for each in programs) == 1


# Other processors -------------------------------------------------------------------------------

ELF, MACH = b"\x7fELF", b"\xcf\xfa\xed\xfe"


@pytest.mark.parametrize(
    ("triple", "cpu", "features", "magic", "machine"),
    [
        ("x86_64-unknown-linux-gnu", "x86-64", "", ELF, (18, 62)),
        ("x86_64-unknown-linux-gnu", "x86-64-v4", "", ELF, (18, 62)),
        ("aarch64-unknown-linux-gnu", "generic", "+neon", ELF, (18, 183)),
        ("x86_64-pc-windows-msvc-elf", "x86-64", "", ELF, (18, 62)),
        ("arm64-apple-darwin23", "apple-m1", "", MACH, (4, 12)),
    ],
)
def test_code_for_another_processor(
    triple: str, cpu: str, features: str, magic: bytes, machine: tuple[int, int]
) -> None:
    code = object_code(adder(1), Target(triple, cpu, features))
    assert code.startswith(magic)
    assert struct.unpack_from("<H", code, machine[0]) == (machine[1],)
    assert code == object_code(adder(1), Target(triple, cpu, features))


def test_features_reach_the_code() -> None:
    text = (
        "declare double @llvm.fma.f64(double, double, double)\ndefine double @f(double %x) {\n"
        "  %y = call double @llvm.fma.f64(double %x, double %x, double %x)\n  ret double %y\n}\n"
    )
    target = Target("x86_64-unknown-linux-gnu", "x86-64", "")
    assert b"\0fma\0" in object_code(text, target)  # a call, since there is no instruction
    assert b"\0fma\0" not in object_code(text, dataclasses.replace(target, features="+fma"))
    assert b"\0fma\0" not in object_code(text, dataclasses.replace(target, cpu="haswell"))


def test_the_features_of_the_host_determine_its_target() -> None:
    target = host()
    assert target.triple and target.cpu and target.features
    features = set(target.features.split(","))
    widest = [(64, {"+avx512vl", "+avx512bw"}), (32, {"+avx2", "+fma"}), (16, set())]
    assert target.vector_bytes == next(size for size, needed in widest if needed <= features)
    assert target.registers in (16, 32)
    assert host() is target


AVX2 = {"avx2": True, "fma": True}


@pytest.mark.parametrize(
    ("triple", "features", "expected"),
    [
        ("x86_64-unknown-linux-gnu", AVX2, (32, 16)),
        ("x86_64-unknown-linux-gnu", {"avx2": True, "fma": False}, (16, 16)),
        ("x86_64-unknown-linux-gnu", {"avx2": False, "fma": True}, (16, 16)),
        ("x86_64-unknown-linux-gnu", {**AVX2, "avx512vl": True, "avx512bw": True}, (64, 32)),
        ("x86_64-unknown-linux-gnu", {**AVX2, "avx512vl": True, "avx512bw": False}, (32, 16)),
        ("aarch64-unknown-linux-gnu", {"neon": True}, (16, 32)),
        ("arm64-apple-darwin23", {}, (16, 32)),
    ],
)
def test_vectors_and_registers_of_processors(
    monkeypatch: pytest.MonkeyPatch,
    triple: str,
    features: dict[str, bool],
    expected: tuple[int, int],
) -> None:
    import llvmlite.binding as llvm

    monkeypatch.setattr(llvm, "get_process_triple", lambda: triple)
    monkeypatch.setattr(llvm, "get_host_cpu_features", lambda: llvm.targets.FeatureMap(features))
    target = host.__wrapped__()
    assert (target.vector_bytes, target.registers) == expected


# Errors -----------------------------------------------------------------------------------------


def test_a_line_that_llvm_cannot_read_is_shown() -> None:
    text = adder(1).replace("%y = add i64 %x, 1", "%y = add i32 %x, 1")
    with pytest.raises(EngineError, match=r"in line 2: %y = add i32 %x, 1\n'%x' defined with type"):
        compiled(text, ["outer"], cache=OFF)


def test_a_line_that_llvm_will_not_verify_is_shown() -> None:
    text = "define i64 @f(i64 %x) {\n  %z = add i64 %y, 1\n  %y = add i64 %x, 1\n  ret i64 %y\n}\n"
    with pytest.raises(EngineError, match=r"in line [23]: %. = add .*\nInstruction does not dom"):
        compiled(text, ["f"], cache=OFF)


def test_a_text_that_ends_too_early_is_refused() -> None:
    with pytest.raises(EngineError, match="LLVM rejects the program"):
        compiled("define i64 @f() {", ["f"], cache=OFF)


def test_an_undefined_function_is_named() -> None:
    text = (
        "declare i64 @nowhere()\ndeclare i64 @llvm.abs.i64(i64, i1)\n"
        "define i64 @f() {\n  %x = call i64 @nowhere()\n  ret i64 %x\n}\n"
    )
    with pytest.raises(EngineError, match=r"cannot be loaded: .* it calls nowhere\."):
        compiled(text, ["f"], cache=OFF)


@pytest.mark.parametrize("name", ["missing", "inner"])
def test_a_name_that_is_not_public_is_named(name: str) -> None:
    with pytest.raises(EngineError, match=rf"Symbols not found: \[ {name} \]"):
        compiled(adder(1), ["outer", name], cache=OFF)


def test_a_refused_program_leaves_the_compiler_as_it_was(cache: Cache) -> None:
    for _ in range(3):
        with pytest.raises(EngineError):
            compiled("nonsense", ["f"], cache=cache)
    assert call(compiled(adder(1), ["outer"], cache=cache), "outer", 1) == 2


def test_an_unknown_processor_is_named() -> None:
    with pytest.raises(EngineError, match="LLVM cannot generate code for 'abacus-unknown-none'"):
        object_code(adder(1), Target("abacus-unknown-none", "", ""))


@pytest.fixture
def fresh() -> Any:
    """llvmlite is imported again, before and after the test."""
    compiler._llvm.cache_clear()
    yield
    compiler._llvm.cache_clear()


@pytest.mark.usefixtures("fresh")
def test_without_llvmlite_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    assert compiler.is_available()
    compiler._llvm.cache_clear()
    monkeypatch.setitem(sys.modules, "llvmlite.binding", None)
    assert not compiler.is_available()
    with pytest.raises(EngineError, match=r"needs llvmlite, which is not installed.*pip install"):
        compiled(adder(1), ["outer"], cache=OFF)


def test_the_engine_is_not_available_without_llvmlite() -> None:
    script = "import sys\nsys.modules['llvmlite'] = None\n"
    script += "from talweg.engine.native.llvm.compiler import is_available\nprint(is_available())"
    assert run(script) == "False"


@pytest.mark.usefixtures("fresh")
def test_an_llvm_that_is_too_old_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("llvmlite.binding.llvm_version_info", (15, 0, 7))
    assert not compiler.is_available()
    with pytest.raises(EngineError, match="LLVM 20 or later; this llvmlite brings 15"):
        compiled(adder(1), ["outer"], cache=OFF)


def test_llvmlite_is_imported_only_when_it_is_needed() -> None:
    script = "import sys, talweg.engine.native.llvm.compiler\nprint('llvmlite' in sys.modules)"
    assert run(script) == "False"
