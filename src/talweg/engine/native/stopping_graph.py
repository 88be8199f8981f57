"""Stopping rules and plateaus as a graph, so that a compiled run applies them itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from talweg.engine.run.program import Epoch, StopRule
from talweg.engine.run.snapshot import flat
from talweg.errors import EngineError, TalwegError
from talweg.gates import Array
from talweg.graph import Graph, Tensor, run_input, simplify
from talweg.graph.tensor import constant


def rules_graph(
    rules: Sequence[StopRule], measures: Sequence[str], plateaus: Mapping[str, StopRule]
) -> Graph:
    """The graph that applies the rules to an epoch.

    Inputs: number, seconds, the measures by name, and the state of each rule. Outputs: a flag of
    each rule, as `stop.0`, the new values of settings that follow measures, as `settings.lr`, and
    the new states.
    """
    inputs = {name: run_input(np.zeros(()), name) for name in ("number", "seconds", *measures)}
    epoch = Epoch(inputs["number"], inputs["seconds"], {name: inputs[name] for name in measures})
    outputs: dict[str, Any] = {}
    for index, rule in enumerate(rules):
        prefix = f"rule.{index}"
        state = _as_inputs(prefix, rule.init(), inputs)
        after, stop = _apply(rule, state, epoch)
        if not isinstance(stop, Tensor):
            raise EngineError(
                f"the stopping rule {rule!r} decides in Python, not by the numbers of an epoch, so "
                "it cannot be compiled; run with engine='numpy'"
            )
        outputs[f"stop.{index}"] = stop
        outputs |= flat(prefix, after, leaf=_tensor)
    for name, plateau in plateaus.items():
        prefix = f"plateau.{name}"
        after, value = _apply(plateau, _as_inputs(prefix, plateau.init(), inputs), epoch)
        outputs[f"settings.{name}"] = value
        outputs |= flat(prefix, after, leaf=_tensor)
    return simplify(Graph(inputs, outputs))


def first_state(rules: Sequence[StopRule], plateaus: Mapping[str, StopRule]) -> dict[str, Array]:
    """The states of all rules before the first epoch, by the names of the graph's inputs."""
    states: dict[str, Array] = {}
    for index, rule in enumerate(rules):
        states |= flat(f"rule.{index}", rule.init())
    for name, plateau in plateaus.items():
        states |= flat(f"plateau.{name}", plateau.init())
    return states


def _apply(rule: StopRule, state: Mapping[str, Any], epoch: Epoch) -> tuple[Any, Any]:
    try:
        return rule.update(state, epoch)
    except (TalwegError, TypeError) as error:
        raise EngineError(
            f"the stopping rule {rule!r} cannot be compiled ({error}); write its update with "
            "gates, such as gates.where and gates.greater, or run with engine='numpy'"
        ) from error


def _as_inputs(prefix: str, state: Mapping[str, Any], inputs: dict[str, Tensor]) -> dict[str, Any]:
    """The state with each number replaced by an input, which is added to `inputs`."""
    replaced: dict[str, Any] = {}
    for name, value in state.items():
        path = f"{prefix}.{name}"
        if isinstance(value, Mapping):
            replaced[name] = _as_inputs(path, value, inputs)
        else:
            replaced[name] = inputs[path] = run_input(np.asarray(value), path)
    return replaced


def _tensor(value: Any) -> Tensor:
    return value if isinstance(value, Tensor) else constant(value)
