"""Partial dependence of each kind of column: which values are tried, and in which order."""

import numpy as np
import pytest

import talweg as tw
from talweg.data.model.trained_table import TrainedTable
from talweg.insight.dependence import POINTS, Dependence, dependence
from talweg.insight.encoded import EncodedRows

ROWS = 120
DAYS = [np.datetime64("2019-03-01") + 11 * (row * 37 % ROWS) for row in range(ROWS)]
TABLE = {
    "size": [row % 30 / 4 for row in range(ROWS)],
    "grade": [["medium", "low", "high", "high"][row % 4] for row in range(ROWS)],
    "new": [["Yes", "yes", "no", "yes", ""][row % 5] for row in range(ROWS)],
    "flag": [row % 3 == 0 for row in range(ROWS)],
    "digit": [["1", "0", "0"][row % 3] for row in range(ROWS)],
    "built": [f"{day.astype(object):%d.%m.%Y}" for day in DAYS],
    "price": [row % 30 / 4 + (row % 4) + row * 37 % ROWS / 40 for row in range(ROWS)],
}


@pytest.fixture(scope="module")
def trained() -> TrainedTable:
    model = tw.TableModel("price", epochs=2, hidden=(4,), columns={"digit": "boolean"}).fit(TABLE)
    return model.trained


@pytest.fixture(scope="module")
def found(trained) -> dict[str, Dependence]:
    rows = EncodedRows.of(trained, trained.table(TABLE))
    names = [each.name for each in trained.encoder.columns]
    return {each.name: each for each in dependence(rows, names)}


def test_every_kind_of_column_has_a_dependence(found) -> None:
    assert set(found) == set(TABLE) - {"price"}


ALIKE = [("size", "1.5"), ("size", ""), ("new", "yes"), ("built", "01.03.2019"), ("built", "")]


@pytest.mark.parametrize(("name", "cell"), ALIKE)
def test_a_column_with_one_value_has_no_dependence(trained, name: str, cell: str) -> None:
    rows = EncodedRows.of(trained, trained.table({**TABLE, name: [cell] * ROWS}))
    assert [each.name for each in dependence(rows, [name, "grade"])] == ["grade"]


def test_ordered_words_come_in_their_order(found) -> None:
    assert found["grade"].values == ("low", "medium", "high")


@pytest.mark.parametrize(
    ("name", "values"),
    [("new", ("no", "yes")), ("flag", ("False", "True")), ("digit", ("0", "1"))],
)
def test_booleans_use_their_most_frequent_spellings(found, name, values) -> None:
    assert found[name].values == values
    assert [len(line) for line in found[name].lines.values()] == [2]


def test_dates_run_from_the_first_to_the_last(found) -> None:
    built = found["built"]
    assert len(built.values) == POINTS
    assert (np.diff(built.values) > np.timedelta64(0)).all()
    years = built.values.astype("datetime64[s]").astype(float) / (86_400 * 365.25) + 1970
    first, last = (2019 + 2 / 12, 2019 + 2 / 12 + 11 * (ROWS - 1) / 365.25)
    np.testing.assert_allclose([years[0], years[-1]], [first, last], atol=0.02)
