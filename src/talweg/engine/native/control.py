"""What Python and a running program share: the control block, and the table of pointers.

Words of the control block are 8 bytes; those that threads write often have lines of their own.
"""

from __future__ import annotations

ARRIVED, GENERATION, SLEEP = 0, 8, 16
"""Of the barrier: threads that are there, how often it opened, and the system's `usleep`."""

STOP = 24
"""Set by Python: end the run at the next step."""
GO = 25
"""The first thread's word to all: go on with this step."""
BAD = 26
"""A loss, a weight or the optimiser's state is not finite after this step."""
SECONDS = 27
"""Since the start of the run, as a float; kept up by Python."""
STATUS = 28
"""Why the program ended, one of the values below, or RULE + the place of a stopping rule."""

EPOCH, STEP = 32, 33
"""Whole epochs and steps that are done."""
BEST_EPOCH, BEST_LOSS = 34, 35
SAVED_EPOCH, SAVED_STEP = 36, 37
"""Epochs and steps that were done when weights and state were last saved."""

LAST_EPOCH, LAST_STEP, FIRST_RECORD = 40, 41, 42
"""Return after so many epochs or steps; the epoch of the first row of the history."""
ROWS, BATCH, SHUFFLE, SEED, MEAN_WEIGHT = 43, 44, 45, 46, 47
THREADS, KEEP_BEST, REPLAY = 48, 49, 50
HELD_ROWS, HELD_BATCH = 51, 52
"""Rows that are evaluated after each epoch, and how many at a time."""
BLOCK = 53
"""Rows that a thread takes through a stage at a time; of held-out rows, HELD_BLOCK."""
SAVE_EVERY = 54
"""Steps after which weights and state are saved, at the next epoch."""
FIRST_WATCHED = 55
"""The step of the first row of what is watched."""
WATCH_ROWS, WATCHED_STEPS = 59, 60
"""Rows from one step of an epoch that is watched to the next, and how many of its steps are."""
FIRST_SCHEDULED = 58
"""The epoch, or where settings change each step, the step, of the first row of their values."""
HELD_BLOCK = 61
NAPS, ALONE = 56, 57
"""Sleeps of waiting threads so far; set by Python: the first thread shall go on alone."""
TAKEN, TICKETS, ROW_TICKETS = 64, 16, 12
"""How many parts of each of so many pieces of work have been taken, a line each: threads come for
the next when they are done with one, so that none waits for one that is slow. From ROW_TICKETS on
they are of the stages that follow the rows."""
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
"""The first entries of the table of pointers; the buffers of plans follow."""
FIRST_BUFFER = 32
"""Entries from SAVED on hold the saved weights and the arrays of the saved state."""
