"""Records a training step and an evaluation as graphs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from talweg.engine.run.program import WATCHED
from talweg.engine.run.rows import BATCH_INPUTS, Rows
from talweg.errors import SettingError, ShapeError
from talweg.gates import Spec
from talweg.graph import Graph, Tensor, gradients, run_input, simplify
from talweg.nn import Loss, Metric, Module
from talweg.nn.forward_pass import TrainingStep
from talweg.nn.predictor import views
from talweg.optim import FullBatch, Optimizer
from talweg.random import first_key
from talweg.train.run.lr_multipliers import multiplier_settings, multipliers_among
from talweg.train.run.parameter_slices import joined
from talweg.train.run.sign_changes import initial_state as initial_counts
from talweg.train.run.updating import Parameters, updated
from talweg.train.run.watching import Watch, of_layers

DRAWS = "draws"
"""The name of the random key in the state of a run."""


@dataclass(frozen=True)
class Recipe:
    """Everything that a step is recorded from except the rule; `rows` are an empty example."""

    net: Module
    rows: Rows
    loss: Loss
    metrics: Sequence[Metric] = ()
    watch: Watch | None = None
    multipliers: Mapping[str, float] = field(default_factory=dict)


class Addition(NamedTuple):
    """What an extension adds to a step: inputs of a batch, new state, watched outputs."""

    batch: Mapping[str, Tensor]
    state: Mapping[str, Tensor]
    watched: Mapping[str, Tensor]


class Extension(Protocol):
    """State and settings of its own that a training method adds to each step."""

    def first_state(self) -> dict[str, Any]: ...

    def settings(self) -> dict[str, float]: ...

    def recorded(
        self,
        part: Forward,
        loss: Loss,
        learning: Sequence[Tensor],
        settings: Mapping[str, Tensor],
        state: Mapping[str, Tensor],
    ) -> Addition:
        """The addition to a step in which the parameters `learning` are trained."""
        ...


def first_state(
    recipe: Recipe,
    rule: Optimizer | FullBatch,
    seed: int,
    draws: bool,
    extension: Extension | None = None,
) -> dict[str, Any]:
    """The state of a run before its first step: the rule's, counts of direction changes, the
    extension's, and where the net draws random numbers, the first key.
    """
    net, watch = recipe.net, recipe.watch
    state = rule.init(net.weights.flat)
    if watch is not None and watch.wants_turns(net.weights):
        state = {**state, **initial_counts(net.weights.flat)}
    state |= extension.first_state() if extension else {}
    return {**state, DRAWS: first_key(seed)} if draws else state


def run_settings(
    recipe: Recipe, rule: Optimizer | FullBatch, extension: Extension | None = None
) -> dict[str, float]:
    """The numbers that a step takes in: the rule's, the multipliers, and the extension's."""
    own = extension.settings() if extension else {}
    return {**rule.run_settings(), **multiplier_settings(recipe.multipliers), **own}


def step_graph(
    recipe: Recipe, rule: Optimizer, extension: Extension | None, batch_size: int
) -> Graph:
    """One step: forward, loss, backward, update; see `Graphs` for its inputs and outputs."""
    net, watch, multipliers = recipe.net, recipe.watch, recipe.multipliers
    key = run_input(first_key(0), f"state.{DRAWS}")
    part = forward_pass(recipe, batch_size, key)
    draws, views, outputs = part.training.streams > 0, part.views, part.measures
    state = _inputs("state", first_state(recipe, rule, 0, draws=False, extension=extension))
    settings = _inputs("settings", run_settings(recipe, rule, extension))
    before = {_last(name): value for name, value in state.items()}
    trained = {name: view for name, view in views.items() if multipliers.get(name) != 0}
    pieces = dict(zip(trained, gradients(part.objective, list(trained.values())), strict=True))
    numbers = {_last(name): value for name, value in settings.items()}
    bound = rule.with_tensors({name: numbers[name] for name in rule.run_settings()})
    added = extension.first_state() if extension else {}
    remembered = {name: value for name, value in before.items() if name not in added}
    parameters = Parameters(part.flat, views, pieces, multipliers_among(numbers))
    after, new_state, quantities = updated(bound, parameters, remembered, watch)
    if draws:
        state[f"state.{DRAWS}"], new_state[DRAWS] = key, key + 1.0
    if watch is not None:
        quantities |= of_layers(net, part.prediction, part.batch["row_weights"])
        chosen = watch.chosen(quantities, net.weights)
        outputs |= {WATCHED + name: quantity.named(name) for name, quantity in chosen.items()}
    batch = dict(part.batch)
    if extension is not None:
        more = extension.recorded(part, recipe.loss, list(trained.values()), numbers, before)
        batch |= more.batch
        new_state |= more.state
        outputs |= {WATCHED + name: tensor for name, tensor in more.watched.items()}
    outputs["weights"] = _settled(net, after, part.training)
    outputs |= {name: new_state[_last(name)] for name in state}
    return simplify(Graph({"weights": part.flat, **state, **settings, **batch}, outputs))


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
    """The measures and the objective of a batch, and what the modules ask of the step; `key` is the
    random key.
    """
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


def _inputs(prefix: str, examples: Mapping[str, Any]) -> dict[str, Tensor]:
    names = [f"{prefix}.{name}" for name in examples]
    return {
        name: run_input(example, name)
        for name, example in zip(names, examples.values(), strict=True)
    }


def _last(name: str) -> str:
    return name.partition(".")[2]


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


def _settled(net: Module, flat: Tensor, training: TrainingStep) -> Tensor:
    """The weights after a step: within their limits, and with the values that modules assign."""
    if not (training.limits or training.assigned):
        return flat
    limits = training.limits
    return joined(
        training.assigned.get(name, limits[name](view) if name in limits else view)
        for name, view in views(net, flat).items()
    )


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
