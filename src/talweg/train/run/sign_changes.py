"""Turns: how often each weight changes its direction, counted in every step of a watched run.

A step that is not watched may only cost some hundredths more, and what counts in a nest of loops is
what it reads and writes: so each adds to one byte a weight, from one bit that says whether the
weight went up, and a watched one carries the bytes over into whole numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from talweg import gates
from talweg.engine.run.program import WATCHED
from talweg.gates import Array, Gate, Spec
from talweg.graph import Tensor
from talweg.optim.optimizer import State
from talweg.train.run.parameter_slices import cuts, joined, total

TURNS, RECENT, TURNING = f"{WATCHED}turns", "recent", f"{WATCHED}turning"
"""The state: `recent` is the last byte of what is counted, the sum of changes of direction and of 1
for a first step up; so its last bit says whether the last step went up. `turns` is all of it after
the last watched step, with FIRST_UP for a first step up, which is watched. `turning` is 0 before
that, and then 1.
"""
COUNTS = {TURNS, RECENT, TURNING}
FIRST_UP = 2**30
LONGEST = 255
"""The most steps from one that is watched to the next: a byte tells no more turns."""


# Named functions, since a graph that has these gates is pickled with their rules.


def _turned_value(x: Any, y: Any) -> Any:
    return x + ((x & 1) ^ y)


def _turned(f: Any, turns: Any, up: Any) -> Any:
    was_up = f.emit(up.type, f"trunc {turns} to {up.type}")
    return f.add(turns, f.convert(f.bits("xor", was_up, up), "i8"))


def _carried_value(x: Any, y: Any, z: Any) -> Any:
    return x + z * ((y - x) & 255)


def _carried(f: Any, turns: Any, recent: Any, unit: Any) -> Any:
    since = f.subtract(recent, f.convert(turns, "i8"))
    return f.add(turns, f.multiply(unit, f.convert(since, "i32")))


def _since(f: Any, after: Any, before: Any) -> Any:
    return f.subtract(after, before)


def _first(x: Spec, *_: Spec) -> Spec:
    return x


def _gate(name: str, formula: str, value: Any, native: Any, inputs: int) -> Gate:
    """A gate on whole numbers, by element, of the dtype of its first input."""
    none = (None,) * inputs
    how: dict[str, Any] = {"backward": none, "slopes": ("0",) * inputs, "operations": 3}
    return gates.elementwise(name, formula, value, shape=_first, native=native, **how)


turned = _gate("turned", "x + (y xor x is odd)", _turned_value, _turned, 2)
"""The count of turns x, in bytes that begin again at 0, after a step that went up or not (y)."""
carried = _gate("carried", "x + z ((y - x) mod 256)", _carried_value, _carried, 3)
"""The count of turns x, now that its last byte is y; z is what a turn counts."""

since = _gate("since", "(x - y) mod 256", np.subtract, _since, 2)
"""How often a weight turned while its byte went from y to x."""


def first_turns(flat: Array) -> State:
    """The state before the first step."""
    # shapes of their own, so that what counts in bytes is a nest of its own
    turns, recent = np.zeros((flat.size, 1), np.int32), np.zeros((1, flat.size), np.uint8)
    return {TURNS: turns, RECENT: recent, TURNING: np.zeros((), flat.dtype)}


def counted(state: State, ups: Mapping[str, Tensor]) -> State:
    """The state after a step, where `ups` says of each parameter which weights went up."""
    turns, recent, turning = state[TURNS], state[RECENT], state[TURNING]
    recent = turned(recent, gates.reshape(joined(ups.values()), shape=recent.shape))
    is_first = gates.equal(turning, 0)
    unit = gates.where(is_first, np.int32(FIRST_UP + 1), np.int32(1))
    return {
        TURNS: carried(turns, gates.reshape(recent, shape=turns.shape), unit),
        RECENT: recent,
        TURNING: gates.maximum(turning, 1),
    }


def shares(before: State, after: State, parameters: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The share of each parameter's weights that turned round in a step; 0 in the first."""
    turns = since(after[RECENT], before[RECENT])
    flat, found = gates.reshape(turns, shape=(turns.size,)), {}
    for name, cut in cuts(parameters).items():
        count = total(gates.cast(cut.of(flat), dtype=before[TURNING].dtype))
        found[f"{name}/direction_changes"] = before[TURNING] * count / float(prod(cut.shape))
    return found


def direction_changes(
    weights: Mapping[str, Array], state: Mapping[str, Array]
) -> dict[str, npt.NDArray[np.int64]]:
    """How often each weight has changed its direction, by the name of its parameter."""
    if TURNS not in state:
        return {}
    turns = carried(state[TURNS].ravel(), state[RECENT].astype(np.int32).ravel(), np.int32(1))
    flat, start = (turns % FIRST_UP - turns // FIRST_UP).astype(np.int64), 0
    found = {}
    for name, view in weights.items():
        found[name] = flat[start : start + view.size].reshape(view.shape)
        start += view.size
    return found
