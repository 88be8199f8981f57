"""Settings may be numbers, flags and texts of NumPy: all public functions convert them."""

import dataclasses
import inspect
import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import talweg as tw
from talweg.nn.bins import Bins
from talweg.settings import Checked, Choice, Flag, Number, check, plain

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(20, 3))
Y = X[:, :1]
BITS = (X > 0).astype(float)


def as_numpy(value: Any) -> list[Any]:
    """The same value as NumPy's own, in each form that it may come in."""
    if isinstance(value, bool):
        return [np.bool_(value), np.array(value)]
    if isinstance(value, int):
        return [np.int64(value), np.uint64(value), np.array(value)]
    if isinstance(value, float):
        return [np.float64(value), np.array(value), np.longdouble(value)]
    if isinstance(value, str):
        return [np.str_(value)]
    return [tuple(map(np.int64, value)), np.array(value)]


# One value ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value", [True, False, 3, -7, 2**62, 0.5, 1e300, "adam", (64, 32)], ids=str
)
def test_plain_gives_pythons_own(value: Any) -> None:
    for form in as_numpy(value) if value != -7 else [np.int8(-7), np.array(-7)]:
        found = plain(form)
        if isinstance(found, np.ndarray):  # a row of numbers is no single one
            assert found is form
        else:
            assert found == value and type(found) is type(value)
            json.dumps(found)


@pytest.mark.parametrize("value", [None, [1, [2.5]], {"a": 1}, b"x", 1 + 2j, len, np.ones(2)])
def test_plain_leaves_the_rest(value: Any) -> None:
    assert plain(value) is value or plain(value) == value


def test_other_libraries_scalars_are_plain_too() -> None:
    torch = pytest.importorskip("torch")
    assert plain(torch.tensor(0.5)) == 0.5 and plain(torch.tensor(3)) == 3
    assert type(plain(Fraction(1, 4))) is float


@pytest.mark.parametrize(
    ("rule", "value"),
    [
        (Number(whole=True), np.float64(3.0)),
        (Number(whole=True), np.bool_(True)),
        (Number(), np.bool_(True)),
        (Number(), np.complex128(1)),
        (Number(), np.float64("nan")),
        (Number(), np.ones(1)),
        (Number(above=0), np.float32(0)),
        (Flag(), np.int64(1)),
        (Flag(), np.array([True])),
        (Choice(("a", "b")), np.str_("c")),
        (Choice(("a", "b")), np.bytes_(b"a")),
    ],
)
def test_what_a_rule_refuses_it_refuses_as_numpys_too(rule: Any, value: Any) -> None:
    with pytest.raises(tw.SettingError, match="owner: name must be"):
        check("owner", {"name": value}, {"name": rule})


# Every record of settings -----------------------------------------------------------------------

RECORDS = [
    kind
    for name in tw.__all__
    if isinstance(kind := getattr(tw, name), type)
    and issubclass(kind, Checked)
    and dataclasses.is_dataclass(kind)
    and kind not in (tw.Optimizer, tw.FullBatch, tw.Schedule)
]
NEEDED: dict[str, dict[str, Any]] = {
    "Range": {"low": 0.1, "high": 0.9},
    "Checkpoint": {"path": "a.run"},
    "SuccessiveHalving": {"min_epochs": 3},
    "Holdout": {"share": 0.25},
    "SGD": {"momentum": 0.5},
}
OPEN = {"every": 0.5, "epochs": 4, "restart_after": 5}
"""Values for what is None unless given."""


def settings_of(kind: type[Any]) -> dict[str, Any]:
    """What each single setting of a record may be; those that are records themselves left out."""
    names = set(inspect.signature(kind).parameters)
    fields = {each.name: each.default for each in dataclasses.fields(kind) if each.name in names}
    given = {name: OPEN.get(name) if value is None else value for name, value in fields.items()}
    given |= NEEDED.get(kind.__name__, {})
    return {n: v for n, v in given.items() if isinstance(v, bool | int | float | str)}


@pytest.mark.parametrize("kind", RECORDS, ids=lambda kind: kind.__name__)
def test_each_record_keeps_pythons_own(kind: type[Any]) -> None:
    settings = settings_of(kind)
    wanted = kind(**settings)
    assert settings and len(RECORDS) > 30
    for name, value in settings.items():
        for form in as_numpy(value):
            found = kind(**{**settings, name: form})
            assert repr(found) == repr(wanted)
            assert type(getattr(found, name)) is type(getattr(wanted, name))


# Every module ---------------------------------------------------------------------------------

MODULES: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
    "Dense": (tw.Dense, {"units": 3, "activation": "tanh", "bias": False, "max_norm": 0.5}),
    "Dropout": (tw.Dropout, {"rate": 0.25}),
    "GaussianNoise": (tw.GaussianNoise, {"stddev": 0.25}),
    "DropConnect": (tw.DropConnect, {"units": 3, "rate": 0.25}),
    "NoisyDense": (tw.NoisyDense, {"units": 3, "stddev": 0.25}),
    "Embedding": (tw.Embedding, {"num_embeddings": 5, "embedding_dim": 2}),
    "LayerNorm": (tw.LayerNorm, {"eps": 0.5}),
    "BatchNorm": (tw.BatchNorm, {"momentum": 0.5, "eps": 0.25}),
    "RBM": (
        tw.RBM,
        {"units": 3, "visible": "sigmoid", "k": 2, "chains": 4, "persistent": True,
         "sample_visible": True},
    ),
    "DenoisingAutoencoder": (
        tw.DenoisingAutoencoder, {"units": 3, "visible": "tanh", "corruption": 0.5, "tied": False},
    ),
    "Sequential": (lambda dtype: tw.Sequential(tw.Dense(1), dtype=dtype), {"dtype": "float64"}),
    "Bins": (lambda scale: Bins({0: [0.0, 1.0, 2.0]}, scale=scale), {"scale": 0.5}),
    "Bins.from_rows": (lambda max_bins: Bins.from_rows(X, max_bins), {"max_bins": 4}),
}  # fmt: skip


def single(module: Any) -> dict[str, Any]:
    kinds = (bool, int, float, str, np.generic)
    return {
        name: value
        for name, value in vars(module).items()
        if name[0] != "_" and isinstance(value, kinds)
    }


@pytest.mark.parametrize("name", MODULES)
def test_each_module_keeps_pythons_own(name: str) -> None:
    make, settings = MODULES[name]
    wanted = make(**settings)
    for each, value in settings.items():
        for form in as_numpy(value):
            found = make(**{**settings, each: form})
            assert repr(single(found)) == repr(single(wanted)) and repr(found) == repr(wanted)


def test_losses_too() -> None:
    for form in as_numpy(0.5):
        assert tw.Huber(form).name == tw.Huber(0.5).name
        assert tw.CrossEntropy(form).name == tw.CrossEntropy(0.5).name


# Every function ---------------------------------------------------------------------------------


def net() -> tw.Sequential:
    return tw.Sequential(tw.Dense(2, "tanh"), tw.Dense(1))


def of_run(run: tw.Run) -> str:
    settings = {name: value for name, value in run.settings.items() if name != "progress"}
    return json.dumps([settings, run.net.weights.flat.tolist(), run.epochs], sort_keys=True)


def of_sweep(sweep: tw.Sweep) -> str:
    return json.dumps([sweep.points, *map(of_run, sweep.runs)])


def fit(**given: Any) -> str:
    given = {"epochs": 3, **given}
    return of_run(tw.fit(net(), X, Y, **given))


def sweep(**given: Any) -> str:
    given = {"epochs": 2, "over": {"lr": [0.25, 0.5]}, "optimizer": "sgd", **given}
    return of_sweep(tw.sweep(net, X, Y, **given))


def swept(name: str) -> Callable[..., str]:
    return lambda value: sweep(over={name: [value, value]})


def table(**given: Any) -> str:
    given = {"target": "y", "epochs": 2, "n_estimators": 1, "bins": 0, **given}
    return json.dumps(tw.TableModel(**given).settings)


def pretrained(**given: Any) -> str:
    found = tw.pretrain(tw.Sequential(tw.Dense(2, "sigmoid"), tw.Dense(1)), BITS, **given)
    return json.dumps([of_run(each) for each in found.runs])


def kinds_of(**given: Any) -> str:
    rows = np.abs(X).tolist()
    model = tw.TableModel(**{"target": 2, **given})
    return json.dumps([each.name for each in model.kinds(rows)] + [repr(model.settings)])


FUNCTIONS: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
    "fit": (
        fit,
        {"epochs": 3, "batch_size": 7, "shuffle": False, "seed": 5, "threads": 1,
         "restore_best": False, "engine": "numpy", "progress": False, "watch": True,
         "resume": False, "loss": "mae", "optimizer": "sgd", "metrics": "mae", "validation": 0.25},
    ),
    "fit, natively": (fit, {"epochs": 3, "batch_size": 7, "seed": 5, "validation": 0.25}),
    "fit's rates": (lambda rate: fit(lr_multipliers={"0": rate}), {"rate": 0.5}),
    "fit's classes": (
        lambda weight: of_run(
            tw.fit(net(), X, BITS[:, :1], loss="binary_cross_entropy", epochs=2,
                   class_weight={0: weight, 1: 1})
        ),
        {"weight": 0.5},
    ),
    "a schedule of one's own": (
        lambda lr: tw.fit(
            net(), X, Y, epochs=2, optimizer=tw.SGD(lr=lambda done: lr)
        ).net.weights.flat.tolist(),
        {"lr": 0.25},
    ),
    "predict": (
        lambda batch_size: net().init(X).predict(X, batch_size=batch_size).tolist(),
        {"batch_size": 6},
    ),
    "init": (lambda seed: net().init(X, seed=seed).weights.flat.tolist(), {"seed": 4}),
    "sweep": (
        sweep,
        {"points": 2, "threads": 1, "engine": "numpy", "progress": False,
         "seed": 3, "epochs": 2, "batch_size": 5, "validation": 0.25, "restore_best": False},
    ),
    "over lr": (swept("lr"), {"value": 0.5}),
    "over batch_size": (swept("batch_size"), {"value": 4}),
    "over shuffle": (swept("shuffle"), {"value": False}),
    "over validation": (swept("validation"), {"value": 0.25}),
    "over loss": (swept("loss"), {"value": "mae"}),
    "restarts": (
        lambda **given: of_sweep(tw.restarts(net, X, Y, **{"starts": 2, **given}, epochs=2).sweep),
        {"starts": 2, "seed": 3, "tolerance": 0.5, "solved": 0.25},
    ),
    "chance": (
        lambda starts: repr(tw.restarts(net, X, Y, starts=2, epochs=2, solved=9.0).chance(starts)),
        {"starts": 3},
    ),
    "stages": (
        lambda **given: tw.lower(net(), X, Y, **given).plan,
        {"batch_size": 7, "epochs": 2, "seed": 3, "shuffle": False},
    ),
    "lr_find": (
        lambda **given: tw.lr_find(net(), X, Y, **given).suggestion,
        {"min_lr": 0.001, "max_lr": 10.0, "steps": 40, "batch_size": 5, "seed": 2},
    ),
    "kfold": (
        lambda **given: [each.validation.tolist() for each in tw.kfold(**{"n": 9, **given})],
        {"n": 9, "n_splits": 3, "test": True, "seed": 2},
    ),
    "pretrain": (
        pretrained,
        {"layers": 0, "epochs": 2, "batch_size": 8, "seed": 3, "engine": "numpy", "threads": 1},
    ),
    "TableModel": (
        table,
        {"target": "y", "task": "regression", "weight": "w", "hidden": (4, 3),
         "activation": "tanh", "dropout": 0.25, "bins": 2, "n_estimators": 1, "epochs": 2,
         "batch_size": 8, "patience": 3, "time_budget": 50.0, "drop": "z", "optimizer": "sgd"},
    ),
    "TableModel's columns": (kinds_of, {"target": 1, "drop": 0, "weight": 0, "time": 0}),
    "functions of arrays": (
        lambda axis, keepdims, classes, size, order: [
            tw.sum(X, axis=axis, keepdims=keepdims).tolist(),
            tw.softmax(tw.constant(X), axis=axis).array.tolist(),
            tw.one_hot(np.array([0, 1]), classes).tolist(),
            tw.reshape(X, size, 6).tolist(),
            tw.check_gradients(lambda x: (x * x).sum(), np.ones(2), order=order),
        ],
        {"axis": 1, "keepdims": True, "classes": 3, "size": 10, "order": 2},
    ),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore::talweg.DataWarning")
@pytest.mark.parametrize("name", FUNCTIONS)
def test_each_function_takes_numpys_settings(name: str) -> None:
    function, settings = FUNCTIONS[name]
    needed = settings if name in ("functions of arrays",) or len(settings) == 1 else {}
    for each, value in settings.items():
        wanted = function(**{**needed, each: value})
        for form in as_numpy(value):
            assert function(**{**needed, each: form}) == wanted, (each, form)


SERIES = {
    "NumPy": np.array,
    "pandas": lambda values: pytest.importorskip("pandas").Series(values, index=[7, 8]),
    "PyTorch": lambda values: pytest.importorskip("torch").tensor(values),
}


@pytest.mark.parametrize("made", SERIES.values(), ids=list(SERIES))
@pytest.mark.parametrize(("name", "values"), [("lr", [0.25, 0.5]), ("batch_size", [4, 5])])
def test_a_sweep_goes_over_the_values_of_a_series(made: Any, name: str, values: Any) -> None:
    assert sweep(over={name: made(values)}) == sweep(over={name: values})


@pytest.mark.parametrize("columns", [{np.str_("b"): np.str_("category")}, {"b": np.array(["x"])}])
def test_what_columns_are_is_kept_as_pythons_own(columns: Any) -> None:
    assert "np." not in repr(tw.TableModel("y", columns=columns).settings)


# What is saved ----------------------------------------------------------------------------------


def test_a_table_model_with_numpys_settings_is_saved_and_loaded(tmp_path: Path) -> None:
    file = tmp_path / "m.talweg"
    given = {"epochs": np.int64(2), "hidden": np.array([4, 3]), "dropout": np.float32(0.25)}
    model = tw.TableModel("y", n_estimators=np.int8(1), **given)
    model.fit({"x": X[:, 1], "y": Y[:, 0]}, seed=np.uint32(1)).save(file)
    assert {**tw.load(file).settings, **model.settings} == tw.load(file).settings


@pytest.mark.parametrize("first", [False, True])
def test_a_checkpoint_is_of_the_same_run_whichever_settings_it_was_given(
    first: bool, tmp_path: Path
) -> None:
    ours = {"epochs": 3, "batch_size": 7, "seed": 5, "validation": 0.25, "restore_best": True}
    ours["lr_multipliers"] = {"0": 0.5}
    theirs = {
        "epochs": np.int64(3), "batch_size": np.array(7), "seed": np.uint8(5),
        "validation": np.float32(0.25), "restore_best": np.bool_(True),
        "lr_multipliers": {"0": np.float32(0.5)},
    }  # fmt: skip
    both = [ours, theirs][:: 1 if first else -1]
    rules = [tw.SGD(lr=0.25), tw.SGD(lr=np.float32(0.25))]
    for given, rule, resume in zip(both, rules, (False, np.True_), strict=True):
        kept = {**given, "optimizer": rule, "checkpoint": tmp_path / "a.run", "resume": resume}
        tw.fit(net(), X, Y, **kept)


@pytest.mark.parametrize("first", [False, True])
def test_a_sweeps_file_is_of_the_same_sweep_too(first: bool, tmp_path: Path) -> None:
    ours: dict[str, Any] = {"over": {"lr": [0.25, 0.5]}, "epochs": 3, "batch_size": 5}
    theirs = {
        "over": {"lr": [np.float32(0.25), np.array(0.5)]},
        "epochs": np.int64(3), "batch_size": np.int16(5),
    }  # fmt: skip
    both = [ours, theirs][:: 1 if first else -1]
    for given, resume in zip(both, (False, np.True_), strict=True):
        given = {**given, "optimizer": "sgd", "checkpoint": tmp_path / "a.sweep"}
        tw.sweep(net, X, Y, resume=resume, **given)


def test_brief_shows_the_learning_rate_and_what_differs_from_the_defaults() -> None:
    rule = tw.AdamW(lr=tw.CosineDecay(0.004), weight_decay=0.01, clip_norm=1.0)
    assert rule.brief() == "AdamW(lr=CosineDecay(start=0.004), clip_norm=1.0)"
    assert tw.SGD().brief() == "SGD(lr=0.01)"
    assert tw.LBFGS().brief() == "LBFGS()"
    assert tw.L1L2(l1=0.1).brief() == "L1L2(l1=0.1)"
