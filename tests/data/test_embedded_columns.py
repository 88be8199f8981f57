"""Categories of many levels: codes with learned embeddings."""

import json
from pathlib import Path

import numpy as np
import pytest

import talweg as tw
from talweg.data.columns.cells import Words, as_cells
from talweg.data.columns.column_builder import OTHER
from talweg.data.columns.kinds.category import MOST_LEVELS, CategoryColumn
from talweg.data.columns.kinds.levels import CodeColumn
from talweg.data.columns.kinds.number import NumberColumn
from talweg.data.columns.packing import Unpack
from talweg.data.columns.table_encoder import TableEncoder
from talweg.data.io.read import as_table
from talweg.data.model.model_file import read_model, write_model
from talweg.data.model.network import Blueprint, Embedded, embedding_size
from talweg.data.split.split_rows import SplitRows
from talweg.errors import ModelFileError
from talweg.insight.inspection import inspect
from talweg.nn.bins import Bins

RANDOM = np.random.default_rng(0)
LEVELS, EACH = 120, 8
CITIES = np.repeat([f"city{place:03}" for place in range(LEVELS)], EACH)
EFFECT = np.repeat(RANDOM.normal(size=LEVELS), EACH)
ROWS = len(CITIES)
SIZE = RANDOM.normal(size=ROWS)
TABLE = {
    "city": CITIES,
    "size": SIZE,
    "store_id": RANDOM.permutation(np.arange(ROWS) % 110 + 1000),
    "price": EFFECT + 0.3 * SIZE,
}
QUICK = {"epochs": 30, "hidden": (16,), "n_estimators": 2, "bins": 0}


@pytest.fixture(scope="module")
def model() -> tw.TableModel:
    return tw.TableModel("price", **QUICK).fit(TABLE, seed=0)


def column_of(levels: int) -> CategoryColumn:
    return CategoryColumn.fit("c", as_cells([f"l{place:04}" for place in range(levels)] * 3))


# Encoding -------------------------------------------------------------------------------------


def test_a_hundred_levels_are_one_hot_and_more_are_codes() -> None:
    few, many = column_of(MOST_LEVELS), column_of(MOST_LEVELS + 1)
    assert (type(few), few.width, type(many), many.width) == (CategoryColumn, 102, CodeColumn, 1)
    assert (many.kind, many.input_names, many.count) == ("category", ("c",), MOST_LEVELS + 3)


def test_codes_of_levels_then_unknown_then_missing() -> None:
    cells = ["rare", "", "l0007", "l0000", "NA", " l0100", "l0100"]
    column = CategoryColumn.fit("c", as_cells([*[f"l{n:04}" for n in range(101)] * 3, "rare"]))
    encoded = column.encode(as_cells(cells))
    assert encoded.dtype == np.float32
    assert encoded.tolist() == [[101], [102], [7], [0], [102], [100], [100]]


def test_rare_levels_beyond_a_limit_are_unknown(monkeypatch) -> None:
    monkeypatch.setattr("talweg.data.columns.kinds.category.MOST_CODES", 110)
    cells = np.repeat([f"l{place:03}" for place in range(150)], np.arange(150) // 30 + 2)
    column = CategoryColumn.fit("c", as_cells(RANDOM.permutation(cells)))
    assert len(column.levels) == 110
    assert column.levels[::30] == ("l120", "l090", "l060", "l030")
    assert column.encode(as_cells(["l149", "l149", "l050"]))[-1] == 110


def test_texts_that_were_not_kept_are_unknown() -> None:
    texts = (*(f"l{place:03}" for place in range(150)), OTHER)
    words = Words(np.r_[np.repeat(np.arange(150), 3), [150] * 9].astype(np.int32), texts, full=True)
    column = CategoryColumn.fit("c", words)
    assert len(column.levels) == 150
    assert column.encode(words)[-9:].tolist() == [[150]] * 9


def test_a_file_says_which_columns_are_codes() -> None:
    for column in (column_of(3), column_of(MOST_LEVELS + 1)):
        record = json.loads(json.dumps(column.to_json()))
        found = CategoryColumn.from_json(record)
        assert (type(found), found) == (type(column), column)
    old = {"kind": "category", "name": "c", "levels": ["a", "b"]}
    assert CategoryColumn.from_json(old) == CategoryColumn("c", ("a", "b"))


def test_only_occurring_texts_are_looked_up() -> None:
    words = Words(np.array([90_000, 5, 90_000], np.int32), tuple(map(str, range(100_000))))
    assert words.in_use.levels == ("5", "90000")
    assert words.in_use.tolist() == words.tolist()
    assert words[:0].in_use.tolist() == []


def encoder_of(*kinds: CategoryColumn | NumberColumn) -> TableEncoder:
    return TableEncoder(("n", "c", "d"), (), kinds, {})


CODES = CodeColumn("c", ("b", "a", "7")), CodeColumn("d", ("x", "1.5"))
ENCODER = encoder_of(CODES[0], NumberColumn("n", 1.0, 2.0), CODES[1])
CELLS = {"n": [3.0, None, 1.0, 9.0], "c": ["a", "new", "", 7], "d": [1.5, "x", "?", "y"]}


def test_one_row_has_the_bits_of_a_table() -> None:
    assert ENCODER.codes == {0: 5, 4: 4}
    assert ENCODER.inputs == ("c", "n", "n unknown", "n missing", "d")
    encoded = ENCODER.encode(as_table(CELLS))
    assert encoded[:, 0].tolist() == [1, 3, 4, 2]
    assert encoded[:, 4].tolist() == [1, 0, 3, 2]
    for place, row in enumerate(encoded):
        cells = {name: cells_of[place] for name, cells_of in CELLS.items()}
        np.testing.assert_array_equal(ENCODER.encode_row(cells), row[None])


def test_packed_rows_keep_their_codes() -> None:
    x, unpack = ENCODER.encode(as_table(CELLS)), Unpack(ENCODER.columns)
    packed = ENCODER.encode(as_table(CELLS), None, unpack)
    assert packed.shape == (4, unpack.width) == (4, 3)
    np.testing.assert_array_equal(unpack.apply({}, packed).array, x)
    rows = SplitRows(packed, np.zeros(4), None, np.arange(8), unpack=unpack)
    assert rows.is_constant().tolist() == [False, False, True, False, False]


# The network ----------------------------------------------------------------------------------


def test_embeddings_follow_all_other_inputs() -> None:
    embedded = Embedded({0: (3, 2), 2: (4, 1)})
    weights = {
        "levels.0.weight": np.array([[1, 2], [3, 4], [5, 6]], np.float32),
        "levels.1.weight": np.array([[7], [8], [9], [10]], np.float32),
    }
    x = np.array([[2, 0.5, 3, -0.5], [0, 1.5, 1, 2.5]], np.float32)
    expected = [[0.5, -0.5, 5, 6, 10], [1.5, 2.5, 1, 2, 8]]
    assert embedded.apply(weights, x).array.tolist() == expected
    assert Embedded({0: (3, 2)}).apply(weights, x[:, :1]).array.tolist() == [[5, 6], [1, 2]]


@pytest.mark.parametrize("bins", [None, Bins({1: [0, 1, 2]})])
@pytest.mark.parametrize("embeddings", [{}, {0: (7, 2)}, {0: (7, 2), 4: (5, 3)}])
@pytest.mark.parametrize("members", [1, 3])
def test_a_blueprint_counts_all_weights_and_round_trips(bins, embeddings, members) -> None:
    plan = Blueprint(5, 2, (4, 3), "silu", 0.0, bins, embeddings, members, False)
    assert plan.whole().weights.flat.size == plan.size
    again = Blueprint.from_json(json.loads(json.dumps(plan.to_json())), 5, 2, False)
    assert (again.size, again.embeddings) == (plan.size, embeddings)
    width = 5 + sum(size - 1 for _, size in embeddings.values()) + (2 if bins else 0)
    assert plan.first_weight(plan.one()).shape == (width, 4)


def test_the_size_of_an_embedding_is_the_fourth_root() -> None:
    assert [embedding_size(count) for count in (16, 17, 103, 1_502, 100_002)] == [2, 3, 4, 7, 18]


# A model --------------------------------------------------------------------------------------


def test_many_levels_are_learned(model) -> None:
    kinds = [(column.name, column.kind, column.width) for column in model.trained.encoder.columns]
    assert kinds == [("city", "category", 1), ("size", "number", 3), ("store_id", "category", 1)]
    assert dict(model.trained.encoder.notes).keys() == {"store_id"}
    assert model.trained.blueprint.embeddings == {0: (122, 4), 4: (112, 4)}
    assert model.scores[0].network > 0.8  # as one-hot places of a hundred levels cannot: 0.7


@pytest.mark.filterwarnings("ignore:.*cells unlike the training data")
def test_levels_unseen_in_training_add_nothing(model) -> None:
    for name, table in model.trained.net.weights.items():
        if name.endswith("levels.0.weight"):
            assert (table[-2:] == 0).all() and (table[:-2] != 0).any(axis=1).all()
    for net in (model.trained.net.weights[f"{member}.1.weight"] for member in (0, 1)):
        assert [(weights == 0).all() for weights in net] == [False, True, True] + [False] * 8
    row = {"size": 0.0, "city": "city000", "store_id": 1000}
    new, missing = (model.predict({**row, "city": city})[0] for city in ("atlantis", None))
    assert new == missing != model.predict(row)[0]


def test_an_embedding_stays_0_if_its_network_never_saw_the_level() -> None:
    """The rows are one group, so in one fold: two of eight networks do not train on them."""
    table = {**TABLE, "group": np.arange(ROWS) // EACH}
    model = tw.TableModel("price", **{**QUICK, "n_estimators": 8, "epochs": 2}, groups="group")
    trained = model.fit(table).trained
    place = trained.encoder.columns[0].levels.index("city007")
    tables = [w for name, w in trained.net.weights.items() if name.endswith("levels.0.weight")]
    assert sorted((table[place] != 0).any() for table in tables) == [False] * 2 + [True] * 6


def test_a_saved_model_and_single_rows_predict_the_same(model, tmp_path: Path) -> None:
    model.save(tmp_path / "m.talweg")
    loaded, said = tw.load(tmp_path / "m.talweg"), model.predict(TABLE)
    assert loaded.predict(TABLE).tolist() == said.tolist()
    assert loaded.trained.blueprint.embeddings == model.trained.blueprint.embeddings
    for place in (0, 77, ROWS - 1):
        row = {name: cells[place] for name, cells in TABLE.items()}
        assert model.predict(row)[0] == pytest.approx(said[place], rel=1e-5)


@pytest.mark.parametrize(
    "embeddings", [None, [], [[0, 122, 4]], [[0, 112, 4], [4, 122, 4]], [[0, 122, 0], [4, 112, 8]]]
)
def test_a_file_whose_embeddings_do_not_fit_is_refused(model, tmp_path: Path, embeddings) -> None:
    model.save(tmp_path / "m.talweg")
    config, arrays = read_model(tmp_path / "m.talweg")
    config["network"]["embeddings"] = embeddings
    write_model(tmp_path / "m.talweg", config, arrays)
    with pytest.raises(ModelFileError, match="has a missing or invalid part"):
        tw.load(tmp_path / "m.talweg")


def test_importance_finds_the_embedded_column(model) -> None:
    seen = inspect(model.trained, model.trained.unseen)
    assert seen is not None
    assert seen.importance.order()[0] == "city"
    followed = next(curve for curve in seen.dependence if curve.name == "city")
    effects = dict(zip(CITIES.tolist(), EFFECT.tolist(), strict=True))
    truth = [effects[city] for city in followed.values]
    assert np.corrcoef(truth, followed.lines["price"])[0, 1] > 0.9


def test_bins_are_for_numbers_alone() -> None:
    model = tw.TableModel("price", **{**QUICK, "bins": 8, "epochs": 2}).fit(TABLE)
    assert list(model.trained.blueprint.bins.edges) == [1]
    assert model.trained.blueprint.size == model.trained.net.weights.flat.size


@pytest.mark.slow
def test_classes_and_packed_rows(monkeypatch) -> None:
    table = {**TABLE, "price": np.where(TABLE["price"] > 0, "high", "low")}
    alone = {**QUICK, "n_estimators": 1, "epochs": 2, "hidden": (6,)}
    whole = tw.TableModel("price", **alone).fit(table)
    monkeypatch.setattr("talweg.data.model.recipe._MOST_BYTES", (0, 0))
    packed = tw.TableModel("price", **alone).fit(table)
    assert packed.trained.encoder == whole.trained.encoder
    np.testing.assert_array_equal(packed.predict(table), whole.predict(table))
    np.testing.assert_allclose(packed.predict_proba(table), whole.predict_proba(table), atol=1e-4)


# Which columns --------------------------------------------------------------------------------

NUMBERED = [  # name, numbers, kind
    ("store_id", np.arange(400) % 80, "category"),
    ("storeId", np.arange(400) % 80, "category"),
    ("zip", 10_000 + np.arange(400) % 100, "category"),
    ("Zip Code", 10_000 + np.arange(400) % 100, "category"),
    ("postal_code", [*10_000 + np.arange(399) % 100, None], "category"),
    ("plz", 10_000 + np.arange(400) % 100, "category"),
    ("rooms", np.arange(400) % 80, "number"),
    ("valid", np.arange(400) % 80, "number"),
    ("store_id", np.arange(400) % 80 / 2, "number"),
    ("store_id", np.arange(400) // 2, "number"),
    ("store_id", RANDOM.permutation(400), "identifier"),
]


@pytest.mark.parametrize(("name", "numbers", "kind"), NUMBERED)
def test_numbers_with_the_name_of_codes_are_categories(name, numbers, kind) -> None:
    table = as_table({name: list(numbers), "y": RANDOM.normal(size=400)})
    (found,) = tw.TableModel("y").kinds(table)
    assert (found.kind, bool(found.note)) == (kind, kind == "category")
    if kind == "category":
        (asked,) = tw.TableModel("y", columns={name: "number"}).kinds(table)
        assert (asked.kind, asked.note) == ("number", "")


def test_two_thousand_cities_are_a_category_and_text_is_not() -> None:
    cities = [f"city{place}" for place in RANDOM.zipf(1.3, 20_000).clip(max=2_000)]
    notes = [f"note {place // 2}" for place in range(20_000)]
    kinds = tw.TableModel("y").kinds({"city": cities, "note": notes, "y": np.arange(20_000) % 7})
    assert [column.kind for column in kinds] == ["category", "text"]
