"""Counter-based random numbers (Philox4x64-10, Salmon et al. 2011).

The key of a stream is a seed and a purpose, so there is no hidden state to share or to save.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from talweg.forks import importing
from talweg.settings import Number

SEED = Number(at_least=0, below=2**64, whole=True)
"""The constraint on seeds."""

INITIAL_WEIGHTS, ROW_ORDER, SPLIT, FOLDS, STEPS, PROPOSALS, SWEEP_POINTS = range(7)
DRAWN_ROWS, SHUFFLED_CELLS, MEMBERS = 7, 8, 9
"""The purposes of streams, the second half of a key."""


def generator(seed: int, purpose: int, index: int = 0) -> np.random.Generator:
    """The generator of one stream; `index` distinguishes the streams of one purpose."""
    bits = _bits(seed, purpose, index)
    return np.random.Generator(bits)


def row_order(seed: int, epoch: int, rows: int) -> npt.NDArray[np.intp]:
    """The order of the rows in an epoch, a permutation that depends on seed and epoch alone.

    Rows are sorted by one 64-bit random number each, so any engine can repeat it.
    """
    return np.argsort(_bits(seed, ROW_ORDER, epoch).random_raw(rows), kind="stable")


def first_key(seed: int) -> Any:
    """The key of the first step: its number, 0, plus 2^32 times some bits of the seed."""
    (word,) = _bits(seed, STEPS, 0).random_raw(1)
    return np.asarray(float(int(word) >> 43) * 2.0**32)


def _bits(seed: int, purpose: int, index: int) -> Any:
    # the block counter is the first word, so streams with different indices never overlap
    key = np.array([seed, purpose], dtype=np.uint64)
    with importing:  # NumPy imports it on first use
        philox = np.random.Philox
    return philox(key=key, counter=[0, 0, index, 0])
