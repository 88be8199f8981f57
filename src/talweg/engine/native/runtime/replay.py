"""Going back to an earlier step: restore the weights last saved, and repeat the steps since."""

from __future__ import annotations

import numpy as np

from talweg.engine.native import control_block as c
from talweg.engine.native.runtime.call import Caller
from talweg.engine.native.runtime.changing_settings import ChangingSettings
from talweg.engine.native.runtime.run_memory import RunMemory
from talweg.engine.run.batches import training_batches
from talweg.engine.run.outcome import BadStep, Control
from talweg.engine.run.program import Program
from talweg.engine.run.rows import Rows, filled_up
from talweg.engine.run.values import origin_of_non_finite


def go_back(caller: Caller, settings: ChangingSettings, epochs: int, steps: int) -> None:
    """Restore the weights and the state as they were after this many epochs and steps."""
    memory, words = caller.memory, caller.words
    memory.restore_saved()
    words[c.NON_FINITE], words[c.STOP], words[c.REPLAY] = 0, 0, 1
    words[c.LAST_STEP], words[c.LAST_EPOCH] = steps, epochs + 1
    words[c.SAVE_EVERY] = np.iinfo(np.int64).max // 2
    first = int(words[c.EPOCH])
    if settings.program.schedule.changing:
        memory.read_settings(settings.table(first, epochs + 1 - first), first * settings.rows)
    caller.run(Control())
    words[c.EPOCH], words[c.STEP] = epochs, steps


def diagnose(
    program: Program, rows: Rows, memory: RunMemory, settings: ChangingSettings
) -> BadStep:
    """The step that follows, which made a number non-finite, and the node that did so first."""
    epochs, steps = int(memory.words[c.EPOCH]), int(memory.words[c.STEP])
    if program.schedule.batch_size >= len(rows):
        batch = filled_up(rows, slice(None), len(rows), len(rows) * rows.mean_weight)
    else:
        batches = list(training_batches(program, rows, epochs + 1))
        batch = batches[steps - epochs * settings.steps_per_epoch]
    values = settings.at(epochs, steps)
    given = [memory.weights, *memory.state.values(), *map(np.asarray, values.values()), *batch]
    node = origin_of_non_finite(program.step, given, skip=program.graphs.measures[1:])
    return BadStep(epochs + 1, steps + 1, node, values)
