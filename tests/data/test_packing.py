"""Packed rows: the same inputs and the same training in a fraction of the memory."""

import numpy as np
import pytest

import talweg as tw
from talweg.data.columns.kinds.scalar import BOUND
from talweg.data.columns.packing import Unpack
from talweg.data.columns.table_encoder import TableEncoder
from talweg.data.io.read import as_table
from talweg.data.model import recipe
from talweg.data.split.split_rows import SplitRows

TIMES = 40
ODD = {
    "size": [1.5, 2.0, None, "low", 3.0, 5.5],
    "rooms": [1, 2, 3, 4, 5, 7],
    "place": ["hill", "lake", "", "hill", "lake", "hill"],
    "new": ["yes", "no", "yes", "?", "no", "yes"],
    "grade": ["low", "medium", "high", "", "low", "high"],
    "built": ["2020-01-01", "2021-06-07", "", "2020-12-31", "2019-05-05", "2020-02-02"],
    "price": [1.5, 2.5, 3.5, 2.0, 1.0, 4.0],
}
TABLE = {name: cells * TIMES for name, cells in ODD.items()}
ASKED = {"size": "number", "rooms": "number", "grade": "ordinal"}
KINDS = ["number", "number", "category", "boolean", "ordinal", "date"]
QUICK = {"epochs": 3, "hidden": (6,), "n_estimators": 1, "bins": 4, "columns": ASKED}


@pytest.fixture(scope="module")
def encoder() -> TableEncoder:
    model = tw.TableModel("price", **QUICK)
    return TableEncoder.fit(as_table(TABLE), "price", types=model.kinds(TABLE))


def test_packed_rows_unpack_to_the_same_bits(encoder) -> None:
    assert [column.kind for column in encoder.columns] == KINDS
    new = {**ODD, "place": ["moon", *ODD["place"][1:]], "grade": ["huge", *ODD["grade"][1:]]}
    new["size"] = [1e30, -1e30, *ODD["size"][2:]]
    for rows in (TABLE, new):
        x, unpack = encoder.encode(as_table(rows)), Unpack(encoder.columns)
        packed = encoder.encode(as_table(rows), None, unpack)
        assert packed.shape == (len(x), unpack.width)
        assert unpack.width == len(KINDS) - 1 + encoder.columns[-1].width < x.shape[1]
        np.testing.assert_array_equal(unpack.apply({}, packed).array, x)
    assert np.abs(x[:, 0]).max() == BOUND  # no larger number could be taken for a mark


def test_split_rows_are_the_same_packed_or_not(encoder, monkeypatch) -> None:
    monkeypatch.setattr("talweg.data.split.split_rows._BLOCK", 4)
    late = {**TABLE, "place": [*TABLE["place"][:-1], "moon"]}  # varies in the last row alone
    x, unpack = encoder.encode(as_table(late)), Unpack(encoder.columns)
    ends = np.arange(1, 9) * len(x) // 8
    plain = SplitRows(x, np.zeros(len(x)), None, ends)
    packed = encoder.encode(as_table(late), None, unpack)
    packed = SplitRows(packed, np.zeros(len(x)), None, ends, unpack=unpack)
    constant = x.min(axis=0) == x.max(axis=0)
    assert 0 < constant.sum() < len(constant)
    for rows_of_table in (plain, packed):
        np.testing.assert_array_equal(rows_of_table.is_constant(), constant)
        for rows in (slice(3, 9), slice(0, 90, 7), np.array([5, 2, 100])):
            np.testing.assert_array_equal(rows_of_table.inputs(rows), x[rows])


def test_packed_rows_tell_which_inputs_vary(encoder, monkeypatch) -> None:
    """For all subsets of the six rows, so that every kind of cell is alone in some."""
    monkeypatch.setattr("talweg.data.split.split_rows._BLOCK", 2)
    x, unpack = encoder.encode(as_table(ODD)), Unpack(encoder.columns)
    packed = encoder.encode(as_table(ODD), None, unpack)
    ends = np.arange(8)
    for chosen in range(1, 2 ** len(x)):
        rows = [row for row in range(len(x)) if chosen >> row & 1]
        rows_of_table = SplitRows(packed[rows], x[rows, 0], None, ends, unpack=unpack)
        np.testing.assert_array_equal(rows_of_table.is_constant(), np.ptp(x[rows], axis=0) == 0)


@pytest.mark.parametrize("target", ["price", "place"])
@pytest.mark.parametrize(
    "more", [{"time": False}, {"time": "built"}, {"time": False, "weight": "rooms"}]
)
@pytest.mark.filterwarnings("ignore:.*cells unlike the training data")
def test_a_model_learns_the_same_from_packed_rows(target: str, more: dict, monkeypatch) -> None:
    rows = {**TABLE, "built": ["2020-01-01", *TABLE["built"][1:]]}
    if more["time"]:
        rows["built"] = [f"{1900 + row}-01-01" for row in range(len(TABLE["built"]))]
    plain = tw.TableModel(target, **QUICK, **more).fit(rows, seed=1)
    monkeypatch.setattr(recipe, "_MOST_BYTES", (0, 0))
    built = []
    monkeypatch.setattr(Unpack, "__init__", _noting(Unpack.__init__, built))
    packed = tw.TableModel(target, **QUICK, **more).fit(rows, seed=1)
    assert len(built) == (3 if more["time"] else 1)  # trainings
    one, two = (fitted.trained.net.weights for fitted in (plain, packed))
    assert list(one) == list(two)
    np.testing.assert_allclose(two.flat, one.flat, rtol=1e-5, atol=1e-6)
    held = [fitted.trained.held_out for fitted in (plain, packed)]
    np.testing.assert_allclose(held[1].outputs, held[0].outputs, rtol=1e-5, atol=1e-5)
    assert packed.predict(rows).tolist() == packed.predict(as_table(rows)).tolist()


def _noting(init: object, built: list) -> object:
    def noted(self: Unpack, columns: object) -> None:
        built.append(columns)
        init(self, columns)

    return noted


def test_only_large_tables_for_one_network_are_packed() -> None:
    many, few = 10**6, 10**3
    of = lambda rows, **given: recipe.recipe_for(rows, 100, given, has_classes=True)  # noqa: E731
    assert of(many).is_packed
    assert not of(few, n_estimators=1).is_packed
    assert not of(many, n_estimators=2).is_packed
    assert not of(many, optimizer=tw.LBFGS()).is_packed
