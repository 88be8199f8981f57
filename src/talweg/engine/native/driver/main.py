"""The function `run` of a compiled program: its epochs, and all that they call.

Every thread runs the same functions. The first thread does what concerns all of them (measures,
history, the decision to continue) between two barriers.
"""

from __future__ import annotations

from talweg.engine.native import control_block as c, processor
from talweg.engine.native.driver.base import Writer, tickets_of
from talweg.engine.native.driver.epoch import EpochWriter
from talweg.engine.native.driver.epoch_end import EpochEndWriter, EvaluationWriter
from talweg.engine.native.driver.run_plans import RunPlans
from talweg.engine.native.emit.barrier import write_barrier
from talweg.engine.native.emit.clock import write_time
from talweg.engine.native.emit.region import write_regions
from talweg.engine.native.llvm.module import Module
from talweg.engine.native.llvm.values import number, type_of


def write_run(module: Module, plans: RunPlans) -> str:
    """Write `void run(ptr control, ptr table, i64 thread)` and all that it calls; its name.

    A call of `run` continues where the last one ended, even within an epoch, and on any number of
    threads.

    An unwatched step uses the tickets of the step: it is pruned from it, and keeps its products as
    the same objects.
    """
    names = {
        name: write_regions(module, plan, name, tickets)
        for name, plan, tickets in (
            ("step", plans.step, tickets_of(plans.step)),
            ("unwatched_step", plans.unwatched_step, tickets_of(plans.step)),
            ("evaluate", plans.evaluate, None),
            ("rules", plans.rules, None),
        )
        if plan is not None
    }
    EpochWriter(module, plans, names["step"], names.get("unwatched_step", {})).write()
    if plans.evaluate is not None:
        EvaluationWriter(module, plans, plans.evaluate, names["evaluate"]).write()
    EpochEndWriter(module, plans, names.get("rules", {})).write()
    EpochsWriter(module, plans).write()
    _write_entry(module)
    return "run"


def _write_entry(module: Module) -> None:
    arguments = [("ptr", "control"), ("ptr", "table"), ("i64", "thread")]
    f = module.function("run", arguments, public=True)
    control, _, thread = f.parameters
    is_first = f.compare("eq", thread, number(0, "i64"))
    write_barrier(f, control, f.load("i64", f.at(control, c.THREADS, "i64")))
    with f.when(is_first):
        write_time(f, control, c.BEGAN)
    with processor.without_denormals(f):
        f.call("epochs", "void", *f.parameters)
    with f.when(is_first):
        write_time(f, control, c.ENDED)
    f.ret()


class EpochsWriter(Writer):
    """Writes the loop over epochs."""

    name = "epochs"

    def write(self) -> None:
        f = self.f
        with f.loop(self.word(c.EPOCH), self.word(c.LAST_EPOCH)):
            self.epoch()
        f.ret()

    def epoch(self) -> None:
        """Train for one epoch and close it; return from the loop where the run ends."""
        f = self.f
        with self.first_thread():
            self.save_if_due()  # `epoch` has a barrier before its first step
        cut = f.call("epoch", "i64", self.control, self.table, self.thread)
        self.return_if(f.compare("ne", cut, number(0, "i64")))
        self.barrier()
        bad = self.word(c.NON_FINITE)
        self.return_if(f.compare("ne", bad, number(0, "i64")))
        replay, close = f.fresh("replay"), f.fresh("close")
        again = f.fresh("again")
        f.branch(f.compare("ne", self.word(c.REPLAY), number(0, "i64")), replay, close)
        f.open(replay)
        with self.first_thread():
            self.set_word(c.EPOCH, f.plus(self.word(c.EPOCH), 1))
        f.jump(again)
        f.open(close)
        if self.plans.evaluate is not None:
            f.call("evaluation", "void", self.control, self.table, self.thread)
        with self.first_thread():
            f.call("close", "void", self.control, self.table, self.thread)
        f.jump(again)
        f.open(again)
        self.barrier()
        halts = f.bits("or", self.word(c.STATUS), self.word(c.NON_FINITE))
        self.return_if(f.compare("ne", halts, number(0, "i64")))

    def save_if_due(self) -> None:
        """Save weights and state from time to time, at the start of an epoch: a replay of a step
        begins there.
        """
        f = self.f
        due = f.plus(self.word(c.SAVED_STEP), self.word(c.SAVE_EVERY))
        is_due = f.compare("sge", self.word(c.STEP), f.index(due))
        is_start = f.compare("eq", self.word(c.START_ROW), number(0, "i64"))
        with f.when(f.bits("and", is_due, is_start)):
            self.set_word(c.SAVED_STEP, self.word(c.STEP))
            self.set_word(c.SAVED_EPOCH, self.word(c.EPOCH))
            state = [f"state.{name}" for name in self.program.state]
            for index, name in enumerate(["weights", *state]):
                buffer = self.plans.step.inputs[name]
                target, source = self.entry(c.SAVED + index), self.entry(buffer.slot)
                self.copy(target, source, buffer.size.factor, type_of(buffer.dtype))
