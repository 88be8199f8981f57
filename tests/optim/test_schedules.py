"""Schedules: settings that change during a run."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import talweg as tw
from conformance.optimizers import START, X, Y, gradient, trained
from talweg.engine.native.runtime import launch
from talweg.errors import SettingError, TrainingWarning
from talweg.optim import SCHEDULES

ENGINES = ("numpy", "native")
BOTH = pytest.mark.parametrize("engine", ENGINES)


@dataclass(frozen=True)
class Triangle(tw.Schedule):
    """A custom schedule: up and down."""

    def at(self, done: float, epochs: int) -> float:
        return 0.1 * (1 - abs(2 * done / epochs - 1))


def halves(done: float) -> float:
    return 0.1 / 2**done


CHANGING = {
    "step decay": tw.StepDecay(0.1, step_size=4, factor=0.5),
    "exponential": tw.ExponentialDecay(0.1, 0.9),
    "exponential by steps": tw.ExponentialDecay(0.1, 0.9, every="step"),
    "inverse scaling": tw.InverseScaling(0.1),
    "cosine": tw.CosineDecay(0.1),
    "cosine, others": tw.CosineDecay(0.1, epochs=5, end=0.01),
    "cosine that restarts": tw.CosineDecay(0.1, epochs=3, restarts=True),
    "cosine that restarts and grows": tw.CosineDecay(0.1, 2, restarts=True, t_mult=2, every="step"),
    "one cycle": tw.OneCycle(0.2),
    "one cycle by epochs": tw.OneCycle(0.2, every="epoch"),
    "warm-up": tw.LinearWarmup(0.1, epochs=3),
    "warm-up, then a cosine": tw.LinearWarmup(tw.CosineDecay(0.1), epochs=2.5, start_factor=0.1),
    "one's own": Triangle(),
    "one's own by steps": Triangle(every="step"),
    "a function": halves,
}

# What a schedule is -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (tw.StepDecay(1.0, step_size=2, factor=0.1), [1, 1, 0.1, 0.1, 0.01]),
        (tw.ExponentialDecay(1.0, 0.5), [1, 0.5, 0.25, 0.125, 0.0625]),
        (tw.InverseScaling(1.0, power=1.0), [1, 1 / 2, 1 / 3, 1 / 4, 1 / 5]),
        (tw.InverseScaling(1.0, power=0.5, scale=3), [1, 1 / 2, 7**-0.5, 10**-0.5, 13**-0.5]),
        (tw.CosineDecay(1.0), [1, (2 + 2**0.5) / 4, 0.5, (2 - 2**0.5) / 4, 0]),
        (tw.CosineDecay(1.0, epochs=2, end=0.5), [1, 0.75, 0.5, 0.5, 0.5]),
        (tw.CosineDecay(1.0, epochs=2, restarts=True), [1, 0.5, 1, 0.5, 1]),
        (tw.CosineDecay(1.0, epochs=1, restarts=True, t_mult=2), [1, 1, 0.5, 1, (2 + 2**0.5) / 4]),
        (tw.OneCycle(1.0, pct_start=0.5, div_factor=4.0), [0.25, 0.625, 1, 0.5000125, 0.000025]),
        (tw.LinearWarmup(1.0, epochs=2), [0, 0.5, 1, 1, 1]),
        (
            tw.LinearWarmup(tw.ExponentialDecay(1.0, 0.5), 2, start_factor=0.5),
            [0.5, 0.75, 1, 0.5, 0.25],
        ),
        (tw.LinearWarmup(tw.CosineDecay(1.0), 2), [0, 0.5, 1, 0.5, 0]),
    ],
    ids=repr,
)
def test_values(schedule: tw.Schedule, expected: list[float]) -> None:
    assert_allclose([schedule.at(done, 4) for done in range(5)], expected, rtol=1e-12, atol=1e-15)


def test_every_schedule_is_tried() -> None:
    kinds = {type(each) for each in CHANGING.values()}
    assert kinds >= set(SCHEDULES.values()) - {tw.ReduceOnPlateau}
    assert all(getattr(tw, name) is kind for name, kind in SCHEDULES.items())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("schedule", "make"),
    [
        (tw.StepDecay(0.1, 7, 0.3), lambda t, rule: t.StepLR(rule, 7, 0.3)),
        (tw.ExponentialDecay(0.1, 0.9), lambda t, rule: t.ExponentialLR(rule, 0.9)),
        (tw.CosineDecay(0.1, 30, 0.01), lambda t, rule: t.CosineAnnealingLR(rule, 30, 0.01)),
        (
            tw.CosineDecay(0.1, 4, 0.01, restarts=True, t_mult=2),
            lambda t, rule: t.CosineAnnealingWarmRestarts(rule, 4, 2, 0.01),
        ),
        (tw.LinearWarmup(0.1, 5, 0.2), lambda t, rule: t.LinearLR(rule, 0.2, 1.0, 5)),
    ],
    ids=["step decay", "exponential", "cosine", "restarts", "warm-up"],
)
def test_agrees_with_torch(schedule: tw.Schedule, make: Callable[..., Any]) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed, so not compared with")
    rule = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    other = make(torch.optim.lr_scheduler, rule)
    for done in range(30):
        assert_allclose(schedule.at(done, 30), other.get_last_lr()[0], rtol=1e-9)
        rule.step()
        other.step()


@pytest.mark.slow
def test_one_cycle_agrees_nearly_with_torch() -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed, so not compared with")
    rule = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1, momentum=0.9)
    other = torch.optim.lr_scheduler.OneCycleLR(rule, max_lr=0.3, total_steps=1000)
    schedule = tw.OneCycle(0.3)
    for done in range(1000):
        assert_allclose(schedule.at(done / 1000, 1), other.get_last_lr()[0], atol=0.001)
        rule.step()
        if done < 999:
            other.step()


# Runs ---------------------------------------------------------------------------------------------


@BOTH
def test_each_epoch_has_its_value(engine: str) -> None:
    w = START
    for done in range(8):
        w = w - 0.3 * 0.8**done * gradient(w)
    rule = tw.SGD(lr=tw.ExponentialDecay(0.3, 0.8))
    assert_allclose(trained(rule, 8, engine=engine), w, rtol=1e-12)


def place_after(rule: tw.Optimizer, epochs: int, engine: str) -> float:
    """The result of SGD on a slope of 1, from 0, with three steps an epoch: -(sum lr)."""
    net = tw.Sequential(tw.Dense(1), dtype="float64")
    net.init(np.zeros((6, 1)), seed=0)
    net.weights.flat[:] = 0
    rows = np.zeros((6, 1))
    loss = lambda prediction, target: prediction[:, 0]  # noqa: E731
    tw.fit(net, rows, rows, loss=loss, optimizer=rule, epochs=epochs, batch_size=2, engine=engine)
    return float(net.weights["0.bias"][0])


@BOTH
@pytest.mark.parametrize("name", CHANGING)
def test_each_step_has_its_value(name: str, engine: str) -> None:
    given = CHANGING[name]
    is_schedule = isinstance(given, tw.Schedule)
    times = [epoch + step / 3 for epoch in range(7) for step in range(3)]
    if not is_schedule or given.every == "epoch":
        times = [math.floor(each) for each in times]
    values = [given.at(each, 7) if is_schedule else given(each) for each in times]
    assert_allclose(place_after(tw.SGD(lr=given), 7, engine), -sum(values), rtol=1e-12)


def net_of(outputs: int = 3, dtype: str = "float64") -> tw.Module:
    return tw.Sequential(tw.Dense(5, "tanh"), tw.Dense(outputs), dtype=dtype).init(X, seed=1)


def fit(engine: str, dtype: str = "float64", **settings: Any) -> tw.Run:
    given = {"epochs": 9, "batch_size": 7, "seed": 3, "engine": engine, **settings}
    return tw.fit(net_of(dtype=dtype), X, Y, **given)


def agree(**settings: Any) -> None:
    expected, found = (fit(engine, **settings) for engine in ENGINES)
    close = 1e-10 if settings.get("dtype", "float64") == "float64" else 1e-4
    assert_allclose(found.net.weights.flat, expected.net.weights.flat, rtol=close, atol=close)
    assert_allclose(found.history["loss"], expected.history["loss"], rtol=close)


@pytest.mark.quick("step decay", "one cycle", "one's own by steps")
@pytest.mark.parametrize("name", CHANGING)
def test_engines_agree(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also if a run is interrupted and resumed."""
    monkeypatch.setattr(launch, "HISTORY_ROWS", 4)
    agree(optimizer=tw.Adam(lr=CHANGING[name]))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_number_of_an_optimizer_can_follow_a_schedule(dtype: str) -> None:
    agree(
        dtype=dtype,
        optimizer=tw.SGD(
            lr=0.1,
            momentum=tw.CosineDecay(0.9, end=0.5),
            weight_decay=tw.LinearWarmup(0.1),
            clip_norm=lambda done: 1.0 - 0.05 * done,
        ),
    )


def test_threads_agree_to_the_bit() -> None:
    rule = tw.AdamW(lr=tw.OneCycle(0.01))
    x = np.random.default_rng(0).normal(size=(64, 100))
    found = []
    for threads in (1, 2):
        net = tw.Sequential(tw.Dense(64, "relu"), tw.Dense(1)).init(x, seed=0)
        settings = {"optimizer": rule, "epochs": 4, "engine": "native", "threads": threads}
        found.append(tw.fit(net, x, x[:, :1], **settings).net.weights.flat)
    assert_array_equal(*found)


def test_what_is_less_than_a_piece_is_laid_out_at_once() -> None:
    """So a run of a billion epochs that stops early does not compute a billion values."""
    rule = tw.SGD(lr=tw.InverseScaling(0.1, every="step"))
    for engine in ENGINES:
        run = fit(engine, optimizer=rule, epochs=10**9, stop=tw.MaxEpochs(5))
        assert run.epochs == 5


# When it goes wrong -------------------------------------------------------------------------------


@pytest.mark.quick("epoch-native", "step-numpy")
@BOTH
@pytest.mark.parametrize("every", ["epoch", "step"])
def test_a_failed_step_is_located(every: str, engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run is repeated from the saved weights, with the values of that time."""
    monkeypatch.setattr(launch, "HISTORY_ROWS", 40)
    rule = tw.SGD(lr=tw.ExponentialDecay(1e-3, 1.1, every=every))
    with pytest.warns(TrainingWarning, match="stopped being finite"):
        run = fit(engine, optimizer=rule, epochs=900)
    with pytest.warns(TrainingWarning):
        expected = fit("numpy", optimizer=rule, epochs=900)
    assert run.failure == expected.failure
    assert run.failure.epoch > 70
    done = (run.failure.step - 1) / 3 if every == "step" else run.failure.epoch - 1
    assert_allclose(run.failure.lr, 1e-3 * 1.1**done, rtol=1e-9)
    assert f"(lr {run.failure.lr:g})" in run.failure.message


def negative(done: float) -> float:
    return 0.1 - 0.05 * done


@BOTH
@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (
            tw.SGD(lr=negative),
            "SGD: lr must be a number above 0, but its schedule negative gave -0",
        ),
        (tw.SGD(lr=lambda done: None), "gave None after 0 epochs"),
        (tw.SGD(lr=lambda done: math.nan), "gave nan after 0 epochs"),
        (tw.SGD(momentum=lambda done: 0.8 + 0.1 * done), "gave 1.0 after 2 epochs"),
        (tw.SGD(lr=tw.Schedule()), "Schedule does not define at"),
    ],
)
def test_invalid_schedule_values_are_refused(rule: tw.Optimizer, words: str, engine: str) -> None:
    net = net_of()
    before = net.weights.flat.copy()
    with pytest.raises((SettingError, NotImplementedError), match=words):
        tw.fit(net, X, Y, optimizer=rule, engine=engine, epochs=5)
    assert_array_equal(net.weights.flat, before)


@pytest.mark.parametrize(
    ("kind", "settings", "words"),
    [
        (tw.CosineDecay, {"start": "a"}, "CosineDecay: start must be a number"),
        (tw.CosineDecay, {"epochs": 0}, "CosineDecay: epochs must be a number above 0 or None"),
        (tw.CosineDecay, {"t_mult": 0.5}, "t_mult must be a number of at least 1"),
        (tw.StepDecay, {"step_size": 0}, "step_size must be a number above 0"),
        (tw.OneCycle, {"pct_start": 1}, "pct_start must be a number above 0 and below 1"),
        (tw.LinearWarmup, {"schedule": None}, "LinearWarmup: schedule must be a number"),
        (tw.ExponentialDecay, {"every": "batch"}, "every must be one of 'epoch', 'step'"),
        (tw.SGD, {"lr": tw.CosineDecay}, "SGD: lr must be a number above 0"),
        (tw.SGD, {"nesterov": tw.CosineDecay()}, "nesterov must be True or False"),
    ],
)
def test_constraints_on_settings(kind: Any, settings: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingError) as raised:
        kind(**settings)
    assert words in str(raised.value)


# Elsewhere ----------------------------------------------------------------------------------------


@pytest.mark.quick("numpy")
@BOTH
def test_a_sweep_of_schedules(engine: str) -> None:
    """Each run is bit for bit that of `fit` alone; runs with other settings share a program."""
    rates = [tw.CosineDecay(0.1), 0.1, tw.CosineDecay(0.2), tw.OneCycle(0.1), 0.2, halves]
    over = {"lr": rates, "epochs": [4, 9]}
    settings = {"batch_size": 7, "seed": 3, "engine": engine}
    found = tw.sweep(net_of, X, Y, over=over, optimizer=tw.SGD(momentum=0.5), **settings)
    assert found.programs == (3 if engine == "native" else 0)
    for point, run in zip(found.points, found.runs, strict=True):
        rule = tw.SGD(lr=point["lr"], momentum=0.5)
        alone = tw.fit(net_of(), X, Y, optimizer=rule, epochs=point["epochs"], **settings)
        assert_array_equal(run.net.weights.flat, alone.net.weights.flat)
    assert len({run.history["loss"][-1] for run in found.runs}) == len(found.runs)


@pytest.mark.quick("one")
@pytest.mark.parametrize(
    ("rule", "is_kept"),
    [
        (tw.AdamW(lr=tw.LinearWarmup(tw.CosineDecay(0.01, end=0.001), 2), weight_decay=0.1), True),
        (tw.Lion(lr=tw.ExponentialDecay(0.01)), True),
        (tw.Adam(lr=tw.ReduceOnPlateau(0.01, patience=3)), True),
        (tw.AdamW(lr=halves), False),
        (tw.AdamW(lr=tw.LinearWarmup(halves)), False),
    ],
    ids=["nested", "one", "a plateau", "a function", "a function within"],
)
def test_a_table_model_keeps_its_schedule(rule: tw.Optimizer, is_kept: bool, tmp_path: Any) -> None:
    table = {"size": np.arange(60.0), "price": 2 * np.arange(60.0) + 1}
    model = tw.TableModel("price", optimizer=rule, epochs=3).fit(table)
    model.save(tmp_path / "a.talweg")
    loaded = tw.load(tmp_path / "a.talweg")
    assert_array_equal(loaded.predict(table), model.predict(table))
    assert (loaded.trained.settings["optimizer"] == rule) is is_kept


def test_schedules_compare_by_value() -> None:
    assert tw.CosineDecay(0.1) == tw.CosineDecay(0.1) != tw.CosineDecay(0.2)
    assert "CosineDecay(" in repr(tw.SGD(lr=tw.CosineDecay(0.1)))
