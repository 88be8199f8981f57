"""The inspection of a model, checked against the model itself."""

import numpy as np
import pytest

import talweg as tw
from talweg.insight.dependence import dependence
from talweg.insight.encoded import EncodedRows
from talweg.insight.importance import importance, sample
from talweg.insight.inspection import inspect
from talweg.insight.mistakes import WORST

ROWS = 400
RANDOM = np.random.default_rng(0)
SIZES, PLACES = RANDOM.normal(size=ROWS), RANDOM.choice(["hill", "lake", "town"], ROWS)
DAYS = RANDOM.integers(0, 900, ROWS)
TABLE = {
    "noise": RANDOM.normal(size=ROWS),
    "size": np.where(RANDOM.random(ROWS) < 0.03, np.nan, SIZES),
    "place": PLACES,
    "day": [str(np.datetime64("2020-01-01") + int(day)) for day in DAYS],
    "price": 3 * SIZES + (PLACES == "lake") + 0.05 * RANDOM.normal(size=ROWS),
    "kind": np.where(SIZES > 0.4, "big", np.where(SIZES < -0.4, "small", "medium")),
}
QUICK = {"hidden": (8,), "epochs": 40, "optimizer": tw.AdamW(lr=0.02), "bins": 0}


@pytest.fixture(scope="module")
def numbers() -> tw.TableModel:
    return tw.TableModel("price", drop="kind", n_estimators=2, **QUICK).fit(TABLE)


@pytest.fixture(scope="module")
def classes() -> tw.TableModel:
    return tw.TableModel("kind", drop="price", n_estimators=1, **QUICK).fit(TABLE)


@pytest.fixture(params=["numbers", "classes"])
def rows(request) -> EncodedRows:
    trained = request.getfixturevalue(request.param).trained
    return EncodedRows.of(trained, trained.unseen)


def test_each_row_is_predicted_by_the_member_that_never_saw_it(numbers) -> None:
    trained = numbers.trained
    unseen, members = trained.unseen, trained.unseen.members
    x = trained.encoder.encode(unseen.table)
    each = np.array([members.outputs(place, trained.target, x) for place in range(2)])
    rows = EncodedRows.of(trained, unseen)
    said = rows.outputs(rows.x)
    np.testing.assert_allclose(said, each[unseen.member, np.arange(len(x))], rtol=1e-5, atol=1e-5)
    some = RANDOM.permutation(len(x))[:30]
    np.testing.assert_allclose(rows.take(some).outputs(x[some]), said[some], rtol=1e-5)
    whole = EncodedRows.of(trained, unseen.table)
    np.testing.assert_allclose(whole.outputs(x), each.mean(axis=0), rtol=1e-5, atol=1e-5)


def test_the_rows_are_those_that_were_held_out(rows) -> None:
    held = rows.trained.held_out
    np.testing.assert_array_equal(rows.true, held.true)
    # compiled here and interpreted there: float32 that differs in the last bits
    np.testing.assert_allclose(rows.outputs(rows.x), held.outputs, rtol=1e-5, atol=1e-5)
    scores = {score.name: score.network for score in rows.trained.scores}
    expected = -scores["log loss"] if rows.classes else scores["R2"]
    assert rows.score(held.outputs) == pytest.approx(expected, rel=1e-12)


def test_each_column_fills_its_slice_of_inputs(rows) -> None:
    for name, place in rows.slices().items():
        assert all(each.startswith(name) for each in rows.trained.encoder.inputs[place])
    assert sum(len(range(*each.indices(99))) for each in rows.slices().values()) == rows.x.shape[1]


def test_informative_columns_are_important_and_noise_is_not(rows) -> None:
    found = importance(rows)
    mean = dict(zip(found.names, found.mean, strict=True))
    assert found.order()[0] == "size"
    assert abs(mean["noise"]) < 0.1 * mean["size"]
    assert found.losses.shape == (4, 5)
    assert (found.rows, found.score) == (len(rows), "log loss" if rows.classes else "R2")
    np.testing.assert_allclose(found.spread, np.std(found.losses, axis=1))


def test_importance_is_the_loss_of_score_with_shuffled_cells(rows) -> None:
    """One shuffle of cells, asked of the model itself: it lies among the repeats or near."""
    found = importance(rows, repeats=30)
    order = np.random.default_rng(1).permutation(len(rows))
    names = rows.table.names
    cells = {name: np.asarray(rows.table.columns[name]) for name in names}
    cells["size"] = cells["size"][order]
    shuffled = rows.trained.encoder.encode(rows.trained.table(cells))
    lost = rows.score(rows.outputs(rows.x)) - rows.score(rows.outputs(shuffled))
    place = found.names.index("size")
    assert abs(lost - found.mean[place]) < 5 * found.spread[place]


def test_relied_on_columns_are_clearly_important(rows) -> None:
    relied = inspect(rows.trained, rows.unseen).relied_on
    assert relied[0] == "size" and "noise" not in relied and len(relied) <= 3


def test_the_same_seed_shuffles_alike_and_another_otherwise(rows) -> None:
    first, again, other = (importance(rows, seed=seed).losses for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_a_large_model_is_inspected_on_fewer_rows(rows, monkeypatch) -> None:
    monkeypatch.setattr("talweg.insight.importance.FEWEST_ROWS", 7)
    monkeypatch.setattr("talweg.insight.importance.MOST_WORK", 1.0)
    found = importance(rows)
    assert (found.rows, found.losses.shape[1]) == (7, 2)
    few = sample(rows, 7)
    assert (len(few), few.true[0], few.true[-1]) == (7, rows.true[0], rows.true[-1])


@pytest.mark.parametrize("name", ["size", "place", "day"])
def test_dependence_is_the_mean_prediction_with_one_column_replaced(rows, name) -> None:
    (found,) = dependence(rows, [name])
    means = np.column_stack([*found.lines.values()])
    cells = {each: np.asarray(rows.table.columns[each]) for each in rows.table.names}
    ends = [0, -1]
    values = [found.values[place] for place in ends]
    if name == "day":  # the axis has years, the cells have dates
        days = sorted(set(cells["day"]))
        values = [days[place] for place in ends]
        years = [float(day[:4]) for day in values]
        found_years = found.values.astype("datetime64[Y]").astype(int) + 1970
        np.testing.assert_allclose([found_years[place] for place in ends], years, atol=1)
    for place, value in zip(ends, values, strict=True):
        changed = {**cells, name: np.full(len(rows), value)}
        said = rows.outputs(rows.trained.encoder.encode(rows.trained.table(changed)))
        np.testing.assert_allclose(means[place], np.mean(said, axis=0), rtol=1e-5)
    assert means.shape == (len(found.values), max(1, len(rows.classes)))


def test_numbers_vary_within_their_range_and_levels_by_frequency(numbers) -> None:
    rows = EncodedRows.of(numbers.trained, numbers.trained.unseen)
    size, place = dependence(rows, ["size", "place"])
    known = np.asarray(rows.table.columns["size"], float)
    assert np.nanmin(known) <= size.values[0] < size.values[-1] <= np.nanmax(known)
    assert sorted(place.values) == ["hill", "lake", "town"]
    counts = [list(rows.table.columns["place"]).count(each) for each in place.values]
    assert counts == sorted(counts, reverse=True)


def test_mistakes_are_the_rows_with_the_largest_errors(rows) -> None:
    found = inspect(rows.trained, rows.unseen).mistakes
    outputs = rows.outputs(rows.x)
    if rows.classes:
        given = outputs[np.arange(len(rows)), rows.true]
        np.testing.assert_allclose(found.errors, np.sort(given)[:WORST], rtol=1e-6)
        worst = int(given.argmin())
        assert found.true[0] == rows.classes[rows.true[worst]]
        assert found.predicted[0] == rows.classes[outputs[worst].argmax()]
    else:
        gaps = rows.true - outputs
        expected = sorted(np.abs(gaps), reverse=True)[:WORST]
        np.testing.assert_allclose(np.abs(found.errors), expected, rtol=1e-6)
        worst = int(np.abs(gaps).argmax())
        assert (found.true[0], found.errors[0]) == (rows.true[worst], gaps[worst])
    assert found.columns["place"][0] == list(rows.table.columns["place"])[worst]


def test_rows_without_a_target_are_left_out(numbers) -> None:
    cells = {name: np.asarray(each)[:20] for name, each in TABLE.items()}
    cells["price"] = np.where(np.arange(20) < 5, np.nan, cells["price"])
    assert len(EncodedRows.of(numbers.trained, numbers.trained.table(cells))) == 15


@pytest.mark.filterwarnings("ignore::talweg.errors.TrainingWarning")
def test_a_model_that_diverged_is_not_inspected() -> None:
    quick = {"hidden": (4,), "n_estimators": 1, "bins": 0, "optimizer": tw.SGD(lr=1e30)}
    model = tw.TableModel("price", drop="kind", **quick).fit(TABLE)
    model.trained.net.weights.flat[:] = np.nan
    model.trained.unseen.members.weights[:] = np.nan
    assert inspect(model.trained, model.trained.unseen) is None


def test_a_file_holds_no_rows(numbers, tmp_path) -> None:
    numbers.save(tmp_path / "m.talweg")
    assert tw.load(tmp_path / "m.talweg").trained.unseen is None
    assert b"2020-0" not in (tmp_path / "m.talweg").read_bytes()


def test_the_cost_of_an_unseen_row_is_one_member(numbers, monkeypatch) -> None:
    trained = numbers.trained
    sources = trained.unseen, trained.unseen.table
    unseen, whole = (EncodedRows.of(trained, each) for each in sources)
    assert whole.weights == 2 * unseen.weights == trained.net.weights.flat.size
    work = 60.0 * 2 * len(unseen.slices()) * unseen.weights
    monkeypatch.setattr("talweg.insight.importance.FEWEST_ROWS", 10)
    monkeypatch.setattr("talweg.insight.importance.MOST_WORK", work)
    # rows say more than repeats, up to a point
    assert [importance(each).rows for each in (unseen, whole)] == [60, 30]
    assert importance(unseen).losses.shape[1] == 2
