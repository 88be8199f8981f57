"""Losses: how wrong a prediction is.

A loss gives one number per row, (N), written in gates; its `reduction` says whether the loss of a
batch is the mean or the sum over its rows. With sample weights w, the mean is sum(w l) / sum(w),
and the sum is sum(w l).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from talweg import gates
from talweg.errors import SettingError, nearest
from talweg.gates import Operand
from talweg.graph import Tensor, constant
from talweg.graph.functions import logsumexp, mean, sum as total
from talweg.nn.row_weights import row_weights
from talweg.nn.targets import TARGETS, TargetKind, Targets
from talweg.settings import Number, check

PerRow = Callable[[Any, Any], Any]
"""(prediction, target) -> one number per row, written in gates; pickle must find it by name."""


@dataclass(frozen=True)
class Loss:
    """A function of predictions and targets that training minimizes; `fit` also accepts its name.

    `target_kind` is the kind of its targets: "numbers", "binary" (from 0 to 1), or "classes"
    (integers, one-hot rows or probabilities).

    >>> mse(np.array([[1.0], [3.0]]), np.array([1.0, 1.0])).item()
    2.0
    """

    name: str
    per_row: PerRow
    reduction: Literal["mean", "sum"] = "mean"
    target_kind: TargetKind = "numbers"

    @property
    def targets(self) -> Targets:
        """The record of the kind of target."""
        return TARGETS[self.target_kind]

    def __call__(self, prediction: Any, target: Any, weights: Any = None) -> Tensor:
        """The loss of a batch as a tensor: predictions (N, K), targets, and row weights (N)."""
        if not isinstance(prediction, Tensor):
            prediction = constant(prediction)
        rows = self.per_row(prediction, _target_node(target, prediction, self.targets))
        count = float(rows.size)
        if weights is not None:
            given = row_weights(f"{self.name}: weights", weights, rows.size)
            rows, count = rows * given.astype(rows.dtype), float(given.sum())
        result: Tensor = rows.sum() if self.reduction == "sum" else rows.sum() / count
        return result


def _target_node(target: Any, prediction: Tensor, targets: Targets) -> Tensor:
    if isinstance(target, Tensor):
        targets.refuse_misfit(target.spec, prediction.spec)
        return target
    return constant(targets.prepare(target, prediction.spec))


def over_outputs(x: Operand, reduce: Callable[..., Operand] = mean) -> Operand:
    """Reduce all axes but the first: (N, ...) -> (N)."""
    return x if len(x.shape) == 1 else reduce(x, tuple(range(1, len(x.shape))))


# One number per row -------------------------------------------------------------------------


def _square(prediction: Operand, target: Operand) -> Operand:
    error = prediction - target
    return error * error


def _mean_square(prediction: Operand, target: Operand) -> Operand:
    return over_outputs(_square(prediction, target))


def _sum_of_squares(prediction: Operand, target: Operand) -> Operand:
    return over_outputs(_square(prediction, target), total)


def _half_sum_of_squares(prediction: Operand, target: Operand) -> Operand:
    return 0.5 * _sum_of_squares(prediction, target)


def _mean_absolute(prediction: Operand, target: Operand) -> Operand:
    return over_outputs(gates.absolute(prediction - target))


def _huber(prediction: Operand, target: Operand, delta: float) -> Operand:
    error = gates.absolute(prediction - target)
    inside = gates.minimum(error, delta)
    # error^2 / 2 up to delta, and delta (error - delta / 2) beyond
    return over_outputs(inside * (error - 0.5 * inside))


def _binary_cross_entropy(prediction: Operand, target: Operand) -> Operand:
    logits = logits_of(prediction, "sigmoid")
    return over_outputs(gates.softplus(logits) - logits * target)


def _cross_entropy(prediction: Operand, target: Operand, smoothing: float = 0.0) -> Operand:
    logits = logits_of(prediction, "softmax")
    if len(target.shape) < len(logits.shape):
        target = gates.one_hot(target, classes=logits.shape[-1], dtype=logits.dtype)
    if smoothing:
        target = (1 - smoothing) * target + smoothing / logits.shape[-1]
    log_likelihood = total(target * (logits - logsumexp(logits, keepdims=True)), -1)
    return over_outputs(-log_likelihood)


# Logits -------------------------------------------------------------------------------------


def logits_of(prediction: Operand, final: Literal["sigmoid", "softmax"]) -> Operand:
    """The input of the final sigmoid or softmax of a prediction; itself if it has none.

    So a network that ends in one is trained with the stable form: log(softmax(z)) is computed as
    z - logsumexp(z), never as the logarithm of a number that underflowed.
    """
    if not isinstance(prediction, Tensor) or prediction.gate is None:
        return prediction
    if prediction.gate in _MOVING:
        (source,) = prediction.inputs
        logits = logits_of(source, final)
        if logits is source:
            return prediction
        if final == "softmax" and not _keeps_last_axis(prediction, source):
            raise SettingError(
                "the network changes its last axis, which holds the classes, after softmax"
            )
        return prediction.gate(logits, **prediction.settings)
    if prediction.gate is gates.sigmoid:
        _refuse_mismatch("sigmoid", final)
        return prediction.inputs[0]
    powers = _softmax_powers(prediction)
    if powers is not None:
        _refuse_mismatch("softmax", final)
        return powers.inputs[0]
    return prediction


_MOVING = (gates.identity, gates.reshape, gates.take_slice, gates.transpose, gates.cast)
"""Gates that may follow the final sigmoid or softmax: they change none of its numbers."""


def _keeps_last_axis(moved: Tensor, source: Tensor) -> bool:
    is_swapped = moved.gate is gates.transpose and moved.settings["axes"][-1] != source.ndim - 1
    return moved.shape[-1:] == source.shape[-1:] and not is_swapped


def _softmax_powers(prediction: Tensor) -> Tensor | None:
    """The exp node of a softmax over the last axis, exp(z) / sum(exp(z)); None for other nodes."""
    if prediction.gate is not gates.divide:
        return None
    powers, summed = prediction.inputs
    is_softmax = powers.gate is gates.exp and summed.gate is gates.reduce_sum
    if not is_softmax or summed.inputs[0] is not powers:
        return None
    if summed.settings["axes"] != (powers.ndim - 1,):
        raise SettingError(
            "the network's softmax is not over its last axis, which holds the classes"
        )
    return powers


def _refuse_mismatch(given: str, wanted: str) -> None:
    if given != wanted:
        losses = {"sigmoid": "binary_cross_entropy", "softmax": "cross_entropy"}
        raise SettingError(
            f"the network ends in {given}, but the loss {losses[wanted]!r} needs {wanted} or "
            f"logits: use the loss {losses[given]!r}, or end the network in {wanted!r} or "
            "'identity'"
        )


# The losses ---------------------------------------------------------------------------------

mse = Loss("mse", _mean_square)
"""Mean squared error: the mean of (p - t)^2 over rows and outputs."""
sse = Loss("sse", _sum_of_squares, "sum")
"""Sum of squared errors: the sum of (p - t)^2 over rows and outputs."""
half_sse = Loss("half_sse", _half_sum_of_squares, "sum")
"""Half the sum of squared errors, whose gradient is p - t."""
mae = Loss("mae", _mean_absolute)
"""Mean absolute error: the mean of |p - t|."""


class Huber(Loss):
    """Huber's loss: (p - t)^2 / 2 for errors up to `delta`, delta (|p - t| - delta / 2) beyond.

    Huber 1964; as torch.nn.HuberLoss. The name "huber" stands for delta 1.

    >>> Huber(delta=1.0)(np.array([[0.5], [3.0]]), np.zeros(2)).item()  # (0.125 + 2.5) / 2
    1.3125
    """

    delta: float

    def __init__(self, delta: float = 1.0) -> None:
        delta = check("Huber", {"delta": delta}, {"delta": Number(above=0)})["delta"]
        name = "huber" if delta == 1 else f"huber(delta={delta:g})"
        super().__init__(name, partial(_huber, delta=delta))
        object.__setattr__(self, "delta", delta)

    def __repr__(self) -> str:
        return f"Huber(delta={self.delta:g})"


huber = Huber()
"""Huber's loss with delta 1."""
binary_cross_entropy = Loss("binary_cross_entropy", _binary_cross_entropy, target_kind="binary")
"""-t log(s) - (1 - t) log(1 - s) with s = sigmoid(z), from z: softplus(z) - t z."""


class CrossEntropy(Loss):
    """-sum(t log(softmax(z))) over classes, from z, with t <- (1 - s) t + s / K.

    The `label_smoothing` s moves a fraction of each label evenly to all K classes, so that the
    network does not become overconfident. Szegedy et al. 2016; as torch.nn.CrossEntropyLoss. The
    name "cross_entropy" stands for s = 0.

    >>> CrossEntropy(label_smoothing=0.1)(np.array([[0.0, 0.0]]), np.array([1])).item()
    0.6931471805599453
    """

    label_smoothing: float

    def __init__(self, label_smoothing: float = 0.0) -> None:
        constraints = {"label_smoothing": Number(at_least=0, below=1)}
        given = check("CrossEntropy", {"label_smoothing": label_smoothing}, constraints)
        smoothing = given["label_smoothing"]
        name = f"cross_entropy(label_smoothing={smoothing:g})" if smoothing else "cross_entropy"
        super().__init__(name, partial(_cross_entropy, smoothing=smoothing), target_kind="classes")
        object.__setattr__(self, "label_smoothing", smoothing)

    def __repr__(self) -> str:
        return f"CrossEntropy(label_smoothing={self.label_smoothing:g})"


cross_entropy = CrossEntropy()
"""Cross entropy without label smoothing."""

LOSSES: dict[str, Loss] = {
    loss.name: loss
    for loss in (mse, sse, half_sse, mae, huber, binary_cross_entropy, cross_entropy)
}


def as_loss(given: Any) -> Loss:
    """A loss from itself, its name, or a function of (prediction, target) with a number per row."""
    if isinstance(given, Loss):
        return given
    if isinstance(given, str) and given in LOSSES:
        return LOSSES[given]
    if callable(given):
        return Loss(getattr(given, "__name__", "loss"), given)
    hint = nearest(given, LOSSES) if isinstance(given, str) else ""
    raise SettingError(f"no loss is called {given!r}. {hint}".rstrip())
