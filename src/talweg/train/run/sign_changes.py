"""Direction changes: how often the update of each weight changes its sign in a watched run.

A step that is not watched may take only a few hundredths longer, and the cost of an elementwise
kernel is its memory traffic. So each step updates one byte per weight, from one bit that says
whether the weight went up, and only watched steps add the bytes to 32-bit counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

import numpy as np
import numpy.typing as npt

from talweg import gates
from talweg.engine.run.program import WATCHED
from talweg.gates import Array
from talweg.gates.counting import byte_difference, count_change, widen_count
from talweg.graph import Tensor
from talweg.optim.optimizer import State
from talweg.train.run.parameter_slices import cuts, joined, total

COUNTS, BYTES, HAS_STEPPED = f"{WATCHED}change_counts", "change_bytes", f"{WATCHED}has_stepped"
"""The state. `change_bytes` is the last byte of each count: direction changes, plus 1 if the first
step went up, so that its lowest bit says whether the last step went up. `change_counts` is the
whole count after the last watched step, plus FIRST_UP if the first step, which is watched, went up.
`has_stepped` is 0 before the first step and 1 after it.
"""
NAMES = {COUNTS, BYTES, HAS_STEPPED}
FIRST_UP = 2**30
LONGEST = 255
"""The most steps from one watched step to the next: a byte counts no further."""


def initial_state(flat: Array) -> State:
    """The state before the first step."""
    # distinct shapes, so that byte arithmetic gets a separate kernel
    counts, bytes_ = np.zeros((flat.size, 1), np.int32), np.zeros((1, flat.size), np.uint8)
    return {COUNTS: counts, BYTES: bytes_, HAS_STEPPED: np.zeros((), flat.dtype)}


def count_changes(state: State, went_up: Mapping[str, Tensor]) -> State:
    """The state after a step in which the weights of each parameter went up where `went_up`."""
    counts, before, has_stepped = state[COUNTS], state[BYTES], state[HAS_STEPPED]
    after = count_change(before, gates.reshape(joined(went_up.values()), shape=before.shape))
    is_first = gates.equal(has_stepped, 0)
    unit = gates.where(is_first, np.int32(FIRST_UP + 1), np.int32(1))
    return {
        COUNTS: widen_count(counts, gates.reshape(after, shape=counts.shape), unit),
        BYTES: after,
        HAS_STEPPED: gates.maximum(has_stepped, 1),
    }


def changed_shares(
    before: State, after: State, parameters: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """The share of each parameter's weights whose direction a step changed; 0 for the first."""
    changes = byte_difference(after[BYTES], before[BYTES])
    flat, shares = gates.reshape(changes, shape=(changes.size,)), {}
    for name, cut in cuts(parameters).items():
        count = total(gates.cast(cut.of(flat), dtype=before[HAS_STEPPED].dtype))
        shares[f"{name}/direction_changes"] = before[HAS_STEPPED] * count / float(prod(cut.shape))
    return shares


def direction_changes(
    weights: Mapping[str, Array], state: Mapping[str, Array]
) -> dict[str, npt.NDArray[np.int64]]:
    """How often each weight has changed its direction, by the name of its parameter."""
    if COUNTS not in state:
        return {}
    bytes_ = state[BYTES].astype(np.int32).ravel()
    counts = widen_count(state[COUNTS].ravel(), bytes_, np.int32(1))
    flat, start = (counts % FIRST_UP - counts // FIRST_UP).astype(np.int64), 0
    changes = {}
    for name, view in weights.items():
        changes[name] = flat[start : start + view.size].reshape(view.shape)
        start += view.size
    return changes
