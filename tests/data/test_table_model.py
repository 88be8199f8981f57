"""A table model: its sources, predictions for unfamiliar cells, settings and file."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import talweg as tw
from talweg.data.columns.table import Table
from talweg.data.model import learning
from talweg.data.model.scores import regression_scores
from talweg.errors import DataError, ModelFileError, SettingError, TalwegError
from talweg.train.run.folds import dealt

ROWS = 80
RANDOM = np.random.default_rng(7)
SIZE = RANDOM.normal(3.0, 2.0, ROWS).round(3)
PLACE = RANDOM.choice(["hill", "lake", "town"], ROWS)
PRICE = (2 * SIZE + (PLACE == "lake")).round(3)
KIND = np.where(SIZE > 3, "large", "small")
HOUSES = {"size": SIZE.tolist(), "place": PLACE.tolist(), "price": PRICE.tolist()}
LABELLED = {"size": SIZE.tolist(), "place": PLACE.tolist(), "kind": KIND.tolist()}
QUICK = {"epochs": 3, "hidden": (5,), "n_estimators": 1, "bins": 0}
TEAM = {"epochs": 6, "hidden": (5,), "n_estimators": 8, "bins": 6, "batch_size": 16}


class Frame:
    """The least that makes an object a data frame."""

    def __init__(self, columns: dict[str, list[object]]) -> None:
        self.columns = list(columns)
        self._columns = columns

    def __getitem__(self, name: str) -> np.ndarray:
        return np.array(self._columns[name], dtype=object)


def csv_of(columns: dict[str, list[object]], *, header: bool = True) -> str:
    lines = [",".join(map(str, row)) for row in zip(*columns.values(), strict=True)]
    return "\n".join([",".join(columns)] * header + lines) + "\n"


def array_of(columns: dict[str, list[object]]) -> np.ndarray:
    return np.array([*zip(*columns.values(), strict=True)], dtype=object)


@pytest.fixture(scope="module")
def houses() -> tw.TableModel:
    return tw.TableModel("price", **QUICK).fit(HOUSES)


@pytest.fixture(scope="module")
def kinds() -> tw.TableModel:
    return tw.TableModel("kind", **QUICK).fit(LABELLED)


@pytest.fixture(scope="module")
def team() -> tw.TableModel:
    """Eight networks with bins, and a target of numbers."""
    return tw.TableModel("price", **TEAM).fit(HOUSES)


@pytest.fixture(scope="module")
def voters() -> tw.TableModel:
    """Three networks that predict classes."""
    return tw.TableModel("kind", **{**TEAM, "n_estimators": 3}).fit(LABELLED)


# Learning -------------------------------------------------------------------------------------


@pytest.mark.slow
def test_every_kind_of_source_gives_the_same_model(houses, csv_file) -> None:
    expected = houses.predict(HOUSES)
    assert expected.shape == (ROWS,) and expected.dtype == np.float64
    file = csv_file(csv_of(HOUSES))
    for source in (file, str(file), Frame(HOUSES), Table.from_columns(HOUSES.items())):
        model = tw.TableModel("price", **QUICK).fit(source)
        assert model.predict(source).tolist() == expected.tolist()
    for target in (2, -1, "-1", "2"):
        model = tw.TableModel(target, **QUICK).fit(array_of(HOUSES))
        assert model.predict(array_of(HOUSES)).tolist() == expected.tolist()


def test_a_model_learns() -> None:
    regression = tw.TableModel("price", epochs=150, n_estimators=2).fit(HOUSES)
    assert regression.scores[0].network > 0.9 > 0.1 > regression.scores[0].trivial
    classes = tw.TableModel("kind", epochs=60, n_estimators=1).fit(LABELLED)
    assert classes.scores[0].network > 0.8 > classes.scores[0].trivial


def test_the_same_seed_gives_the_same_model_bit_for_bit(houses) -> None:
    again = tw.TableModel("price", **QUICK).fit(HOUSES, seed=0)
    assert again.predict(HOUSES).tobytes() == houses.predict(HOUSES).tobytes()
    other = tw.TableModel("price", **QUICK).fit(HOUSES, seed=1)
    assert (other.predict(HOUSES) != houses.predict(HOUSES)).all()


def test_networks_get_different_seeds_that_follow_from_one(monkeypatch) -> None:
    seeds = []
    monkeypatch.setattr(learning, "fit", lambda *_, seed, **__: seeds.append(seed) or 1 / 0)
    with pytest.raises(ZeroDivisionError):
        tw.TableModel("price", **QUICK).fit(HOUSES, seed=5)
    assert seeds == [5]

    def trained(members, *_):
        seeds.extend(member.job.program.schedule.seed for member in members)
        raise ZeroDivisionError

    monkeypatch.setattr(learning, "train_members", trained)
    with pytest.raises(ZeroDivisionError):
        tw.TableModel("price", **TEAM).fit(HOUSES, seed=5)
    assert seeds[:2] == [5, 5] and len({*seeds[1:]}) == len(seeds[1:]) == 8


@pytest.mark.filterwarnings("ignore:.*cells unlike the training data")
def test_a_file_is_read_with_a_header_if_training_had_one(csv_file) -> None:
    colors = {"color": ["red", "blue"] * 20, "shape": ["round", "flat"] * 20}
    named = tw.TableModel("shape", **QUICK).fit(colors)
    assert len(named.predict(csv_file("color\nred\ncolor\n"))) == 2  # looks like three rows
    bare = tw.TableModel(-1, **QUICK).fit(array_of(HOUSES))
    with pytest.warns(tw.DataWarning, match="are read as column names"):
        assert len(bare.predict(csv_file("x,y\n2,hill\n3,lake\n"))) == 2
    assert len(bare.predict(csv_file("2,hill\n3,lake\n"))) == 2


def test_scores_are_those_of_held_out_rows(houses) -> None:
    """A single network is tested on the last fold and stops by the one before."""
    fold = dealt(ROWS, 8, seed=0)
    validation, test = (fold == place for place in (6, 7))
    predicted, mean = houses.predict(HOUSES), PRICE.mean()
    held = houses.trained.held_out
    assert held.true.tolist() == pytest.approx(PRICE[test].tolist(), rel=1e-6)
    assert held.outputs.tolist() == pytest.approx(predicted[test].tolist(), rel=1e-5)
    expected = regression_scores(PRICE[test], predicted[test], mean)
    for found, score in zip(houses.scores, expected, strict=True):
        assert found == (score.name, *(pytest.approx(each, rel=1e-5) for each in score[1:]))
    assert houses.trained.encoder.columns[0].mean == pytest.approx(SIZE.mean())
    assert houses.trained.target.mean == pytest.approx(mean)
    best = houses.trained.training["best_epoch"]
    error = np.abs(predicted - PRICE)[validation].mean()
    assert houses.trained.history["val_mae"][best - 1] == pytest.approx(error, rel=1e-5)
    assert houses.trained.parts == {"training": 60, "validation": 10, "test": 10}


def test_other_rows_can_be_scored(houses, kinds) -> None:
    predicted = houses.predict(HOUSES)
    found = houses.evaluate(HOUSES)
    assert houses.score(HOUSES) == found[0].network
    assert found[1].network == pytest.approx(np.abs(predicted - PRICE).mean())
    assert kinds.evaluate(LABELLED)[0].network == (kinds.predict(LABELLED) == KIND).mean()
    with pytest.raises(DataError, match="row 1: the label 'huge' is not one that the model"):
        kinds.evaluate({name: ["huge", *cells[1:]] for name, cells in LABELLED.items()})
    rows = array_of(HOUSES)
    positional = tw.TableModel(0, **QUICK).fit(rows[:, [2, 0, 1]])
    assert positional.evaluate(rows[:, [2, 0, 1]])[1].network == pytest.approx(
        found[1].network, rel=2
    )


def test_rows_without_a_target_are_left_out() -> None:
    gaps = [None if row % 8 == 0 else price for row, price in enumerate(PRICE.tolist())]
    model = tw.TableModel("price", **QUICK).fit({**HOUSES, "price": gaps})
    known = {
        name: [each for row, each in enumerate(cells) if row % 8] for name, cells in HOUSES.items()
    }
    same = tw.TableModel("price", **QUICK).fit(known)
    assert model.predict(HOUSES).tolist() == same.predict(HOUSES).tolist()
    assert (model.trained.rows, sum(model.trained.parts.values())) == (80, 70)


@pytest.mark.slow
def test_settings_take_effect() -> None:
    model = tw.TableModel("price", task="classification", **QUICK)
    whole = {**HOUSES, "price": [row % 12 for row in range(ROWS)]}
    assert model.fit(whole).task == "classification"
    assert tw.TableModel("price", **QUICK).fit(whole).task == "regression"
    for drop in ("place", 1, ["place"], (1,)):
        model = tw.TableModel("price", drop=drop, **QUICK).fit(HOUSES)
        assert [column.name for column in model.trained.encoder.columns] == ["size"]
        model.predict({"size": [1.0, 2.0]})
    endless = {**QUICK, "epochs": 10**6, "patience": 10**6}
    for members in (1, 3):
        model = tw.TableModel("price", **{**endless, "n_estimators": members}, time_budget=0.05)
        told = model.fit(HOUSES).trained.training
        begun = [each["stopped_by"] for each in told["members"]]
        assert begun == ["time_budget"] * len(begun)  # as many as had time to begin
        assert 1 <= len(begun) <= members
    quick = {**QUICK, "batch_size": 7, "optimizer": tw.SGD(lr=0.01)}
    model = tw.TableModel("price", **quick).fit(HOUSES)
    assert model.trained.training["batch_size"] == 7
    assert model.trained.training["optimizer"].startswith("SGD(lr=0.01")


@pytest.mark.filterwarnings("ignore::talweg.errors.TrainingWarning")
def test_a_run_that_fails_leaves_a_model() -> None:
    model = tw.TableModel("price", optimizer=tw.SGD(lr=1e30), **QUICK).fit(HOUSES)
    assert model.trained.training["stopped_by"] == "non_finite"
    assert model.predict(HOUSES).shape == (ROWS,)
    model = tw.TableModel("kind", optimizer=tw.SGD(lr=1e38), **QUICK).fit(LABELLED)
    assert model.predict_proba(LABELLED).shape == (ROWS, 2)


def test_a_run_that_fails_warns() -> None:
    with pytest.warns(tw.TrainingWarning, match="Try a smaller learning rate"):
        tw.TableModel("price", optimizer=tw.SGD(lr=1e30), **QUICK).fit(HOUSES)


# Predicting -----------------------------------------------------------------------------------


def test_weights_of_inputs_that_never_vary_stay_0(houses) -> None:
    trained = houses.trained
    encoder, first = trained.encoder, trained.blueprint.first_weight(trained.net)
    unseen = [place for place in encoder.inputs if place.endswith(("unknown", "missing"))]
    assert unseen == ["size unknown", "size missing", "place unknown", "place missing"]
    for name, weights in zip(encoder.inputs, first, strict=True):
        assert (weights == 0).all() == (name in unseen)


@pytest.mark.filterwarnings("ignore:.*cells unlike the training data")
def test_cells_unlike_those_of_training_do_not_change_a_prediction_at_random(houses) -> None:
    mean = houses.trained.encoder.columns[0].mean
    cells = {"size": [mean, "n/a", "", "huge", "inf"], "place": ["hill"] * 5}
    known, *others = houses.predict(cells).tolist()
    assert others == pytest.approx([known] * 4, rel=1e-6)
    places = {"size": [1.0] * 3, "place": ["moon", "mars", None]}
    assert len(set(houses.predict(places).tolist())) == 1


def test_columns_may_come_in_any_order_and_with_others(houses) -> None:
    turned = {"note": ["x"] * ROWS, **dict(reversed(HOUSES.items()))}
    assert houses.predict(turned).tolist() == houses.predict(HOUSES).tolist()
    del turned["price"]
    assert houses.predict(turned).tolist() == houses.predict(HOUSES).tolist()


def test_each_row_has_one_prediction(houses, kinds) -> None:
    for rows in (1, 2, ROWS):
        part = {name: cells[:rows] for name, cells in LABELLED.items()}
        assert houses.predict(part).shape == kinds.predict(part).shape == (rows,)
        assert kinds.predict_proba(part).shape == (rows, 2)


def test_probabilities(kinds) -> None:
    shares = kinds.predict_proba(LABELLED)
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=0, atol=1e-12)
    assert (shares >= 0).all()
    assert kinds.classes.tolist() == ["large", "small"]
    assert kinds.predict(LABELLED).tolist() == kinds.classes[shares.argmax(axis=1)].tolist()


@pytest.mark.parametrize(
    ("large", "small", "dtype"),
    [(4, 2, np.int64), ("4", "2.0", object), (1.5, -2, np.float64), ("yes", "1", object)],
)
def test_predicted_labels_have_the_type_of_the_training_labels(large, small, dtype) -> None:
    cells = [large if size > 3 else small for size in SIZE]
    model = tw.TableModel("kind", task="classification", **QUICK).fit({**LABELLED, "kind": cells})
    assert model.classes.dtype == model.predict(LABELLED).dtype == dtype
    assert set(model.classes.tolist()) == {large, small}


# The file -------------------------------------------------------------------------------------

FRESH = """
import sys, numpy as np, talweg as tw
model = tw.load(sys.argv[1])
np.save(sys.argv[3], model.predict(sys.argv[2]), allow_pickle=model.classes.dtype == object if
        model.task == "classification" else False)
"""


@pytest.mark.slow
@pytest.mark.parametrize("header", [True, pytest.param(False, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    "columns", [pytest.param(HOUSES, marks=pytest.mark.slow), LABELLED], ids=["numbers", "labels"]
)
def test_a_fresh_process_predicts_the_same_bits(tmp_path, csv_file, columns, header) -> None:
    file = csv_file(csv_of(columns, header=header))
    model = tw.TableModel(-1, **QUICK).fit(file)
    assert model.trained.encoder.positional is not header
    model.save(tmp_path / "m.talweg")
    arguments = [str(tmp_path / "m.talweg"), str(file), str(tmp_path / "p.npy")]
    subprocess.run([sys.executable, "-c", FRESH, *arguments], check=True)
    found, expected = np.load(tmp_path / "p.npy", allow_pickle=True), model.predict(file)
    assert found.dtype == expected.dtype
    assert found.tolist() == expected.tolist()


@pytest.mark.parametrize("name", ["houses", "kinds", "team", "voters"])
def test_a_file_holds_the_whole_model(request, tmp_path: Path, name: str) -> None:
    model = request.getfixturevalue(name)
    trained, rows = model.trained, HOUSES if name in ("houses", "team") else LABELLED
    trained.save(tmp_path / "m.talweg")
    loaded = tw.load(tmp_path / "m.talweg").trained
    assert loaded.predict(rows).tolist() == trained.predict(rows).tolist()
    assert loaded.net.weights.flat.tobytes() == trained.net.weights.flat.tobytes()
    assert loaded.blueprint.to_json() == trained.blueprint.to_json()
    assert loaded.scores == trained.scores
    for part in ("encoder", "target", "settings", "source", "rows", "parts", "training"):
        assert getattr(loaded, part) == getattr(trained, part)
    assert {key: each.tolist() for key, each in loaded.history.items()} == {
        key: each.tolist() for key, each in trained.history.items()
    }
    loaded_bytes = tmp_path / "again.talweg"
    loaded.save(loaded_bytes)
    assert loaded_bytes.read_bytes() == (tmp_path / "m.talweg").read_bytes()


def test_a_loaded_model_can_be_trained_again(tmp_path: Path) -> None:
    settings = {"drop": "place", "activation": "tanh", "optimizer": tw.SGD(lr=0.02, momentum=0.5)}
    model = tw.TableModel("price", **settings, **QUICK).fit(HOUSES, seed=np.int64(5))
    model.save(tmp_path / "m.talweg")
    again = tw.load(tmp_path / "m.talweg").fit(HOUSES, seed=5)
    assert again.predict(HOUSES).tolist() == model.predict(HOUSES).tolist()
    assert again.settings == model.settings


@dataclass(frozen=True)
class Gentle(tw.SGD):
    """An optimizer of one's own."""


def test_an_optimizer_of_ones_own_is_named_in_the_file(tmp_path: Path) -> None:
    model = tw.TableModel("price", optimizer=Gentle(lr=0.02), **QUICK).fit(HOUSES)
    model.save(tmp_path / "m.talweg")
    loaded = tw.load(tmp_path / "m.talweg")
    assert loaded.predict(HOUSES).tolist() == model.predict(HOUSES).tolist()
    with pytest.raises(
        SettingError, match=r"optimizer must be an Optimizer or its name; got 'Gentle\(lr"
    ):
        loaded.fit(HOUSES)


def test_a_folder_is_not_overwritten(houses, tmp_path: Path) -> None:
    with pytest.raises(TalwegError, match="folder"):
        houses.save(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_file_of_another_kind(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="is not a talweg model; it seems to be text"):
        tw.load(Path(__file__))
    with pytest.raises(DataError, match="No such file"):
        tw.load(tmp_path / "none.talweg")


# Refusing -------------------------------------------------------------------------------------

SETTINGS = [
    ({"epochs": 0}, "epochs must be an integer of at least 1 or None, but 0 was given"),
    ({"patience": 2.5}, "patience must be an integer of at least 1 or None, but 2.5 was given"),
    ({"hidden": (8, 0)}, r"sizes of layers such as \(128, 64\), or None, but \(8, 0\) was given"),
    ({"hidden": 64}, r"sizes of layers such as \(128, 64\), or None, but 64 was given"),
    (
        {"n_estimators": 0},
        "n_estimators must be an integer of at least 1 and at most 8 or None, but 0 was",
    ),
    (
        {"n_estimators": 9},
        "n_estimators must be an integer of at least 1 and at most 8 or None, but 9 was",
    ),
    ({"bins": -1}, "bins must be an integer of at least 0 or None, but -1 was given"),
    ({"dropout": 1.0}, "dropout must be a number of at least 0 and below 1 or None, but 1.0 was"),
    *(
        ({"columns": each}, "columns must map names to kinds, or to levels in order")
        for each in (5, "x", ["x"], {"x": 5}, {"x": None})
    ),
    ({"hidden": "64"}, "hidden must be sizes of layers"),
    ({"activation": "tan"}, "but 'tan' was given. Did you mean 'tanh'?"),
    ({"task": "cluster"}, "task must be one of 'regression', 'classification' or None"),
    ({"time_budget": -1}, "time_budget must be a number above 0 or None, but -1 was given"),
    ({"batch_size": True}, "batch_size must be an integer of at least 1 or None, but True"),
]


@pytest.mark.parametrize(("settings", "words"), SETTINGS)
def test_settings_are_checked_at_once(settings, words: str) -> None:
    with pytest.raises(SettingError, match=words):
        tw.TableModel("price", **settings)


@pytest.mark.parametrize(("seed", "settings"), [(-1, {}), (0.5, {}), (0, {"optimizer": "adamm"})])
def test_settings_of_fit_are_checked_before_training(seed, settings) -> None:
    with pytest.raises(SettingError, match=r"seed must be|Did you mean 'adam"):
        tw.TableModel("price", **settings).fit(HOUSES, seed=seed)


def changed(**columns: list[object]) -> dict[str, list[object]]:
    return {**HOUSES, **columns}


DATA = [
    ("prize", HOUSES, {}, "has no column 'prize'. Did you mean 'price'?"),
    ("price", HOUSES, {"drop": "plaice"}, "has no column 'plaice'. Did you mean 'place'?"),
    ("price", HOUSES, {"drop": 2}, "Column 'price' is the target and cannot be dropped."),
    ("price", HOUSES, {"drop": (0, 1)}, "has no column to learn from besides the target"),
    ("price", changed(price=[5] * ROWS), {}, "every row holds '5', so there is nothing to learn"),
    ("price", changed(price=[None] * ROWS), {}, "every cell is missing. Choose another column."),
    ("price", changed(price=[*"x"] + [""] * 79), {}, r"too few rows with a target \(1\)"),
    ("place", changed(place=[*map(str, range(ROWS))]), {"task": "classification"}, "too many"),
    (
        "price",
        {name: cells[:9] for name, cells in HOUSES.items()},
        {},
        r"too few rows with a target \(9\)",
    ),
    (
        "price",
        changed(price=["", "", "dear", *PRICE[3:].tolist()]),
        {"task": "regression"},
        "row 3: 'dear' is not a finite number",
    ),
    ("price", np.zeros((3, 3, 3)), {}, r"has shape \(3, 3, 3\), but \(N, D\) is needed"),
]


@pytest.mark.parametrize(("target", "source", "settings", "words"), DATA)
def test_data_that_cannot_be_learned_from_is_refused(target, source, settings, words: str) -> None:
    with pytest.raises(DataError, match=words):
        tw.TableModel(target, **settings, **QUICK).fit(source)


def test_a_fit_that_fails_leaves_the_model_unchanged() -> None:
    model = tw.TableModel("price", **QUICK).fit(HOUSES)
    before = model.trained
    with pytest.raises(DataError):
        model.fit({"price": [1, 2, 3]})
    assert model.trained is before


ASKED = ("trained", "task", "scores", "classes")


@pytest.mark.parametrize("name", ASKED)
def test_attributes_need_a_fit(name: str) -> None:
    with pytest.raises(DataError, match=r"is not trained yet\. Call fit first\."):
        getattr(tw.TableModel("price"), name)


@pytest.mark.parametrize("name", ["predict", "predict_proba", "score", "evaluate", "save"])
def test_methods_need_a_fit(name: str) -> None:
    with pytest.raises(DataError, match=r"Call fit first\."):
        getattr(tw.TableModel("price"), name)(HOUSES)


def test_only_classes_have_probabilities(houses) -> None:
    with pytest.raises(
        SettingError, match="predicts 'price' as a number, which has no probabilities"
    ):
        houses.predict_proba(HOUSES)
    with pytest.raises(SettingError, match="predicts 'price' as a number, which has no classes"):
        _ = houses.classes


def test_a_table_without_a_column_of_training_is_refused(houses) -> None:
    with pytest.raises(DataError, match=r"1 of 2 columns.* is missing: 'place'"):
        houses.predict({"size": [1.0]})
    positional = tw.TableModel(-1, **QUICK).fit(array_of(HOUSES))
    with pytest.raises(DataError, match="Give 2 or 3 columns in the order of training"):
        positional.predict([[1.0]])
