"""What a case is, and the parts of a run: arrays, nested lists or mappings of arrays, or text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

import talweg as tw

Array = np.ndarray[Any, Any]
Parts = Mapping[str, Any]
Case = Callable[[], Parts]


def run_parts(run: tw.Run) -> Parts:
    failure = f", failed in step {run.failure.step} at {run.failure.gate}" if run.failure else ""
    return {
        "weights": run.net.weights.flat,
        "history": run.history,
        "watched": [run.watched, run.direction_changes],
        "end": f"{run.stopped_by} after {run.epochs} epochs, {run.steps} steps{failure}; "
        f"weights of epoch {run.best_epoch}",
    }
