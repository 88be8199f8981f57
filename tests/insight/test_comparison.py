"""Comparing models: their order, the rows that were scored, and the settings that differ."""

import re

import numpy as np
import pytest

import talweg as tw
from talweg.draw.pages.report import render
from talweg.errors import DataError
from talweg.insight.comparison import compare

X = np.random.default_rng(0).normal(size=(120, 2))
TABLE = {"a": X[:, 0], "b": X[:, 1], "y": X[:, 0] * 2 + 0.3 * X[:, 1]}
NEW = {name: -values[:50] for name, values in TABLE.items()}


def model(hidden: int, epochs: int, **settings: object) -> tw.TableModel:
    fitted = tw.TableModel(
        "y", hidden=(hidden,), epochs=epochs, n_estimators=1, patience=9, **settings
    )
    return fitted.fit(TABLE, seed=0)


@pytest.fixture(scope="module")
def models() -> list[tuple[str, object]]:
    good, poor = model(8, 60, optimizer=tw.AdamW(lr=0.02)), model(2, 1)
    return [("poor", poor.trained), ("good", good.trained)]


def test_the_best_comes_first_with_its_own_scores(models) -> None:
    found = compare(models)
    assert [each.name for each in found.models] == ["good", "poor"]
    assert all(each.scores == dict(models)[each.name].scores for each in found.models)
    assert found.scored_on == "Scored on the same 15 rows, which no model was trained on."


def test_a_common_table_scores_all(models) -> None:
    found = compare(models, NEW)
    assert [each.rows for each in found.models] == [50, 50]
    assert all(each.scores == dict(models)[each.name].evaluate(NEW) for each in found.models)


def test_the_weights_of_several_networks_are_counted_by_network(models) -> None:
    two = tw.TableModel("y", hidden=(3,), epochs=1, n_estimators=2, bins=0).fit(TABLE)
    one, both = (each.facts() for each in compare([models[0], ("two", two.trained)]).models)
    told = {dict(each)["weights"] for each in (one, both)}
    assert told == {models[0][1].net.weights.flat.size, "2 x 25"}
    assert [name for name, _ in both] == ["weights", "epochs", "time"]


def test_different_held_out_rows_are_pointed_out(models) -> None:
    other = tw.TableModel("y", hidden=(2,), epochs=1, n_estimators=1).fit(TABLE, seed=1).trained
    assert "use a common table" in compare([*models, ("other", other)]).scored_on


def test_only_settings_that_differ_are_listed(models) -> None:
    told = compare(models).settings
    assert told["hidden"] == ("8", "2")
    assert told["epochs"] == ("60", "1")
    assert set(told) == {"hidden", "epochs", "optimizer"}


def test_models_of_two_targets_are_refused(models) -> None:
    other = tw.TableModel("a", hidden=(2,), epochs=1, n_estimators=1).fit(TABLE).trained
    with pytest.raises(DataError, match=r"poor predicts y \(regression\), but x predicts a"):
        compare([*models, ("x", other)])


def test_a_model_that_diverged_comes_last(models) -> None:
    gone = model(2, 1).trained
    gone.held_out.outputs[:] = np.nan
    assert [each.name for each in compare([("gone", gone), *models]).models][-1] == "gone"


# Matched by name ----------------------------------------------------------------------------------

BOTH = {**TABLE, "z": X[:, 1] - X[:, 0]}
CLASSES = {"a": X[:, 0], "b": X[:, 1], "y": np.where(X[:, 0] > 0.2, "yes", "no")}
QUICK = {"hidden": (4,), "epochs": 3, "n_estimators": 1, "bins": 0}


def learned(table: dict[str, object], target: object = "y", **settings: object) -> object:
    return tw.TableModel(target, **{**QUICK, **settings}).fit(table, seed=0, progress=False).trained


def test_scores_that_only_some_models_have() -> None:
    plain, drawn = learned(CLASSES), learned(CLASSES, threshold="f1")
    for pair in ([("plain", plain), ("drawn", drawn)], [("drawn", drawn), ("plain", plain)]):
        found = compare(pair)
        assert found.scores == ["accuracy", "balanced accuracy", "log loss"]
        by_name = {each.name: each for each in found.models}
        assert by_name["plain"].score("balanced accuracy") is None
        assert by_name["plain"].score("log loss") == plain.scores[1]
        assert by_name["drawn"].score("log loss") == drawn.scores[2]
        assert found.trivial["balanced accuracy"] == drawn.scores[1].trivial
        assert found.trivial["log loss"] == plain.scores[1].trivial
        page = render(found)
        assert page.count("\u2013</td>") == 1
        assert page.count("Chart: Log loss") == page.count("Chart: Balanced accuracy") == 1
        assert "Classes" not in found.scored_on and "does not know" not in found.scored_on


def test_the_same_targets_in_another_order() -> None:
    one, other = learned(BOTH, ["y", "z"]), learned(BOTH, ["z", "y"])
    pair = {"one": one, "other": other}
    found = compare([*pair.items()])
    assert found.scored_on == "Scored on the same 15 rows, which no model was trained on."
    for each in found.models:
        assert {name: each.score(name) for name in found.scores} == {
            score.name: score for score in pair[each.name].scores
        }


@pytest.mark.parametrize(
    ("target", "settings", "words"),
    [
        ("z", {}, "but other predicts z (regression)"),
        (["y", "z"], {}, "but other predicts y and z (regression)"),
        ("y", {"task": "classification"}, "but other predicts y (classification)"),
    ],
)
def test_other_targets_and_tasks_are_refused(target, settings, words: str) -> None:
    rounded = {**BOTH, "y": np.rint(BOTH["y"])}
    models = [
        ("first", learned(rounded, task="regression")),
        ("other", learned(rounded, target, **settings)),
    ]
    with pytest.raises(DataError, match=re.escape(words)):
        compare(models)


def test_classes_that_a_model_does_not_know_are_named() -> None:
    third = {**CLASSES, "y": np.where(X[:, 1] > 1, "maybe", CLASSES["y"])}
    two, three = learned(CLASSES), learned(third)
    found = compare([("two", two), ("three", three)])
    assert found.scored_on.startswith(
        "Each model was scored on its own held-out rows, which differ"
    )
    assert found.scored_on.endswith("two was not trained on the class maybe.")
    with pytest.raises(DataError, match=r"two: Target 'y', row \d+: the label 'maybe'"):
        compare([("two", two), ("three", three)], third)


def test_other_labels_with_the_same_codes_are_other_rows() -> None:
    swapped = {**CLASSES, "y": np.where(CLASSES["y"] == "no", "no", "perhaps")}
    found = compare([("one", learned(CLASSES)), ("other", learned(swapped))])
    assert found.scored_on.startswith("Each model was scored on its own held-out rows")


def test_rows_without_a_target_are_not_counted(models) -> None:
    gaps = {**NEW, "y": np.where(np.arange(50) < 8, np.nan, NEW["y"])}
    assert [each.rows for each in compare(models, gaps).models] == [42, 42]


def test_a_setting_that_some_models_lack_is_listed(models, monkeypatch) -> None:
    def settings(trained: object) -> dict[str, str]:
        return {"hidden": "8"} | ({"extra": "1"} if trained is models[0][1] else {})

    monkeypatch.setattr("talweg.insight.comparison._settings", settings)
    assert compare(models).settings == {"extra": ("", "1")}


def test_one_model_is_one_model(models) -> None:
    found = compare(models[:1])
    assert found.scored_on == "Scored on 15 rows that training never saw."
    assert "<h1>1 model that predicts y</h1>" in render(found)
