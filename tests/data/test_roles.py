"""Columns that are not inputs but say how to learn: weights, groups, time."""

import numpy as np
import pytest

import talweg as tw
from talweg.data.columns.roles import Roles
from talweg.data.columns.table import Table
from talweg.data.split.folds import FOLDS, folds_of
from talweg.data.split.split_rows import SplitRows
from talweg.data.split.times import times_in
from talweg.errors import DataError

RANDOM = np.random.default_rng(1)
ROWS = 96
X = RANDOM.normal(size=ROWS).round(4)
Y = (X + RANDOM.normal(size=ROWS) / 5).round(4)
HOUSE = [f"house {each}" for each in RANDOM.integers(0, 20, ROWS)]
DAYS = [f"2024-{1 + day // 28:02}-{1 + day % 28:02}" for day in RANDOM.permutation(ROWS)]
WEIGHT = RANDOM.integers(0, 4, ROWS).tolist()
TABLE = {"x": X.tolist(), "y": Y.tolist(), "house": HOUSE, "day": DAYS, "weight": WEIGHT}
QUICK = {"epochs": 3, "hidden": (5,), "n_estimators": 2, "bins": 0}
ASKED = {"drop": (), "columns": (), "weight": None, "groups": None, "time": None, "target": "y"}


def as_table(columns: dict[str, list]) -> Table:
    return Table.from_columns(columns.items())


def folds(**roles: str) -> np.ndarray:
    found = Roles.of(as_table(TABLE), {**ASKED, **roles})
    return folds_of(as_table(TABLE), found.groups, None, seed=0)


def test_rows_of_a_group_stay_together() -> None:
    fold = folds(groups="house")
    assert sorted({*fold.tolist()}) == list(range(FOLDS))
    for house in set(HOUSE):
        assert (
            len({each for each, name in zip(fold.tolist(), HOUSE, strict=True) if name == house})
            == 1
        )


def test_rows_in_time_are_the_same_for_all_networks() -> None:
    rows = SplitRows(np.zeros((8, 1)), np.zeros(8), None, np.array([5, 6, 8]), by_time=True)
    for network in range(FOLDS):
        assert (rows.validation(network), rows.test(network)) == (slice(5, 6), slice(6, 8))


def test_time_may_be_numbers_or_dates_of_any_style() -> None:
    for cells in (
        [3.0, 1.0, 2.0],
        ["3.5.2020", "1.5.2020", "2.5.2020"],
        ["Mar 2020", "Jan 2020", "Feb 2020"],
        ["March", "Jan", "feb."],
    ):
        assert np.argsort(times_in(as_table({"t": cells}), ["t"], {})).tolist() == [1, 2, 0]
    american = as_table({"t": ["01/03/2020", "02/01/2020"]})
    assert np.argsort(times_in(american, ["t"], {})).tolist() == [0, 1]
    assert np.argsort(times_in(american, ["t"], {"t": "day first"})).tolist() == [1, 0]
    with pytest.raises(DataError, match="Time 't', row 97: 'later' is neither a number nor a date"):
        times_in(as_table({"t": [*DAYS, "later", *DAYS]}), ["t"], {})


def test_several_columns_give_the_time_from_the_longest_unit_to_the_shortest() -> None:
    table = as_table({"year": [2020, 2019, 2020, 2019], "month": [1, 12, 11, 2]})
    assert np.argsort(times_in(table, ["year", "month"], {})).tolist() == [3, 1, 0, 2]


def test_weights_and_groups_are_no_inputs() -> None:
    model = tw.TableModel("y", weight="weight", groups="house", **QUICK).fit(TABLE)
    assert [each.name for each in model.trained.encoder.columns] == ["x", "day"]
    assert "house" not in {each.name for each in model.kinds(TABLE)}


def test_a_weight_of_2_counts_a_row_twice_and_0_leaves_it_out() -> None:
    bare = {"x": X.tolist(), "y": Y.tolist(), "weight": WEIGHT}
    model = tw.TableModel("y", weight="weight", **QUICK).fit(bare)
    kept = np.array(WEIGHT) > 0
    other = {"x": np.where(kept, X, 5.0).tolist(), "y": np.where(kept, Y, 50.0).tolist()}
    again = tw.TableModel("y", weight="weight", **QUICK).fit({**other, "weight": WEIGHT})
    assert again.predict(bare).tobytes() == model.predict(bare).tobytes()
    alike = tw.TableModel("y", weight="weight", **QUICK).fit({**bare, "weight": [1] * ROWS})
    plain = tw.TableModel("y", drop="weight", **QUICK).fit(bare)
    assert alike.predict(bare).tobytes() == plain.predict(bare).tobytes()
    heavy = tw.TableModel("y", weight="weight", **QUICK).fit(bare)
    held = heavy.trained.held_out
    mean = np.average(np.abs(held.true - held.outputs), weights=held.weights)
    assert heavy.scores[1].network == pytest.approx(mean)
    assert set(held.weights.tolist()) == {1.0, 2.0, 3.0}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"weight": "y"}, "is the target and cannot be `weight`"),
        ({"groups": "y"}, "is the target and cannot be `groups`"),
        ({"time": "nowhere"}, "nowhere"),
        ({"weight": "house"}, "Weight 'house', row 1: 'house"),
        ({"weight": "x"}, "is not a number of at least 0"),
        ({"time": "house"}, "is neither a number nor a date"),
        ({"time": "day", "groups": "house"}, "define different splits"),
    ],
)
def test_roles_that_are_refused(settings, message) -> None:
    with pytest.raises(DataError, match=message):
        tw.TableModel("y", **settings, **QUICK).fit(TABLE)


def test_too_few_groups_are_refused() -> None:
    with pytest.raises(DataError, match="2 groups cannot fill 8 folds"):
        tw.TableModel("y", groups="g", **QUICK).fit({**TABLE, "g": [0, 1] * (ROWS // 2)})


def test_weights_that_are_all_0_are_refused() -> None:
    with pytest.raises(DataError, match="every row has the weight 0"):
        tw.TableModel("y", weight="weight", **QUICK).fit({**TABLE, "weight": [0] * ROWS})
