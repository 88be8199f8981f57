"""Bins and ensembles: against plain NumPy, on both engines, with gradients and refusals."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.testing import assert_allclose

import talweg as tw
from talweg.errors import SettingError, ShapeError
from talweg.nn.bins import Bins
from talweg.nn.ensemble import Ensemble

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(23, 4))
Y = X @ RANDOM.normal(size=(4, 2)) + 0.1 * RANDOM.normal(size=(23, 2))
CLOSE = {"float32": 1e-5, "float64": 1e-12}
EACH_DTYPE = pytest.mark.parametrize("dtype", ["float32", "float64"])
BOTH_ENGINES = pytest.mark.parametrize("engine", ["numpy", "native"])

FEW, MORE, MANY = [-0.5, 0.1, 0.9], [-1.0, 0.0, 0.5, 2.0], np.linspace(-2, 2, 14)
EDGES: dict[str, tuple[dict[int, object], list[list[int]]]] = {
    "none": ({}, []),
    "one column": ({2: MORE}, [[2]]),
    "a single bin": ({1: [-1, 1]}, [[1]]),
    "columns in any order": ({3: MORE, 0: MORE}, [[0, 3]]),
    "columns that are no stride": ({0: MORE, 1: MORE, 3: MORE}, [[0, 1, 3]]),
    "filled up": ({0: FEW, 3: MORE}, [[0, 3]]),
    "many and few": ({0: FEW, 1: MANY, 2: MORE}, [[1], [0, 2]]),
    "all": ({0: MANY, 1: MANY, 2: MANY, 3: FEW}, [[0, 1, 2], [3]]),
}
"""Edges by column, and which columns stand together, those with the most bins first."""


def means_of(edges: dict[int, object]) -> dict[int, np.ndarray]:
    return {column: RANDOM.random(len(each) - 1) for column, each in edges.items()}


def by_hand(x: np.ndarray, bins: Bins, groups: list[list[int]]) -> np.ndarray:
    """The formula, element by element; columns of a block are padded with 0 to one length."""
    found = [x]
    for columns in groups:
        most = max(len(bins.means[each]) for each in columns)
        for column in columns:
            edges, block = np.asarray(bins.edges[column], float), np.zeros((len(x), most))
            for place in range(len(edges) - 1):
                width = edges[place + 1] - edges[place]
                share = np.clip((x[:, column] - edges[place]) / width, 0, 1)
                block[:, place] = bins.scale * (share - bins.means[column][place])
            found.append(block)
    return np.concatenate(found, axis=1)


# Bins -------------------------------------------------------------------------------------------


@EACH_DTYPE
@pytest.mark.parametrize("rows", [0, 1, 7, 23])
@pytest.mark.parametrize("name", EDGES)
def test_bins_give_how_far_numbers_lie_inside_them(name: str, rows: int, dtype: str) -> None:
    edges, groups = EDGES[name]
    bins = Bins(edges, means_of(edges), scale=0.7)
    net = tw.Sequential(bins, dtype=dtype).init(X)
    x = X[:rows].astype(dtype)
    found, expected = net.predict(x), by_hand(x, bins, groups)
    assert found.dtype == dtype and found.shape == (rows, 4 + bins.width) == expected.shape
    assert_allclose(found, expected, rtol=CLOSE[dtype], atol=CLOSE[dtype])
    assert [*net.weights] == []


def test_values_beyond_the_edges_are_clipped() -> None:
    bins = Bins({0: [0, 1, 3]}, scale=1.0)
    x = np.array([[-1e30], [0], [1], [2], [3], [1e30]], "float32")
    expected = [[0, 0], [0, 0], [1, 0], [1, 0.5], [1, 1], [1, 1]]
    assert bins.apply({}, x).array[:, 1:].tolist() == expected


def test_a_value_of_most_rows_takes_a_single_edge() -> None:
    rare = np.random.default_rng(4).normal(5, 1, size=80)
    edges = Bins.from_rows(np.concatenate([np.zeros(920), rare])[:, None], 10).edges[0]
    assert len(edges) == 11 and edges[0] == 0
    assert (np.abs(np.histogram(rare, edges[1:])[0] - 80 / 9) <= 1).all()
    edges = Bins.from_rows(
        np.concatenate([np.zeros(820), np.full(120, 5.0), rare])[:, None], 10
    ).edges[0]
    assert len(edges) == 11 and {0, 5} < {*edges.tolist()}


def test_a_few_distinct_values_are_the_edges() -> None:
    x = np.repeat([0.0, 2.0, 2.5, 9.0], [1, 50, 3, 1])[:, None]
    assert Bins.from_rows(x, 3).edges[0].tolist() == [0, 2, 2.5, 9]
    assert len(Bins.from_rows(x, 2).edges[0]) == 3


def test_bins_from_rows_have_equal_counts_and_centered_outputs() -> None:
    x = np.concatenate([RANDOM.lognormal(size=(960, 1)), RANDOM.integers(0, 2, (960, 1))], axis=1)
    bins = Bins.from_rows(x, 12)
    assert list(bins.edges) == [0]  # two values need none
    counts, _ = np.histogram(x[:, 0], bins.edges[0])
    assert counts.tolist() == [80] * 12
    assert_allclose(bins.means[0], bins.shares(x, 0).mean(axis=0))
    encoded = tw.Sequential(bins, dtype="float64").init(x).predict(x)[:, 2:]
    assert_allclose(encoded.mean(axis=0), 0, atol=1e-12)


@pytest.mark.parametrize("share", [0.005, 0.1, 0.3, 0.5, 0.9, 0.995])
def test_two_values_need_no_bins_however_rare_one_is(share: float) -> None:
    column = (np.arange(1000) < 1000 * share).astype(float)
    assert Bins.from_rows(column[:, None], 48).edges == {}


def test_frequent_values_leave_no_empty_bins() -> None:
    column = np.repeat([0.0, 1.0, 2.0, 9.0], [700, 200, 80, 20])
    bins = Bins.from_rows(RANDOM.permutation(column)[:, None], 10)
    edges = bins.edges[0]
    assert (np.diff(edges) > 0).all() and len(edges) <= 11
    assert (edges[0], edges[-1]) == (0, 9)


@pytest.mark.parametrize(
    ("error", "words", "make"),
    [
        (SettingError, "scale must be a number above 0", lambda: Bins({0: FEW}, scale=0)),
        (SettingError, "max_bins must be an integer of at least 2", lambda: Bins.from_rows(X, 1)),
        (
            SettingError,
            "edges of column 3 must be two or more ascending",
            lambda: Bins({3: [1, 1, 2]}),
        ),
        (SettingError, "edges of column 0 must be two or more ascending", lambda: Bins({0: [1]})),
        (
            SettingError,
            "edges of column 0 must be two or more ascending",
            lambda: Bins({0: [0, np.inf]}),
        ),
        (ShapeError, "with D above 4 are needed", lambda: tw.Sequential(Bins({4: FEW})).init(X)),
        (ShapeError, "rows of numbers", lambda: tw.Sequential(Bins({0: FEW})).init(X[:, :, None])),
    ],
)
def test_invalid_bins_are_refused(error, words: str, make: Callable[[], object]) -> None:
    with pytest.raises(error) as raised:
        make()
    assert words in str(raised.value)


# Ensembles --------------------------------------------------------------------------------------


def member(units: int = 3, seed: int = 0, outputs: int = 2, dtype: str = "float64") -> tw.Module:
    layers = (tw.Dense(units, "tanh"), tw.Dense(outputs))
    return tw.Sequential(*layers, dtype=dtype).init(X, seed=seed)


def softmax(logits: np.ndarray) -> np.ndarray:
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    return shares / shares.sum(axis=1, keepdims=True)


@EACH_DTYPE
@pytest.mark.parametrize("rows", [0, 1, 7, 23])
@pytest.mark.parametrize("count", [1, 2, 5])
def test_an_ensemble_predicts_the_mean(count: int, rows: int, dtype: str) -> None:
    nets = [member(units, seed=units, dtype=dtype) for units in range(2, 2 + count)]
    said = np.array([net.predict(X[:rows]) for net in nets])
    size = sum(each.weights.flat.size for each in nets)
    together = Ensemble(*nets).init(X)
    assert together.weights.flat.size == size
    found = together.predict(X[:rows])
    assert found.dtype == dtype
    assert_allclose(found, said.mean(axis=0), rtol=1e-5, atol=CLOSE[dtype])


@EACH_DTYPE
@pytest.mark.parametrize("outputs", [2, 5])
def test_an_ensemble_of_logits_averages_probabilities(outputs: int, dtype: str) -> None:
    nets = [member(seed=seed, outputs=outputs, dtype=dtype) for seed in range(3)]
    shares = np.mean([softmax(net.predict(X).astype(float)) for net in nets], axis=0)
    found = Ensemble(*nets, logits=True).init(X).predict(X)
    assert_allclose(softmax(found.astype(float)), shares, rtol=1e-5, atol=CLOSE[dtype])
    assert_allclose(np.exp(found.astype(float)), shares, rtol=1e-5, atol=CLOSE[dtype])


def test_the_logarithm_of_a_zero_probability_is_finite() -> None:
    sure = [tw.Sequential(tw.Dense(2, init="zeros", bias_init=[900.0, -900.0])) for _ in range(2)]
    found = Ensemble(*sure, logits=True).init(X).predict(X)
    assert np.isfinite(found).all() and (found[:, 1] < -60).all()
    assert_allclose(found[:, 0], 0, atol=1e-6)


def test_members_keep_their_weights_one_after_another() -> None:
    nets = [member(units, seed=units) for units in (2, 4)]
    flat = np.concatenate([each.weights.flat for each in nets])
    together = Ensemble(*nets).init(X, seed=9)
    assert_allclose(together.weights.flat, flat, rtol=0)
    assert next(iter(together.weights)) == "0.0.weight"


@pytest.mark.parametrize("nets", [(), (3,), (tw.Dense(1), "tanh")])
def test_an_ensemble_takes_nets(nets: tuple[object, ...]) -> None:
    with pytest.raises(SettingError, match="Ensemble needs one or more networks, not"):
        Ensemble(*nets)


# Both -------------------------------------------------------------------------------------------


OTHERS = RANDOM.normal(size=(40, 4))  # whose edges, which are kinks, lie between the rows of X


def binned() -> tw.Module:
    return tw.Sequential(Bins.from_rows(OTHERS, 5), tw.Dense(3, "tanh"), tw.Dense(2))


NETS: dict[str, Callable[[], tw.Module]] = {
    "bins of one length": binned,
    **{
        f"bins, {name}": lambda edges=edges: tw.Sequential(Bins(edges), tw.Dense(2))
        for name, (edges, _) in EDGES.items()
    },
    "bins of hidden units": lambda: tw.Sequential(
        tw.Dense(3), Bins({0: MORE, 2: FEW}), tw.Dense(2)
    ),
    "ensemble": lambda: Ensemble(binned(), tw.Sequential(tw.Dense(4, "silu"), tw.Dense(2))),
    "ensemble of logits": lambda: Ensemble(binned(), tw.Dense(2), binned(), logits=True),
    "ensemble of one": lambda: Ensemble(tw.Sequential(tw.Dense(2))),
}


@EACH_DTYPE
@pytest.mark.parametrize("name", NETS)
def test_engines_agree(name: str, dtype: str) -> None:
    runs = []
    for engine in ("numpy", "native"):
        net = NETS[name]()
        net.dtype = dtype
        given = {"validation": (X[:5], Y[:5]), "batch_size": 7, "epochs": 3, "engine": engine}
        runs.append(tw.fit(net.init(X, seed=1), X, Y, **given))
    close = {"float32": 1e-4, "float64": 1e-9}[dtype]
    assert_allclose(runs[0].net.weights.flat, runs[1].net.weights.flat, close, close)
    for measure in ("loss", "val_loss"):
        assert_allclose(runs[0].history[measure], runs[1].history[measure], close)


@pytest.mark.parametrize("name", NETS)
def test_gradients(name: str) -> None:
    net = NETS[name]()
    net.dtype = "float64"
    net.init(X, seed=1)
    names = list(net.weights)

    def output(x, *weights):
        return net.apply(dict(zip(names, weights, strict=True)), x)

    tw.check_gradients(output, X[:6], *(net.weights[each] for each in names))


@pytest.mark.parametrize("name", NETS)
def test_compiled_predictions_are_the_recorded_ones(name: str) -> None:
    net = NETS[name]().init(X, seed=2)
    for rows in (1, 2, 23, 300):
        x = np.resize(X, (rows, 4)).astype("float32")
        assert_allclose(net.predict(x), net(x).value, 1e-4, 1e-5)
