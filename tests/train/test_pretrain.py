"""Layer-wise pretraining: what it trains, on which inputs, and the unfolded autoencoder."""

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import talweg as tw
from talweg.errors import DataError, SettingError, ShapeError, TalwegError

RANDOM = np.random.default_rng(0)
X = (RANDOM.normal(size=(60, 2)) @ RANDOM.normal(size=(2, 8)) > 0).astype(float)
Y = X[:, :1] * X[:, 1:2]
METHODS: dict[str, tw.RBM | tw.DenoisingAutoencoder] = {
    "rbm": tw.RBM(),
    "persistent": tw.RBM(persistent=True, chains=10),
    "autoencoder": tw.DenoisingAutoencoder(),
    "untied": tw.DenoisingAutoencoder(tied=False, corruption=0.1),
}
EACH_METHOD = pytest.mark.parametrize("name", METHODS)


def network(*layers: Any, dtype: str = "float64") -> tw.Sequential:
    layers = layers or (tw.Dense(6, "sigmoid"), tw.Dense(5, "sigmoid"), tw.Dense(1))
    return tw.Sequential(*layers, dtype=dtype).init(X, seed=3)


def pretrained(net: tw.Sequential | None = None, **settings: Any) -> tw.Pretraining:
    given: dict[str, Any] = {"optimizer": tw.SGD(lr=0.1), "epochs": 4, "batch_size": 7}
    return tw.pretrain(net or network(), X, **{**given, **settings})


# What is trained ----------------------------------------------------------------------------------


@EACH_METHOD
def test_each_layer_learns_from_the_output_of_the_layers_below(name: str) -> None:
    """The bits equal those of two pairs that are trained by hand."""
    method, start = METHODS[name], network().weights.copy()
    found = pretrained(method=method).net.weights
    rows = X
    for place, units in enumerate((6, 5)):
        pair = tw.RBM(units, persistent=True, chains=10) if name == "persistent" else None
        pair = (
            pair
            or {
                "rbm": lambda n=units: tw.RBM(n),
                "autoencoder": lambda n=units: tw.DenoisingAutoencoder(n),
                "untied": lambda n=units: tw.DenoisingAutoencoder(n, tied=False, corruption=0.1),
            }[name]()
        )
        pair.dtype = "float64"
        pair.weights = {each: start[f"{place}.{each}"] for each in ("weight", "bias")}
        rule = tw.SGD(lr=0.1)
        tw.fit(pair, rows, rows, loss=pair.loss, optimizer=rule, epochs=4, batch_size=7)
        for each in ("weight", "bias"):
            assert_array_equal(found[f"{place}.{each}"], pair.weights[each])
            assert (pair.weights[each] != start[f"{place}.{each}"]).all()
        below = tw.Sequential(tw.Dense(units, "sigmoid"), dtype="float64")
        below.weights = {f"0.{each}": pair.weights[each] for each in ("weight", "bias")}
        rows = below.init(rows).predict(rows)
    for each in ("weight", "bias"):
        assert_array_equal(found[f"2.{each}"], start[f"2.{each}"])


def test_layers_selects_which_are_trained() -> None:
    start = network().weights.copy()
    found = pretrained(layers=[1]).net.weights
    changed = {name for name in start if (found[name] != start[name]).any()}
    assert changed == {"1.weight", "1.bias"}
    upper = pretrained(pretrained(layers=[0]).net, layers=[1]).net
    assert_array_equal(upper.weights.flat, pretrained().net.weights.flat)


def test_a_list_has_one_for_each_layer() -> None:
    rules = [tw.SGD(lr=0.1), tw.Adam(lr=0.01)]
    methods = [tw.RBM(k=2), tw.DenoisingAutoencoder()]
    found = pretrained(method=methods, optimizer=rules, epochs=[2, 5])
    assert [run.epochs for run in found.runs] == [2, 5]
    assert [run.settings["optimizer"] for run in found.runs] == [rule.brief() for rule in rules]
    kinds = [(type(run.net), run.net.units) for run in found.runs]  # type: ignore[attr-defined]
    assert kinds == [(tw.RBM, 6), (tw.DenoisingAutoencoder, 5)]
    assert found.layers == (0, 1) and found.seconds > 0


def test_the_given_method_is_not_changed() -> None:
    method = tw.RBM()
    pretrained(method=method)
    assert method.units is None and not method.is_initialized


def test_layers_in_between_act_as_in_evaluation() -> None:
    layers = (
        tw.Dropout(0.5),
        tw.Dense(6, "sigmoid"),
        tw.GaussianNoise(9.0),
        tw.Dense(5, "sigmoid"),
        tw.Dense(1),
    )
    net, plain = network(*layers), network()
    for new, old in ((0, 1), (1, 3), (2, 4)):
        plain.layers[new].weights.update(net.layers[old].weights)
    found = pretrained(net).net.weights
    expected = pretrained(plain).net.weights
    assert_array_equal(found.flat, expected.flat)


@pytest.mark.parametrize(
    ("rows", "kind", "visible"),
    [
        (X, "sigmoid", ["sigmoid", "sigmoid"]),
        (3 * X - 1, "sigmoid", ["identity", "sigmoid"]),
        (X, "tanh", ["sigmoid", "tanh"]),
        (X, "silu", ["sigmoid", "identity"]),
    ],
)
def test_visible_units_match_the_values_of_the_rows(
    rows: Any, kind: str, visible: list[str]
) -> None:
    net = tw.Sequential(tw.Dense(6, kind), tw.Dense(5, "sigmoid"), tw.Dense(1))
    found = tw.pretrain(net, rows, method=tw.DenoisingAutoencoder(), epochs=1)
    assert [run.net.visible for run in found.runs] == visible  # type: ignore[attr-defined]


def test_layers_without_bias_and_float32() -> None:
    net = network(tw.Dense(4, "sigmoid", bias=False), tw.Dense(1), dtype="float32")
    found = pretrained(net)
    assert list(net.weights) == ["0.weight", "1.weight", "1.bias"]
    assert list(found.runs[0].net.weights) == ["weight", "visible_bias"]
    assert found.runs[0].net.weights.flat.dtype == np.float32


# Same seed, same weights --------------------------------------------------------------------------


@EACH_METHOD
def test_engines_agree(name: str) -> None:
    runs = [pretrained(method=METHODS[name], engine=engine) for engine in ("numpy", "native")]
    assert_allclose(runs[0].net.weights.flat, runs[1].net.weights.flat, 1e-9, 1e-9)


@pytest.mark.slow
@EACH_METHOD
def test_the_seed_decides(name: str) -> None:
    same, other = (pretrained(method=METHODS[name], seed=seed).net.weights.flat for seed in (5, 6))
    assert_array_equal(pretrained(method=METHODS[name], seed=5).net.weights.flat, same)
    assert (same != other).any()


@pytest.mark.slow
@EACH_METHOD
def test_threads_do_not_change_a_bit(name: str) -> None:
    rows = (np.random.default_rng(1).normal(size=(300, 256)) > 0).astype(np.float32)

    def weights(threads: int) -> np.ndarray:
        net = tw.Sequential(tw.Dense(128, "sigmoid"), tw.Dense(64, "sigmoid"), tw.Dense(1))
        given: dict[str, Any] = {"epochs": 2, "batch_size": 128, "threads": threads}
        return tw.pretrain(net, rows, method=METHODS[name], **given).net.weights.flat

    for threads in (2, 3):
        assert_array_equal(weights(threads), weights(1))


# Unfolding ----------------------------------------------------------------------------------------


@EACH_METHOD
def test_an_unfolded_net_encodes_and_decodes(name: str) -> None:
    encoder = network(tw.Dense(6, "sigmoid"), tw.Dense(2, "sigmoid"))
    stack = pretrained(encoder, method=METHODS[name], layers=range(2))
    whole = stack.unfold()
    assert [layer.units for layer in whole.layers] == [6, 2, 6, 8]
    h = encoder.predict(X)
    for run in stack.runs[::-1]:
        own = run.net.weights.copy()
        back = own["visible_weight"] if name == "untied" else own["weight"].T
        h = 1 / (1 + np.exp(-h @ back - own["visible_bias"]))
    assert_allclose(whole.predict(X), h, rtol=1e-9)


def test_an_unfolded_net_learns_with_weights_of_its_own() -> None:
    encoder = network(tw.Dense(6, "sigmoid"), tw.Dense(2))
    stack = pretrained(encoder, layers=range(2), optimizer=[tw.SGD(lr=0.1), tw.SGD(lr=0.01)])
    whole, before = stack.unfold(), encoder.weights.copy()
    run = tw.fit(whole, X, X, epochs=60, loss="binary_cross_entropy", optimizer=tw.Adam(lr=0.01))
    assert run.history["loss"][-1] < 0.7 * run.history["loss"][0]
    for name, values in before.items():
        assert_array_equal(encoder.weights[name], values)
    assert not np.array_equal(whole.weights["0.weight"].T, whole.weights["3.weight"])
    code = tw.Sequential(*whole.layers[:2], dtype="float64").init(X)
    assert_array_equal(code.weights["1.weight"], whole.weights["1.weight"])
    assert code.predict(X).shape == (60, 2)


def test_a_net_is_pretrained_again_with_its_own_weights_after_unfolding() -> None:
    encoder, twin = (network(tw.Dense(6, "sigmoid"), tw.Dense(2, "sigmoid")) for _ in range(2))
    whole = pretrained(encoder, layers=range(2)).unfold()
    whole.weights.flat[:] += 1.0
    twin.weights.update(encoder.weights)
    theirs = whole.weights.copy()
    for net in (encoder, twin):
        pretrained(net, layers=1)
    assert_array_equal(encoder.weights.flat, twin.weights.flat)
    for name, values in theirs.items():
        assert_array_equal(whole.weights[name], values)


def test_a_partly_pretrained_net_is_not_unfolded() -> None:
    with pytest.raises(SettingError, match=r"all 3 layers .* only \[0, 1\] are"):
        pretrained().unfold()


# What it is good for ------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_deep_net_learns_after_pretraining_and_not_without() -> None:
    """Which axis has more bars? From random weights the net learns only the mean."""
    across, down = np.random.default_rng(1).random((2, 1000, 6)) < 0.2
    inputs = (across[:, :, None] | down[:, None, :]).reshape(-1, 36).astype(float)
    goal = (across.sum(1) > down.sum(1))[:, None].astype(float)

    def loss(prepares: bool) -> float:
        hidden = [tw.Dense(24, "sigmoid") for _ in range(5)]
        net = tw.Sequential(*hidden, tw.Dense(1)).init(inputs, seed=0)
        rule = tw.SGD(lr=0.1, momentum=0.9)
        if prepares:
            tw.pretrain(net, inputs, optimizer=rule, epochs=40, batch_size=50)
        settings: dict[str, Any] = {"loss": "binary_cross_entropy", "epochs": 20}
        run = tw.fit(net, inputs, goal, optimizer=rule, batch_size=50, **settings)
        return float(run.history["loss"][-1])

    assert loss(False) > 0.6 > 0.3 > loss(True)


# What is refused ----------------------------------------------------------------------------------


REFUSED: dict[str, tuple[Any, type[TalwegError], str]] = {
    "a module": (lambda: tw.pretrain(tw.Dense(3), X), SettingError, "net must be a tw.Sequential"),
    "a part": (
        lambda: tw.pretrain(network(tw.Sequential(tw.Dense(2)), tw.Dense(1)).layers[0], X),
        SettingError,
        "not part of another",
    ),
    "nothing hidden": (lambda: pretrained(network(tw.Dense(1))), SettingError, "no hidden dense"),
    "a place": (lambda: pretrained(layers=[0, 3]), SettingError, r"\[0, 1, 2\], not 3"),
    "a function": (
        lambda: pretrained(network(tw.Dense(4), "sigmoid", tw.Dense(1))),
        SettingError,
        r"tw.Dense\(4, \"sigmoid\"\)",
    ),
    "a short list": (lambda: pretrained(epochs=[1]), SettingError, "1 entries for 2 layers"),
    "another method": (lambda: pretrained(method="rbm"), SettingError, "method must be tw.RBM"),
    "units": (
        lambda: pretrained(method=tw.RBM(9)),
        SettingError,
        "has 9 units, but pretrain uses those",
    ),
    "relu": (
        lambda: pretrained(network(tw.Dense(4, "sigmoid"), tw.Dense(3, "relu"), tw.Dense(1))),
        SettingError,
        "'relu' hidden units",
    ),
    "epochs": (lambda: pretrained(epochs=0), SettingError, "epochs must be"),
    "columns": (lambda: tw.pretrain(network(), X[:, 1:]), ShapeError, "shape"),
    "no rows": (lambda: tw.pretrain(network(), X[:0]), DataError, "no rows"),
    "missing": (lambda: tw.pretrain(network(), X * np.nan), DataError, "nan"),
    "range": (
        lambda: tw.pretrain(network(), X + 1, method=tw.RBM(visible="sigmoid")),
        DataError,
        "from 0 to 1",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_impossible_settings_are_refused(case: str) -> None:
    make, error, words = REFUSED[case]
    with pytest.raises(error, match=words):
        make()


def test_an_error_leaves_the_net_unchanged() -> None:
    net = network(tw.Dense(4, "sigmoid"), tw.Dense(3, "relu"), tw.Dense(1))
    before = net.weights.copy()
    with pytest.raises(SettingError, match="relu"):
        pretrained(net)
    for name, values in before.items():
        assert_array_equal(net.weights[name], values)
    fresh = tw.Sequential(tw.Dense(4, "sigmoid"), tw.Dense(3, "relu"), tw.Dense(1))
    with pytest.raises(SettingError, match="relu"):
        tw.pretrain(fresh, X)
    assert not fresh.is_initialized


def test_pretraining_ends_at_a_layer_that_diverges() -> None:
    numbers = 50 * RANDOM.normal(size=X.shape)
    net = tw.Sequential(tw.Dense(6, "sigmoid"), tw.Dense(5, "sigmoid"), tw.Dense(1))
    with pytest.warns(tw.TrainingWarning):
        found = tw.pretrain(net, numbers, optimizer=tw.SGD(lr=100.0), epochs=50)
    assert found.layers == (0,) and found.runs[0].stopped_by == "non_finite"
    assert np.isfinite(net.weights.flat).all()
