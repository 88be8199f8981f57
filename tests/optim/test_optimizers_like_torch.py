"""Every optimizer that PyTorch has, against PyTorch: 200 steps in float64."""

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

import talweg as tw
from conformance.optimizers import INPUTS, OUTPUTS, ROWS, START, X, Y, settings_of, trained

pytestmark = pytest.mark.slow

torch: Any = None


@pytest.fixture(autouse=True, scope="module")
def _torch() -> None:
    """Imported by the tests that need it: collecting them alone is quick."""
    global torch
    torch = pytest.importorskip("torch", reason="torch is not installed, so not compared with")
    torch.set_num_threads(1)  # a second one spins more than it works


STEPS = 200
ENGINES = ("numpy", "native")
NAMES = {"AdaGrad": "Adagrad", "AdaDelta": "Adadelta", "RMSProp": "RMSprop"}
HAVE_DECOUPLED = (tw.NAdam, tw.RAdam)
CLIPPED = {
    "by norm": tw.SGD(lr=0.1, momentum=0.9, clip_norm=0.3),
    "by a norm that is never reached": tw.SGD(lr=0.1, clip_norm=1e6),
    "by value": tw.RMSProp(clip_value=0.05),
    "by both, and decay": tw.Adam(lr=0.02, clip_norm=0.5, clip_value=0.1, weight_decay=0.1),
}


def torch_settings(rule: tw.Optimizer) -> dict[str, Any]:
    settings: dict[str, Any] = settings_of(rule)
    if not isinstance(rule, HAVE_DECOUPLED):
        del settings["decoupled_weight_decay"]
    if "beta1" in settings:
        settings["betas"] = settings.pop("beta1"), settings.pop("beta2")
    return settings


def by_torch(rule: tw.Optimizer, make: Any) -> np.ndarray:
    """The weights after STEPS steps of the optimizers that `make` gives for (matrix, bias)."""
    start = torch.tensor(START[:-OUTPUTS].reshape(INPUTS, OUTPUTS)), torch.tensor(START[-OUTPUTS:])
    w = [each.clone().requires_grad_() for each in start]
    others = make(w)
    for _ in range(STEPS):
        for other in others:
            other.zero_grad()
        ((torch.tensor(X) @ w[0] + w[1] - torch.tensor(Y)) ** 2).mean().backward()
        if rule.clip_norm:
            torch.nn.utils.clip_grad_norm_(w, rule.clip_norm)
        if rule.clip_value:
            torch.nn.utils.clip_grad_value_(w, rule.clip_value)
        for other in others:
            other.step()
    return np.concatenate([each.detach().numpy().ravel() for each in w])


def like(rule: tw.Optimizer) -> Any:
    name = type(rule).__name__
    return lambda w: [getattr(torch.optim, NAMES.get(name, name))(w, **torch_settings(rule))]


IN_TORCH = [name for name, row in ROWS.items() if not isinstance(row.rule, tw.Lion | tw.Muon)]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", IN_TORCH)
def test_agrees_with_torch(name: str, engine: str) -> None:
    rule = ROWS[name].rule
    found = trained(rule, STEPS, engine=engine)
    assert_allclose(found, by_torch(rule, like(rule)), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", CLIPPED)
def test_clipping_is_like_torch(name: str, engine: str) -> None:
    rule = CLIPPED[name]
    found = trained(rule, STEPS, engine=engine)
    assert_allclose(found, by_torch(rule, like(rule)), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("nesterov", [True, False])
def test_muon_is_like_torch(nesterov: bool, engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Except for the matrix products, which torch computes in bfloat16."""
    monkeypatch.setattr(torch.Tensor, "bfloat16", torch.Tensor.clone)
    rule = tw.Muon(lr=0.02, nesterov=nesterov, weight_decay=0.1)
    shared = {"lr": rule.lr, "weight_decay": rule.weight_decay}

    def make(w: Any) -> Any:
        own = {"momentum": rule.momentum, "nesterov": nesterov, "adjust_lr_fn": "match_rms_adamw"}
        matrix = torch.optim.Muon([w[0]], **own, **shared)
        return [matrix, torch.optim.AdamW([w[1]], **shared)]

    found = trained(rule, STEPS, engine=engine)
    assert_allclose(found, by_torch(rule, make), rtol=1e-6, atol=1e-9)
