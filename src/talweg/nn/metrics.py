"""Metrics: measures beside the loss, one number per row, averaged over rows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

from talweg import gates
from talweg.errors import SettingError, nearest
from talweg.gates import Operand
from talweg.graph.functions import argmax
from talweg.nn.losses import LOSSES, Loss, PerRow, logits_of, over_outputs


@dataclass(frozen=True)
class Metric:
    """A name, and a function of (prediction, target) with one number per row, written in gates."""

    name: str
    per_row: PerRow


METRICS = ("accuracy", *LOSSES)
"""The metrics that have names: accuracy, and each loss as a mean over rows."""


def as_metric(given: Any, loss: Loss) -> Metric:
    """A metric from itself, its name, or a function of (prediction, target), beside `loss`."""
    if isinstance(given, Metric):
        return given
    if isinstance(given, str) and given == "accuracy":
        return accuracy_beside(loss)
    if isinstance(given, str) and given in LOSSES:
        given = LOSSES[given]
    if isinstance(given, Loss):
        return _from_loss(given, loss)
    if callable(given):
        return Metric(getattr(given, "__name__", "metric"), given)
    hint = nearest(given, METRICS) if isinstance(given, str) else ""
    raise SettingError(f"no metric is called {given!r}. {hint}".rstrip())


# Accuracy -----------------------------------------------------------------------------------


def accuracy_beside(loss: Loss) -> Metric:
    """The fraction of rows whose largest output is that of their class.

    For one output, and for several binary ones, it is the fraction of outputs on the right side of
    1/2, or of 0 if the loss takes the outputs as logits, log(p / (1 - p)).
    """
    return Metric("accuracy", partial(_correct, is_binary=loss.targets.are_probabilities))


def _correct(prediction: Operand, target: Operand, is_binary: bool) -> Operand:
    if not is_binary and len(prediction.shape) > 1 and prediction.shape[-1] > 1:
        return _correct_class(prediction, target)
    is_logit = is_binary and logits_of(prediction, "sigmoid") is prediction
    return _correct_side(prediction, target, 0.0 if is_logit else 0.5)


def _correct_class(prediction: Operand, target: Operand) -> Operand:
    """1 for each row whose largest output is that of its class, else 0."""
    classes = target if len(target.shape) < len(prediction.shape) else argmax(target)
    correct = gates.equal(argmax(prediction), classes)
    return over_outputs(gates.cast(correct, dtype=prediction.dtype))


def _correct_side(prediction: Operand, target: Operand, threshold: float) -> Operand:
    """The fraction of each row's outputs on the right side of the threshold."""
    predicted, true = gates.greater(prediction, threshold), gates.greater(target, 0.5)
    correct = gates.equal(gates.cast(predicted, dtype="int64"), gates.cast(true, dtype="int64"))
    return over_outputs(gates.cast(correct, dtype=prediction.dtype))


# Losses as metrics --------------------------------------------------------------------------


def _from_loss(measured: Loss, loss: Loss) -> Metric:
    """A loss as a metric beside another loss that takes the same kind of target."""
    is_of_probabilities = loss.targets.are_probabilities and not measured.targets.have_classes
    if measured.target_kind != loss.target_kind and not is_of_probabilities:
        raise SettingError(
            f"the metric {measured.name!r} needs {measured.target_kind} targets, but the loss "
            f"{loss.name!r} has {loss.target_kind} targets; use another metric, such as "
            f"{'accuracy' if loss.target_kind == 'classes' else loss.name!r}"
        )
    of_probabilities = partial(_of_probabilities, per_row=measured.per_row)
    return Metric(measured.name, of_probabilities if is_of_probabilities else measured.per_row)


def _of_probabilities(prediction: Operand, target: Operand, per_row: PerRow) -> Operand:
    """A loss of numbers, applied to probabilities even if the network gives logits."""
    is_logit = logits_of(prediction, "sigmoid") is prediction
    return per_row(gates.sigmoid(prediction) if is_logit else prediction, target)
