"""The barrier at which all threads of a run wait for each other."""

from __future__ import annotations

from talweg.engine.native import processor
from talweg.engine.native.control_block import ARRIVED, GENERATION, NAPS, SLEEP
from talweg.engine.native.llvm.module import Function, Module
from talweg.engine.native.llvm.values import Value, number

SPINS = 4_000
"""Rounds that a waiting thread spins before it sleeps: some 50 us at 3 GHz, about the time between
the arrivals of threads that all have a core. Where cores are short, a thread that spins or yields
would keep its core from the thread that it waits for.
"""
NAP = 30
"""Microseconds of a sleep."""


def write_barrier(f: Function, control: Value, threads: Value) -> None:
    """Write a wait until all threads have arrived; a single thread does not wait."""
    if "barrier" not in f.module.functions:
        _write_function(f.module)
    with f.when(f.compare("sgt", threads, number(1, "i64"))):
        f.call("barrier", "void", control, threads)


def _write_function(module: Module) -> None:
    f = module.function("barrier", [("ptr", "control"), ("i64", "threads")], inline=False)
    control, threads = f.parameters
    arrived, generation = f.at(control, ARRIVED, "i64"), f.at(control, GENERATION, "i64")
    before = f.emit("i64", f"load atomic i64, {generation} acquire, align 8")
    count = f.emit("i64", f"atomicrmw add {arrived}, i64 1 acq_rel")
    is_last = f.compare("eq", f.add(count, number(1, "i64")), threads)
    f.branch(is_last, "release", "wait")
    f.open("release")
    f.do(f"store atomic i64 0, {arrived} monotonic, align 8")
    following = f.add(before, number(1, "i64"))
    f.do(f"store atomic {following}, {generation} release, align 8")
    f.jump("done")
    f.open("wait")
    spins = Value("i64", "%spins")
    f.do("%spins = phi i64 [ 0, %entry ], [ %more, %again ]")
    now = f.emit("i64", f"load atomic i64, {generation} acquire, align 8")
    f.branch(f.compare("ne", now, before), "done", "pause")
    f.open("pause")
    processor.pause(f)
    f.do(f"%more = add {spins}, 1")
    f.branch(f.compare("sgt", spins, number(SPINS, "i64")), "offer", "again")
    f.open("offer")
    offer = f.load("ptr", f.at(control, SLEEP, "ptr"))
    f.branch(f.compare("eq", offer, Value("ptr", "null")), "again", "call")
    f.open("call")
    f.emit("i64", f"atomicrmw add {f.at(control, NAPS, 'i64')}, i64 1 monotonic")
    f.do(f"call i32 {offer.name}(i32 {NAP})")
    f.jump("again")
    f.open("again")
    f.jump("wait")
    f.open("done")
    f.ret()
