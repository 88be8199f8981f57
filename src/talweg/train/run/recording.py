"""Records the forward pass of a step, and an evaluation, as graphs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from talweg.engine.run.rows import BATCH_INPUTS, Rows
from talweg.errors import SettingError, ShapeError
from talweg.gates import Spec
from talweg.graph import Graph, Tensor, run_input, simplify
from talweg.nn import Loss, Metric, Module
from talweg.nn.forward_pass import TrainingStep
from talweg.nn.predictor import views
from talweg.train.run.watching import Watch


@dataclass(frozen=True)
class Recipe:
    """Everything that a step is recorded from except the rule; `rows` are an empty example."""

    net: Module
    rows: Rows
    loss: Loss
    metrics: Sequence[Metric] = ()
    watch: Watch | None = None
    multipliers: Mapping[str, float] = field(default_factory=dict)


class Forward(NamedTuple):
    """The forward pass of a training step."""

    flat: Tensor
    views: Mapping[str, Tensor]
    batch: Mapping[str, Tensor]
    training: TrainingStep
    prediction: Tensor
    measures: dict[str, Tensor]
    objective: Tensor


def forward_pass(recipe: Recipe, batch_size: int, key: Tensor) -> Forward:
    """The forward pass of a step on a batch; `key` is the random key."""
    net, loss = recipe.net, recipe.loss
    if not net.weights:
        raise SettingError(
            "fit: the network has no parameters, so there is nothing to train; add a layer "
            "such as tw.Dense(1)"
        )
    flat = run_input(net.weights.flat, "weights")
    batch, pieces = _batch_inputs(recipe.rows, batch_size), views(net, flat)
    training = TrainingStep(key, batch["row_weights"])
    prediction = _prediction(net, pieces, batch["x"], training)
    measures = _measures(prediction, batch, loss, recipe.metrics)
    objective = with_penalties(measures["loss"], training.penalties, batch, loss)
    return Forward(flat, pieces, batch, training, prediction, measures, objective)


def evaluation_graph(recipe: Recipe, batch_size: int) -> Graph:
    """Loss and metrics of a batch, no update; see `Graphs`."""
    net = recipe.net
    flat = run_input(net.weights.flat, "weights")
    batch = _batch_inputs(recipe.rows, batch_size)
    prediction = _prediction(net, views(net, flat), batch["x"])
    measures = _measures(prediction, batch, recipe.loss, recipe.metrics)
    return simplify(Graph({"weights": flat, **batch}, measures))


def _batch_inputs(rows: Rows, size: int) -> dict[str, Tensor]:
    arrays = rows.x, rows.y, rows.weights
    specs = [Spec((size, *array.shape[1:]), array.dtype) for array in arrays]
    count = Spec((), rows.weights.dtype)
    named = zip(BATCH_INPUTS, [*specs, count], strict=True)
    return {name: run_input(spec, name) for name, spec in named}


def _prediction(
    net: Module, views: Mapping[str, Tensor], x: Tensor, training: TrainingStep | None = None
) -> Tensor:
    prediction = net.apply(views, x, training=training).named("prediction")
    if prediction.shape[:1] != x.shape[:1]:
        raise ShapeError(
            f"the network must return one prediction for each row, ({len(x)}, ...), but returned "
            f"{prediction.shape}"
        )
    return prediction


def _measures(
    prediction: Tensor, batch: Mapping[str, Tensor], loss: Loss, metrics: Sequence[Metric]
) -> dict[str, Tensor]:
    """The loss and the metrics of a batch, by name, each one number."""
    total = _weighted_sum(loss, prediction, batch)
    measures = {"loss": total if loss.reduction == "sum" else total / batch["count"]}
    for metric in metrics:
        measures[metric.name] = _weighted_sum(metric, prediction, batch) / batch["count"]
    return {name: measure.named(name) for name, measure in measures.items()}


def with_penalties(
    objective: Tensor, penalties: Sequence[Tensor], batch: Mapping[str, Tensor], loss: Loss
) -> Tensor:
    """The objective that training minimizes: the loss plus the penalties of the modules."""
    for penalty in penalties:
        amount = (batch["row_weights"] * penalty).sum() if penalty.ndim else penalty
        is_mean = penalty.ndim and loss.reduction == "mean"
        objective = objective + (amount / batch["count"] if is_mean else amount)
    return objective


def _weighted_sum(
    measure: Loss | Metric, prediction: Tensor, batch: Mapping[str, Tensor]
) -> Tensor:
    """The weighted sum of a measure over the rows."""
    rows: Tensor = measure.per_row(prediction, batch["y"])
    count = batch["x"].shape[0]
    if not isinstance(rows, Tensor) or rows.shape != (count,):
        returned = rows.spec if isinstance(rows, Tensor) else type(rows).__name__
        raise ShapeError(
            f"{measure.name} must return one number per row, ({count},), but returned "
            f"{returned}; fit takes the mean over rows"
        )
    return (batch["row_weights"] * rows).sum()
