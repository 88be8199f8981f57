"""The threshold between two classes, and what it does to a model."""

import numpy as np
import pytest

import talweg as tw
from talweg.data.model.decision import Decision, best_decision, decide
from talweg.data.model.scores import classification_scores
from talweg.errors import SettingError

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=300).round(3)
RARE = np.where(X + RANDOM.normal(size=300) > 1.8, "ill", "well")
TABLE = {"x": X.tolist(), "state": RARE.tolist()}
QUICK = {"epochs": 5, "hidden": (8,), "n_estimators": 2}


def shares_of(positive: np.ndarray) -> np.ndarray:
    return np.column_stack([1 - positive, positive])


def score_of(goal: str, true: np.ndarray, chosen: np.ndarray) -> float:
    hits = ((true == 1) & (chosen == 1)).sum()
    if goal == "f1":
        return 2 * hits / ((true == 1).sum() + (chosen == 1).sum())
    return (hits / (true == 1).sum() + ((true == 0) & (chosen == 0)).sum() / (true == 0).sum()) / 2


@pytest.mark.parametrize("goal", ["f1", "balanced"])
@pytest.mark.parametrize("seed", range(5))
def test_no_other_threshold_is_better(goal: str, seed: int) -> None:
    random = np.random.default_rng(seed)
    positive = random.random(60).round(1 + seed % 3)  # many are equal
    true = (random.random(60) < positive**2).astype(int)
    true[0], true[1:20] = 1, 0
    found = best_decision(true, shares_of(positive), goal)
    assert found.positive == 1
    best = score_of(goal, true, found.classes(shares_of(positive)))
    others = [score_of(goal, true, positive >= line) for line in np.linspace(0, 1, 1001)]
    assert best == pytest.approx(max(others))


def test_the_rarer_class_is_the_positive_one() -> None:
    true, first = np.array([0, 1, 1, 1, 0]), np.array([0.4, 0.3, 0.2, 0.1, 0.35])
    found = best_decision(true, np.column_stack([first, 1 - first]), "f1")
    assert found.positive == 0
    assert 0.3 < found.threshold <= 0.35
    shares = np.column_stack([first, 1 - first])
    assert decide(found, shares).tolist() == [0, 1, 1, 1, 0]
    assert decide(None, shares).tolist() == [1] * 5


def test_a_threshold_adds_the_balanced_accuracy_to_the_scores() -> None:
    true, shares = np.array([0, 0, 0, 1]), shares_of(np.array([0.1, 0.3, 0.1, 0.4]))
    names = {
        each.name: each for each in classification_scores(true, shares, np.array([0.75, 0.25]))
    }
    assert list(names) == ["accuracy", "log loss"] and names["accuracy"].network == 0.75
    drawn = classification_scores(
        true, shares, np.array([0.75, 0.25]), decision=Decision(1, threshold=0.25)
    )
    found = {each.name: each.network for each in drawn}
    assert found["accuracy"] == 0.75 and found["balanced accuracy"] == pytest.approx(5 / 6)


@pytest.mark.parametrize("threshold", ["balanced", "f1", 0.2])
def test_a_model_has_the_threshold_that_is_asked_for(threshold, tmp_path) -> None:
    plain = tw.TableModel("state", **QUICK).fit(TABLE)
    model = tw.TableModel("state", threshold=threshold, **QUICK).fit(TABLE)
    assert model.predict_proba(TABLE).tobytes() == plain.predict_proba(TABLE).tobytes()
    line = model.trained.decision
    assert line is not None and model.classes[line.positive] == "ill"
    assert threshold in ("balanced", "f1") or line.threshold == threshold
    share = model.predict_proba(TABLE)[:, line.positive]
    assert ((model.predict(TABLE) == "ill") == (share >= line.threshold)).all()
    assert [each.name for each in model.scores] == ["accuracy", "balanced accuracy", "log loss"]
    model.save(tmp_path / "model")
    again = tw.load(tmp_path / "model")
    assert again.trained.decision == line
    assert again.predict(TABLE).tolist() == model.predict(TABLE).tolist()


def test_only_two_classes_have_a_threshold() -> None:
    numbers, names = RANDOM.normal(size=300).tolist(), RANDOM.choice(["a", "b", "c"], 300).tolist()
    for target in (numbers, names):
        with pytest.raises(SettingError, match="a threshold needs a target with two classes"):
            tw.TableModel("y", threshold="f1", **QUICK).fit({"x": X.tolist(), "y": target})
    for wrong in (0, 1.0, "best", True):
        with pytest.raises(SettingError, match="threshold must be a number between 0 and 1"):
            tw.TableModel("state", threshold=wrong)


def test_balanced_class_weights_find_more_of_the_rare_class() -> None:
    plain = tw.TableModel("state", epochs=20, n_estimators=2).fit(TABLE)
    balanced = tw.TableModel("state", class_weight="balanced", epochs=20, n_estimators=2).fit(TABLE)
    ill = [(each.predict(TABLE) == "ill").sum() for each in (plain, balanced)]
    assert ill[1] > 1.5 * ill[0]
    with pytest.raises(
        SettingError, match="class_weight needs classes, but the target 'x' is a number"
    ):
        tw.TableModel("x", class_weight="balanced", **QUICK).fit(TABLE)
