"""Prediction intervals cover as many new rows as asked for, and are wide where errors are large."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, strategies as st

import talweg as tw
from talweg.data.columns.cells import ends
from talweg.data.columns.logs import Logs
from talweg.data.model.intervals import ErrorScale, Intervals, half_width
from talweg.data.model.targets.multi_regression import MultiRegression
from talweg.data.model.targets.regression import Regression
from talweg.errors import DataError, SettingError

RANDOM = np.random.default_rng(3)


def table(rows: int) -> dict[str, list[float]]:
    x = RANDOM.normal(size=rows)
    return {"x": x.tolist(), "y": (np.sin(2 * x) + RANDOM.normal(size=rows) / 3).tolist()}


@given(st.integers(1, 60), st.floats(0.01, 0.99))
def test_the_half_width_is_the_smallest_that_covers_enough_rows(n: int, coverage: float) -> None:
    errors = np.random.default_rng(n).normal(size=n)
    if (n + 1) * (1 - coverage) < 1 - 1e-9:
        with pytest.raises(DataError, match=r"test rows? cannot support"):
            half_width(errors, coverage)
        return
    width = half_width(errors, coverage)
    held = (np.abs(errors) <= width).sum()
    assert held >= (n + 1) * coverage - 1e-6
    assert held - 1 < (n + 1) * coverage + 1e-6


@pytest.mark.slow
@pytest.mark.parametrize("coverage", [0.5, 0.9])
@pytest.mark.parametrize("members", [1, 8])
def test_new_rows_are_covered_as_often_as_asked(coverage: float, members: int) -> None:
    model = tw.TableModel("y", n_estimators=members, epochs=20).fit(table(1200))
    new = table(4000)
    low, high = model.predict_interval(new, coverage).T
    held = np.mean((low <= new["y"]) & (new["y"] <= high))
    # four standard errors of the share among 1200 / 8 judged rows, or all, and among new ones
    judged = len(model.trained.held_out.true)
    spread = np.sqrt(coverage * (1 - coverage) * (1 / judged + 1 / 4000))
    assert -4 * spread < held - coverage < 4 * spread + 0.05 * (members > 1)
    assert np.allclose((low + high) / 2, model.predict(new))


def skewed(rows: int) -> dict[str, list[float]]:
    x = RANDOM.normal(size=rows)
    return {"x": x.tolist(), "y": np.exp(1.5 * x + RANDOM.normal(size=rows) / 3).tolist()}


def test_intervals_of_logarithms_are_proportional_to_predictions() -> None:
    model = tw.TableModel("y", n_estimators=1, epochs=20, bins=0).fit(skewed(400))
    assert model.trained.target.logs
    new = skewed(40)
    low, high = model.predict_interval(new, 0.8).T
    factor = np.exp(model.trained.reach(0.8))
    np.testing.assert_allclose(low * factor, model.predict(new))
    np.testing.assert_allclose(high / factor, model.predict(new))
    held = model.trained.held_out
    assert np.count_nonzero(np.abs(np.log(held.true / held.outputs)) <= np.log(factor)) == 41
    assert len(held.true) == 50


@pytest.mark.slow
def test_intervals_of_logarithms_cover_small_and_large_numbers_alike() -> None:
    model = tw.TableModel("y", epochs=30).fit(skewed(1600))
    new = skewed(4000)
    low, high = model.predict_interval(new, 0.9).T
    held = (low <= new["y"]) & (new["y"] <= high)
    quarters = np.array_split(held[np.argsort(model.predict(new))], 4)
    # with one width for all, the largest quarter is held in 0.66 of cases, the others in 0.98 to 1
    for each in quarters:
        assert np.mean(each) == pytest.approx(0.9, abs=0.06)


def test_too_few_rows_and_classes_have_no_intervals() -> None:
    few = tw.TableModel("y", epochs=2, hidden=(4,), n_estimators=1).fit(table(40))
    with pytest.raises(DataError, match=r"5 test rows cannot support a coverage of 99.0%"):
        few.predict_interval(table(3), 0.99)
    with pytest.raises(SettingError, match="coverage must be a number above 0 and below 1"):
        few.predict_interval(table(3), 90)
    rows = {"x": [1.0, 2.0] * 20, "y": ["a", "b"] * 20}
    classes = tw.TableModel("y", epochs=2, hidden=(4,), n_estimators=1).fit(rows)
    with pytest.raises(SettingError, match="a class, which has no interval"):
        classes.predict_interval(rows)


# Widths that follow the row -----------------------------------------------------------------------

Numbers = np.ndarray
# What the errors are drawn with, by inputs and prediction.
NOISE: dict[str, Callable[[Numbers, Numbers], Numbers]] = {
    "none": lambda x, said: np.ones(len(x)),
    "by an input": lambda x, said: np.exp(x[:, 0]),
    "by the square of an input": lambda x, said: 0.3 + x[:, 0] ** 2,
    "by a level": lambda x, said: np.where(x[:, 2] > 0, 5.0, 1.0),
    "by the prediction": lambda x, said: np.exp(0.7 * said),
    "far from the mean prediction": lambda x, said: 0.3 + said**2,
}


def rows_with(noise: str, rows: int, tails: bool = False) -> tuple[Numbers, Numbers, Numbers]:
    """Inputs (N, 4), the predictions of a network that knows the mean, and the truth."""
    random = np.random.default_rng(rows)
    x = random.normal(size=(rows, 4)).clip(-3, 3).astype(np.float32)
    x[:, 2] = x[:, 2] > 0.5
    said = x[:, 1].astype(np.float64)
    errors = random.standard_t(3, rows) if tails else random.normal(size=rows)
    return x, said, said + NOISE[noise](x, said) * errors


def intervals_from(x: Numbers, said: Numbers, true: Numbers, target: Regression) -> Intervals:
    z, errors = target.standardized(said)[:, None], target.errors(true, said)[:, None]
    scale = ErrorScale.fit(x.__getitem__, z, errors, codes=[])
    return Intervals(target, scale, true, said)


@pytest.mark.parametrize("tails", [False, True], ids=["normal", "heavy tails"])
@pytest.mark.parametrize("noise", NOISE)
def test_easy_rows_are_covered_as_often_as_hard_ones(noise: str, tails: bool) -> None:
    told = intervals_from(*rows_with(noise, 8000, tails), Regression("y", 0.0, 1.0))
    x, said, true = rows_with(noise, 20_000, tails)
    by_noise = np.argsort(NOISE[noise](x, said), kind="stable")
    for coverage in (0.8, 0.9, 0.95):
        low, high = told.around(x, said, coverage).T
        holds = (low <= true) & (true <= high)
        assert holds.mean() == pytest.approx(coverage, abs=0.02)
        fifths = np.array_split(holds[np.argsort(said, kind="stable")], 5)
        assert np.mean(fifths, axis=1) == pytest.approx(coverage, abs=0.04)
        one = np.abs(true - said) <= np.quantile(np.abs(true - said), coverage)
        worst, worst_of_one = (
            np.abs(np.mean(np.array_split(each[by_noise], 5), axis=1) - coverage).max()
            for each in (holds, one)
        )
        assert worst < max(0.04, 0.6 * worst_of_one)


@pytest.mark.parametrize("noise", list(NOISE)[1:])
def test_intervals_are_narrow_where_errors_are_small(noise: str) -> None:
    told = intervals_from(*rows_with(noise, 4000), Regression("y", 0.0, 1.0))
    x, said, _ = rows_with(noise, 5000)
    low, high = told.around(x, said, 0.9).T
    fifths = np.array_split((high - low)[np.argsort(NOISE[noise](x, said), kind="stable")], 5)
    assert np.mean(fifths[-1]) > 2.5 * np.mean(fifths[0])


def test_intervals_of_several_targets_follow_their_own_errors() -> None:
    x, said, calm = rows_with("none", 4000)
    loud = rows_with("by an input", 4000)[2]
    target = MultiRegression((Regression("calm", 0.0, 1.0), Regression("loud", 0.0, 1.0)))
    both, true = np.stack([said, said], axis=1), np.stack([calm, loud], axis=1)
    scale = ErrorScale.fit(x.__getitem__, both, true - both, codes=[])
    widths = np.diff(Intervals(target, scale, true, both).around(x, both, 0.9))[..., 0]
    assert np.std(np.log(widths[:, 0])) < 0.15 < 0.6 < np.std(np.log(widths[:, 1]))


@pytest.mark.parametrize("logs", [None, Logs(0.0, 1.0, -9.0, 9.0)], ids=["numbers", "logarithms"])
@pytest.mark.parametrize("rows", [60, 140, 151, 4000])
def test_intervals_grow_with_the_coverage(rows: int, logs: Logs | None) -> None:
    target = Regression("y", 0.0, 1.0, logs)
    x, said, true = rows_with("by an input", rows)
    said, true = (np.exp(said), np.exp(true)) if logs else (said, true)
    told, before = intervals_from(x, said, true, target), np.stack([said, said], axis=1)
    for coverage in (0.1, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999):
        if (rows + 1) * (1 - coverage) < 1 - 1e-9:
            with pytest.raises(DataError, match=f"{rows} test rows cannot support"):
                told.around(x, said, coverage)
            continue
        found = told.around(x, said, coverage)
        assert (found[:, 0] <= before[:, 0]).all() and (before[:, 1] <= found[:, 1]).all()
        before = found


def test_few_test_rows_give_one_width() -> None:
    x, said, true = rows_with("by an input", 99)
    told = intervals_from(x, said, true, Regression("y", 0.0, 1.0))
    expected = said + half_width(true - said, 0.9)
    assert told.around(x, said, 0.9)[:, 1] == pytest.approx(expected)


def test_the_bits_of_a_row_do_not_depend_on_other_rows() -> None:
    x, said, true = rows_with("by an input", 4000)
    told = intervals_from(x, said, true, Regression("y", 0.0, 1.0))
    whole = told.around(x, said, 0.9)
    for part in (slice(7, 8), slice(100, 433), slice(None, None, -1)):
        assert told.around(x[part], said[part], 0.9).tobytes() == whole[part].tobytes()


def test_the_scale_of_a_test_row_comes_from_the_others() -> None:
    x, said, true = rows_with("by an input", 120)
    errors = (true - said)[:, None]
    scale = ErrorScale.fit(x.__getitem__, said[:, None], errors, codes=[])
    louder = errors.copy()
    louder[17] *= 1.5
    again = ErrorScale.fit(x.__getitem__, said[:, None], louder, codes=[])
    changed = np.abs(np.log(again.judged / scale.judged))[:, 0]
    # the floor beside all errors rises with their mean, the row's own error has no other part in it
    assert changed[17] < 0.01 and changed.max() > 0.01


def test_codes_and_constant_inputs_are_no_features() -> None:
    x, said, true = rows_with("by an input", 4000)
    x = np.column_stack([x, np.arange(4000) % 300, np.ones(4000)]).astype(np.float32)
    scale = ErrorScale.fit(x.__getitem__, said[:, None], (true - said)[:, None], codes=[4])
    assert scale.inputs.tolist() == [0, 1, 2, 3]
    assert scale.squares.tolist() == [0, 1, 3]  # input 2 is 0 or 1


@pytest.mark.parametrize("odd", [np.nan, np.inf])
def test_errors_that_are_not_finite_have_a_scale_of_1(odd: float) -> None:
    x, said, true = rows_with("by an input", 200)
    said[3] = odd
    told = intervals_from(x, said, true, Regression("y", 0.0, 1.0))
    assert (told.scale.judged == 1).all()
    assert (told.scale.of(x[:3], said[:3, None]) == 1).all()


def test_exact_predictions_have_intervals_of_width_0() -> None:
    x, said, _ = rows_with("none", 200)
    told = intervals_from(x, said, said, Regression("y", 0.0, 1.0))
    assert told.around(x, said, 0.9).tolist() == np.stack([said, said], axis=1).tolist()
    rows, gaps = np.arange(50), np.ones((50, 1))
    assert told.scale.shrunk(np.zeros((200, 1)), rows, gaps, 8).shrink == [1.0]


@pytest.mark.parametrize("shared", [0.0, 1.0, 3.0])
def test_the_mean_of_an_ensemble_errs_less_than_one_network(shared: float) -> None:
    random, members = np.random.default_rng(1), 8
    said = shared * random.normal(size=(1, 4000)) + random.normal(size=(members, 4000))
    errors = said[0][:, None]
    scale = ErrorScale.fit(np.zeros((4000, 1)).__getitem__, errors * 0, errors, codes=[])
    rows = np.arange(0, 4000, 4)
    found = scale.shrunk(errors, rows, (said[0] - said[1])[rows, None], members).shrink
    expected = max(0.5, np.sqrt(np.mean(said.mean(axis=0) ** 2) / np.mean(errors**2)))
    assert found == pytest.approx([expected], abs=0.03)
    few = ErrorScale.fit(np.zeros((99, 1)).__getitem__, errors[:99] * 0, errors[:99], codes=[])
    assert few.shrunk(errors[:99], rows[:9], errors[:9], members).shrink == [1.0]


# The range of a target ----------------------------------------------------------------------------

CALM = np.linspace(-2, 3, 500)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (CALM, (None, None)),
        (CALM + 2, (0.0, None)),  # counts, prices
        (CALM + 90, (0.0, None)),
        (CALM - 3, (None, 0.0)),
        (np.append(CALM, [3.5] * 9), (None, None)),
        (np.append(CALM, [3.5] * 10), (None, 3.5)),  # capped
        (np.append(CALM, [-7.0] * 10), (-7.0, None)),
        (np.append(np.linspace(-2, 3, 5000), [3.5] * 49), (None, None)),
        (np.append(CALM, [-1e-300]) + 0.0, (None, None)),
        (np.append(CALM + 7, [5.0] * 20), (5.0, None)),  # a lowest wage
        (np.repeat([3.0, 5.0, 10.0, 25.0], 14), (3.0, 25.0)),  # measured at few places
        (np.array([0.0, 1.0] * 20), (0.0, 1.0)),
        (np.array([4.0, 9.0]), (0.0, None)),
    ],
)
def test_the_ends_of_a_range(values: Numbers, expected: tuple[float, float]) -> None:
    assert ends(values) == expected


def test_predictions_and_intervals_stay_within_the_range() -> None:
    target = Regression("rings", 1.0, 2.0, lowest=0.0, highest=5.0)
    said = target.decode(np.array([-3.0, 0.0, 1.0, 9.0]))
    assert said.tolist() == [0.0, 1.0, 3.0, 5.0]
    assert target.around(said, np.array([1.0, 2.0, 0.5, 9.0])).tolist() == [
        *([0.0, 1.0], [0.0, 3.0], [2.5, 3.5], [0.0, 5.0])
    ]
    free = Regression("change", 1.0, 2.0)
    assert free.decode(np.array([-3.0])).tolist() == [-5.0]
    assert free.around(np.array([-5.0]), 1.0).tolist() == [[-6.0, -4.0]]


def test_past_rows_end_a_range_only_at_0() -> None:
    resting = np.append(np.linspace(1, 5, 90), [5.25] * 12)
    assert (Regression.fit("rate", resting).highest, Regression.fit("rate", -resting).lowest) == (
        *(5.25, -5.25),
    )
    past = Regression.fit("rate", resting).refit(resting)
    assert (past.lowest, past.highest) == (0.0, None)


# A model ------------------------------------------------------------------------------------------


def counts(rows: int, seed: int = 0) -> dict[str, list[object]]:
    """Numbers that are never negative, most of them small."""
    random = np.random.default_rng(seed)
    x, kind = random.normal(size=rows), random.choice(["a", "b"], rows)
    y = random.poisson(np.exp(0.6 * x) * np.where(kind == "a", 1, 4)).astype(float)
    return {"x": x.round(3).tolist(), "kind": kind.tolist(), "y": y.tolist()}


@pytest.fixture(scope="module")
def model() -> tw.TableModel:
    return tw.TableModel("y", epochs=6, hidden=(8,), bins=0, n_estimators=8, task="regression").fit(
        counts(900)
    )


def test_intervals_of_counts_are_never_negative_and_grow_with_the_count(model) -> None:
    new = counts(400, seed=1)
    (low, high), said = model.predict_interval(new, 0.9).T, model.predict(new)
    assert (low >= 0).all() and (low <= said).all() and (said <= high).all()
    by_width = np.argsort(high - low)
    assert np.mean(said[by_width[-80:]]) > 2 * np.mean(said[by_width[:80]])
    assert 0.8 <= model.trained.error_scale.shrink[0] <= 1


def test_intervals_are_the_same_from_any_source(model, tmp_path) -> None:
    new = counts(40, seed=2)
    del new["y"]
    whole = model.predict_interval(new, 0.8)
    pd = pytest.importorskip("pandas")
    pd.DataFrame(new).to_csv(tmp_path / "new.csv", index=False)
    model.save(tmp_path / "model")
    again = tw.load(tmp_path / "model")
    for other in (pd.DataFrame(new), str(tmp_path / "new.csv")):
        assert model.predict_interval(other, 0.8).tobytes() == whole.tobytes()
        assert again.predict_interval(other, 0.8).tobytes() == whole.tobytes()
    rows = [dict(zip(new, cells, strict=True)) for cells in zip(*new.values(), strict=True)]
    np.testing.assert_allclose(
        [model.predict_interval(row, 0.8)[0] for row in rows], whole, rtol=1e-5
    )
    told = model.trained.predict_with_interval(new, 0.8)
    assert (
        told[:, 1:].tobytes() == whole.tobytes()
        and told[:, 0].tolist() == model.predict(new).tolist()
    )
