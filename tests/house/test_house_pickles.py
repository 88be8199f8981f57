"""Every public class can be pickled and copied, with one row for each."""

import copy
import multiprocessing
import pickle
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from functools import cache, partial
from typing import Any

import numpy as np
import pytest

import talweg as tw
from talweg import gates
from talweg.data.io.read import as_table
from talweg.engine.numpy.interpreter import Interpreter
from talweg.nn.bins import Bins
from talweg.nn.metrics import METRICS, as_metric

CLASSES = {name: getattr(tw, name) for name in tw.__all__ if isinstance(getattr(tw, name), type)}
RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(40, 4)).astype(np.float32)
Y = X[:, :1] * 2 + 1
BITS = (X > 0).astype(np.float32)
QUIET: dict[str, Any] = {"epochs": 2, "progress": False}
COPIES = {
    "pickle": lambda x: pickle.loads(pickle.dumps(x)),
    "oldest pickle": lambda x: pickle.loads(pickle.dumps(x, 0)),
    "deepcopy": copy.deepcopy,
    "copy": copy.copy,
}
EACH_COPY = pytest.mark.parametrize("copied", COPIES.values(), ids=list(COPIES))


def halved(x: Any) -> Any:
    return 0.5 * x


def own_value(x: Any) -> Any:
    return x * x * x


def own_slope(g: Any, out: Any, x: Any) -> Any:
    return g * 3 * x * x


OWN_GATE = gates.elementwise("cube", "x^3", own_value, backward=(own_slope,), slopes=("3 x^2",))


class Own(tw.Module):
    """A module with parts in a dict, a shared part and a constant."""

    def __init__(self) -> None:
        shared = tw.Dense(4, "tanh")
        self.inner = {"one": shared, "two": [shared, tw.Dense(4, halved)]}
        self.scale, self.out = tw.constant(2.0), tw.Dense(1)

    def __call__(self, x: Any) -> Any:
        one, (again, two) = self.inner["one"], self.inner["two"]
        return self.out(two(again(one(x))) * self.scale)


class OwnRule(tw.SGD):
    """An update rule of one's own."""


class OwnSearch(tw.LBFGS):
    """A method for all rows of one's own."""


class OwnStop(tw.MaxEpochs):
    """A stopping rule of one's own."""


def net(*layers: Any) -> Any:
    return tw.Sequential(*(layers or (tw.Dense(4, "relu"), tw.Dense(1))))


def run(**more: Any) -> Any:
    given: dict[str, Any] = {"validation": 0.2, "metrics": ["mae"], "watch": "epoch"}
    return tw.fit(net(), X, Y, **{**QUIET, **given, **more})


def failed() -> Any:
    with pytest.warns(tw.TrainingWarning):
        return run(optimizer=tw.SGD(lr=1e30), epochs=3, watch=None)


def swept() -> Any:
    over = {"lr": [0.1, 0.01], "validation": tw.kfold(40, 2)}
    found = tw.sweep(net, X, Y, over=over, **QUIET)
    assert found.best and len(found.table)
    return found


def table_model(target: Any = "t", **settings: Any) -> Any:
    """A model that has been used, so that all that is kept for later calls is there."""
    rows = {
        "number": X[:, 0],
        "word": ["u", "v", "w", "x"] * 10,
        "size": ["low", "mid", "high", "mid"] * 10,
        "day": [f"2020-01-{day % 28 + 1:02d}" for day in range(40)],
        "t": np.where(X[:, 0] > 0, "yes", "no"),
        "z": Y[:, 0],
    }
    given = {"epochs": 2, "hidden": (4,), "columns": {"size": ("low", "mid", "high")}, **settings}
    model = tw.TableModel(target, **given).fit(rows, progress=False)
    model.predict({name: each[0] for name, each in rows.items()})
    return model


def fitted(module: Any, x: Any = X) -> Any:
    return net(module, tw.Dense(1)).init(x)


def fitted_layer(name: str, *arguments: Any) -> Any:
    return fitted(CLASSES[name](*arguments))


def is_error(name: str) -> bool:
    return issubclass(CLASSES[name], BaseException)


LAYERS: dict[str, tuple[Any, ...]] = {
    "BatchNorm": (),
    "Dense": (4,),
    "DropConnect": (4,),
    "Dropout": (0.1,),
    "LayerNorm": (),
    "GaussianNoise": (0.1,),
    "NoisyDense": (4,),
}
"""The arguments of layers, which are kept as part of a net."""
SETTINGS: dict[str, tuple[Any, ...]] = {
    **dict.fromkeys(
        ("AdaDelta", "AdaGrad", "Adam", "AdamW", "Adamax", "SimulatedAnnealing", "BFGS"), ()
    ),
    **dict.fromkeys(("LBFGS", "Lion", "Muon", "NAdam", "RAdam", "RMSProp", "SGD"), ()),
    **dict.fromkeys(("Glorot", "He", "LeCun", "Orthogonal", "AdaptiveSampling"), ()),
    **dict.fromkeys(("Huber", "CrossEntropy", "Constant", "Normal", "Uniform", "L1", "L2"), (0.1,)),
    **dict.fromkeys(("CosineDecay", "InverseScaling", "OneCycle", "ReduceOnPlateau"), (0.1,)),
    **dict.fromkeys(("MinDecrease", "TargetLoss", "TimeBudget"), (0.1,)),
    **dict.fromkeys(("SuccessiveHalving", "MaxEpochs"), (3,)),
    "Range": (0.1, 1),
    "Checkpoint": ("file",),
    "ExponentialDecay": (0.1, 0.9),
    "Holdout": (0.2,),
    "StepDecay": (0.1,),
    "LinearWarmup": (tw.CosineDecay(0.1), 5),
}
"""The arguments of what is a setting of something else."""
ROWS: dict[str, Callable[[], Any]] = {
    **{name: partial(fitted_layer, name, *each) for name, each in LAYERS.items()},
    **{name: partial(CLASSES[name], *each) for name, each in SETTINGS.items()},
    **{name: partial(CLASSES[name], "why") for name in CLASSES if is_error(name)},
    "DenoisingAutoencoder": lambda: tw.DenoisingAutoencoder(3).init(X),
    "L1L2": lambda: fitted(tw.Dense(2, weight_penalty=tw.L1L2(0.1, 0.1))),
    "Embedding": lambda: fitted(tw.Embedding(5, 2), np.zeros((2, 1))),
    "Ensemble": lambda: tw.Ensemble(net(), net(), logits=True).init(X),
    "Fold": lambda: tw.kfold(40, 4),
    "FullBatch": OwnSearch,
    "Loss": lambda: [tw.mse, tw.sse, tw.half_sse, tw.mae, tw.huber, tw.Huber(2.0)],
    "Metric": lambda: [as_metric(each, tw.mse) for each in METRICS[:3]],
    "Module": lambda: Own().init(X),
    "Optimizer": OwnRule,
    "EarlyStopping": lambda: tw.EarlyStopping(3) & tw.MaxEpochs(4),
    "Pretraining": lambda: tw.pretrain(net(tw.Dense(3, "sigmoid"), tw.Dense(2)), BITS, epochs=2),
    "RBM": lambda: tw.fit(tw.RBM(3), BITS, BITS, loss=tw.RBM(3).loss, **QUIET),
    "Restarts": lambda: tw.restarts(net(), X, Y, starts=3, **QUIET),
    "Run": run,
    "Schedule": lambda: tw.Adam(lr=tw.ExponentialDecay(0.1, 0.9)),
    "Sequential": lambda: net(tw.Dense(4), "relu", halved, gates.tanh, OWN_GATE).init(X),
    "Lowered": lambda: tw.lower(net(), X, Y),
    "Stop": lambda: OwnStop(3),
    "Sweep": swept,
    "TableModel": table_model,
    "Tensor": lambda: (tw.tensor(2.0, name="x") * tw.constant(3.0)).named("f"),
}
MORE: dict[str, Callable[[], Any]] = {
    "Bins": lambda: fitted(Bins.from_rows(X, 4)),
    "Minimum": lambda: tw.restarts(net(), X, Y, starts=3, tolerance=1e9, **QUIET).minima[0],
    "Failure": lambda: failed().failure,
    "Graph": lambda: tw.lower(net(tw.Dense(1)), X, Y, watch="epoch").graph,
    "Interpreter": lambda: Interpreter(tw.graph.record(lambda x: tw.exp(x) + 1.0, 2.0)),
    "LRFindResult": lambda: tw.lr_find(net(), X, Y),
    "Trace": lambda: tw.trace((tw.tensor(2.0, name="x") * 3.0).named("f")),
    "a net without weights": net,
    "a layer of a net": lambda: net().init(X).layers[0],
    "a run that failed": failed,
    "a model of numbers": lambda: table_model("z", n_estimators=2, bins=4),
    "a model that is not fitted": lambda: tw.TableModel(
        "t", optimizer=tw.AdamW(tw.CosineDecay(0.1))
    ),
    "a gate of one's own": lambda: OWN_GATE,
    "weights": lambda: dict(net().init(X).weights),
    "weights of a layer": lambda: dict(net().init(X).layers[0].weights),
    "metrics of bits": lambda: [as_metric(each, tw.binary_cross_entropy) for each in METRICS[:3]],
    "losses of classes": lambda: [tw.cross_entropy, tw.CrossEntropy(0.1)],
}


def contents(x: Any) -> Any:
    """What an object holds, as values that can be compared."""
    if isinstance(x, np.ndarray):
        return x.dtype.str, x.shape, repr(x.tolist())
    if isinstance(x, dict):
        return {repr(name): contents(each) for name, each in x.items()}
    if isinstance(x, list | tuple):
        return [contents(each) for each in x]
    if isinstance(x, tw.Module):
        return repr(x), contents(dict(x.weights) if x.network.is_initialized else [])
    if isinstance(x, tw.TableModel):
        return contents(x.settings), contents(x._trained)
    if isinstance(x, Interpreter):
        return x.source
    if is_dataclass(x) and not isinstance(x, tw.graph.Graph):
        named = [(each.name, getattr(x, each.name)) for each in fields(x)]
        return type(x).__name__, [(name, contents(each)) for name, each in named]
    return re.sub(" at 0x[0-9a-f]+", "", str(x))


def test_every_public_class_has_a_row() -> None:
    assert set(ROWS) == set(CLASSES)


@pytest.fixture(scope="module")
def made() -> Callable[[str], Any]:
    return cache(lambda name: {**ROWS, **MORE}[name]())


@EACH_COPY
@pytest.mark.parametrize("name", [*ROWS, *MORE])
def test_copies_hold_what_the_original_holds(name, copied, made) -> None:
    twin = copied(made(name))
    assert type(twin) is type(made(name))
    assert contents(twin) == contents(made(name))


# Networks --------------------------------------------------------------------------------------

NETS = ["Sequential", "Module", "Ensemble", "RBM", "Run"]


def net_of(kept: Any) -> Any:
    return kept.net if isinstance(kept, tw.Run) else kept


@EACH_COPY
@pytest.mark.parametrize("name", NETS)
def test_a_copied_net_predicts_the_same_and_has_weights_of_its_own(name, copied, made) -> None:
    original = net_of(ROWS[name]())
    expected = original.predict(BITS)
    twin = net_of(copied({"kept": original})["kept"])
    twin = copy.copy(original) if twin is original else twin  # a copy of the dict alone
    np.testing.assert_array_equal(twin.predict(BITS), expected)
    assert not np.shares_memory(twin.weights.flat, original.weights.flat)
    for name, view in twin.weights.items():
        assert np.shares_memory(view, twin.weights.flat), name
    twin.weights.flat[:] = 0
    assert np.all(next(iter(twin.weights.values())) == 0)
    np.testing.assert_array_equal(original.predict(BITS), expected)


@EACH_COPY
def test_training_goes_on_from_a_copy_as_from_the_original(copied) -> None:
    original = run().net
    twin = copied(original)
    for each in (twin, original):
        tw.fit(each, X, Y, **QUIET)
    np.testing.assert_array_equal(twin.weights.flat, original.weights.flat)


def test_a_deep_graph_is_pickled_without_recursion() -> None:
    def deep(x: Any) -> Any:
        for _ in range(2000):
            x = tw.tanh(x)
        return x

    graph = tw.graph.record(deep, np.ones(2))
    twin = pickle.loads(pickle.dumps(graph))
    x = np.array([0.5, 2.0])
    np.testing.assert_array_equal(
        Interpreter(twin)(x=x)["output"], Interpreter(graph)(x=x)["output"]
    )


def test_tensors_pickled_together_stay_one_graph() -> None:
    x = tw.tensor(3.0, name="x")
    twin, product = pickle.loads(pickle.dumps((x, x * x)))
    (product * twin * x).backward()
    assert (twin.grad.item(), x.grad.item()) == (81, 27)


def test_the_pickle_of_a_model_lacks_the_table_that_was_looked_at() -> None:
    table = as_table({"x": RANDOM.normal(size=50_000), "y": RANDOM.normal(size=50_000)})
    model = tw.TableModel("y")
    model.kinds(table)
    assert len(pickle.dumps(model)) < 10_000


def test_a_function_that_pickle_cannot_name_is_named_in_the_error() -> None:
    with pytest.raises((pickle.PicklingError, AttributeError), match="lambda"):
        pickle.dumps(net(tw.Dense(1, lambda x: 2 * x)))


# Other processes ---------------------------------------------------------------------------------

POOL = """
import multiprocessing, pickle, sys
from concurrent.futures import ProcessPoolExecutor
import talweg as tw

if __name__ == "__main__":
    net, model, X, Y, rows = pickle.load(open(sys.argv[1], "rb"))
    with ProcessPoolExecutor(1, multiprocessing.get_context(sys.argv[2])) as pool:
        trained = pool.submit(tw.fit, net, X, Y, epochs=2, progress=False)
        asked = pool.submit(net.predict, X), pool.submit(model.predict, rows)
        found = [each.result(60) for each in asked], trained.result(60).net.weights.flat
    pickle.dump(found, open(sys.argv[1], "wb"))
"""


@pytest.mark.slow
@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_models_predict_and_train_in_a_pool(method, tmp_path) -> None:
    script, file = tmp_path / "pool.py", tmp_path / "given"
    script.write_text(POOL)
    net, model, rows = run().net, table_model("z", n_estimators=2), {"number": X[:8, 0]}
    rows |= {"word": ["u"] * 8, "size": ["low"] * 8, "day": ["2020-01-02"] * 8, "t": ["no"] * 8}
    file.write_bytes(pickle.dumps((net, model, X, Y, rows)))
    subprocess.run([sys.executable, script, file, method], check=True, timeout=120)
    (outputs, of_table), weights = pickle.loads(file.read_bytes())
    np.testing.assert_array_equal(outputs, net.predict(X))
    np.testing.assert_array_equal(of_table, model.predict(rows))
    tw.fit(net, X, Y, **QUIET)
    np.testing.assert_array_equal(weights, net.weights.flat)


IN_A_NEW_PROCESS = """
import pickle, sys, numpy as np, talweg as tw
net, X = pickle.load(sys.stdin.buffer)
before = net.predict(X)
net.layers[1].activation = tw.Dense(1, "tanh").activation
sys.stdout.buffer.write(pickle.dumps((before, net.predict(X))))
"""


def test_a_net_that_changes_in_another_process_is_compiled_anew() -> None:
    """What counts the changes of nets begins at 0 there."""
    net = run().net
    given = pickle.dumps((net, X))
    done = subprocess.run(
        [sys.executable, "-c", IN_A_NEW_PROCESS], input=given, capture_output=True, check=True
    )
    before, after = pickle.loads(done.stdout)
    np.testing.assert_array_equal(before, net.predict(X))
    np.testing.assert_allclose(after, np.tanh(before), rtol=1e-5)
