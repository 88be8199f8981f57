"""The training methods of `fit`, by the name in `trained_by` of an optimizer or a sampler."""

from __future__ import annotations

from typing import Any

from talweg.engine.run.rows import Rows
from talweg.nn import Loss
from talweg.optim import FullBatch, Optimizer
from talweg.optim.adaptive_sampling import AdaptiveSampling
from talweg.train.methods.adaptive_sampling import SampledMethod
from talweg.train.methods.full_batch import PassMethod
from talweg.train.run.training_method import StepMethod

TRAINING_METHODS: dict[str, type[StepMethod]] = {
    "steps": StepMethod,
    "passes": PassMethod,
    "drawn rows": SampledMethod,
}


def method_of(rule: Optimizer | FullBatch, sampler: Any, rows: Rows, loss: Loss) -> StepMethod:
    """The training method for a rule, and for a sampler if there is one."""
    name = rule.trained_by if sampler is None else AdaptiveSampling.trained_by
    return TRAINING_METHODS[name].of(rule, sampler, rows, loss)
