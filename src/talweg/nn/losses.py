"""Losses: how wrong a prediction is, one number a row, and how rows become one number.

Each loss is a record. `rows` gives a number a row, (N), out of gates; `reduction` says whether
a batch counts as the mean or the sum of its rows. Sample weights w weigh rows: the mean is
sum(w l) / sum(w), the sum is sum(w l). `rows` is a function that pickle knows by name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from talweg import gates
from talweg.errors import SettingError, ShapeError, nearest
from talweg.gates import Operand
from talweg.graph import Tensor, constant
from talweg.graph.functions import logsumexp, mean, sum as total
from talweg.nn.row_weights import row_weights
from talweg.nn.targets import TargetKind, prepare_target
from talweg.settings import Number, check

_LABEL_SMOOTHING = {"label_smoothing": Number(at_least=0, below=1)}
RowRule = Callable[[Any, Any], Any]
"""(prediction, target) -> one number a row, written in gates."""


@dataclass(frozen=True)
class Loss:
    """How wrong predictions are; call it on a prediction and a target, or name it in `fit`.

    `target_kind` says what targets it takes: numbers, binary (0 to 1), or classes (whole numbers,
    one-hot rows or probabilities).

    >>> mse(np.array([[1.0], [3.0]]), np.array([1.0, 1.0])).item()
    2.0
    """

    name: str
    rows: RowRule
    reduction: Literal["mean", "sum"] = "mean"
    target_kind: TargetKind = "numbers"

    def __call__(self, prediction: Any, target: Any, weights: Any = None) -> Tensor:
        """The loss of a batch as a tensor: predictions (N, K), targets, and weights (N)."""
        if not isinstance(prediction, Tensor):
            prediction = constant(prediction)
        rows = self.rows(prediction, _target_node(target, prediction, self.target_kind))
        count = float(rows.size)
        if weights is not None:
            given = row_weights(f"{self.name}: weights", weights, rows.size)
            rows, count = rows * given.astype(rows.dtype), float(given.sum())
        result: Tensor = rows.sum() if self.reduction == "sum" else rows.sum() / count
        return result


def _target_node(target: Any, prediction: Tensor, target_kind: TargetKind) -> Tensor:
    if isinstance(target, Tensor):
        if target_kind != "classes" and target.shape != prediction.shape:
            raise ShapeError(f"the target is {target.spec}, the prediction {prediction.spec}")
        return target
    return constant(prepare_target(target, prediction.spec, target_kind))


def per_row(x: Operand, reduce: Callable[..., Operand] = mean) -> Operand:
    """All axes but the first reduced: (N, ...) -> (N)."""
    return x if len(x.shape) == 1 else reduce(x, tuple(range(1, len(x.shape))))


def _square(prediction: Operand, target: Operand) -> Operand:
    gap = prediction - target
    return gap * gap


def _mean_square(prediction: Operand, target: Operand) -> Operand:
    return per_row(_square(prediction, target))


def _sum_of_squares(prediction: Operand, target: Operand) -> Operand:
    return per_row(_square(prediction, target), total)


def _half_sum_of_squares(prediction: Operand, target: Operand) -> Operand:
    return 0.5 * _sum_of_squares(prediction, target)


def _mean_gap(prediction: Operand, target: Operand) -> Operand:
    return per_row(gates.absolute(prediction - target))


def _huber(prediction: Operand, target: Operand, delta: float) -> Operand:
    gap = gates.absolute(prediction - target)
    inside = gates.minimum(gap, delta)
    # gap^2 / 2 inside, delta (gap - delta / 2) outside
    return per_row(inside * (gap - 0.5 * inside))


def _binary_cross_entropy(prediction: Operand, target: Operand) -> Operand:
    logits = logits_of(prediction, "sigmoid")
    return per_row(gates.softplus(logits) - logits * target)


def _cross_entropy(prediction: Operand, target: Operand, smoothing: float = 0.0) -> Operand:
    logits = logits_of(prediction, "softmax")
    if len(target.shape) < len(logits.shape):
        target = gates.one_hot(target, classes=logits.shape[-1], dtype=logits.dtype)
    if smoothing:
        target = (1 - smoothing) * target + smoothing / logits.shape[-1]
    log_likelihood = total(target * (logits - logsumexp(logits, keepdims=True)), -1)
    return per_row(-log_likelihood)


def logits_of(prediction: Operand, ends_in: Literal["sigmoid", "softmax"]) -> Operand:
    """What a prediction was before its last sigmoid or softmax; itself where it has none.

    So a net that ends in one is trained through the stable form: log(softmax(z)) is computed
    as z - logsumexp(z), never as the log of a number that underflowed.
    """
    if not isinstance(prediction, Tensor) or prediction.gate is None:
        return prediction
    if prediction.gate in _MOVING:
        (source,) = prediction.inputs
        logits = logits_of(source, ends_in)
        if logits is source:
            return prediction
        if ends_in == "softmax" and not _keeps_last_axis(prediction, source):
            raise SettingError(
                "the net changes its last axis, which holds the classes, after softmax"
            )
        return prediction.gate(logits, **prediction.settings)
    if prediction.gate is gates.sigmoid:
        _refuse_mismatch("sigmoid", ends_in)
        return prediction.inputs[0]
    powers = _softmax_powers(prediction)
    if powers is not None:
        _refuse_mismatch("softmax", ends_in)
        return powers.inputs[0]
    return prediction


_MOVING = (gates.identity, gates.reshape, gates.take_slice, gates.transpose, gates.cast)
"""Gates behind which a last sigmoid or softmax is still found: they change none of its numbers."""


def _keeps_last_axis(moved: Tensor, source: Tensor) -> bool:
    is_swapped = moved.gate is gates.transpose and moved.settings["axes"][-1] != source.ndim - 1
    return moved.shape[-1:] == source.shape[-1:] and not is_swapped


def _softmax_powers(prediction: Tensor) -> Tensor | None:
    """The exp node of a softmax over the last axis, exp(z) / sum(exp(z)); None for others."""
    if prediction.gate is not gates.divide:
        return None
    powers, summed = prediction.inputs
    is_softmax = powers.gate is gates.exp and summed.gate is gates.reduce_sum
    if not is_softmax or summed.inputs[0] is not powers:
        return None
    if summed.settings["axes"] != (powers.ndim - 1,):
        raise SettingError("the net's softmax is not over its last axis, which holds the classes")
    return powers


def _refuse_mismatch(found: str, wanted: str) -> None:
    if found != wanted:
        losses = {"sigmoid": "binary_cross_entropy", "softmax": "cross_entropy"}
        raise SettingError(
            f"the net ends in {found}, but the loss {losses[wanted]!r} wants {wanted} or plain "
            f"sums: use the loss {losses[found]!r}, or end the net in {wanted!r} or 'identity'"
        )


mse = Loss("mse", _mean_square)
"""Mean squared error: the mean of (p - t)^2 over rows and outputs."""
sse = Loss("sse", _sum_of_squares, "sum")
"""Sum of squared errors: the sum of (p - t)^2 over rows and outputs."""
half_sse = Loss("half_sse", _half_sum_of_squares, "sum")
"""Half the sum of squared errors, whose gradient is p - t."""
mae = Loss("mae", _mean_gap)
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

    The `label_smoothing` s moves a share of each label to all K classes alike, so that the network
    is not driven to certainty. Szegedy et al. 2016; as torch.nn.CrossEntropyLoss. The name
    "cross_entropy" stands for s = 0.

    >>> CrossEntropy(label_smoothing=0.1)(np.array([[0.0, 0.0]]), np.array([1])).item()
    0.6931471805599453
    """

    label_smoothing: float

    def __init__(self, label_smoothing: float = 0.0) -> None:
        given = {"label_smoothing": label_smoothing}
        share = check("CrossEntropy", given, _LABEL_SMOOTHING)["label_smoothing"]
        name = f"cross_entropy(label_smoothing={share:g})" if share else "cross_entropy"
        super().__init__(name, partial(_cross_entropy, smoothing=share), target_kind="classes")
        object.__setattr__(self, "label_smoothing", share)

    def __repr__(self) -> str:
        return f"CrossEntropy(label_smoothing={self.label_smoothing:g})"


cross_entropy = CrossEntropy()
"""Cross entropy without label smoothing."""

LOSSES: dict[str, Loss] = {
    each.name: each
    for each in (mse, sse, half_sse, mae, huber, binary_cross_entropy, cross_entropy)
}


def as_loss(given: Any) -> Loss:
    """A loss from itself, its name, or a function of (prediction, target) with a number a row."""
    if isinstance(given, Loss):
        return given
    if isinstance(given, str) and given in LOSSES:
        return LOSSES[given]
    if callable(given):
        return Loss(getattr(given, "__name__", "loss"), given)
    hint = nearest(given, LOSSES) if isinstance(given, str) else ""
    raise SettingError(f"no loss is called {given!r}. {hint}".rstrip())
