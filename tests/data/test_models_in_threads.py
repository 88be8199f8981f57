"""A model used by several threads at once gives the same answers as to one."""

import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import talweg as tw
from talweg import gates
from talweg.data.model.held_out import Unseen

RANDOM = np.random.default_rng(1)
X = RANDOM.normal(size=(120, 4))
NAMES = [*"abcd"]
CLASSES = np.where(X[:, 0] + X[:, 1] > 0, "high", "low")
SETTINGS: dict[str, Any] = {"n_estimators": 4, "epochs": 2, "hidden": (8,), "bins": 0}
WAYS = 12  # inputs that are asked for at once, each its own


def columns(x: Any) -> dict[str, Any]:
    return dict(zip(NAMES, np.asarray(x).T, strict=True))


@pytest.fixture(scope="module")
def numbers() -> tw.TableModel:
    return tw.TableModel("t", **SETTINGS).fit({**columns(X), "t": X[:, 0] ** 2}, progress=False)


@pytest.fixture(scope="module")
def classes() -> tw.TableModel:
    return tw.TableModel("t", **SETTINGS).fit({**columns(X), "t": CLASSES}, progress=False)


def page(model: tw.TableModel, folder: Path, place: int) -> str:
    file = folder / f"{place}-{threading.get_ident()}.html"
    tw.report(model, file)
    return re.sub("chart-[0-9a-f]{8}|[0-9,]+ rows per second", "", file.read_text())


def one_row(x: Any) -> dict[str, float]:
    return {name: float(each[0]) for name, each in columns(x).items()}


def unseen_of(model: tw.TableModel) -> Unseen:
    assert model.trained.unseen is not None
    return model.trained.unseen


def said_of_unseen(model: tw.TableModel) -> Any:
    unseen = unseen_of(model)
    return unseen.outputs(unseen.encoder.encode(unseen.table))


ASKED: dict[str, Callable[[Any, Any], Any]] = {
    "predict": lambda model, x: model.predict(columns(x)),
    "predict one row": lambda model, x: model.predict(one_row(x)),
    "score": lambda model, x: repr(model.evaluate({**columns(x), "t": model.predict(columns(x))})),
    "unseen rows": lambda model, x: said_of_unseen(model),
}
OF_ONE_KIND: dict[str, tuple[str, Callable[[Any, Any], Any]]] = {
    "intervals": ("numbers", lambda model, x: model.predict_interval(columns(x))),
    "probabilities": ("classes", lambda model, x: model.predict_proba(columns(x))),
}


def beside_each_other(ask: Callable[[Any], Any], inputs: list[Any]) -> list[Any]:
    """The answers to several calls of each kind at once."""
    start = threading.Barrier(4)

    def many(place: int) -> list[Any]:
        start.wait(20)
        return [ask(each) for each in inputs[place::4] * 3]

    with ThreadPoolExecutor(4) as pool:
        found = [*pool.map(many, range(4))]
    return [each for answers in found for each in answers]


def agree(ask: Callable[[Any], Any], inputs: list[Any]) -> None:
    alone = [ask(each) for each in inputs]
    expected = [each for place in range(4) for each in alone[place::4] * 3]
    for mine, wanted in zip(beside_each_other(ask, inputs), expected, strict=True):
        np.testing.assert_array_equal(mine, wanted)


INPUTS = [RANDOM.normal(size=(3 + place, 4)) for place in range(WAYS)]


@pytest.mark.parametrize("kind", ["numbers", "classes"])
@pytest.mark.parametrize("asked", ASKED)
def test_a_table_model_answers_all_calls_at_once(asked, kind, request) -> None:
    model = request.getfixturevalue(kind)
    agree(lambda x: ASKED[asked](model, x), INPUTS)


@pytest.mark.parametrize("asked", OF_ONE_KIND)
def test_a_table_model_answers_one_kind_of_call_at_once(asked, request) -> None:
    kind, ask = OF_ONE_KIND[asked]
    model = request.getfixturevalue(kind)
    agree(lambda x: ask(model, x), INPUTS)


def test_reports_of_one_model_at_once(numbers, tmp_path) -> None:
    agree(lambda place: page(numbers, tmp_path, place), [*range(4)])


def test_reports_do_not_change_the_weights_of_the_model(numbers, tmp_path) -> None:
    members, net = unseen_of(numbers).members, numbers.trained.net
    before = members.net.weights.flat.copy(), net.weights.flat.copy()
    page(numbers, tmp_path, 0)
    np.testing.assert_array_equal(members.net.weights.flat, before[0])
    np.testing.assert_array_equal(net.weights.flat, before[1])


# Networks ----------------------------------------------------------------------------------------

ROWS = X.astype(np.float32)
NETS = {
    "plain": lambda: tw.Sequential(tw.Dense(8, "tanh"), tw.Dense(2)),
    "normalised": lambda: tw.Sequential(tw.Dense(8), tw.BatchNorm(), "relu", tw.Dense(2)),
    "ensemble": lambda: tw.Ensemble(tw.Sequential(tw.Dense(3, "relu"), tw.Dense(2))),
    "interpreted": lambda: tw.Sequential(tw.Dense(3, HALVED), tw.Dense(2)),
}
HALVED = gates.elementwise("halved", "x / 2", lambda x: x / 2, backward=(None,), slopes=("",))
"""A gate without native code."""


@pytest.mark.parametrize("rows", [1, 5, 40])
@pytest.mark.parametrize("kind", NETS)
def test_a_network_predicts_in_several_threads(kind, rows) -> None:
    net = NETS[kind]().init(ROWS)
    inputs = [RANDOM.normal(size=(rows, 4)).astype(np.float32) for _ in range(WAYS)]
    agree(net.predict, inputs)


@pytest.mark.parametrize("engine", ["native", "numpy"])
def test_runs_of_one_program_on_several_threads(engine) -> None:
    """L-BFGS takes its steps from Python, over one compiled graph for all runs."""
    found = tw.sweep(
        NETS["plain"],
        ROWS,
        ROWS[:, :2] ** 2,
        over={"seed": range(4)},
        optimizer=tw.LBFGS(),
        batch_size=None,
        epochs=5,
        threads=4,
        engine=engine,
        progress=False,
    )
    for point, run in zip(found.points, found.runs, strict=True):
        alone = tw.fit(
            NETS["plain"](),
            ROWS,
            ROWS[:, :2] ** 2,
            **point,
            optimizer=tw.LBFGS(),
            batch_size=None,
            epochs=5,
            engine=engine,
        )
        np.testing.assert_array_equal(run.net.weights.flat, alone.net.weights.flat)


# Two runs of one net ---------------------------------------------------------------------------


class Waiting(tw.Dense):
    """A layer whose first recording waits, so that a run lasts as long as needed."""

    begun, go_on = threading.Event(), threading.Event()

    def __call__(self, x: Any) -> Any:
        if threading.current_thread() is not threading.main_thread():
            self.begun.set()
            self.go_on.wait(20)
        return super().__call__(x)


def test_a_second_run_of_a_network_is_refused_during_the_first() -> None:
    net = tw.Sequential(Waiting(3), tw.Dense(1)).init(ROWS)
    target = ROWS[:, :1]
    train: dict[str, Any] = {"epochs": 2, "progress": False}
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(tw.fit, net, ROWS, target, **train)
        Waiting.begun.wait(20)
        try:
            with pytest.raises(tw.SettingError, match=r"is training this .*deepcopy"):
                tw.fit(net, ROWS, target, **train)
            with pytest.raises(tw.SettingError, match="is training this Sequential now"):
                tw.pretrain(net, ROWS, layers=[1], epochs=1)
        finally:
            Waiting.go_on.set()
        assert first.result().epochs == 2
    assert tw.fit(net, ROWS, target, **train).epochs == 2


def test_a_network_is_free_after_a_run_that_fails() -> None:
    net = tw.Sequential(tw.Dense(1))
    with pytest.raises(tw.TalwegError):
        tw.fit(net, ROWS, ROWS[:3])
    assert tw.fit(net, ROWS, ROWS[:, :1], epochs=1).epochs == 1
