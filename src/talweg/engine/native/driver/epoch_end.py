"""The end of an epoch, in LLVM IR: evaluation, history, best weights, stopping rules."""

from __future__ import annotations

from talweg.engine.native import control_block as c
from talweg.engine.native.driver.base import Writer
from talweg.engine.native.driver.batch_rows import BatchRows
from talweg.engine.native.driver.run_plans import RunPlans
from talweg.engine.native.llvm.module import Module
from talweg.engine.native.llvm.values import Index, Value, number, type_of
from talweg.engine.native.plan.plan import Plan
from talweg.engine.native.plan.regions import ByRows, Region

_HELD = {"x": c.HELD_X, "y": c.HELD_Y, "row_weights": c.HELD_WEIGHTS}


class EvaluationWriter(Writer):
    """Writes the evaluation after each epoch: the loss and the metrics over the held-out rows."""

    name = "evaluation"
    block_rows_word = c.HELD_BLOCK_ROWS

    def __init__(
        self, module: Module, plans: RunPlans, plan: Plan, regions: dict[Region, str]
    ) -> None:
        super().__init__(module, plans)
        self.plan, self.regions = plan, regions
        self.rows = BatchRows(self, plan, _HELD)

    def write(self) -> None:
        f = self.f
        with self.first_thread():
            self.clear_sums(c.HELD_SUMS)
        size = self.word(c.HELD_BATCH)
        for region, name in self.regions.items():
            if region.precedes_batch:
                self.call_region(name, size, 0, 0)
        self.barrier()
        with f.loop(0, self.word(c.HELD_ROWS), size) as loop:
            self.batch(loop.index, size)
        f.ret()

    def batch(self, start: Value, size: Value) -> None:
        """Evaluate the batch that begins at row `start`, and add its measures to the sums."""
        f = self.f
        there = f.index(f.least(size, f.minus(self.word(c.HELD_ROWS), start)))
        rows = size if self.rows.has_fixed_size else there
        low, high = self.share_of(rows)
        if self.rows.has_fixed_size:
            self.rows.copy(start, there, low, high)
            self.barrier()  # the first region may read all rows
        else:
            self.rows.point_to(start)
        for region, name in self.regions.items():
            if region.precedes_batch:
                continue
            if isinstance(region, ByRows):
                self.by_rows(name, rows, low, high)
            else:
                self.call_region(name, rows, 0, 0)
            self.barrier()
        with self.first_thread():
            self.add_measures(self.plan, c.HELD_SUMS, self.program.graphs.measures)
        self.barrier()


class EpochEndWriter(Writer):
    """Writes the end of an epoch for the first thread: history, best weights, stopping rules."""

    name = "close"

    def __init__(self, module: Module, plans: RunPlans, rules: dict[Region, str]) -> None:
        super().__init__(module, plans)
        self.rules = rules

    def write(self) -> None:
        f = self.f
        epoch = f.index(f.plus(self.word(c.EPOCH), 1))
        record = self.record(epoch)
        if self.plans.evaluate is not None:
            with f.when(f.compare("ne", self.word(c.KEEP_BEST), number(0, "i64"))):
                self.keep_if_best(epoch)
        if self.plans.rules is not None:
            self.apply_rules(self.plans.rules, epoch, record)
        self.set_word(c.EPOCH, epoch)
        f.ret()

    def record(self, epoch: Value) -> Value:
        """Write the means of the measures to the epoch's row of the history."""
        f, count = self.f, len(self.plans.summed)
        row = f.minus(f.minus(epoch, 1), self.word(c.FIRST_RECORD))
        record = f.at(self.entry(c.HISTORY), f.times(row, self.plans.columns), "double")
        rows, size = self.word(c.ROWS), self.word(c.BATCH)
        batches = f.over(f.plus(rows, f.minus(size, 1)), size)
        replicas = self.program.graphs.replicas
        steps = f.splat(f.convert(f.index(batches), "double"), replicas)
        sums = self.entry(c.SUMS)
        for column in range(0, count * replicas, replicas):
            if self.plans.unwatched_step and column == len(self.program.graphs.measures):
                steps = f.convert(self.word(c.WATCHED_STEPS), "double")
            total = f.load(steps.type, f.at(sums, column, "double"))
            f.store(f.divide(total, steps), f.at(record, column, "double"))
        if self.plans.evaluate is not None:
            held = self.entry(c.HELD_SUMS)
            for index in range(len(self.program.graphs.measures)):
                total = f.load("double", f.at(held, index, "double"))
                f.store(total, f.at(record, count + index, "double"))
        return record

    def keep_if_best(self, epoch: Value) -> None:
        """Copy the weights if the loss of the evaluation is the least so far, or the first."""
        f = self.f
        loss = f.load("double", self.entry(c.HELD_SUMS))
        less = f.compare("olt", loss, self.word(c.BEST_LOSS, "double"))
        is_none = f.compare("eq", self.word(c.BEST_EPOCH), number(0, "i64"))
        with f.when(f.bits("or", less, is_none)):
            self.set_word(c.BEST_LOSS, loss)
            self.set_word(c.BEST_EPOCH, epoch)
            weights = self.plans.step.inputs["weights"]
            here = self.entry(weights.slot)
            type = type_of(weights.dtype)
            self.copy(self.entry(c.BEST), here, weights.size.factor, type)

    def apply_rules(self, plan: Plan, epoch: Value, record: Value) -> None:
        """Apply the stopping rules to the epoch's row; the first that holds ends the run."""
        f, columns = self.f, self.plans.step_columns | self.plans.evaluation_columns
        for name, buffer in plan.inputs.items():
            if name == "number":
                f.store(f.convert(epoch, "double"), self.entry(buffer.slot))
            elif name == "seconds":
                f.store(self.word(c.SECONDS, "double"), self.entry(buffer.slot))
            elif name in columns:
                measure = f.at(record, columns[name], "double")
                f.store(measure, f.at(self.table, buffer.slot, "ptr"))
        for name in self.rules.values():
            self.call_region(name, number(1, "i64"), 0, 0)
        self.store_plateaus(plan, epoch)
        flags = [name for name in plan.outputs if name.startswith("stop.")]
        for rule in reversed(range(len(flags))):
            flag = f.load("i8", self.entry(plan.outputs[flags[rule]].slot))
            with f.when(f.compare("ne", flag, number(0, "i8"))):
                self.set_word(c.STATUS, c.RULE + rule)

    def store_plateaus(self, plan: Plan, epoch: Value) -> None:
        """Store the settings that follow measures in the rows of the next epoch, or its steps."""
        if not self.program.schedule.plateaus:
            return
        f, names = self.f, self.program.schedule.changing
        rows, size = self.word(c.ROWS), self.word(c.BATCH)
        steps: Index = f.over(f.plus(rows, f.minus(size, 1)), size)
        if not self.program.schedule.by_step:
            steps = 1
        first = f.minus(f.times(epoch, steps), self.word(c.FIRST_SCHEDULED))
        for name in self.program.schedule.plateaus:
            value = self.load_number(plan.outputs[f"settings.{name}"])
            with f.loop(0, steps) as loop:
                index = f.plus(f.times(f.plus(first, loop.index), len(names)), names.index(name))
                f.store(value, f.at(self.entry(c.SCHEDULED), index, "double"))
