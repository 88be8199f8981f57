"""Modules: parts, paths, sharing, custom parameters, and calls outside of a forward pass."""

import copy

import numpy as np
import pytest
from numpy.testing import assert_allclose

import talweg as tw
from talweg.errors import DtypeError, RecordingError, SettingError, ShapeError, TalwegError

X = np.random.default_rng(0).normal(size=(7, 3))


class Skip(tw.Module):
    def __init__(self, units: int = 3) -> None:
        self.inner = tw.Dense(units, "tanh")

    def __call__(self, x):
        return x + self.inner(x)


class Twice(tw.Module):
    def __init__(self, part: tw.Module) -> None:
        self.part = part

    def __call__(self, x):
        return self.part(self.part(x))


class Tower(tw.Module):
    """Parts in lists, in dictionaries and in other parts."""

    def __init__(self) -> None:
        self.blocks = [Skip(), Skip()]
        self.ends = {"mean": tw.Dense(1), "spread": tw.Dense(1, "softplus")}
        self.shift = 3.0

    def __call__(self, x):
        for block in self.blocks:
            x = block(x)
        ends = [self.ends[name](x) for name in ("mean", "spread")]
        return tw.concatenate(ends, axis=1) + self.shift


class Scale(tw.Module):
    dtype = "float64"

    def __call__(self, x):
        return x * self.parameter("factor", x.shape[1:], init="ones")


def mlp(**settings) -> tw.Sequential:
    return tw.Sequential(tw.Dense(4, "tanh"), tw.Dense(2), **settings)


# What a net computes ----------------------------------------------------------------------------


@pytest.mark.parametrize("rows", [0, 1, 7])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_dense_is_a_matrix_product(dtype: str, rows: int) -> None:
    net = mlp(dtype=dtype).init(X, seed=1)
    w = net.weights
    x = X[:rows].astype(dtype)
    hidden = np.tanh(x @ w["0.weight"] + w["0.bias"])
    output = net.predict(X[:rows])
    assert output.dtype == dtype and output.shape == (rows, 2)
    assert_allclose(output, hidden @ w["1.weight"] + w["1.bias"], rtol=1e-5, atol=1e-6)


def test_dense_without_bias_and_with_more_axes() -> None:
    net = tw.Sequential(tw.Dense(2, bias=False), dtype="float64").init(np.zeros((1, 5, 3)))
    assert [*net.weights] == ["0.weight"]
    x = np.random.default_rng(1).normal(size=(4, 5, 3))
    assert_allclose(net.predict(x), x @ net.weights["0.weight"], rtol=1e-14)


def test_gradients_through_dense_of_second_order() -> None:
    def output(x, w, b):
        net = tw.Sequential(tw.Dense(2, "tanh"), dtype="float64").init(X)
        return net.apply({"0.weight": w, "0.bias": b}, x)

    random = np.random.default_rng(0)
    tw.check_gradients(output, X, random.normal(size=(3, 2)), random.normal(size=2), order=2)


def test_a_skip_connection_adds_its_input() -> None:
    net = Skip().init(X)
    inner = np.tanh(X.astype("f4") @ net.weights["inner.weight"] + net.weights["inner.bias"])
    assert_allclose(net.predict(X), X.astype("f4") + inner, rtol=1e-5)


def test_a_call_gives_a_tensor_and_records_layers() -> None:
    net = mlp().init(X)
    output = net(X)
    output.backward(np.ones(output.shape, "float32"))
    bias = output.find("1.bias")
    assert_allclose(bias.grad, [7, 7])
    assert {"0", "1"} == {row.layer for row in _nodes(output) if row.layer}


def _nodes(output: tw.Tensor) -> list[tw.Tensor]:
    found, waiting = [], [output]
    while waiting:
        found.append(waiting.pop())
        waiting += found[-1].inputs
    return found


@pytest.mark.parametrize("rows", [0, 1, 5, 6, 7, 100])
def test_predicting_in_chunks_equals_the_whole(rows: int) -> None:
    net = mlp(dtype="float64").init(X)
    x = np.random.default_rng(2).normal(size=(rows, 3))
    chunked = net.predict(x, batch_size=3)
    assert chunked.shape == (rows, 2)
    assert_allclose(chunked, net.predict(x), rtol=1e-14)
    chunked[:] = 0  # an array of one's own


def test_inputs_may_be_lists_and_integers() -> None:
    net = mlp().init([[1, 2, 3]])
    np.testing.assert_array_equal(net.predict([[1, 2, 3]]), net.predict(np.array([[1.0, 2, 3]])))


# Parts, paths and sharing -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "paths"),
    [
        (mlp, ["0.weight", "0.bias", "1.weight", "1.bias"]),
        (lambda: tw.Sequential(mlp(), "relu", tw.Dense(1, bias=False)),
         ["0.0.weight", "0.0.bias", "0.1.weight", "0.1.bias", "2.weight"]),
        (Skip, ["inner.weight", "inner.bias"]),
        (lambda: Twice(Skip()), ["part.inner.weight", "part.inner.bias"]),
        (Scale, ["factor"]),
        (Tower, [f"{part}.{name}" for part in
                 ("blocks.0.inner", "blocks.1.inner", "ends.mean", "ends.spread")
                 for name in ("weight", "bias")]),
    ],
)  # fmt: skip
def test_paths(make, paths: list[str]) -> None:
    net = make().init(X)
    assert [*net.weights] == paths
    assert net.weights.flat.size == sum(each.size for each in net.weights.values())


def test_a_shared_part_is_one_parameter_whose_gradients_add_up() -> None:
    def both_uses(w1, w2):
        return (tw.tanh(tw.tanh(x @ w1) @ w2)).sum()

    x = X[:, :3]
    layer = tw.Dense(3, "tanh", bias=False)
    net = tw.Sequential(layer, layer, dtype="float64").init(X)
    assert [*net.weights] == ["0.weight"]
    loss = net(X).sum()
    loss.backward()
    w = net.weights["0.weight"]
    expected = sum(tw.grad(both_uses)(w, w))
    assert_allclose(loss.find("0.weight").grad, expected, rtol=1e-12)


def test_a_shared_part_trains() -> None:
    layer = tw.Dense(3, "tanh")
    net = tw.Sequential(layer, layer, tw.Dense(1))
    run = tw.fit(net, X, X.sum(axis=1), epochs=300, optimizer=tw.Adam(lr=0.01))
    assert run.history["loss"][-1] < run.history["loss"][0] / 10


def test_a_part_can_be_called_alone() -> None:
    net = tw.Sequential(Skip(), tw.Dense(1), dtype="float64").init(X)
    part = net.layers[0]
    assert part.predict(X).dtype == "float64"
    assert_allclose(net.predict(X), net.layers[1].predict(part.predict(X)), rtol=1e-14)
    assert [*part.weights] == ["inner.weight", "inner.bias"]
    part.weights["inner.bias"][:] = 7
    assert (net.weights["0.inner.bias"] == 7).all()
    with pytest.raises(SettingError, match="is a part of a Sequential; fit that"):
        tw.fit(part, X, X)


def test_a_part_shows_its_own_parameters_in_the_vector_of_the_network() -> None:
    net = mlp().init(X)
    part = net.layers[0]
    assert {name: view.shape for name, view in part.weights.items()} == {
        "weight": (3, 4),
        "bias": (4,),
    }
    part.weights["bias"][:] = 7
    assert (net.weights["0.bias"] == 7).all()
    with pytest.raises(SettingError, match="only a whole network has a flat vector"):
        part.weights.flat  # noqa: B018


def test_weights_given_to_a_part_are_not_lost() -> None:
    layer = tw.Dense(2)
    layer.weights = {"weight": np.ones((3, 2))}
    net = tw.Sequential(layer).init(X)
    np.testing.assert_array_equal(net.weights["0.weight"], np.ones((3, 2)))


class Hidden(tw.Module):
    def __init__(self) -> None:
        self._one, self._two = tw.Dense(3), tw.Dense(1)

    def __call__(self, x):
        return self._two(self._one(x))


class OnTheFly(tw.Module):
    def __call__(self, x):
        return tw.Dense(3)(x)


@pytest.mark.parametrize("kind", [Hidden, OnTheFly])
def test_parts_that_cannot_be_found_are_refused(kind: type[tw.Module]) -> None:
    """A part in a private attribute, or made during the call, has no path."""
    with pytest.raises(TalwegError, match="is not part of the network"):
        kind().init(X)


def test_a_custom_parameter_has_one_shape() -> None:
    class Torn(tw.Module):
        def __call__(self, x):
            return x * self.parameter("w", (3,)) + self.parameter("w", (1,))

    with pytest.raises(ShapeError, match=r"w: this input needs shape \(1,\)"):
        Torn().init(X)


@pytest.mark.parametrize(
    ("work", "error", "words"),
    [
        (lambda: tw.Dense(2).parameter("w", (1,)), RecordingError, "inside a module's __call__"),
        (lambda: mlp()(X), RecordingError, "call net.init(X), or fit it"),
        (lambda: mlp().predict(X), RecordingError, "has no weights yet"),
        (lambda: mlp().weights, RecordingError, "has no weights yet"),
        (lambda: tw.Sequential(tw.Dense), SettingError, "write Dense(...)"),
        (lambda: tw.Dense(0), SettingError, "units must be an integer of at least 1"),
        (lambda: tw.Dense(2.5), SettingError, "units must be an integer"),
        (lambda: tw.Dense(2, bias=1), SettingError, "bias must be True or False"),
        (lambda: tw.Sequential(dtype="float16"), SettingError, "one of 'float32', 'float64'"),
        (lambda: mlp().init(X[0]), ShapeError, "Dense needs rows (N, D)"),
        (lambda: mlp().init(3.0), ShapeError, "X must hold rows, but is a single number"),
        (lambda: mlp().init([["a", "b"]]), DtypeError, "for a table with text"),
        (lambda: mlp().init(X, seed=-1), TalwegError, "seed must be an integer of at least 0"),
        (lambda: mlp().init(X)(X[:, :2]), ShapeError, "needs shape (2, 4), but the network"),
        (lambda: mlp().init(X).predict(X[:, :2]), ShapeError, "check the number of columns"),
        (lambda: mlp().init(X).predict(X, batch_size=0), TalwegError, "batch_size"),
        (lambda: tw.fit(tw.Sequential("relu"), X, X), TalwegError, "no parameters"),
    ],
)
def test_refused(work, error, words: str) -> None:
    with pytest.raises(error) as raised:
        work()
    assert words in str(raised.value)


def test_a_call_must_return_a_tensor() -> None:
    class Untrue(tw.Module):
        def __call__(self, x):
            return [x]

    with pytest.raises(RecordingError, match=r"Untrue\.__call__ returned list, not a tensor"):
        Untrue().init(X)


# Starting again, copying ------------------------------------------------------------------------


def test_same_seed_same_weights() -> None:
    first, again, other = (mlp().init(X, seed=seed).weights.flat for seed in (5, 5, 6))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_init_again_draws_new_weights_for_new_columns() -> None:
    net = mlp().init(X, seed=1)
    start = net.weights.flat.copy()
    net.weights.flat[:] = 0
    np.testing.assert_array_equal(net.init(X, seed=1).weights.flat, start)
    assert net.init(X[:, :2]).weights["0.weight"].shape == (2, 4)


def test_a_deep_copy_is_a_net_of_its_own() -> None:
    net = mlp().init(X)
    start = net.predict(X)
    twin = copy.deepcopy(net)
    assert np.shares_memory(twin.weights.flat, twin.weights["0.weight"])
    tw.fit(twin, X, np.zeros((7, 2)), epochs=5, optimizer=tw.SGD(lr=0.1))
    assert not np.array_equal(twin.predict(X), start)
    np.testing.assert_array_equal(net.predict(X), start)


# Summary and names ------------------------------------------------------------------------------


GOLDEN = """\
layer  kind                               output     parameters
0      Dense(1000, 'relu')                (N, 1000)  29,000
1      Dense(10, 'identity', bias=False)  (N, 10)    10,000
39,000 parameters (156,000 bytes), 78,000 operations per row"""


def test_summary() -> None:
    """2 D H operations for each product, H for the bias, H for relu."""
    net = tw.Sequential(tw.Dense(1000, "relu"), tw.Dense(10, bias=False)).init(np.zeros((1, 28)))
    assert net.summary() == GOLDEN
    assert max(map(len, GOLDEN.splitlines())) <= 80


def test_the_summary_names_own_modules() -> None:
    summary = tw.Sequential(Scale(), tw.Dense(2)).init(X).summary()
    assert "Scale" in summary
    assert " at 0x" not in summary
    assert max(map(len, summary.splitlines())) <= 80


def test_the_summary_of_a_part_refers_to_the_network() -> None:
    """A part does not know the number of its inputs."""
    with pytest.raises(TalwegError, match="part of a Sequential"):
        mlp().init(X).layers[0].summary()


def test_repr() -> None:
    net = tw.Sequential(tw.Dense(4, "relu", bias=False), tw.Dense(1))
    assert repr(net) == "Sequential(Dense(4, 'relu', bias=False), Dense(1, 'identity'))"


def test_a_trained_part_keeps_its_weights_in_another_network() -> None:
    """Transfer learning: the trained layer keeps a copy of its weights, the new one is drawn."""
    layer = tw.Dense(4, "tanh")
    first = tw.Sequential(layer, tw.Dense(1)).init(X, seed=1)
    learned = first.weights["0.weight"].copy()
    second = tw.Sequential(layer, tw.Dense(2)).init(X, seed=2)
    np.testing.assert_array_equal(second.weights["0.weight"], learned)
    second.weights["0.weight"] = 0 * learned
    np.testing.assert_array_equal(first.weights["0.weight"], learned)
    assert layer.network is second


def test_init_again_draws_new_weights() -> None:
    net = mlp().init(X, seed=1)
    before = net.weights.flat.copy()
    assert (net.init(X, seed=2).weights.flat != before).any()
    np.testing.assert_array_equal(net.init(X, seed=1).weights.flat, before)


def test_a_trained_part_keeps_its_trained_not_its_assigned_weights() -> None:
    layer = tw.Dense(2)
    layer.weights = {"weight": np.ones((3, 2)), "bias": np.ones(2)}
    first = tw.Sequential(layer, tw.Dense(1)).init(X)
    first.weights["0.weight"] = 5.0 * np.ones((3, 2))
    assert (tw.Sequential(layer, tw.Dense(1)).init(X).weights["0.weight"] == 5).all()


# How a parameter starts -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shape", "reach"),
    [
        ((), 0),
        ((6,), 0),
        ((0,), 0),
        ((3, 5), (6 / 8) ** 0.5),  # Glorot's sqrt(6 / (fan-in + fan-out))
        ((50, 1), (6 / 51) ** 0.5),
        ((3, 3, 2, 8), (6 / 26) ** 0.5),
        ((np.int64(4), 4), (6 / 8) ** 0.5),
    ],
)
def test_the_default_initializer_depends_on_the_shape(shape, reach: float) -> None:
    class Own(tw.Module):
        def __call__(self, x: tw.Tensor) -> tw.Tensor:
            return x + 0.0 * self.parameter("p", shape).sum()

    found = Own().init(np.ones((2, 3)), seed=1).weights["p"]
    assert found.shape == shape and np.abs(found).max(initial=0) <= reach
    if reach:
        assert np.abs(found).min() > 0 and found.std() > reach / 4
        assert (Own().init(np.ones((2, 3)), seed=2).weights["p"] != found).any()


@pytest.mark.parametrize("shape", [3, (-1,), (2.5,), "ab", None, (True,), [None]], ids=str)
def test_an_invalid_shape_is_refused(shape: object) -> None:
    class Own(tw.Module):
        def __call__(self, x: tw.Tensor) -> tw.Tensor:
            return x * self.parameter("p", shape)

    with pytest.raises(
        ShapeError, match=r"parameter\('p'\): its shape must be a tuple of non-negative"
    ):
        Own().init(np.ones((2, 3)))


@pytest.mark.parametrize("init", ["zeros", "ones", 0.5, [1.0, 2.0, 3.0]])
def test_given_initial_values_are_used(init: object) -> None:
    class Own(tw.Module):
        def __call__(self, x: tw.Tensor) -> tw.Tensor:
            return x * self.parameter("p", (3,), init)

    found = Own().init(np.ones((2, 3))).weights["p"]
    assert (
        found.tolist() == np.broadcast_to({"zeros": 0, "ones": 1}.get(str(init), init), 3).tolist()
    )
