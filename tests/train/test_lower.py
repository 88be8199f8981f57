"""`lower`: the forms of a run, and which runs have none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import talweg as tw

pytest.importorskip("llvmlite")

X = np.arange(12.0).reshape(6, 2) / 12
Y = X.sum(axis=1)


def net() -> tw.Sequential:
    return tw.Sequential(tw.Dense(3, "tanh"), tw.Dense(1))


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"optimizer": tw.BFGS(), "batch_size": None}, "BFGS chooses its evaluations during the run"),
    ({"optimizer": tw.LBFGS(), "batch_size": None}, "LBFGS chooses its evaluations during the run"),
    ({"optimizer": "lbfgs", "batch_size": None}, "LBFGS chooses its evaluations during the run"),
    (
        {"optimizer": tw.SimulatedAnnealing(), "batch_size": None},
        "Annealing chooses its evaluations during the run",
    ),
    ({"optimizer": tw.BFGS()}, "it has no step to compile|needs batch_size=None|give"),
    ({"batchsize": 3}, "has no argument 'batchsize'. Did you mean 'batch_size'"),
    ({"batch_size": 0}, "lower: batch_size must be"),
    ({"checkpoint": "a.run"}, "checkpoint works only for single runs"),
    ({"sampler": tw.AdaptiveSampling()}, "sampler works only for single runs"),
    ({"resume": True}, "resume works only for single runs"),
]


@pytest.mark.parametrize(("settings", "words"), REFUSED, ids=[each[1][:40] for each in REFUSED])
def test_runs_without_a_compiled_step_are_refused(settings: dict[str, Any], words: str) -> None:
    made = net()
    with pytest.raises(tw.SettingError, match=words):
        tw.lower(made, X, Y, **settings)


def test_a_part_of_a_net_is_refused() -> None:
    whole = net().init(X)
    with pytest.raises(tw.SettingError, match="is a part of a Sequential"):
        tw.lower(whole.layers[0], X, Y)


@pytest.mark.parametrize(
    "optimizer", ["sgd", "adam", tw.Muon(), tw.SGD(lr=tw.ReduceOnPlateau(0.1))]
)
def test_every_optimizer_has_all_forms(optimizer: Any) -> None:
    made = net().init(X)
    before = made.weights.flat.copy()
    forms = tw.lower(made, X, Y, optimizer=optimizer, validation=0.3)
    assert {"weights", "x", "y"} <= forms.graph.inputs.keys()
    assert {"loss", "weights"} <= forms.graph.outputs.keys()
    assert "nest" in forms.plan and "define" in forms.ir and forms.expected
    assert forms.plan in str(forms) and forms.expected in str(forms)
    np.testing.assert_array_equal(made.weights.flat, before)
