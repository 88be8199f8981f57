"""Prediction intervals hold as many new rows as they say."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

import talweg as tw
from talweg.data.intervals import half_width
from talweg.errors import DataError, SettingError

RANDOM = np.random.default_rng(3)


def table(rows: int) -> dict[str, list[float]]:
    x = RANDOM.normal(size=rows)
    return {"x": x.tolist(), "y": (np.sin(2 * x) + RANDOM.normal(size=rows) / 3).tolist()}


@given(st.integers(1, 60), st.floats(0.01, 0.99))
def test_the_smallest_distance_that_holds_enough_rows(n: int, coverage: float) -> None:
    errors = np.random.default_rng(n).normal(size=n)
    if (n + 1) * (1 - coverage) < 1 - 1e-9:
        with pytest.raises(DataError, match="judged rows cannot tell"):
            half_width(errors, coverage)
        return
    width = half_width(errors, coverage)
    held = (np.abs(errors) <= width).sum()
    assert held >= (n + 1) * coverage - 1e-6
    assert held - 1 < (n + 1) * coverage + 1e-6


@pytest.mark.slow
@pytest.mark.parametrize("coverage", [0.5, 0.9])
@pytest.mark.parametrize("members", [1, 8])
def test_new_rows_are_held_as_often_as_said(coverage: float, members: int) -> None:
    model = tw.TableModel("y", members=members, epochs=20).fit(table(1200))
    new = table(4000)
    low, high = model.intervals(new, coverage).T
    held = np.mean((low <= new["y"]) & (new["y"] <= high))
    # four standard errors of the share among 1200 / 8 judged rows, or all, and among new ones
    judged = len(model.trained.held_out.true)
    spread = np.sqrt(coverage * (1 - coverage) * (1 / judged + 1 / 4000))
    assert -4 * spread < held - coverage < 4 * spread + 0.05 * (members > 1)
    assert np.allclose((low + high) / 2, model.predict(new))


def skewed(rows: int) -> dict[str, list[float]]:
    x = RANDOM.normal(size=rows)
    return {"x": x.tolist(), "y": np.exp(1.5 * x + RANDOM.normal(size=rows) / 3).tolist()}


def test_of_logarithms_they_are_as_wide_as_predictions_are_large() -> None:
    model = tw.TableModel("y", members=1, epochs=20, bins=0).fit(skewed(400))
    assert model.trained.coding.logs
    new = skewed(40)
    low, high = model.intervals(new, 0.8).T
    factor = np.exp(model.trained.reach(0.8))
    np.testing.assert_allclose(low * factor, model.predict(new))
    np.testing.assert_allclose(high / factor, model.predict(new))
    held = model.trained.held_out
    assert np.count_nonzero(np.abs(np.log(held.true / held.outputs)) <= np.log(factor)) == 41
    assert len(held.true) == 50


@pytest.mark.slow
def test_of_logarithms_they_hold_small_and_large_ones_alike() -> None:
    model = tw.TableModel("y", epochs=30).fit(skewed(1600))
    new = skewed(4000)
    low, high = model.intervals(new, 0.9).T
    held = (low <= new["y"]) & (new["y"] <= high)
    quarters = np.array_split(held[np.argsort(model.predict(new))], 4)
    # with one width for all, the largest quarter is held in 0.66 of cases, the others in 0.98 to 1
    for each in quarters:
        assert np.mean(each) == pytest.approx(0.9, abs=0.06)


def test_what_has_no_intervals() -> None:
    few = tw.TableModel("y", epochs=2, hidden=(4,), members=1).fit(table(40))
    with pytest.raises(DataError, match=r"5 judged rows cannot tell what holds 99.0% of all"):
        few.intervals(table(3), 0.99)
    with pytest.raises(SettingError, match="coverage must be a number above 0 and below 1"):
        few.intervals(table(3), 90)
    rows = {"x": [1.0, 2.0] * 20, "y": ["a", "b"] * 20}
    classes = tw.TableModel("y", epochs=2, hidden=(4,), members=1).fit(rows)
    with pytest.raises(SettingError, match="only numbers have intervals"):
        classes.intervals(rows)
