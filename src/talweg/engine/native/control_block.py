"""The control block and the table of pointers, which Python and a running program share.

The control block consists of 8-byte words, grouped here by who writes them. A cache line holds 8 of
them; words that all threads write often have a line each.
"""

from __future__ import annotations

# Words of the barrier; all threads write the first two ------------------------------------------

ARRIVED = 0
"""Threads that have arrived at the barrier."""
GENERATION = 8
"""How often the barrier has opened."""
SLEEP = 16
"""The address of `usleep`, which waiting threads call; 0 if there is none."""
NAPS = 56
"""How often waiting threads have slept."""

# Words of the clock -----------------------------------------------------------------------------

CLOCK = 17
"""The address of `clock_gettime`; 0 where there is none."""
BEGAN = 18
"""When all threads had begun the call: a word of seconds, then one of nanoseconds."""
ENDED = 20
"""When the first thread left the call, in two words like BEGAN."""

# Words that Python may write while the program runs ---------------------------------------------

STOP = 24
"""Ends the run before the next step if it is not 0: INTERRUPTED, TIME_BUDGET, or both."""
SECONDS = 27
"""Seconds since the start of the run, a float."""
LAST_STEP = 41
"""The step after which the call returns. With 0, it returns before its next step."""

INTERRUPTED, TIME_BUDGET = 1, 2
"""The values of STOP."""

# Words that the first thread writes -------------------------------------------------------------

CONTINUES = 25
"""Whether all threads continue with this step."""
NON_FINITE = 26
"""Whether a step made the loss, a weight or the optimizer's state non-finite."""
STATUS = 28
"""RULE + the index of the stopping rule that ended the run; 0 if none did."""
START_ROW = 29
"""The row of the epoch at which the next call begins: 0, or where the last call paused."""
EPOCH = 32
"""Whole epochs done."""
STEP = 33
"""Steps done."""
BEST_EPOCH = 34
"""The epoch of the best weights so far; 0 if there are none."""
BEST_LOSS = 35
"""The loss of the best weights, a float."""
SAVED_EPOCH = 36
"""Whole epochs done when weights and state were last saved."""
SAVED_STEP = 37
"""Steps done when weights and state were last saved."""

RULE = 16
"""STATUS of the first stopping rule."""

# Words that Python writes before a call of the program ------------------------------------------

LAST_EPOCH = 40
"""The epoch after which the call returns."""
FIRST_RECORD = 42
"""Epochs done before the one of the first row of HISTORY."""
ROWS = 43
"""Training rows."""
BATCH = 44
"""Rows of a training batch."""
SHUFFLE = 45
"""Whether each epoch takes the rows in another order."""
SEED = 46
"""The seed of the order of rows."""
MEAN_WEIGHT = 47
"""The mean weight of the training rows, a float."""
THREADS = 48
"""Threads that run the call."""
KEEP_BEST = 49
"""Whether the best weights are kept."""
REPLAY = 50
"""Whether the call repeats steps: no history, no evaluation, no stopping rules."""
HELD_ROWS = 51
"""Held-out rows, which are evaluated after each epoch."""
HELD_BATCH = 52
"""Rows of a batch of held-out rows."""
BLOCK_ROWS = 53
"""Training rows that a thread takes through a region at a time."""
SAVE_EVERY = 54
"""Steps after which weights and state are saved again, at the start of an epoch."""
FIRST_WATCHED = 55
"""Steps done before the one of the first row of WATCHED."""
FIRST_SCHEDULED = 58
"""Epochs done before the one of the first row of SCHEDULED; steps, if settings change by step."""
WATCH_ROWS = 59
"""Rows from one watched step of an epoch to the next."""
WATCHED_STEPS = 60
"""Watched steps of an epoch."""
HELD_BLOCK_ROWS = 61
"""Held-out rows that a thread takes through a region at a time."""

# Tickets, which all threads write ---------------------------------------------------------------

TAKEN = 64
"""The first ticket: how many parts of a kernel or region have been taken. A thread that is free
takes the next part, so no thread waits for a slow one. Each ticket has a cache line."""
TICKETS = 16
"""Tickets in all."""
ROW_TICKETS = 12
"""The first ticket of a region by rows; kernels have those before it."""
WORDS = TAKEN + 8 * TICKETS
"""Words of the control block."""

# Entries of the table of pointers ---------------------------------------------------------------

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
"""The first entries; the weights and the state as last saved stand from SAVED on."""
FIRST_BUFFER = 32
"""The entry of the first buffer of the plans."""
