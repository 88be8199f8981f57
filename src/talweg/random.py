"""Counter-based randomness: every draw is keyed by a seed and by what it is for, so there is no
hidden state to share, to save or to disturb (Philox4x64-10, Salmon et al. 2011).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from talweg.forks import importing
from talweg.settings import Number

SEED = Number(at_least=0, below=2**64, whole=True)
"""What a seed may be."""

INITIAL_WEIGHTS, ROW_ORDER, SPLIT, FOLDS, STEPS, PROPOSALS, SWEEP_POINTS = range(7)
DRAWN_ROWS, SHUFFLED_CELLS, MEMBERS = 7, 8, 9
"""What a stream is for: the second half of its key."""


def generator(seed: int, purpose: int, index: int = 0) -> np.random.Generator:
    """The generator of one stream; `index` tells apart the streams of one purpose."""
    bits = _bits(seed, purpose, index)
    return np.random.Generator(bits)


def row_order(seed: int, epoch: int, rows: int) -> npt.NDArray[np.intp]:
    """The order of the rows in one epoch: a permutation that depends on seed and epoch alone.

    Rows are sorted by one 64-bit draw each, which any engine can repeat.
    """
    return np.argsort(_bits(seed, ROW_ORDER, epoch).random_raw(rows), kind="stable")


def first_key(seed: int) -> Any:
    """The key of the first step that draws: its number, 0, and above 2^32 some bits of the seed."""
    (word,) = _bits(seed, STEPS, 0).random_raw(1)
    return np.asarray(float(int(word) >> 43) * 2.0**32)


def _bits(seed: int, purpose: int, index: int) -> Any:
    # the block counter runs in the first word, so streams of different index never meet
    key = np.array([seed, purpose], dtype=np.uint64)
    with importing:  # NumPy imports it when it is first asked for
        philox = np.random.Philox
    return philox(key=key, counter=[0, 0, index, 0])
