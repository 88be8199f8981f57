"""The record of a run from its outcome: why it stopped and what went wrong, in words."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from talweg import gates
from talweg.engine.run.outcome import BadStep, Outcome
from talweg.engine.run.program import WATCHED, Program
from talweg.errors import counted
from talweg.graph import Tensor
from talweg.nn import Module
from talweg.train.run.run import Failure, Run
from talweg.train.run.sign_changes import direction_changes
from talweg.train.run.stopping import Stop


def finished(
    net: Module,
    outcome: Outcome,
    program: Program,
    stops: Sequence[Stop],
    settings: Mapping[str, Any],
    steps_per_epoch: int,
) -> Run:
    """The record of a run from the outcome that its engine returned."""
    bad = outcome.bad_step
    failure = _failure(bad, program) if bad else None
    stopped_by, reason = _reason(outcome, program, stops, failure)
    return Run(
        net=net,
        history=outcome.history,
        stopped_by=stopped_by,
        stop_reason=reason,
        restored_epoch=outcome.restored_epoch,
        epochs=outcome.epochs,
        steps=outcome.steps,
        steps_per_epoch=steps_per_epoch,
        seconds=outcome.seconds,
        compile_seconds=outcome.compile_seconds,
        settings=settings,
        failure=failure,
        watched={name.removeprefix(WATCHED): values for name, values in outcome.watched.items()},
        direction_changes=direction_changes(net.weights, outcome.state),
    )


def _reason(
    outcome: Outcome, program: Program, stops: Sequence[Stop], failure: Failure | None
) -> tuple[str, str]:
    by = outcome.stopped_by
    if isinstance(by, int):
        return stops[by].name, stops[by].reason(outcome.epochs)
    words = {
        "epochs": _all_done(program.limits.epochs),
        "time_budget": f"the time budget of {program.limits.time_budget} s was used up",
        "interrupted": f"it was interrupted after {counted(outcome.steps, 'step')}",
        "non_finite": failure.message if failure else "",
        "no_descent": "no step along the gradient lowers the loss any more",
    }
    return by, words[by]


def _failure(bad: BadStep, program: Program) -> Failure:
    """Where the run became non-finite, and what to try."""
    is_search = "lr" not in bad.settings  # a search shortens its step after a failed pass
    lr = math.nan if is_search else float(bad.settings["lr"])
    rate = "" if is_search else f" (lr {lr:g})"
    smaller = f"Try a smaller learning rate (lr={lr / 10:g})"
    start = "Start from other weights" if is_search else smaller
    hint = f"{start}, or scale the inputs and targets to about -1 to 1."
    node = bad.node
    if node is not None and node.gate is gates.take:
        hint = f"Give codes from 0 to {node.inputs[0].shape[0] - 1}, or a table of more rows."
    gate = node.gate.name if node is not None and node.gate else ""
    layer = (node.layer or "") if node is not None else ""
    line = str(node.line) if node is not None else ""
    message = (
        f"the loss or the weights stopped being finite in epoch {bad.epoch}, step {bad.step}"
        f"{rate}: the first NaN or infinity came from {_source(node)}. The weights before "
        f"that step are kept. {hint}"
    )
    return Failure(bad.epoch, bad.step, gate, layer, line, lr, message)


def _source(node: Tensor | None) -> str:
    """The gate that made the first non-finite value, and where it stands."""
    if node is None:
        return "a sum that overflowed"
    if node.gate is None:
        return f"the input {node.name!r}" if node.name else f"a constant ({node.line})"
    origin = f"layer {node.layer!r}" if node.layer else "the loss or the update"
    if node.layer == "":
        origin = "the network's own __call__"
    if node.is_gradient:
        origin = f"the gradient of {origin}"
    return f"gate {node.gate.name} in {origin} ({node.line})"


def _all_done(epochs: int) -> str:
    return "its only epoch was done" if epochs == 1 else f"all {epochs} epochs were done"
