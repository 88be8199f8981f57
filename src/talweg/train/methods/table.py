"""The training methods that `fit` knows, by the name that an optimizer or a sampler gives."""

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
    """How a run trains by this rule, over the rows in order or as the sampler draws them."""
    name = rule.trained_by if sampler is None else AdaptiveSampling.trained_by
    return TRAINING_METHODS[name].of(rule, sampler, rows, loss)
