"""Stopping rules as a graph of numbers, so that they are asked inside of a compiled run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from talweg.engine.run.program import Epoch, StopRule
from talweg.errors import EngineError, TalwegError
from talweg.graph import Graph, Tensor, run_input, simplify
from talweg.graph.tensor import constant


def rules_graph(
    rules: Sequence[StopRule], measures: Sequence[str], plateaus: Mapping[str, StopRule]
) -> Graph:
    """What the rules make of an epoch: a flag each, `stop.0` and so on, and what they remember;
    and what settings that follow measures are from now on, as `settings.lr`.

    Its inputs are number, seconds, the measures by name, and the state of each rule.
    """
    inputs = {name: run_input(np.zeros(()), name) for name in ("number", "seconds", *measures)}
    epoch = Epoch(inputs["number"], inputs["seconds"], {name: inputs[name] for name in measures})
    outputs: dict[str, Tensor] = {}
    for place, rule in enumerate(rules):
        prefix = f"rule.{place}"
        state = _as_inputs(prefix, rule.init(), inputs)
        after, stop = _asked(rule, state, epoch)
        if not isinstance(stop, Tensor):
            raise EngineError(
                f"the stopping rule {rule!r} decides in Python, not by what it is shown of an "
                "epoch, so it cannot be compiled; run it with engine='numpy'"
            )
        outputs[f"stop.{place}"] = stop
        _flatten(prefix, after, outputs)
    for name, plateau in plateaus.items():
        prefix = f"plateau.{name}"
        after, value = _asked(plateau, _as_inputs(prefix, plateau.init(), inputs), epoch)
        outputs[f"settings.{name}"] = value
        _flatten(prefix, after, outputs)
    return simplify(Graph(inputs, outputs))


def first_state(rules: Sequence[StopRule], plateaus: Mapping[str, StopRule]) -> dict[str, float]:
    """What the rules remember before the first epoch, by the names of the graph's inputs."""
    found: dict[str, float] = {}
    for place, rule in enumerate(rules):
        _flatten(f"rule.{place}", rule.init(), found)
    for name, plateau in plateaus.items():
        _flatten(f"plateau.{name}", plateau.init(), found)
    return found


def _asked(rule: StopRule, state: Mapping[str, Any], epoch: Epoch) -> tuple[Any, Any]:
    try:
        return rule.update(state, epoch)
    except (TalwegError, TypeError) as error:
        raise EngineError(
            f"the stopping rule {rule!r} cannot be compiled ({error}); write its update with "
            "gates, such as gates.where and gates.greater, or run with engine='numpy'"
        ) from error


def _as_inputs(prefix: str, state: Mapping[str, Any], inputs: dict[str, Tensor]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in state.items():
        path = f"{prefix}.{name}"
        if isinstance(value, Mapping):
            found[name] = _as_inputs(path, value, inputs)
        else:
            found[name] = inputs[path] = run_input(np.asarray(value), path)
    return found


def _flatten(prefix: str, state: Mapping[str, Any], found: dict[str, Any]) -> None:
    for name, value in state.items():
        path = f"{prefix}.{name}"
        if isinstance(value, Mapping):
            _flatten(path, value, found)
        else:
            found[path] = _tensor(value) if isinstance(value, Tensor) else value


def _tensor(value: Any) -> Tensor:
    return value if isinstance(value, Tensor) else constant(value)
