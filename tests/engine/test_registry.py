"""The table of engines: found by name, imported when needed, asked for what they can do."""

from __future__ import annotations

import subprocess
import sys
import warnings
from collections.abc import Iterator

import numpy as np
import pytest

import talweg as tw
from talweg.engine import registry
from talweg.engine.numpy.engine import NumpyEngine
from talweg.engine.registry import ENGINES, Entry
from talweg.engine.run.engine import Capabilities

X = np.linspace(-1.0, 1.0, 12).reshape(6, 2)


def network() -> tw.Sequential:
    return tw.Sequential(tw.Dense(3, "tanh"), tw.Dense(1)).init(X, seed=0)


@pytest.fixture
def fresh_registry() -> Iterator[None]:
    """Engines are made and chosen anew, before and after."""
    for cached in (registry.engine, registry.chosen_engine):
        cached.cache_clear()
    yield
    for cached in (registry.engine, registry.chosen_engine):
        cached.cache_clear()


@pytest.mark.parametrize("name", ENGINES)
def test_every_engine_has_its_name_and_capabilities(name: str) -> None:
    engine = registry.engine(name)
    assert engine.name == name
    assert engine.capabilities is ENGINES[name].capabilities


def test_an_unknown_engine_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(tw.SettingError, match="'native', 'numpy' or None, but 'numpi' was given"):
        tw.fit(network(), X, X[:, :1], engine="numpi")
    with pytest.raises(tw.SettingError, match=r"no engine 'jax'\. Known: 'native', 'numpy'"):
        registry.engine("jax")


def test_importing_talweg_imports_no_compiler() -> None:
    code = "import sys, talweg, talweg.engine.registry as r; r.engine('numpy')\n"
    code += "assert not [name for name in sys.modules if 'native' in name or name == 'llvmlite']"
    subprocess.run([sys.executable, "-c", code], check=True)


class Missing(NumpyEngine):
    def why_missing(self) -> str:
        return "It is not there."


@pytest.mark.usefixtures("fresh_registry")
def test_the_next_engine_runs_where_the_first_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = type(sys)("fake_engine")
    fake.ENGINE = Missing  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "fake_engine", fake)
    table = {"absent": Entry("fake_engine", Capabilities(compiles=True, predicts=True)), **ENGINES}
    monkeypatch.setattr(registry, "ENGINES", table)
    with pytest.warns(tw.TrainingWarning, match=r"use the engine 'native'\. It is not there\."):
        assert registry.chosen_engine(None).name == "native"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert registry.chosen_engine(None).name == "native"  # it is said once
    assert registry.predicting_engine() is registry.engine("native")


@pytest.mark.usefixtures("fresh_registry")
def test_an_engine_of_ones_own_trains_as_the_interpreter_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It need only make functions of graphs; the loop is shared."""
    fake = type(sys)("own_engine")
    fake.ENGINE = type("Own", (NumpyEngine,), {})  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "own_engine", fake)
    monkeypatch.setitem(ENGINES, "own", Entry("own_engine", Capabilities(compiles=True)))
    engine = registry.engine("own")
    settings = {"epochs": 3, "validation": 0.3, "seed": 2, "progress": False}
    expected = tw.fit(network(), X, X[:, :1], engine="numpy", **settings)
    monkeypatch.setattr(registry, "chosen_engine", lambda name: engine)
    monkeypatch.setattr("talweg.train.run.job.chosen_engine", lambda name: engine)
    run = tw.fit(network(), X, X[:, :1], **settings)
    assert run.settings["engine"] == "own"
    np.testing.assert_array_equal(run.net.weights.flat, expected.net.weights.flat)
    np.testing.assert_array_equal(run.history["val_loss"], expected.history["val_loss"])
