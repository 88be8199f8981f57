"""The target: its task, its round trip, and what cannot be learned."""

import json

import numpy as np
import pytest
from hypothesis import given, strategies as st

import talweg as tw
from talweg.data.columns.cells import as_cells
from talweg.data.columns.labels import known_rows
from talweg.data.columns.logs import skewness
from talweg.data.model.targets.classification import Classification
from talweg.data.model.targets.multi_regression import MultiRegression
from talweg.data.model.targets.regression import Regression
from talweg.data.model.targets.table import fit_target, target_from_json
from talweg.errors import DataError, SettingError

BIG = ("9007199254740992", "9007199254740993")
TASKS = [  # what, cells, task given, levels or None for a regression
    ("text", ["b", "a", "b", "?"], None, ("a", "b")),
    ("few whole numbers", [10, 2, 10, 9], None, ("2", "9", "10")),
    ("whole numbers as text", ["1.0", "1", "2", "02"], None, ("1", "2")),
    ("ten values", [*range(10)] * 2, None, tuple(map(str, range(10)))),
    ("eleven values", [*range(11)] * 2, None, None),
    ("fractions", [0.5, 1, 0.5], None, None),
    ("truth", [True, False, True], None, ("False", "True")),
    ("asked for regression", [0, 1, 1], "regression", None),
    ("asked for classes", [0.5, 0.25, 0.5], "classification", ("0.25", "0.5")),
    ("codes, not numbers", ["007", "a", "007"], None, ("007", "a")),
    ("one float64, two labels", ["9007199254740993", "9007199254740992"] * 2, None, BIG),
]


@pytest.mark.parametrize(
    ("cells", "task", "levels"), [row[1:] for row in TASKS], ids=[row[0] for row in TASKS]
)
def test_the_task_follows_from_the_cells(cells, task, levels) -> None:
    target = fit_target(as_cells(cells), task=task)
    assert target.task == ("regression" if levels is None else "classification")
    if levels is not None:
        assert target.levels == levels
    assert target_from_json(json.loads(json.dumps(target.to_json()))) == target


def test_a_regression_round_trip() -> None:
    cells = as_cells([1.5, np.nan, 3.5])
    np.testing.assert_array_equal(known_rows(cells), [True, False, True])
    target = fit_target(cells, name="height")
    assert target == Regression("height", 2.5, 1.0, lowest=0.0)
    encoded = target.encode(as_cells(["4.5", "2.5"]))
    assert encoded.dtype == np.float32
    assert encoded.tolist() == [[2.0], [0.0]]
    assert target.decode(encoded).tolist() == [4.5, 2.5]


def test_a_classification_round_trip() -> None:
    target = fit_target(as_cells(["oak", "elm", "oak"]))
    assert target == Classification("target", ("elm", "oak"))
    codes = target.encode(as_cells(["oak", "elm"]))
    assert codes.dtype == np.int64
    assert [target.levels[code] for code in codes] == ["oak", "elm"]


@given(st.lists(st.integers(-5, 4), min_size=2).filter(lambda labels: len(set(labels)) > 1))
def test_labels_round_trip(labels: list[int]) -> None:
    target = fit_target(as_cells(labels * 2), task="classification")
    codes = target.encode(as_cells(labels))
    assert [target.levels[code] for code in codes] == [str(n) for n in labels]


@given(st.lists(st.floats(-1e9, 1e9), min_size=2, unique=True))
def test_numbers_round_trip(values: list[float]) -> None:
    target = fit_target(as_cells(values), task="regression")
    decoded = target.decode(target.encode(as_cells(values)))
    np.testing.assert_allclose(decoded, values, rtol=1e-6, atol=1e-5 * target.scale)


NUMBERS = [1.5, 2.5] * 100
BAD = [  # what, cells to fit, task, cells to encode, words of the message
    ("all missing", ["?", ""], None, None, "'rings': every cell is missing. Choose another"),
    ("one label", ["a", "a", ""], None, None, "'rings': every row holds 'a', so there is nothing"),
    (
        "one and a mark",
        [*"aa", *["NA"] * 3],
        None,
        None,
        "to learn. 3 rows are left out because 'NA'",
    ),
    (
        "marks alone",
        ["nan", "null"] * 4,
        None,
        None,
        "is missing. 4 rows are left out because 'nan'",
    ),
    ("one number", [2.5, 2.5], None, None, "every row holds '2.5'"),
    ("one whole number", [3, 3], None, None, "every row holds '3'"),
    ("all different", ["a", "b", "c"], None, None, "3 different labels in 3 rows are too many"),
    ("many different", [*"abcdefghijkla"], None, None, "12 different labels in 13"),
    ("text as numbers", [1, "oak", 2], "regression", None, "row 2: 'oak' is not a finite number"),
    ("a slip", ["", *NUMBERS, "1.5m"], None, None, "row 202: '1.5m' is not a finite number"),
    ("infinite", [1.5, 2.5, np.inf], None, None, "row 3: 'inf' is not a finite number. Correct"),
    ("unknown label", ["oak", "elm", "oak"], None, ["elm", "Oka"], "row 2: the label 'Oka'"),
    ("nearest", ["<=50K", ">50K"] * 2, None, ["<=50K."], "Did you mean '<=50K'?"),
    ("missing label", ["oak", "elm", "oak"], None, ["elm", ""], "row 2: the cell is missing"),
    (
        "missing number",
        [1.5, 2.5],
        None,
        [1, np.nan, np.nan],
        "row 2: the cell is missing, as in 2",
    ),
    ("bad number", [1.5, 2.5], None, ["1", "oak"], "row 2: 'oak' is not a finite number"),
]


@pytest.mark.parametrize(
    ("cells", "task", "met", "words"), [row[1:] for row in BAD], ids=[row[0] for row in BAD]
)
def test_targets_that_are_refused(cells, task, met, words) -> None:
    with pytest.raises(DataError) as error:
        fit_target(as_cells(cells), task=task, name="rings").encode(as_cells(met))
    assert words in str(error.value)
    assert "'rings'" in str(error.value)


def test_an_unknown_task_is_refused() -> None:
    with pytest.raises(SettingError, match=r"task must be one of .* Did you mean 'regression'"):
        fit_target(as_cells([1, 2]), task="regresion")


REAL = [
    ("abalone.csv", -1, "regression"),
    ("adult-train.csv", -1, "classification"),
    ("auto-mpg-questionmark.csv", "mpg", "regression"),
    ("breast-cancer-wisconsin.csv", -1, "classification"),
    ("california-housing.csv", "median_house_value", "regression"),
    ("energy-efficiency-ENB2012.csv", "Y1", "regression"),
    ("mushroom.csv", "Class", "classification"),
    ("penguins.csv", "species", "classification"),
    ("titanic-train.csv", "Survived", "classification"),
    ("wine.csv", -1, "classification"),
]


@pytest.mark.parametrize(("file", "column", "task"), REAL)
def test_tasks_of_real_tables(real_table, file, column, task) -> None:
    table = real_table(f"tables/{file}")
    assert fit_target(table.columns[table.find(column)]).task == task


# Very skewed numbers ------------------------------------------------------------------------------

FARES = np.exp(np.random.default_rng(0).normal(3, 1.2, 400)).round(2)


def test_very_skewed_numbers_are_learned_by_their_logarithms() -> None:
    target = fit_target(FARES, name="fare")
    assert target.logs is not None and skewness(FARES) > 3
    encoded = target.encode(FARES)
    assert encoded.mean() == pytest.approx(0, abs=1e-6) and encoded.std() == pytest.approx(1)
    assert encoded[:, 0] == pytest.approx(
        (np.log(FARES) - np.log(FARES).mean()) / np.log(FARES).std(), abs=1e-5
    )
    assert target.decode(encoded) == pytest.approx(FARES, rel=1e-5)
    assert (target.mean, target.scale) == pytest.approx((FARES.mean(), FARES.std()))
    assert target_from_json(json.loads(json.dumps(target.to_json()))) == target
    # one that goes astray stays finite
    astray = target.decode(np.array([1e6, -1e6]))
    assert astray == pytest.approx([np.e * FARES.max(), FARES.min() / np.e])


@pytest.mark.parametrize(
    "values",
    [FARES - 10, np.append(FARES, 0.0), np.sqrt(FARES), 10 + (FARES > 150) + FARES / 999, -FARES],
    ids=["negative", "zero", "less skewed", "skewed as logarithms too", "skewed to the left"],
)
def test_other_numbers_are_learned_as_they_are(values: np.ndarray) -> None:
    target = fit_target(values, task="regression")
    assert target.logs is None
    assert target.decode(target.encode(values)) == pytest.approx(values, rel=1e-4, abs=1e-3)


def test_errors_and_intervals_are_those_of_the_logarithms() -> None:
    true, said = np.array([2.0, 30.0]), np.array([1.0, 60.0])
    plain, logs = Regression("rent", 1.0, 2.0), fit_target(FARES, name="fare")
    assert plain.errors(true, said).tolist() == [1.0, -30.0]
    assert plain.around(said, 3.0).tolist() == [[-2.0, 4.0], [57.0, 63.0]]
    assert logs.errors(true, said) == pytest.approx([np.log(2), -np.log(2)])
    assert logs.around(said, np.log(4)) == pytest.approx(np.array([[0.25, 4.0], [15.0, 240.0]]))
    assert logs.around(said, 1e4).tolist() == [[0.0, np.inf], [0.0, np.inf]]
    both, pair = MultiRegression((plain, logs)), np.stack([said, said], axis=1)
    assert both.errors(np.stack([true, true], axis=1), pair)[:, 0].tolist() == [1.0, -30.0]
    ends = both.around(pair, np.array([3.0, np.log(4)]))
    assert ends.shape == (2, 2, 2)
    assert ends[:, 0].tolist() == plain.around(said, 3.0).tolist()
    assert ends[:, 1].tolist() == logs.around(said, np.log(4)).tolist()


def test_a_number_without_a_logarithm_is_refused() -> None:
    target = fit_target(FARES, name="fare")
    with pytest.raises(DataError, match="Target 'fare', row 2: 0 is not above 0"):
        target.encode(np.array([1.0, 0.0]))


def test_a_refit_keeps_logarithms_only_for_positive_numbers() -> None:
    whole = np.append(FARES, -1.0)
    assert fit_target(whole, task="regression").refit(FARES).logs is None
    assert fit_target(FARES).refit(FARES[::-1]).logs is not None


def test_a_model_of_logarithms_predicts_in_the_unit_of_the_column(tmp_path) -> None:
    x = np.log(FARES) + np.random.default_rng(1).normal(0, 0.1, len(FARES))
    table = {"x": x.tolist(), "fare": FARES.tolist()}
    model = tw.TableModel("fare", epochs=40, n_estimators=2, bins=0).fit(table)
    predicted = model.predict(table)
    assert (predicted > 0).all() and np.corrcoef(np.log(predicted), np.log(FARES))[0, 1] > 0.9
    assert not [name for name in model.trained.history if name.endswith("mae")]
    model.save(tmp_path / "model")
    assert tw.load(tmp_path / "model").predict(table).tolist() == predicted.tolist()
