"""Model files with correct digests and forged content are refused when they are loaded."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import talweg as tw
from talweg.data.model.model_file import read_model, write_model

RANDOM = np.random.default_rng(0)
ROWS = [
    [x, "ab"[i % 2], f"2020-01-{i % 28 + 1:02}", ["low", "medium", "high"][i % 3], x > 0, x + y]
    for i, (x, y) in enumerate(RANDOM.normal(size=(60, 2)).tolist())
]
BRIEF: dict[str, Any] = {"n_estimators": 2, "epochs": 2, "hidden": (4,)}
MODELS: dict[str, tw.TableModel] = {
    "numbers": tw.TableModel(-1, bins=4, **BRIEF),
    "classes": tw.TableModel(1, bins=0, threshold=0.4, optimizer=tw.AdamW(lr=0.01), **BRIEF),
    "several": tw.TableModel([0, 5], bins=0, **BRIEF),
    "codes": tw.TableModel(-1, bins=0, **BRIEF),
}
Change = Callable[[dict[str, Any], dict[str, Any]], object]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    codes = [[f"city {i % 101}", i % 101 + i % 2] for i in range(404)]
    for name, model in MODELS.items():
        model.fit(codes if name == "codes" else ROWS, progress=False).save(folder / name)
    return folder


def at(*path: Any, put: Any) -> Change:
    """A change of the value at a path of the config."""

    def change(config: dict[str, Any], arrays: dict[str, Any]) -> None:
        inner: Any = config
        for step in path[:-1]:
            inner = inner[step]
        inner[path[-1]] = put

    return change


def without(*path: Any) -> Change:
    def change(config: dict[str, Any], arrays: dict[str, Any]) -> None:
        inner: Any = config
        for step in path[:-1]:
            inner = inner[step]
        del inner[path[-1]]

    return change


def array(name: str, change: Callable[[Any], Any]) -> Change:
    return lambda config, arrays: arrays.update({name: change(arrays[name])})


COLUMN = ("encoder", "columns", 0)
FORGED: dict[str, tuple[str, Change, str]] = {
    # The network's weights and the arrays.
    "weights with NaN": ("numbers", array("weights", lambda a: a * np.nan), "is not finite"),
    "weights too few": ("numbers", array("weights", lambda a: a[1:]), "'weights' is float32 ("),
    "weights of float64": ("numbers", array("weights", lambda a: a.astype(float)), "is float64"),
    "no weights": ("numbers", lambda c, a: a.pop("weights"), "lacks the arrays ['weights']"),
    "an array more": ("numbers", lambda c, a: a.update(x=a["weights"]), "unknown arrays (['x'])"),
    "held-out weights too few": (
        "numbers",
        array("held out/weights", lambda a: a[:2]),
        "not float",
    ),
    "held-out weights below 0": ("numbers", array("held out/weights", lambda a: -a), "at least 0"),
    "held-out weights of 0": ("numbers", array("held out/weights", lambda a: 0 * a), "at least 0"),
    "no held-out rows": (
        "numbers",
        lambda c, a: a.update(
            {f"held out/{k}": np.empty(0) for k in ("true", "outputs", "weights")}
        ),
        "need weights of at least 0",
    ),
    "true numbers of text": (
        "numbers",
        array("held out/true", lambda a: a.astype(str)),
        "not float",
    ),
    "true numbers with inf": ("numbers", array("held out/true", lambda a: a / 0), "is not finite"),
    "outputs of one": ("numbers", array("held out/outputs", lambda a: a[:1]), "is float64 (1,)"),
    "outputs of one class": ("classes", array("held out/outputs", lambda a: a[:, :1]), "not float"),
    "classes beyond": ("classes", array("held out/true", lambda a: a + 1), "are not below 2"),
    "classes below": ("classes", array("held out/true", lambda a: a - 1), "are not below 2"),
    "probabilities below 0": (
        "classes",
        array("held out/outputs", lambda a: -a),
        "are not from 0 to 1",
    ),
    "probabilities above 1": (
        "classes",
        array("held out/outputs", lambda a: a * 1e30),
        "are not from 0 to 1",
    ),
    "a prior of one": (
        "classes",
        array("held out/prior", lambda a: a[:1]),
        "(1,), not float64 (2,)",
    ),
    "one of two targets": (
        "several",
        array("held out/true", lambda a: a[:, :1]),
        ", 1), not float",
    ),
    "no scale of errors": ("numbers", lambda c, a: a.pop("errors/judged"), "['errors/judged']"),
    "a scale of errors for classes": (
        "classes",
        lambda c, a: a.update({"errors/shrink": np.ones(1)}),
        "it has unknown arrays (['errors/shrink'])",
    ),
    "a scale of errors of one row": (
        "numbers",
        array("errors/judged", lambda a: a[:1]),
        "is float64 (1, 1)",
    ),
    "a scale of errors of 0": (
        "several",
        array("errors/judged", lambda a: 0 * a),
        "errors is not positive",
    ),
    "shrunk to NaN": ("several", array("errors/shrink", lambda a: a / 0), "is not finite"),
    "shrunk below 0": ("several", array("errors/shrink", lambda a: -a), "errors is not positive"),
    "limits that overflow": ("numbers", array("errors/limits", lambda a: a + 1e3), "not positive"),
    "features that are no inputs": (
        "numbers",
        lambda c, a: a.update(
            {"errors/inputs": np.array([-1]), "errors/weights": np.zeros((4, 1))}
        ),
        "inputs that are not below",
    ),
    "features as text": ("numbers", array("errors/squares", lambda a: a.astype(str)), "not int64"),
    "features without weights": (
        "numbers",
        array("errors/inputs", lambda a: np.array([0])),
        "not float64 (4, 1)",
    ),
    "a lowest of text": ("numbers", at("target", "each", 0, "lowest", put="0"), "lowest must be"),
    "no highest": ("numbers", without("target", "each", 0, "highest"), "but is absent"),
    "no history": ("numbers", lambda c, a: a.pop("history/loss"), "lacks the network"),
    "a history cut short": ("numbers", array("history/loss", lambda a: a[1:]), "different lengths"),
    "a history of text": ("numbers", array("history/loss", lambda a: a.astype(str)), "not numbers"),
    # What columns are.
    "a scale of text": (
        "numbers",
        at(*COLUMN, "scale", put="x"),
        "columns[0].scale must be a number",
    ),
    "a negative scale": ("numbers", at(*COLUMN, "scale", put=-1.0), "above 0, but is -1.0"),
    "a scale of 0": ("numbers", at(*COLUMN, "scale", put=0), "above 0, but is 0"),
    "a mean of NaN": ("numbers", at(*COLUMN, "mean", put=float("nan")), "mean must be a number"),
    "a mean of true": (
        "numbers",
        at(*COLUMN, "mean", put=True),
        "mean must be a number, but is True",
    ),
    "a column without a mean": (
        "numbers",
        without(*COLUMN, "mean"),
        "mean must be a number, but is absent",
    ),
    "a setting of a column more": (
        "numbers",
        at(*COLUMN, "x", put=1),
        "x must be absent, but is 1",
    ),
    "an unknown kind": ("numbers", at(*COLUMN, "kind", put="text"), "'kind' is one of 'number'"),
    "a kind as a list": ("numbers", at(*COLUMN, "kind", put=["number"]), "'kind' is one of"),
    "a column as text": ("numbers", at(*COLUMN, put="number"), "columns[0] must be a mapping"),
    "no columns": ("numbers", at("encoder", "columns", put=[]), "a list of at least 1 items"),
    "a column lost": ("numbers", without("encoder", "columns", 0), "not float32 ("),
    "a column twice": (
        "numbers",
        at("encoder", "columns", 1, "name", put="0"),
        "are not different",
    ),
    "a column of no table": ("numbers", at(*COLUMN, "name", put="z"), "are not different ones of"),
    "a name as a number": ("numbers", at("encoder", "names", 0, put=0), "names[0] must be text"),
    "names twice": ("numbers", at("encoder", "names", 0, put="1"), "different items"),
    "a level as a list": (
        "numbers",
        at("encoder", "columns", 1, "levels", 0, put=["a"]),
        "levels[0] must be text",
    ),
    "a level twice": (
        "numbers",
        at("encoder", "columns", 1, "levels", 0, put="b"),
        "different items",
    ),
    "a level more": (
        "numbers",
        at("encoder", "columns", 1, "levels", put=["a", "b", "c"]),
        "not float32 (",
    ),
    "an unknown style": (
        "numbers",
        at("encoder", "columns", 2, "style", put="x"),
        "style must be one of",
    ),
    "a part of no date": (
        "numbers",
        at("encoder", "columns", 2, "scales", put={"age": [0, 1]}),
        "age must be absent",
    ),
    "a part without a scale": (
        "numbers",
        at("encoder", "columns", 2, "scales", put={"year": [0]}),
        "a list of 2",
    ),
    "a part with a scale of 0": (
        "numbers",
        at("encoder", "columns", 2, "scales", "since", put=[0, 0]),
        "above 0",
    ),
    "an unknown cycle": (
        "numbers",
        at("encoder", "columns", 2, "cycles", put=["week"]),
        "cycles[0] must be",
    ),
    "a reason as a number": (
        "numbers",
        at("encoder", "left_out", put={"x": 1}),
        "left_out.x must be text",
    ),
    # The target.
    "an unknown task": ("numbers", at("target", "task", put="ranking"), "'task' is one of"),
    "no target": ("numbers", at("target", "each", put=[]), "a list of at least 1"),
    "another scale": (
        "numbers",
        at("target", "each", 0, "scale", put=0),
        "scale must be a number above 0",
    ),
    "logarithms as text": (
        "numbers",
        at("target", "each", 0, "logs", put="x"),
        "logs must be None or a",
    ),
    "one class": ("classes", at("target", "levels", put=["a"]), "a list of at least 2"),
    "a class twice": ("classes", at("target", "levels", put=["a", "a"]), "different items"),
    "a class of another type": ("classes", at("target", "types", put=["whole"] * 2), "'a'"),
    "a class of no type": ("classes", at("target", "types", put=["word"] * 2), "'word'"),
    "a type too few": ("classes", at("target", "types", put=["text"]), "shorter"),
    "a class more": ("classes", at("target", "levels", put=["a", "b", "c"]), "not float32 ("),
    # The network.
    "no units": ("numbers", at("network", "hidden", put=[0]), "hidden[0] must be an integer"),
    "a fraction of a unit": ("numbers", at("network", "hidden", put=[4.5]), "hidden[0] must be"),
    "units without end": ("numbers", at("network", "hidden", put=[2**60]), "not float32 ("),
    "an unknown activation": ("numbers", at("network", "activation", put="x"), "one of"),
    "too much dropout": ("numbers", at("network", "dropout", put=1.0), "dropout must be"),
    "many members": ("numbers", at("network", "members", put=10**9), "members must be"),
    "falling edges": (
        "numbers",
        at("network", "bins", "columns", 0, 1, put=[2, 1, 0, 3, 4]),
        "edges",
    ),
    "edges of NaN": (
        "numbers",
        at("network", "bins", "columns", 0, 1, 0, put=float("nan")),
        "[1][0] must",
    ),
    "bins of no column": ("numbers", at("network", "bins", "columns", 0, 0, put=99), "D above 99"),
    "bins without means": (
        "numbers",
        at("network", "bins", "columns", 0, 2, put=[]),
        "not float32 (",
    ),
    "embeddings of no column": (
        "codes",
        at("network", "embeddings", put=[[9, 103, 4]]),
        "do not fit",
    ),
    "embeddings without end": (
        "codes",
        at("network", "embeddings", 0, 2, put=2**50),
        "not float32",
    ),
    # Settings, and what training left.
    "no target setting": ("numbers", without("settings", "target"), "settings.target must be"),
    "an unknown setting": ("numbers", at("settings", "a", put=1), "settings.a must be absent"),
    "a wrong setting": ("numbers", at("settings", "epochs", put="x"), "settings.epochs must be"),
    "an unknown rule": ("classes", at("settings", "optimizer", "rule", put="x"), "'x'"),
    "a wrong rate": ("classes", at("settings", "optimizer", "lr", put=-1), "lr must be"),
    "training is empty": ("numbers", at("training", put={}), "training.epochs must be"),
    "a time of text": ("numbers", at("training", "seconds", put="1"), "training.seconds must be"),
    "members as a number": (
        "numbers",
        at("training", "members", put=2),
        "training.members must be",
    ),
    "a part beyond all counts": ("numbers", at("parts", "test", put=10**60), "at most 9.22"),
    "a column asked to be a number": (
        "numbers",
        at("settings", "columns", put=[["0", 0.5]]),
        "settings.columns[0][1] must be",
    ),
    "a first date of no calendar": (
        "numbers",
        at("encoder", "familiar", "2", "low", put=1e18),
        "has a missing or invalid part",
    ),
    "a last date of no calendar": (
        "numbers",
        at("encoder", "familiar", "2", "high", put=-1e300),
        "has a missing or invalid part",
    ),
    "parts of a row": ("numbers", at("parts", "test", put=0.5), "parts.test must be"),
    "a third class decided": ("classes", at("decision", "positive", put=2), "decision.positive"),
    "a decision between numbers": (
        "numbers",
        at("decision", put={"positive": 0, "threshold": 0.5}),
        "decision",
    ),
    "another kind": ("numbers", at("kind", put="net"), "holds no table model"),
    "no config": ("numbers", lambda c, a: c.clear(), "holds no table model"),
}


@pytest.mark.parametrize("name", FORGED)
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_a_forged_model_is_refused(files: Path, tmp_path: Path, name: str) -> None:
    model, change, words = FORGED[name]
    config, arrays = read_model(files / model)
    change(config, arrays)
    write_model(tmp_path / "forged.talweg", config, arrays)
    with pytest.raises(tw.TalwegError) as error:
        tw.load(tmp_path / "forged.talweg")
    assert words in str(error.value)


@pytest.mark.parametrize("name", MODELS)
def test_a_model_that_training_left_is_loaded(files: Path, name: str) -> None:
    config, arrays = read_model(files / name)
    write_model(files / f"{name} again", config, arrays)
    assert (files / f"{name} again").read_bytes() == (files / name).read_bytes()
    assert tw.load(files / name).scores == MODELS[name].scores


def test_a_model_that_could_not_be_loaded_is_not_written(files: Path, tmp_path: Path) -> None:
    model = tw.load(files / "numbers")
    model.trained.net.weights.flat[0] = np.nan
    with pytest.raises(tw.ModelFileError, match=r"Cannot write .*'weights' is not finite"):
        model.save(tmp_path / "a.talweg")
    assert list(tmp_path.iterdir()) == []
