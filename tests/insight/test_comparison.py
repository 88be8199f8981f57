"""Models side by side: whose scores they are, in which order, and what sets them apart."""

import numpy as np
import pytest

import talweg as tw
from talweg.errors import DataError
from talweg.insight.comparison import compare, facts_of

X = np.random.default_rng(0).normal(size=(120, 2))
TABLE = {"a": X[:, 0], "b": X[:, 1], "y": X[:, 0] * 2 + 0.3 * X[:, 1]}
NEW = {name: -values[:50] for name, values in TABLE.items()}


def model(hidden: int, epochs: int, **settings: object) -> tw.TableModel:
    fitted = tw.TableModel("y", hidden=(hidden,), epochs=epochs, members=1, patience=9, **settings)
    return fitted.fit(TABLE, seed=0)


@pytest.fixture(scope="module")
def models() -> list[tuple[str, object]]:
    good, poor = model(8, 60, optimizer=tw.AdamW(lr=0.02)), model(2, 1)
    return [("poor", poor.trained), ("good", good.trained)]


def test_the_best_comes_first_with_its_own_scores(models) -> None:
    found = compare(models)
    assert [each.name for each in found.models] == ["good", "poor"]
    assert all(each.scores == each.trained.scores for each in found.models)
    assert found.said == "Scored on the same 15 rows, which no training saw."


def test_a_common_table_scores_all(models) -> None:
    found = compare(models, NEW)
    assert [each.rows for each in found.models] == [50, 50]
    assert all(each.scores == each.trained.score(NEW) for each in found.models)


def test_the_weights_of_several_networks_are_counted_by_network(models) -> None:
    two = tw.TableModel("y", hidden=(3,), epochs=1, members=2, bins=0).fit(TABLE)
    one, both = (facts_of(each) for each in compare([models[0], ("two", two.trained)]).models)
    told = {dict(each)["weights"] for each in (one, both)}
    assert told == {models[0][1].net.weights.flat.size, "2 x 25"}
    assert [name for name, _ in both] == ["weights", "epochs", "time"]


def test_rows_that_differ_are_said(models) -> None:
    other = tw.TableModel("y", hidden=(2,), epochs=1, members=1).fit(TABLE, seed=1).trained
    assert "give a common table" in compare([*models, ("other", other)]).said


def test_only_what_differs_is_told(models) -> None:
    told = {name: values for name, *values in compare(models).differing()}
    assert told["hidden"] == ["8", "2"]
    assert told["epochs"] == ["60", "1"]
    assert set(told) == {"hidden", "epochs", "optimizer"}


def test_models_of_two_targets_are_refused(models) -> None:
    other = tw.TableModel("a", hidden=(2,), epochs=1, members=1).fit(TABLE).trained
    with pytest.raises(DataError, match=r"poor predicts y \(regression\), but x predicts a"):
        compare([*models, ("x", other)])


def test_a_model_that_ran_away_comes_last(models) -> None:
    gone = model(2, 1).trained
    gone.held_out.outputs[:] = np.nan
    assert [each.name for each in compare([("gone", gone), *models]).models][-1] == "gone"
