"""Results in a notebook: each public one is shown as its page, in a frame."""

import html
import re
from importlib import import_module
from types import SimpleNamespace

import numpy as np
import pytest

import talweg as tw
from talweg.draw.notebook import framed_page, load_ipython_extension
from talweg.draw.pages.report import render
from talweg.insight.comparison import Comparison, compare
from talweg.insight.describe import describe

X = np.random.default_rng(0).normal(size=(40, 2))


def build() -> tw.Sequential:
    return tw.Sequential(tw.Dense(2, "tanh"), tw.Dense(1))


QUICK = {"epochs": 2, "progress": False, "engine": "numpy"}
RESULTS = {
    "model": lambda: tw.TableModel(-1, epochs=2, n_estimators=1).fit(X),
    "trained": lambda: tw.TableModel(-1, epochs=2, n_estimators=1).fit(X).trained,
    "run": lambda: tw.fit(build(), X, X[:, 0], **QUICK),
    "sweep": lambda: tw.sweep(build, X, X[:, 0], over={"lr": [0.1, 0.2]}, **QUICK),
    "restarts": lambda: tw.restarts(build, X, X[:, 0], starts=2, **QUICK),
    "comparison": lambda: compare([("a", RESULTS["trained"]())]),
}


def registered() -> dict[type, object]:
    """What the extension asks IPython to show as HTML."""
    found: dict[type, object] = {}

    def register(module: str, name: str, function: object) -> None:
        found[getattr(import_module(module), name)] = function

    formatter = SimpleNamespace(for_type_by_name=register)
    shown = SimpleNamespace(formatters={"text/html": formatter})
    load_ipython_extension(SimpleNamespace(display_formatter=shown))
    return found


@pytest.mark.parametrize("name", RESULTS)
def test_a_result_is_shown_as_its_page(name: str) -> None:
    result = RESULTS[name]()
    shown = registered()[type(result)](result)
    (page,) = re.findall(r'<iframe srcdoc="([^"]*)"', shown)
    title = re.search("<title>(.*?)</title>", render(describe(result)))[1]
    assert f"<h1>{title}</h1>" in html.unescape(page)


def test_a_model_that_is_not_fitted_has_no_page() -> None:
    assert framed_page(tw.TableModel(-1)) is None


def test_all_results_are_registered() -> None:
    assert {*registered()} >= {tw.TableModel, tw.Run, tw.Sweep, tw.Restarts, Comparison}
