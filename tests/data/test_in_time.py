"""Tables in chronological order: later rows test, and in the end all rows are trained on."""

import io
import pickle

import numpy as np
import pytest

import talweg as tw
from talweg.data.model import training
from talweg.data.model.learning import NothingBegun
from talweg.draw.charts.scale import number
from talweg.insight.table_report import table_report
from talweg.train.run.stopping import MaxEpochs

RANDOM = np.random.default_rng(7)
ROWS = 160
DAY = np.arange(ROWS)
DATES = (np.datetime64("2021-01-01") + DAY).astype(str)
X = RANDOM.normal(size=ROWS).round(3)
Y = (np.sin(DAY / 5) + X / 2 + RANDOM.normal(size=ROWS) / 4).round(3)
Columns = dict[str, object]
TABLE: Columns = {"date": DATES.tolist(), "x": X.tolist(), "y": Y.tolist()}
KIND = np.where(Y > 0, "up", "down").tolist()
QUICK = {"epochs": 6, "hidden": (6,), "n_estimators": 4, "bins": 0}
LATE = DAY >= ROWS * 3 // 4


def fitted(
    table: dict[str, object] = TABLE, target: str = "y", **settings: object
) -> tw.TableModel:
    return tw.TableModel(target, **{**QUICK, **settings}).fit(table, seed=1)


@pytest.fixture(scope="module")
def model() -> tw.TableModel:
    return fitted()


def changed(rows: np.ndarray) -> dict[str, object]:
    """The table with other cells in these rows."""
    return {
        "date": TABLE["date"],
        "x": np.where(rows, 3.0 - X, X).tolist(),
        "y": np.where(rows, 5.0 + Y, Y).tolist(),
    }


def test_the_last_quarter_is_the_test(model) -> None:
    held = model.trained.held_out
    assert held.true == pytest.approx(Y[LATE], abs=1e-5)
    assert model.trained.in_time.names == ("date",)
    assert list(model.trained.parts.values()) == [100, 20, 40]
    assert held.prior == pytest.approx([Y[80:120].mean()], abs=1e-5)


def test_tested_networks_saw_nothing_of_later_rows(model) -> None:
    other = fitted(changed(LATE))
    assert other.trained.held_out.outputs.tolist() != model.trained.held_out.outputs.tolist()
    same_x = {**changed(LATE), "x": TABLE["x"]}
    again = fitted(same_x)
    np.testing.assert_array_equal(again.trained.held_out.outputs, model.trained.held_out.outputs)
    scores = [[each.network for each in found.trained.in_time.periods] for found in (model, again)]
    assert scores[0][:2] == scores[1][:2]
    assert scores[0][2:] != scores[1][2:]


@pytest.mark.parametrize("members", [1, 2, 3, 4])
def test_every_row_is_trained_on(members) -> None:
    last = DAY == ROWS - 1
    one, two = (fitted(each, n_estimators=members) for each in (TABLE, changed(last)))
    assert one.predict(TABLE).tolist() != two.predict(TABLE).tolist()
    assert one.trained.blueprint.members == members


def test_half_of_the_networks_stop_by_later_rows_and_half_train_as_long_on_all(model) -> None:
    told = model.trained.training["members"]
    stoppers, others = told[:2], told[2:]
    best = min(each["best_epoch"] for each in stoppers)
    assert {each["epochs"] for each in others} == {best}
    assert {each["stopped_by"] for each in others} <= {MaxEpochs.name, "epochs"}


def test_periods_show_how_the_score_varies(model) -> None:
    periods = model.trained.in_time.periods
    assert [each.rows for each in periods] == [20] * 4
    assert [(each.first, each.last) for each in periods] == [
        (DATES[start], DATES[start + 19]) for start in (80, 100, 120, 140)
    ]
    held = model.trained.held_out
    for half, period in zip((slice(20), slice(20, None)), periods[2:], strict=True):
        true, said = held.true[half], held.outputs[half]
        r2 = 1 - ((true - said) ** 2).sum() / ((true - true.mean()) ** 2).sum()
        assert period.network == pytest.approx(r2)


def test_sentences_describe_the_test_in_time(model) -> None:
    said = " ".join(table_report(model.trained).sentences())
    for words in (
        "On the last 40 rows by date, predicted by networks trained on earlier rows only,",
        "always predicting the mean of the earlier rows, ",
        "The rows are in time order by date, so the held-out rows come after",
        "--shuffle (time=False in Python)",
        "In 4 successive periods of about 20 rows,",
        "retrained, half of them on all rows",
    ):
        assert words in said
    assert "by date" not in " ".join(table_report(fitted(time=False).trained).sentences())
    asked = " ".join(table_report(fitted(time="date").trained).sentences())
    assert "In 4 successive periods" in asked and "--shuffle" not in asked


def test_a_file_keeps_a_model_in_time(model, tmp_path) -> None:
    model.save(tmp_path / "m")
    again = tw.load(tmp_path / "m")
    assert again.trained.in_time == model.trained.in_time
    assert again.scores == model.scores
    assert again.predict(TABLE).tolist() == model.predict(TABLE).tolist()
    copied = pickle.loads(pickle.dumps(model))
    assert copied.trained.in_time == model.trained.in_time
    page = tw.report(model, tmp_path / "r.html").read_text()
    assert "R2, period by period" in page and DATES[80] in page
    last = model.trained.in_time.periods[-1].network
    assert number(last) in page  # aligned and signed as the other numbers are
    assert "on all rows" in tw.report(again, tmp_path / "s.html", data=TABLE).read_text()


@pytest.mark.parametrize(
    ("more", "settings"),
    [
        ({"kind": KIND}, {"target": "kind", "threshold": "balanced", "class_weight": "balanced"}),
        ({"kind": [*["up"] * 90, *["down"] * 70]}, {"target": "kind"}),
        ({"kind": [*["up", "flat"] * 60, *["down", "up"] * 20]}, {"target": "kind"}),
        ({"w": RANDOM.integers(0, 3, ROWS).tolist()}, {"weight": "w"}),
        ({"z": (2 * Y).tolist()}, {"target": ["y", "z"]}),
        ({"y": np.exp(8 * X).tolist()}, {}),
        ({"y": [*[0.5] * 100, *Y[100:].tolist()]}, {}),
        ({}, {"time_budget": 0.2}),
        ({}, {"bins": None, "n_estimators": 1}),
        ({"shop": [f"shop {each}" for each in DAY // 10]}, {}),
    ],
    ids=[
        "two classes",
        "one class first",
        "a class that comes late",
        "weights",
        "two targets",
        "logarithms",
        "all alike at first",
        "a time budget",
        "a trial of bins, one network",
        "levels that come late",
    ],
)
def test_every_kind_of_model_learns_in_time(more, settings, tmp_path) -> None:
    found = fitted({**TABLE, **more}, **{"target": "y", **settings})
    trained = found.trained
    assert trained.in_time.names == ("date",)
    assert len(trained.in_time.periods) == 4
    assert np.isfinite([each.network for each in found.scores]).all()
    assert len(found.predict({**TABLE, **more})) == ROWS
    found.save(tmp_path / "m")
    assert tw.load(tmp_path / "m").scores == found.scores
    tw.report(found, tmp_path / "r.html")


@pytest.mark.parametrize("rows", [10, 17, 33])
def test_small_tables_learn_in_time_if_asked_to(rows) -> None:
    few = {name: cells[:rows] for name, cells in TABLE.items()}
    found = fitted(few, time="date")
    assert len(found.trained.held_out.true) == -(-rows // 4) or len(found.trained.held_out.true) > 1
    assert found.trained.in_time.periods


def interrupted_at(monkeypatch, count: int) -> tw.TableModel:
    """A model that Ctrl-C interrupted before training number `count`."""
    learn, calls = training.learn_in_time, []

    def once(*given: object, **more: object) -> object:
        calls.append(1)
        if len(calls) == count:
            raise NothingBegun
        return learn(*given, **more)

    monkeypatch.setattr(training, "learn_in_time", once)
    return fitted()


def test_an_interruption_keeps_what_was_learned(model, monkeypatch) -> None:
    held = model.trained.held_out.outputs.tolist()
    early = interrupted_at(monkeypatch, 2)
    assert early.trained.held_out.outputs.tolist() == held
    assert early.predict(TABLE)[LATE].tolist() == pytest.approx(held, abs=1e-5)
    monkeypatch.undo()
    late = interrupted_at(monkeypatch, 3)
    assert late.predict(TABLE).tolist() == model.predict(TABLE).tolist()
    assert len(late.trained.in_time.periods) == 2
    monkeypatch.undo()
    with pytest.raises(KeyboardInterrupt):
        interrupted_at(monkeypatch, 1)


def test_a_file_gives_the_same_scores_as_a_table(model) -> None:
    lines = [
        ",".join(TABLE),
        *(",".join(map(str, row)) for row in zip(*TABLE.values(), strict=True)),
    ]
    assert fitted(io.BytesIO("\n".join(lines).encode())).scores == model.scores


def test_descending_rows_are_tested_like_ascending_ones(model) -> None:
    down = fitted({name: cells[::-1] for name, cells in TABLE.items()})
    assert down.trained.held_out.true.tolist() == model.trained.held_out.true.tolist()
    assert down.scores == model.scores


def test_a_table_without_a_header_names_columns_by_position() -> None:
    rows = [list(row) for row in zip(*TABLE.values(), strict=True)]
    found = tw.TableModel(-1, **QUICK).fit(rows, seed=1)
    assert "On the last 40 rows by column 0, predicted" in " ".join(
        table_report(found.trained).sentences()
    )


# Dates in no order ------------------------------------------------------------------------------


def mixed(table: dict[str, list]) -> dict[str, list]:
    order = np.random.default_rng(0).permutation(ROWS)
    return {name: [cells[row] for row in order] for name, cells in table.items()}


def test_a_score_that_is_too_optimistic_warns() -> None:
    level = np.cumsum(RANDOM.normal(size=ROWS)).round(3)
    trend = mixed({"date": DATES.tolist(), "x": X.tolist(), "y": (level + DAY / 3).tolist()})
    with pytest.warns(
        tw.DataWarning, match="The scores are too optimistic: .* train with time='date'"
    ) as told:
        model = fitted(trend, epochs=60, hidden=(30,))
    found = model.trained.along_time
    assert found.is_optimistic and found.at_random > found.in_time + 0.3
    assert f"{found.at_random:.3g}" in str(told[0].message)
    assert f"{found.in_time:.3g}" in str(told[0].message)
    assert str(told[0].message) in " ".join(table_report(model.trained).sentences())
    in_time = fitted(trend, epochs=60, hidden=(30,), time="date")
    assert in_time.scores[0].network < found.at_random - 0.3


def test_a_score_that_holds_in_time_does_not_warn(tmp_path) -> None:
    plain = mixed({"date": DATES.tolist(), "x": X.tolist(), "y": (2 * X).round(3).tolist()})
    model = fitted(plain, epochs=60, hidden=(30,))
    assert not model.trained.along_time.is_optimistic
    assert "too optimistic" not in " ".join(table_report(model.trained).sentences())
    model.save(tmp_path / "m")
    assert tw.load(tmp_path / "m").trained.along_time == model.trained.along_time


def test_the_check_along_the_time_does_not_change_the_model() -> None:
    plain = mixed({"date": DATES.tolist(), "x": X.tolist(), "y": (2 * X).round(3).tolist()})
    one, two = (fitted(plain, time=time) for time in (None, False))
    assert one.predict(plain).tolist() == two.predict(plain).tolist()
    assert one.scores == two.scores
    assert two.trained.along_time is None
