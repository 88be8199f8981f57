"""The update of a step: new weights and state, and what is watched of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from talweg import gates
from talweg.errors import SettingError
from talweg.graph import Tensor
from talweg.graph.topological_order import made_since, next_number
from talweg.optim import Optimizer
from talweg.optim.optimizer import State, used
from talweg.train.run.parameter_slices import cuts, joined, total
from talweg.train.run.sign_changes import COUNTS, NAMES, changed_shares, count_changes
from talweg.train.run.watching import OF_PARAMETERS, Watch, norm, norms

_MARGIN = 1e-6
"""Added to a norm before a division by it, as in torch.nn.utils.clip_grad_norm_."""


def updated(
    rule: Optimizer,
    flat: Tensor,
    views: Mapping[str, Tensor],
    gradients: Mapping[str, Tensor],
    multipliers: Mapping[str, Tensor],
    state: State,
    watch: Watch | None,
) -> tuple[Tensor, State, dict[str, Tensor]]:
    """The weights and the state after a step of the rule, and the quantities to watch.

    A parameter without a gradient is frozen; `multipliers` scale the learning rate of some.
    """
    own = {name: each for name, each in state.items() if name not in NAMES}
    clipped = _clipped(rule, gradients)
    watches = watch is not None and watch.wants_parameters(gradients, OF_PARAMETERS)
    places = cuts(views, in_blocks=not rule.by_parameter)
    # noted first: what is read of weights before they change leaves their place to the new ones
    sizes = {name: norm(places[name].of(flat)) for name in gradients} if watches else {}
    if rule.by_parameter or multipliers or len(gradients) < len(views):
        before = {name: (cut.of(flat), cut.of_all(own)) for name, cut in places.items()}
        given = {name: places[name].shaped(gradient) for name, gradient in clipped.items()}
        steps = before | _apart(rule, flat, before, given, own, multipliers)
        updates = {name: steps[name][0] - each for name, (each, _) in before.items()}
        ups = {
            name: gates.greater(steps[name][0], weights) for name, (weights, _) in before.items()
        }
        after, own_after = _together(steps, next(iter(gradients)))
    else:
        gradient = joined(clipped.values()).named("gradient")
        after, own_after = rule.step(flat, gradient, own)
        update, ups = after - flat, {"": gates.greater(after, flat)}
        updates = {name: cut.of(update) for name, cut in places.items()}
    found: dict[str, Tensor] = {}
    for name, size in sizes.items():
        found |= norms(name, size, places[name].shaped(gradients[name]), updates[name])
    counts: State = {}
    if COUNTS in state:
        counts = count_changes(state, ups)
        found |= changed_shares(state, counts, views) if watches else {}
    return after, {**own_after, **counts}, found


def _apart(
    rule: Optimizer,
    flat: Tensor,
    before: Mapping[str, tuple[Tensor, State]],
    gradients: Mapping[str, Tensor],
    state: State,
    multipliers: Mapping[str, Tensor],
) -> dict[str, tuple[Tensor, State]]:
    """The rule applied to each parameter that has a gradient, one by one."""
    steps: dict[str, tuple[Tensor, State]] = {}
    for name, gradient in gradients.items():
        mark = next_number()
        bound = (
            rule.with_tensors({"lr": rule.lr * multipliers[name]}) if name in multipliers else rule
        )
        weights, own = steps[name] = bound.step(before[name][0], gradient, before[name][1])
        is_one = rule.by_parameter or _is_elementwise([weights, *own.values()], mark)
        if not (is_one and _is_parted(flat, state)):
            raise SettingError(
                f"fit: {type(rule).__name__} moves all weights together, so its rate cannot "
                "differ from part to part; leave out lr_multipliers"
            )
    return steps


def _is_parted(flat: Tensor, state: State) -> bool:
    """Whether the state holds one number for each weight, or one for all."""
    return all(value.shape in ((), flat.shape) for value in state.values())


def _clipped(rule: Optimizer, gradients: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The gradients after clipping: g / max(1, |g| / clip_norm), then within +-clip_value.

    |g| is the Euclidean norm over all parameters.
    """
    found = dict(gradients)
    if used(rule.clip_norm):
        blocks = [cut.shaped(gradients[name]) for name, cut in cuts(gradients).items()]
        squares = [total(block * block) for block in blocks]
        share = gates.minimum(
            rule.clip_norm / (gates.sqrt(sum(squares[1:], squares[0])) + _MARGIN), 1.0
        )
        found = {name: each * share for name, each in found.items()}
    if used(rule.clip_value):
        low, high = -rule.clip_value, rule.clip_value
        found = {
            name: gates.minimum(gates.maximum(each, low), high) for name, each in found.items()
        }
    return found


def _is_elementwise(results: Iterable[Tensor], mark: int) -> bool:
    """Whether each new weight depends only on its own element and on single numbers."""
    return all(
        node.gate.kind == "elementwise"
        if node.gate and node.ndim
        else not any(tensor.ndim for tensor in (node, *node.inputs))
        for node in made_since([*results], mark)
    )


def _together(steps: Mapping[str, tuple[Tensor, State]], lead: str) -> tuple[Tensor, State]:
    """The joined weights and state; single numbers are those of the parameter `lead`."""
    state = {
        name: joined(each[name] for _, each in steps.values()) if one.ndim else one
        for name, one in steps[lead][1].items()
    }
    return joined(weights for weights, _ in steps.values()), state
