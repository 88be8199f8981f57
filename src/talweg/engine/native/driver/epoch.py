"""The steps of one epoch, in LLVM IR: its order, its batches, and each step's regions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from talweg.engine.native import control as c
from talweg.engine.native.driver.base import Writer, tickets_of
from talweg.engine.native.driver.batch_rows import BatchRows
from talweg.engine.native.driver.row_order import row_order
from talweg.engine.native.driver.run_plans import RunPlans
from talweg.engine.native.emit.tickets import taken
from talweg.engine.native.llvm.ir import Module
from talweg.engine.native.llvm.values import Index, Value, number, type_of
from talweg.engine.native.plan.plan import Plan
from talweg.engine.native.plan.regions import ByRows, Region

_SOURCES = {"x": c.X, "y": c.Y, "row_weights": c.ROW_WEIGHTS}


class Form(NamedTuple):
    """A way to take a step: its plan, its regions' functions, and what is added up of it."""

    plan: Plan
    regions: dict[Region, str]
    summed: Sequence[str]

    @property
    def row_tickets(self) -> dict[Region, int]:
        """The tickets of the regions by rows, as long as there are some."""
        by_rows = [region for region in self.regions if isinstance(region, ByRows)]
        return dict(zip(by_rows, range(c.ROW_TICKETS, c.TICKETS), strict=False))

    @property
    def tickets(self) -> list[int]:
        return [*tickets_of(self.plan).values(), *self.row_tickets.values()]


class WriteEpoch(Writer):
    """The steps of one epoch; gives 1 if it was cut short."""

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
        self.forms = [Form(plans.step, regions, plans.summed)]
        if plans.unwatched_step is not None:
            self.forms.append(Form(plans.unwatched_step, unwatched, self.program.graphs.measures))
        self.rows = BatchRows(self, plans.step, _SOURCES)
        self.tickets = list(dict.fromkeys(ticket for form in self.forms for ticket in form.tickets))

    def write(self) -> None:
        f = self.f
        with self.first_thread():
            self.zero(c.SUMS)
            if not self.program.schedule.by_step:
                self.adjust(self.word(c.EPOCH))
            with f.when(self.is_on(c.SHUFFLE)):
                epoch = f.plus(self.word(c.EPOCH), 1)
                order = row_order(self.module)
                rooms = [self.entry(c.ORDER), self.entry(c.ORDER_SCRATCH)]
                arguments = [self.word(c.SEED), f.index(epoch), self.word(c.ROWS)]
                f.call(order, "void", *arguments, *rooms)
        self.barrier()
        with f.loop(0, self.word(c.ROWS), self.word(c.BATCH)) as loop:
            self.step(loop.index)
        f.give(number(0, "i64"))

    def is_on(self, word: int) -> Value:
        return self.f.compare("ne", self.word(word), number(0, "i64"))

    def step(self, start: Value) -> None:
        f = self.f
        there = f.least(self.word(c.BATCH), f.minus(self.word(c.ROWS), start))
        rows = f.index(there) if self.plan.graph.rows is None else self.word(c.BATCH)
        low, high = self.part_of(rows)
        with self.first_thread():
            self.decide()
            self.count(there)
            if self.program.schedule.by_step:
                self.adjust(self.word(c.STEP))
        self.barrier()
        self.leave_if(f.compare("==", self.word(c.GO), number(0, "i64")), number(1, "i64"))
        is_watched = self.is_watched(start)
        for form in self.in_form(is_watched):
            for region, name in form.regions.items():
                if region.precedes_batch:
                    self.call_region(name, rows, 0, 0)
        self.gather(start, there, low, high)
        self.barrier()
        for form in self.in_form(is_watched):
            self.rest_of_step(form, rows)
            with self.first_thread():
                self.settle(form)

    def is_watched(self, start: Value) -> Value | None:
        """Whether what is watched is asked of this step, where it is not of all."""
        if len(self.forms) == 1:
            return None
        f = self.f
        rest = f.bits("urem", start, self.word(c.WATCH_ROWS))
        return f.compare("==", rest, number(0, "i64"))

    def in_form(self, is_watched: Value | None) -> Iterator[Form]:
        """Each form of a step, while what is written runs for steps of that form alone."""
        if is_watched is None:
            yield from self.forms
            return
        f, (step, unwatched) = self.f, self.forms
        watched, plain, done = f.fresh("watched"), f.fresh("plain"), f.fresh("stepped")
        f.branch(is_watched, watched, plain)
        for label, form in ((watched, step), (plain, unwatched)):
            f.open(label)
            yield form
            f.jump(done)
        f.open(done)

    def rest_of_step(self, form: Form, rows: Value) -> None:
        for region, name in form.regions.items():
            if region.precedes_batch:
                continue
            if isinstance(region, ByRows):
                self.by_blocks(name, rows, form.row_tickets.get(region))
            else:
                self.call_region(name, rows, 0, 0)
            self.barrier()

    def by_blocks(self, name: str, rows: Value, ticket: int | None) -> None:
        """A region by rows, block by block: a thread that is done with one takes the next."""
        f, block = self.f, self.word(c.BLOCK)
        if ticket is None:
            self.by_rows(name, rows, *self.part_of(rows))
            return
        alone, shared, done = f.fresh("alone"), f.fresh("shared"), f.fresh("all")
        f.branch(f.compare(">", self.threads, f.index(1)), shared, alone)
        f.open(alone)
        self.by_rows(name, rows, 0, rows)
        f.jump(done)
        f.open(shared)
        count = f.index(f.over(f.plus(rows, f.minus(block, 1)), block))
        with taken(f, count, self.ticket(ticket)) as part:
            first = f.times(part, block)
            self.call_region(name, rows, first, f.least(f.plus(first, block), rows))
        f.jump(done)
        f.open(done)

    def ticket(self, number: int) -> Value:
        return self.place(c.TAKEN + 8 * number)

    def decide(self) -> None:
        """Go on, unless Python or the last step says no."""
        f = self.f
        for place in self.tickets:
            f.store(number(0, "i64"), self.ticket(place))
        halts = f.bits("or", self.shared_word(c.STOP), self.word(c.BAD))
        done = f.compare("sge", self.word(c.STEP), self.word(c.LAST_STEP))
        goes = f.bits(
            "and", f.compare("==", halts, number(0, "i64")), f.bits("xor", done, number(1, "i1"))
        )
        self.put(c.GO, f.convert(goes, "i64"))

    def count(self, there: Index) -> None:
        """What a sum over the batch is divided by to become a mean."""
        buffer = self.plan.inputs["count"]
        f = self.f
        exact = f.multiply(f.convert(f.index(there), "double"), self.word(c.MEAN_WEIGHT, "double"))
        f.store(f.convert(exact, type_of(buffer.dtype)), self.entry(buffer.place))

    def adjust(self, now: Value) -> None:
        """Take the settings that change from the row of this epoch, or this step."""
        f, names = self.f, self.program.schedule.changing
        row = f.times(f.minus(now, self.word(c.FIRST_SCHEDULED)), len(names))
        values = f.at(self.entry(c.SCHEDULED), row, "double")
        for place, name in enumerate(names):
            buffer = self.plan.inputs.get(f"settings.{name}")
            if buffer is not None:  # what takes part in the step
                value = f.load("double", f.at(values, place, "double"))
                f.store(f.convert(value, type_of(buffer.dtype)), self.entry(buffer.place))

    def gather(self, start: Value, there: Index, low: Index, high: Index) -> None:
        """Rows of this batch: pointed at where they are in order, copied together where not."""
        f = self.f
        mixed, done, ordered = f.fresh("mixed"), f.fresh("done"), f.fresh("ordered")
        f.branch(self.is_on(c.SHUFFLE), mixed, ordered)
        f.open(ordered)
        if self.rows.must_fill:
            self.rows.fill(start, there, low, high)
        else:
            self.rows.point(start)
        f.jump(done)
        f.open(mixed)
        self.rows.fill(start, there, low, high, self.entry(c.ORDER))
        f.jump(done)
        f.open(done)

    def settle(self, form: Form) -> None:
        """Note the measures of a step, and whether it went wrong; such a step does not count."""
        if self.program.graphs.replicas > 1:
            self.note(form)
            return
        f = self.f
        loss = self.number_of(form.plan.outputs[self.program.graphs.measures[0]])
        guards = self.entry(c.GUARD)
        with f.loop(0, self.threads, 1, [f.subtract(loss, loss)]) as loop:
            guard = f.load("double", f.at(guards, f.times(loop.index, 8), "double"))
            loop.carry(f.add(loop.values[0], guard))
        bad = f.compare("uno", loop.results[0], loop.results[0])
        self.put(c.BAD, f.convert(bad, "i64"))
        with f.when(f.bits("xor", bad, number(1, "i1"))):
            self.note(form)

    def note(self, form: Form) -> None:
        """Note the measures of a step that went well."""
        self.add_measures(form.plan, c.SUMS, form.summed)
        if self.program.graphs.watch_steps:
            self.note_watched()
        self.put(c.STEP, self.f.plus(self.word(c.STEP), 1))

    def note_watched(self) -> None:
        """Write a row of what is watched, unless the step is only repeated."""
        f, count = self.f, len(self.program.watched)
        with f.when(f.compare("==", self.word(c.REPLAY), number(0, "i64"))):
            row = f.minus(self.word(c.STEP), self.word(c.FIRST_WATCHED))
            record = f.at(self.entry(c.WATCHED), f.times(row, count), "double")
            for place, name in enumerate(self.program.watched):
                value = self.number_of(self.plan.outputs[name])
                f.store(value, f.at(record, place, "double"))
