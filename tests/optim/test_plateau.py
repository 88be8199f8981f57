"""ReduceOnPlateau: a learning rate that falls when a measure stops improving."""

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import talweg as tw
from conformance.optimizers import X, Y
from talweg.engine.native.runtime import launch
from talweg.engine.run.program import Epoch
from talweg.errors import SettingError, TrainingWarning

ENGINES = ("numpy", "native")
BOTH = pytest.mark.parametrize("engine", ENGINES)
RULES = {
    "plain": tw.ReduceOnPlateau(0.1, factor=0.5, patience=2, threshold=0.02, watch="loss"),
    "all settings": tw.ReduceOnPlateau(
        0.1, factor=0.3, patience=1, threshold=0.05, cooldown=3, min_value=0.004, watch="loss"
    ),
    "no patience": tw.ReduceOnPlateau(0.1, factor=0.8, patience=0, threshold=0.1, watch="loss"),
}
LOSSES = np.random.default_rng(1).normal(size=60).cumsum() * 0.2 + 5


def values_of(rule: tw.ReduceOnPlateau, losses: Any) -> list[float]:
    """The value in each epoch, in plain Python."""
    value, best, waited, rest = rule.start, np.inf, 0, 0
    found = []
    for loss in losses:
        found.append(value)
        is_better = loss < best * (1 - rule.threshold)
        best, waited = (loss, 0) if is_better else (best, waited + 1)
        if rest > 0:
            rest, waited = rest - 1, 0
        if waited > rule.patience:
            value, rest, waited = max(rule.min_value, value * rule.factor), rule.cooldown, 0
    return found


def by_rule(rule: tw.ReduceOnPlateau, losses: Any) -> list[float]:
    state, found = rule.init(), []
    for number, loss in enumerate(losses, 1):
        found.append(float(state["value"]))
        state, _ = rule.update(state, Epoch(number, 0.0, {"loss": loss}))
    return found


@pytest.mark.parametrize("name", RULES)
def test_values(name: str) -> None:
    found = by_rule(RULES[name], LOSSES)
    assert_allclose(found, values_of(RULES[name], LOSSES), rtol=1e-12)
    assert len(set(found)) > 2


@pytest.mark.slow
@pytest.mark.parametrize("name", RULES)
def test_agrees_with_torch(name: str) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed, so not compared with")
    rule = RULES[name]
    other = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=rule.start)
    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(
        other,
        factor=rule.factor,
        patience=rule.patience,
        threshold=rule.threshold,
        cooldown=rule.cooldown,
        min_lr=rule.min_value,
    )
    expected = []
    for loss in LOSSES:
        expected.append(plateau.get_last_lr()[0])
        plateau.step(loss)
    assert_allclose(by_rule(rule, LOSSES), expected, rtol=1e-6)


# Runs ---------------------------------------------------------------------------------------------


def fit(engine: str, rule: tw.Optimizer, **settings: Any) -> tw.Run:
    net = tw.Sequential(tw.Dense(5, "tanh"), tw.Dense(3), dtype="float64").init(X, seed=1)
    given = {"epochs": 30, "batch_size": 7, "seed": 3, "engine": engine, **settings}
    return tw.fit(net, X, Y, optimizer=rule, **given)


@pytest.mark.quick("plain-*", "all settings-native")
@BOTH
@pytest.mark.parametrize("name", RULES)
def test_each_epoch_has_its_value(name: str, engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run equals one with the learning rates that follow from its own losses."""
    monkeypatch.setattr(launch, "HISTORY_ROWS", 4)
    run = fit(engine, tw.SGD(lr=RULES[name], momentum=0.9), epochs=60)
    values = values_of(RULES[name], run.history["loss"])
    assert len(set(values)) > 2
    again = fit(engine, tw.SGD(lr=lambda done: values[done], momentum=0.9), epochs=60)
    assert_allclose(again.net.weights.flat, run.net.weights.flat, rtol=1e-9)


SETTINGS: dict[str, dict[str, Any]] = {
    "beside a schedule": {},
    "with steps": {"clip_norm": tw.CosineDecay(2.0, end=0.1, every="step")},
    "two of them": {"momentum": tw.ReduceOnPlateau(0.9, 0.9, patience=1, watch="val_loss")},
}


@pytest.mark.parametrize("pieces", [pytest.param(5, marks=pytest.mark.slow), 65536])
@pytest.mark.parametrize("name", SETTINGS)
def test_engines_agree(name: str, pieces: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch, "HISTORY_ROWS", pieces)
    rate = tw.ReduceOnPlateau(0.1, factor=0.5, patience=1)
    rule = tw.SGD(lr=rate, weight_decay=tw.ExponentialDecay(0.1, 0.9), **SETTINGS[name])
    more = {"validation": 0.3, "stop": tw.EarlyStopping(25), "restore_best": False}
    found, expected = (fit(engine, rule, **more) for engine in reversed(ENGINES))
    assert_allclose(found.net.weights.flat, expected.net.weights.flat, rtol=1e-9, atol=1e-12)
    assert_allclose(found.history["val_loss"], expected.history["val_loss"], rtol=1e-9)


@pytest.mark.parametrize("pieces", [7, 65536])
def test_a_failed_step_is_located(pieces: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that diverges as its weight decay grows and its learning rate falls."""
    monkeypatch.setattr(launch, "HISTORY_ROWS", pieces)
    rate = tw.ReduceOnPlateau(0.1, factor=0.9, patience=0, threshold=0.5, watch="loss")
    rule = tw.SGD(lr=rate, weight_decay=tw.ExponentialDecay(1e-3, 1.5))
    runs = []
    for engine in ENGINES:
        with pytest.warns(TrainingWarning, match="stopped being finite"):
            runs.append(fit(engine, rule, epochs=300))
    assert runs[0].failure.lr < 0.05
    assert_allclose(runs[1].failure.lr, runs[0].failure.lr, rtol=1e-12)
    assert (runs[1].failure.epoch, runs[1].failure.step) == (
        runs[0].failure.epoch,
        runs[0].failure.step,
    )
    assert runs[1].failure.gate == runs[0].failure.gate


def test_threads_agree_to_the_bit() -> None:
    x = np.random.default_rng(0).normal(size=(64, 100))
    found = []
    for threads in (1, 2):
        net = tw.Sequential(tw.Dense(64, "relu"), tw.Dense(1)).init(x, seed=0)
        rule = tw.Adam(lr=tw.ReduceOnPlateau(0.01, patience=0, threshold=0.3, watch="loss"))
        settings = {"optimizer": rule, "epochs": 6, "engine": "native", "threads": threads}
        found.append(tw.fit(net, x, x[:, :1], **settings).net.weights.flat)
    assert_array_equal(*found)


@pytest.mark.quick("numpy")
@BOTH
def test_a_sweep(engine: str) -> None:
    """Each run is bit for bit that of `fit` alone, also among many tiny runs."""
    rates = [0.1, *RULES.values(), tw.CosineDecay(0.1)]
    over = {"lr": rates, "momentum": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8]}

    def build() -> tw.Module:
        return tw.Sequential(tw.Dense(3), dtype="float64").init(X, seed=1)

    settings = {"epochs": 12, "batch_size": None, "engine": engine}
    found = tw.sweep(build, X, Y, over=over, optimizer="sgd", **settings)
    for point, run in zip(found.points, found.runs, strict=True):
        alone = tw.fit(build(), X, Y, optimizer=tw.SGD(**point), **settings)
        assert_allclose(run.net.weights.flat, alone.net.weights.flat, rtol=1e-12)


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (
            tw.SGD(lr=tw.ReduceOnPlateau()),
            "Plateau watches 'val_loss'. There is no validation data",
        ),
        (tw.SGD(lr=tw.ReduceOnPlateau(watch="los")), "Plateau watches 'los'. Did you mean 'loss'?"),
        (
            tw.SGD(lr=tw.LinearWarmup(tw.ReduceOnPlateau())),
            "ReduceOnPlateau depends on a measure, so it cannot be part",
        ),
    ],
)
def test_an_invalid_measure_is_refused(rule: tw.Optimizer, words: str) -> None:
    with pytest.raises(SettingError) as raised:
        fit("numpy", rule)
    assert words in str(raised.value)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"factor": 1.0}, "factor must be a number above 0 and below 1"),
        ({"patience": -1}, "patience must be an integer of at least 0"),
        ({"start": "fast"}, "start must be a number"),
    ],
)
def test_constraints_on_settings(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingError) as raised:
        tw.ReduceOnPlateau(**settings)
    assert words in str(raised.value)
