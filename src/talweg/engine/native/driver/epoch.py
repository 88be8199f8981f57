"""The steps of one epoch, in LLVM IR: the order of rows, the batches, and each step's regions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from talweg.engine.native import control_block as c
from talweg.engine.native.driver.base import Writer, tickets_of
from talweg.engine.native.driver.batch_rows import BatchRows
from talweg.engine.native.driver.row_order import row_order
from talweg.engine.native.driver.run_plans import RunPlans
from talweg.engine.native.emit.tickets import loop_over_tickets
from talweg.engine.native.llvm.module import Module
from talweg.engine.native.llvm.values import Index, Value, number, type_of
from talweg.engine.native.plan.plan import Plan
from talweg.engine.native.plan.regions import ByRows, Region

_SOURCES = {"x": c.X, "y": c.Y, "row_weights": c.ROW_WEIGHTS}


class StepVariant(NamedTuple):
    """The watched or the unwatched variant of a step.

    `regions` are the names of its regions' functions, `summed` the outputs that are summed over
    the steps of an epoch.
    """

    plan: Plan
    regions: dict[Region, str]
    summed: Sequence[str]

    @property
    def row_tickets(self) -> dict[Region, int]:
        """The tickets of regions by rows. With more regions than tickets, the rest have none."""
        by_rows = [region for region in self.regions if isinstance(region, ByRows)]
        return dict(zip(by_rows, range(c.ROW_TICKETS, c.TICKETS), strict=False))

    @property
    def tickets(self) -> list[int]:
        """All tickets that this variant of a step uses."""
        return [*tickets_of(self.plan).values(), *self.row_tickets.values()]


class EpochWriter(Writer):
    """Writes the steps of one epoch, as a function that returns 1 if it was cut short.

    The sums of its measures and the order of its rows stay in memory, so a later call can continue
    it at START_ROW.
    """

    name, result = "epoch", "i64"

    def __init__(
        self,
        module: Module,
        plans: RunPlans,
        regions: dict[Region, str],
        unwatched: dict[Region, str],
    ) -> None:
        super().__init__(module, plans)
        self.plan = plans.step
        self.variants = [StepVariant(plans.step, regions, plans.summed)]
        if plans.unwatched_step is not None:
            self.variants.append(
                StepVariant(plans.unwatched_step, unwatched, self.program.graphs.measures)
            )
        self.rows = BatchRows(self, plans.step, _SOURCES)
        self.tickets = list(
            dict.fromkeys(ticket for variant in self.variants for ticket in variant.tickets)
        )

    def write(self) -> None:
        f = self.f
        start = self.word(c.START_ROW)
        is_start = f.compare("eq", start, number(0, "i64"))
        with self.first_thread(), f.when(is_start):
            self.begin()
        self.barrier()  # all threads have loaded START_ROW
        with self.first_thread():
            self.set_word(c.START_ROW, 0)
        with f.loop(start, self.word(c.ROWS), self.word(c.BATCH)) as loop:
            self.step(loop.index)
        f.ret(number(0, "i64"))

    def begin(self) -> None:
        """Begin an epoch: clear its sums, load its settings, and order its rows."""
        f = self.f
        self.clear_sums(c.SUMS)
        if not self.program.schedule.by_step:
            self.load_settings(self.word(c.EPOCH))
        with f.when(self.is_on(c.SHUFFLE)):
            epoch = f.plus(self.word(c.EPOCH), 1)
            order = row_order(self.module)
            arrays = [self.entry(c.ORDER), self.entry(c.ORDER_SCRATCH)]
            arguments = [self.word(c.SEED), f.index(epoch), self.word(c.ROWS)]
            f.call(order, "void", *arguments, *arrays)

    def is_on(self, word: int) -> Value:
        return self.f.compare("ne", self.word(word), number(0, "i64"))

    def step(self, start: Value) -> None:
        """Write a step on the batch that begins at row `start`."""
        f = self.f
        there = f.least(self.word(c.BATCH), f.minus(self.word(c.ROWS), start))
        rows = f.index(there) if self.plan.graph.fixed_rows is None else self.word(c.BATCH)
        low, high = self.share_of(rows)
        with self.first_thread():
            self.decide_to_continue()
            self.set_count(there)
            if self.program.schedule.by_step:
                self.load_settings(self.word(c.STEP))
        self.barrier()
        self.leave_unless_it_continues(start)
        is_watched = self.is_watched(start)
        self.write_variants(is_watched, lambda variant: self.before_batch(variant, rows))
        self.gather_batch(start, there, low, high)
        self.barrier()
        self.write_variants(is_watched, lambda variant: self.after_batch(variant, rows))

    def leave_unless_it_continues(self, start: Value) -> None:
        """Leave the epoch before its step from row `start` on, unless the call continues."""
        f = self.f
        leave, go_on = f.fresh("leave"), f.fresh("go_on")
        f.branch(f.compare("eq", self.word(c.CONTINUES), number(0, "i64")), leave, go_on)
        f.open(leave)
        with self.first_thread():
            self.set_word(c.START_ROW, start)
        f.ret(number(1, "i64"))
        f.open(go_on)

    def is_watched(self, start: Value) -> Value | None:
        """Whether this step is watched; None if all steps are alike."""
        if len(self.variants) == 1:
            return None
        f = self.f
        rest = f.remainder(start, self.word(c.WATCH_ROWS))
        return f.compare("eq", rest, number(0, "i64"))

    def write_variants(
        self, is_watched: Value | None, write: Callable[[StepVariant], None]
    ) -> None:
        """Write the code of each variant, and a branch between them if there are two."""
        if is_watched is None:
            write(self.variants[0])
            return
        f, (step, unwatched) = self.f, self.variants
        watched, plain, done = f.fresh("watched"), f.fresh("plain"), f.fresh("stepped")
        f.branch(is_watched, watched, plain)
        for label, variant in ((watched, step), (plain, unwatched)):
            f.open(label)
            write(variant)
            f.jump(done)
        f.open(done)

    def before_batch(self, variant: StepVariant, rows: Value) -> None:
        """Call the regions that need no batch."""
        for region, name in variant.regions.items():
            if region.precedes_batch:
                self.call_region(name, rows, 0, 0)

    def after_batch(self, variant: StepVariant, rows: Value) -> None:
        """Call the regions that need the batch, and finish the step."""
        for region, name in variant.regions.items():
            if region.precedes_batch:
                continue
            if isinstance(region, ByRows):
                self.by_blocks(name, rows, variant.row_tickets.get(region))
            else:
                self.call_region(name, rows, 0, 0)
            self.barrier()
        with self.first_thread():
            self.finish(variant)

    def by_blocks(self, name: str, rows: Value, ticket: int | None) -> None:
        """Call a region by rows, block by block; a thread that is free takes the next block."""
        f, block_rows = self.f, self.word(c.BLOCK_ROWS)
        if ticket is None:
            self.by_rows(name, rows, *self.share_of(rows))
            return
        alone, shared, done = f.fresh("alone"), f.fresh("shared"), f.fresh("all")
        f.branch(f.compare("sgt", self.threads, f.index(1)), shared, alone)
        f.open(alone)
        self.by_rows(name, rows, 0, rows)
        f.jump(done)
        f.open(shared)
        count = f.index(f.over(f.plus(rows, f.minus(block_rows, 1)), block_rows))
        with loop_over_tickets(f, count, self.ticket(ticket)) as part:
            first = f.times(part, block_rows)
            self.call_region(name, rows, first, f.least(f.plus(first, block_rows), rows))
        f.jump(done)
        f.open(done)

    def ticket(self, number: int) -> Value:
        """The address of a ticket's counter."""
        return self.address(c.TAKEN + 8 * number)

    def decide_to_continue(self) -> None:
        """Reset the tickets, and continue unless Python or the last step ended the call."""
        f = self.f
        for ticket in self.tickets:
            f.store(number(0, "i64"), self.ticket(ticket))
        halts = f.bits("or", self.shared_word(c.STOP), self.word(c.NON_FINITE))
        done = f.compare("sge", self.word(c.STEP), self.shared_word(c.LAST_STEP))
        is_running = f.compare("eq", halts, number(0, "i64"))
        continues = f.bits("and", is_running, f.bits("xor", done, number(1, "i1")))
        self.set_word(c.CONTINUES, f.convert(continues, "i64"))

    def set_count(self, there: Index) -> None:
        """Set the input `count`, by which a sum over the batch is divided to become its mean."""
        buffer = self.plan.inputs["count"]
        f = self.f
        exact = f.multiply(f.convert(f.index(there), "double"), self.word(c.MEAN_WEIGHT, "double"))
        f.store(f.convert(exact, type_of(buffer.dtype)), self.entry(buffer.slot))

    def load_settings(self, now: Value) -> None:
        """Load the settings that change from the row of this epoch, or of this step."""
        f, names = self.f, self.program.schedule.changing
        row = f.times(f.minus(now, self.word(c.FIRST_SCHEDULED)), len(names))
        values = f.at(self.entry(c.SCHEDULED), row, "double")
        for index, name in enumerate(names):
            buffer = self.plan.inputs.get(f"settings.{name}")
            if buffer is not None:  # None if the step does not need it
                value = f.load("double", f.at(values, index, "double"))
                f.store(f.convert(value, type_of(buffer.dtype)), self.entry(buffer.slot))

    def gather_batch(self, start: Value, there: Index, low: Index, high: Index) -> None:
        """Point the batch inputs to the rows if they are in order, else copy the rows."""
        f = self.f
        mixed, done, ordered = f.fresh("mixed"), f.fresh("done"), f.fresh("ordered")
        f.branch(self.is_on(c.SHUFFLE), mixed, ordered)
        f.open(ordered)
        if self.rows.has_fixed_size:
            self.rows.copy(start, there, low, high)
        else:
            self.rows.point_to(start)
        f.jump(done)
        f.open(mixed)
        self.rows.copy(start, there, low, high, self.entry(c.ORDER))
        f.jump(done)
        f.open(done)

    def finish(self, variant: StepVariant) -> None:
        """Record a step, unless it made a number non-finite: such a step does not count."""
        if self.program.graphs.replicas > 1:
            self.record(variant)
            return
        f = self.f
        loss = self.load_number(variant.plan.outputs[self.program.graphs.measures[0]])
        guards = self.entry(c.GUARD)
        with f.loop(0, self.threads, 1, [f.subtract(loss, loss)]) as loop:
            guard = f.load("double", f.at(guards, f.times(loop.index, 8), "double"))
            loop.carry(f.add(loop.values[0], guard))
        bad = f.compare("uno", loop.results[0], loop.results[0])
        self.set_word(c.NON_FINITE, f.convert(bad, "i64"))
        with f.when(f.bits("xor", bad, number(1, "i1"))):
            self.record(variant)

    def record(self, variant: StepVariant) -> None:
        """Add the measures of a step to the sums, and count it."""
        self.add_measures(variant.plan, c.SUMS, variant.summed)
        if self.program.graphs.watch_steps:
            self.record_watched()
        self.set_word(c.STEP, self.f.plus(self.word(c.STEP), 1))

    def record_watched(self) -> None:
        """Write a row of the watched outputs, unless the step is part of a replay."""
        f, count = self.f, len(self.program.watched)
        with f.when(f.compare("eq", self.word(c.REPLAY), number(0, "i64"))):
            row = f.minus(self.word(c.STEP), self.word(c.FIRST_WATCHED))
            record = f.at(self.entry(c.WATCHED), f.times(row, count), "double")
            for column, name in enumerate(self.program.watched):
                value = self.load_number(self.plan.outputs[name])
                f.store(value, f.at(record, column, "double"))
