"""What Python and a running program share: the control block and the table of pointers.

The control block consists of 8-byte words. Words that threads write often have a cache line each.
"""

from __future__ import annotations

ARRIVED, GENERATION, SLEEP = 0, 8, 16
"""Of the barrier: threads that have arrived, how often it has opened, the address of `usleep`."""

STOP = 24
"""Set by Python to end the run before the next step."""
GO = 25
"""Set by the first thread: whether all threads go on with this step."""
BAD = 26
"""Whether a step made the loss, a weight or the optimizer's state non-finite."""
SECONDS = 27
"""Seconds since the start of the run, a float that Python keeps up to date."""
STATUS = 28
"""Why the run ended: one of the values below, or RULE + the index of a stopping rule."""

EPOCH, STEP = 32, 33
"""Whole epochs and steps done so far."""
BEST_EPOCH, BEST_LOSS = 34, 35
SAVED_EPOCH, SAVED_STEP = 36, 37
"""Epochs and steps done when weights and state were last saved."""

LAST_EPOCH, LAST_STEP, FIRST_RECORD = 40, 41, 42
"""The epoch and the step after which the call returns; the epoch of the history's first row."""
ROWS, BATCH, SHUFFLE, SEED, MEAN_WEIGHT = 43, 44, 45, 46, 47
THREADS, KEEP_BEST, REPLAY = 48, 49, 50
HELD_ROWS, HELD_BATCH = 51, 52
"""Held-out rows, which are evaluated after each epoch, and how many at a time."""
BLOCK = 53
"""Rows that a thread takes through a region at a time; HELD_BLOCK for held-out rows."""
SAVE_EVERY = 54
"""Steps after which weights and state are saved again, at the start of an epoch."""
FIRST_WATCHED = 55
"""The step of the first row of watched outputs."""
WATCH_ROWS, WATCHED_STEPS = 59, 60
"""Rows from one watched step of an epoch to the next, and the number of its watched steps."""
FIRST_SCHEDULED = 58
"""The epoch of the first row of changing settings; the step, if they change with each step."""
HELD_BLOCK = 61
NAPS, ALONE = 56, 57
"""How often waiting threads have slept; whether Python wants the first thread to go on alone."""
TAKEN, TICKETS, ROW_TICKETS = 64, 16, 12
"""Tickets: how many parts of a kernel or region have been taken, a cache line each. A thread that
is free takes the next part, so no thread waits for a slow one. Tickets from ROW_TICKETS on belong
to regions by rows."""
WORDS = TAKEN + 8 * TICKETS

DONE, STOPPED, NON_FINITE, RULE = 0, 1, 2, 16

(
    CONTROL,
    SCRATCH,
    X,
    Y,
    ROW_WEIGHTS,
    ORDER,
    ORDER_SCRATCH,
    HISTORY,
    SUMS,
    BEST,
    HELD_X,
    HELD_Y,
    HELD_WEIGHTS,
    GUARD,
    HELD_SUMS,
    WATCHED,
    SCHEDULED,
    SAVED,
) = range(18)
"""The first entries of the table of pointers; the buffers of all plans follow."""
FIRST_BUFFER = 32
"""The table's first buffer; entries from SAVED to here are the saved weights and state."""
