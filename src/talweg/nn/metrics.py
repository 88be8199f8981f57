"""Metrics: what is measured beside the loss, one number a row, averaged over rows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

from talweg import gates
from talweg.errors import SettingError, nearest
from talweg.gates import Operand
from talweg.graph.functions import argmax
from talweg.nn.losses import LOSSES, Loss, RowRule, logits_of, per_row


@dataclass(frozen=True)
class Metric:
    """A name, and a function of (prediction, target) with one number a row, written in gates."""

    name: str
    rows: RowRule


def _bits_right(prediction: Operand, target: Operand, threshold: float) -> Operand:
    """The share of each row's bits that are on the right side of the threshold."""
    found, wanted = gates.greater(prediction, threshold), gates.greater(target, 0.5)
    right = gates.equal(gates.cast(found, dtype="int64"), gates.cast(wanted, dtype="int64"))
    return per_row(gates.cast(right, dtype=prediction.dtype))


def _class_right(prediction: Operand, target: Operand) -> Operand:
    """1 for each row whose largest output is that of its class."""
    wanted = target if len(target.shape) < len(prediction.shape) else argmax(target)
    right = gates.equal(argmax(prediction), wanted)
    return per_row(gates.cast(right, dtype=prediction.dtype))


def make_accuracy(loss: Loss) -> Metric:
    """The share of rows whose class is right: the largest of several outputs.

    For one output, and for several that are bits, the share of bits that are right: above 1/2, or
    above 0 where the loss takes outputs for logits, log(p / (1 - p)).
    """
    return Metric("accuracy", partial(_right, is_bits=loss.target_kind == "binary"))


def _right(prediction: Operand, target: Operand, is_bits: bool) -> Operand:
    if not is_bits and len(prediction.shape) > 1 and prediction.shape[-1] > 1:
        return _class_right(prediction, target)
    is_logit = is_bits and logits_of(prediction, "sigmoid") is prediction
    return _bits_right(prediction, target, 0.0 if is_logit else 0.5)


METRICS = ("accuracy", *LOSSES)
"""The metrics that have names: accuracy, and each loss as a mean over rows."""


def as_metric(given: Any, loss: Loss) -> Metric:
    """A metric from itself, its name, or a function of (prediction, target), beside `loss`."""
    if isinstance(given, Metric):
        return given
    if isinstance(given, str) and given == "accuracy":
        return make_accuracy(loss)
    if isinstance(given, str) and given in LOSSES:
        given = LOSSES[given]
    if isinstance(given, Loss):
        return _of_loss(given, loss)
    if callable(given):
        return Metric(getattr(given, "__name__", "metric"), given)
    hint = nearest(given, METRICS) if isinstance(given, str) else ""
    raise SettingError(f"no metric is called {given!r}. {hint}".rstrip())


def _of_loss(measured: Loss, loss: Loss) -> Metric:
    """A loss as a metric beside another loss, where both take the same kind of target."""
    takes_numbers = measured.target_kind == "numbers" and loss.target_kind == "binary"
    if measured.target_kind != loss.target_kind and not takes_numbers:
        raise SettingError(
            f"the metric {measured.name!r} takes {measured.target_kind} as targets, but the loss "
            f"{loss.name!r} takes {loss.target_kind}; measure another, such as "
            f"{'accuracy' if loss.target_kind == 'classes' else loss.name!r}"
        )
    of_bits = partial(_of_probabilities, rows=measured.rows)
    return Metric(measured.name, of_bits if takes_numbers else measured.rows)


def _of_probabilities(prediction: Operand, target: Operand, rows: RowRule) -> Operand:
    """What a loss of numbers says of probabilities, where the net gives logits."""
    is_logit = logits_of(prediction, "sigmoid") is prediction
    return rows(gates.sigmoid(prediction) if is_logit else prediction, target)
