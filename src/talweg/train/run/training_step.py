"""The step of a run as a graph: forward, loss, backward, update; and what is watched of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from talweg import gates
from talweg.engine.run.program import WATCHED, Method
from talweg.errors import SettingError
from talweg.graph import Graph, Tensor, gradients, run_input, simplify
from talweg.graph.node import made_since, next_number
from talweg.nn import Loss, Module
from talweg.nn.forward_pass import TrainingStep
from talweg.nn.predictor import views
from talweg.optim import Optimizer
from talweg.optim.optimizer import State, used
from talweg.random import first_key
from talweg.train.run.lr_multipliers import multiplier_settings, setting_of
from talweg.train.run.parameter_slices import Cut, cuts, joined, total
from talweg.train.run.recording import Forward, Recipe, forward_pass
from talweg.train.run.sign_changes import (
    COUNTS,
    NAMES,
    changed_shares,
    count_changes,
    initial_state as initial_counts,
)
from talweg.train.run.watching import OF_PARAMETERS, Watch, norm, norms, of_layers

DRAWS = "draws"
"""The name of the random key in the state of a run."""


class Addition(NamedTuple):
    """What an extension adds to a step: inputs of a batch, new state, watched outputs."""

    batch: Mapping[str, Tensor]
    state: Mapping[str, Tensor]
    watched: Mapping[str, Tensor]


class Extension(Protocol):
    """The state and the settings that a training method adds to each step."""

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


@dataclass(frozen=True)
class StepMethod:
    """One step of an update rule per batch, as most runs train.

    Subclasses add an `extension` to the recorded step, an engine `method`, or both.
    """

    rule: Any

    @property
    def needs_gradients(self) -> bool:
        """Whether a parameter without a gradient does not learn."""
        return True

    @property
    def extension(self) -> Extension | None:
        return None

    @property
    def method(self) -> Method | None:
        return None

    @property
    def weights_rows(self) -> bool:
        """Whether the method weights the rows of a batch independently of each other."""
        return False

    def refuse(self, recipe: Recipe, rows: int, settings: Mapping[str, Any]) -> None:
        """A SettingError for settings of `fit` that conflict with the method on `rows` rows."""

    def first_state(self, recipe: Recipe, seed: int, draws: bool) -> dict[str, Any]:
        """The state of a run before its first step: the rule's, counts of direction changes, the
        extension's, and where the net draws random numbers, the first key.
        """
        net, watch = recipe.net, recipe.watch
        state = self.rule.init(net.weights.flat)
        if watch is not None and watch.wants_turns(net.weights):
            state = {**state, **initial_counts(net.weights.flat)}
        state |= self.extension.first_state() if self.extension else {}
        return {**state, DRAWS: first_key(seed)} if draws else state

    def run_settings(self, recipe: Recipe) -> dict[str, float]:
        """The numbers that are inputs of a step: of the rule, the multipliers, the extension."""
        own = self.extension.settings() if self.extension else {}
        return {**self.rule.run_settings(), **multiplier_settings(recipe.multipliers), **own}

    def record_step(self, recipe: Recipe, batch_size: int) -> Graph:
        """The graph of a step on a batch; see `Graphs` for its inputs and outputs."""
        net, rule, watch, extension = recipe.net, self.rule, recipe.watch, self.extension
        key = run_input(first_key(0), f"state.{DRAWS}")
        part = forward_pass(recipe, batch_size, key)
        state = _inputs("state", self.first_state(recipe, 0, draws=False))
        settings = _inputs("settings", self.run_settings(recipe))
        parameters = _parameters(recipe, part, settings)
        bound = rule.with_tensors({name: settings[name] for name in rule.run_settings()})
        added = extension.first_state() if extension else {}
        of_rule = {name: value for name, value in state.items() if name not in added}
        after, new_state, quantities = updated(bound, parameters, of_rule, watch)
        batch, outputs = dict(part.batch), dict(part.measures)
        if watch is not None:
            quantities |= of_layers(net, part.prediction, part.batch["row_weights"])
            chosen = watch.chosen(quantities, net.weights)
            outputs |= {WATCHED + name: quantity.named(name) for name, quantity in chosen.items()}
        if extension is not None:
            trained = [part.views[name] for name in parameters.gradients]
            more = extension.recorded(part, recipe.loss, trained, settings, state)
            batch |= more.batch
            new_state |= more.state
            outputs |= {WATCHED + name: tensor for name, tensor in more.watched.items()}
        if part.training.streams:
            state[DRAWS], new_state[DRAWS] = key, key + 1.0
        outputs["weights"] = _settled(net, after, part.training)
        outputs |= _prefixed("state", {name: new_state[name] for name in state})
        inputs = {**_prefixed("state", state), **_prefixed("settings", settings), **batch}
        return simplify(Graph({"weights": part.flat, **inputs}, outputs))


def _inputs(prefix: str, examples: Mapping[str, Any]) -> dict[str, Tensor]:
    """An input of the step for each example, by the name of the example."""
    return {name: run_input(example, f"{prefix}.{name}") for name, example in examples.items()}


def _prefixed(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {f"{prefix}.{name}": tensor for name, tensor in tensors.items()}


def _parameters(recipe: Recipe, part: Forward, settings: Mapping[str, Tensor]) -> Parameters:
    """The parameters of a step, with the gradients of those that are not frozen."""
    factors = recipe.multipliers
    trained = {name: view for name, view in part.views.items() if factors.get(name) != 0}
    pieces = dict(zip(trained, gradients(part.objective, list(trained.values())), strict=True))
    multipliers = {name: settings[setting_of(name)] for name in factors if factors[name]}
    return Parameters(part.flat, part.views, pieces, multipliers)


def _settled(net: Module, flat: Tensor, training: TrainingStep) -> Tensor:
    """The weights after a step: within their limits, and with the values that modules assign."""
    if not (training.limits or training.assigned):
        return flat
    limits = training.limits
    return joined(
        training.assigned.get(name, limits[name](view) if name in limits else view)
        for name, view in views(net, flat).items()
    )


# The update ---------------------------------------------------------------------------------------

_MARGIN = 1e-6
"""Added to a norm before a division by it, as in torch.nn.utils.clip_grad_norm_."""


class Parameters(NamedTuple):
    """The flat weight vector, and by parameter its views, gradients and multipliers of the rate.

    A parameter without a gradient is frozen; one without a multiplier has the rate itself.
    """

    flat: Tensor
    views: Mapping[str, Tensor]
    gradients: Mapping[str, Tensor]
    multipliers: Mapping[str, Tensor]

    @property
    def are_alike(self) -> bool:
        """Whether all parameters are trained, at one rate."""
        return not self.multipliers and len(self.gradients) == len(self.views)


class _Step(NamedTuple):
    """Weights and state after a step, the update of each parameter, and where weights increased."""

    weights: Tensor
    state: State
    updates: dict[str, Tensor]
    increases: dict[str, Tensor]


def updated(
    rule: Optimizer, parameters: Parameters, state: State, watch: Watch | None
) -> tuple[Tensor, State, dict[str, Tensor]]:
    """The weights and the state after a step of the rule, and the quantities to watch."""
    flat, views, gradients, _ = parameters
    own = {name: value for name, value in state.items() if name not in NAMES}
    clipped = parameters._replace(gradients=_clipped(rule, gradients))
    is_watched = watch is not None and watch.wants_parameters(gradients, OF_PARAMETERS)
    slices = cuts(views, in_blocks=not rule.by_parameter)
    # the norms come first: the new weights can then overwrite the old ones
    sizes = {name: norm(slices[name].of(flat)) for name in gradients} if is_watched else {}
    take_step = _joint_step if parameters.are_alike and not rule.by_parameter else _separate_steps
    step = take_step(rule, clipped, slices, own)
    quantities: dict[str, Tensor] = {}
    for name, size in sizes.items():
        gradient = slices[name].shaped(gradients[name])
        quantities |= norms(name, size, gradient, step.updates[name])
    counts: State = {}
    if COUNTS in state:
        counts = count_changes(state, step.increases)
        quantities |= changed_shares(state, counts, views) if is_watched else {}
    return step.weights, {**step.state, **counts}, quantities


def _joint_step(
    rule: Optimizer, parameters: Parameters, slices: Mapping[str, Cut], state: State
) -> _Step:
    """The rule applied to the flat vector of all parameters."""
    flat = parameters.flat
    gradient = joined(parameters.gradients.values()).named("gradient")
    weights, after = rule.step(flat, gradient, state)
    update, increases = weights - flat, {"": gates.greater(weights, flat)}
    return _Step(weights, after, {name: cut.of(update) for name, cut in slices.items()}, increases)


def _separate_steps(
    rule: Optimizer, parameters: Parameters, slices: Mapping[str, Cut], state: State
) -> _Step:
    """The rule applied to each parameter that has a gradient; the others stay as they are."""
    before = {name: (cut.of(parameters.flat), cut.of_all(state)) for name, cut in slices.items()}
    gradients = {name: slices[name].shaped(piece) for name, piece in parameters.gradients.items()}
    shaped = parameters._replace(gradients=gradients)
    after = before | _apart(rule, shaped, before, state)
    updates = {name: after[name][0] - weights for name, (weights, _) in before.items()}
    increases = {
        name: gates.greater(after[name][0], weights) for name, (weights, _) in before.items()
    }
    return _Step(*_together(after, next(iter(gradients))), updates, increases)


def _apart(
    rule: Optimizer,
    parameters: Parameters,
    before: Mapping[str, tuple[Tensor, State]],
    state: State,
) -> dict[str, tuple[Tensor, State]]:
    """The weights and the state of each parameter that has a gradient, after its own step.

    SettingError: a weight's step depends on other weights, too.
    """
    steps: dict[str, tuple[Tensor, State]] = {}
    for name, gradient in parameters.gradients.items():
        mark = next_number()
        own_rule = _with_rate(rule, parameters.multipliers.get(name))
        weights, after = steps[name] = own_rule.step(before[name][0], gradient, before[name][1])
        is_separable = rule.by_parameter or _is_elementwise([weights, *after.values()], mark)
        if not (is_separable and _is_parted(parameters.flat, state)):
            raise SettingError(
                f"fit: {type(rule).__name__} updates all weights together, so its learning rate "
                "cannot differ between layers; leave out lr_multipliers"
            )
    return steps


def _with_rate(rule: Optimizer, multiplier: Tensor | None) -> Optimizer:
    """The rule with its learning rate multiplied."""
    return rule if multiplier is None else rule.with_tensors({"lr": rule.lr * multiplier})


def _is_parted(flat: Tensor, state: State) -> bool:
    """Whether the state holds one number for each weight, or one for all."""
    return all(value.shape in ((), flat.shape) for value in state.values())


def _clipped(rule: Optimizer, gradients: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The gradients after clipping: g / max(1, |g| / clip_norm), then within +-clip_value.

    |g| is the Euclidean norm over all parameters.
    """
    clipped = dict(gradients)
    if used(rule.clip_norm):
        blocks = [cut.shaped(gradients[name]) for name, cut in cuts(gradients).items()]
        squares = [total(block * block) for block in blocks]
        share = gates.minimum(
            rule.clip_norm / (gates.sqrt(sum(squares[1:], squares[0])) + _MARGIN), 1.0
        )
        clipped = {name: gradient * share for name, gradient in clipped.items()}
    if used(rule.clip_value):
        low, high = -rule.clip_value, rule.clip_value
        clipped = {
            name: gates.minimum(gates.maximum(gradient, low), high)
            for name, gradient in clipped.items()
        }
    return clipped


def _is_elementwise(results: Iterable[Tensor], mark: int) -> bool:
    """Whether each new weight depends only on its own element and on single numbers."""
    return all(
        node.gate.is_elementwise
        if node.gate and node.ndim
        else not any(tensor.ndim for tensor in (node, *node.inputs))
        for node in made_since([*results], mark)
    )


def _together(steps: Mapping[str, tuple[Tensor, State]], lead: str) -> tuple[Tensor, State]:
    """The joined weights and state; single numbers are those of the parameter `lead`."""
    state = {
        name: joined(state[name] for _, state in steps.values()) if value.ndim else value
        for name, value in steps[lead][1].items()
    }
    return joined(weights for weights, _ in steps.values()), state
