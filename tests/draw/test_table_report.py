"""The report of a trained table: its numbers are those of the model, loaded or fresh."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import talweg as tw
from talweg.draw.pages.report import render
from talweg.draw.pages.table_sections import mistake_columns
from talweg.insight.inspection import inspect
from talweg.insight.predictions import PredictedClasses, PredictedNumbers
from talweg.insight.table_report import LeftOut, table_report
from talweg.insight.text import setting_text

ROWS = 60
SIZES = [row * 1.5 for row in range(ROWS)]
TABLE = {
    "size": SIZES,
    "place": ["hill", "lake", "town"] * 20,
    "same": ["x"] * ROWS,
    "price": [2 * size + 1000 for size in SIZES],
    "kind": ["<b>" if size > 40 else "small" for size in SIZES],
}
QUICK = {"epochs": 3, "hidden": (4,), "batch_size": 16, "n_estimators": 1, "bins": 0}


@pytest.fixture(scope="module")
def numbers() -> tw.TableModel:
    return tw.TableModel("price", drop="kind", **QUICK).fit(TABLE)


@pytest.fixture(scope="module")
def classes() -> tw.TableModel:
    return tw.TableModel("kind", drop="price", **QUICK).fit(TABLE)


@pytest.fixture(scope="module")
def several() -> tw.TableModel:
    """Three networks, numbers in bins."""
    settings = {**QUICK, "n_estimators": 3, "bins": 5}
    return tw.TableModel("price", drop="kind", **settings).fit(TABLE)


def test_predicted_against_true(numbers) -> None:
    report, held = table_report(numbers.trained), numbers.trained.held_out
    picture = report.result.predictions
    assert isinstance(picture, PredictedNumbers)
    assert (picture.true is held.true, picture.predicted is held.outputs) == (True, True)
    assert report.title == "Learning price from the columns"
    assert report.result.scores == numbers.scores
    assert report.result.baseline == f"Always the mean, {held.prior[0]:,.0f}"
    assert report.result.scored_on == "7 rows that training never saw"


def test_confusion(classes) -> None:
    report, held = table_report(classes.trained), classes.trained.held_out
    picture = report.result.predictions
    assert isinstance(picture, PredictedClasses)
    assert picture.labels == ("<b>", "small")
    assert np.sum(picture.counts) == len(held.true) == 7
    assert np.trace(picture.counts) / 7 == pytest.approx(classes.scores[0].network)
    assert report.result.baseline == "Training class frequencies"


def test_how_it_learned(numbers) -> None:
    training = table_report(numbers.trained).training
    assert list(training.history) == ["loss", "mae", "val_loss", "val_mae"]
    for name, values in training.history.items():
        assert values.tolist() == numbers.trained.history[name].tolist()
    assert (training.epochs, training.networks) == (3, 1)
    assert training.best_epoch == numbers.trained.training["best_epoch"]
    assert training.text.startswith("Training took 3 epochs and ")
    assert "It stopped because all 3 epochs were done; the network" in training.text


def test_several_networks(several) -> None:
    trained = several.trained
    report = table_report(trained, inspect(trained, trained.unseen))
    assert report.result.scored_on == "22 rows, each predicted by a network that never saw it"
    assert len(report.result.predictions.true) == report.inspection.importance.rows == 22
    assert report.training.text.startswith("Three networks of 4 units trained side by side in ")
    splits = [(split.name, split.rows) for split in report.data.splits]
    assert splits == [("training", 45), ("validation", 8), ("test", 7)]
    layers, size = report.network.layers, trained.net.weights.flat.size
    assert layers[1].name == "Bins(1 columns, 5 bins)"
    assert layers[1].output == f"(N, {len(trained.encoder.inputs) + 5})"
    assert 3 * sum(layer.parameters for layer in layers) == size
    page = render(report)
    for words in (
        "Each of 3 networks uses",
        f"3 networks of this shape, {size:,} parameters in total. Numbers also enter the network",
        "This is the first of 3 networks. At the last epoch: ",
    ):
        assert words in page
    assert page.count("This is the first of 3 networks.") == 2
    settings = report.settings.values
    assert (settings["n_estimators"], settings["bins"], settings["epochs"]) == (3, 5, 3)
    rows = 45 * 9 / trained.training["seconds"]
    assert report.training.speed.training == pytest.approx(rows)


def test_the_data_and_the_network(numbers) -> None:
    report = table_report(numbers.trained)
    size, place = report.data.columns
    mean, scale = numbers.trained.encoder.columns[0].mean, numbers.trained.encoder.columns[0].scale
    assert (size.name, size.kind) == ("size", "number")
    assert size.encoding.startswith(f"(value - {mean:.4g}) / {scale:.4g}, softly clipped")
    assert place.encoding.startswith("an input for each of 3 levels (")
    assert report.data.left_out == [
        LeftOut("kind", "As requested."),
        LeftOut("same", "Every cell holds 'x'."),
    ]
    splits = [(split.name, split.rows) for split in report.data.splits]
    assert splits == [("training", 45), ("validation", 8), ("test", 7)]
    assert (
        sum(layer.parameters for layer in report.network.layers)
        == numbers.trained.net.weights.flat.size
    )


def test_settings_say_what_was_asked_and_what_came_of_it(numbers) -> None:
    settings = {
        name: setting_text(value)
        for name, value in table_report(numbers.trained).settings.values.items()
    }
    assert settings["task"] == "regression"
    assert settings["drop"] == "kind"
    assert settings["hidden"] == "4"
    assert settings["batch_size"] == "16"
    assert (settings["n_estimators"], settings["bins"]) == ("1", "0")
    assert settings["time_budget"] == "none"
    assert settings["seed"] == "0"
    assert settings["optimizer"].startswith("AdamW(lr=CosineDecay(")
    assert "none" not in [settings[name] for name in ("activation", "dropout", "patience")]


@pytest.mark.parametrize("name", ["numbers", "classes", "several"])
def test_a_loaded_model_has_the_same_page(request, tmp_path: Path, name: str) -> None:
    trained = request.getfixturevalue(name).trained
    trained.save(tmp_path / "m.talweg")
    loaded = tw.load(tmp_path / "m.talweg").trained
    seen, again = inspect(trained, trained.unseen), inspect(loaded, trained.unseen)
    again = replace(again, rows_per_second=seen.rows_per_second)
    page = render(table_report(trained, seen, command="talweg train", code="import talweg"))
    assert page == render(table_report(loaded, again, command="talweg train", code="import talweg"))
    assert f"best: {trained.training['best_epoch']}" in page
    assert "<b>" not in page


@pytest.mark.filterwarnings("ignore::talweg.errors.TrainingWarning")
def test_a_run_without_an_epoch_has_a_page() -> None:
    model = tw.TableModel("price", optimizer=tw.SGD(lr=1e30), **QUICK).fit(TABLE)
    assert model.trained.training["epochs"] == 0
    assert "a value became NaN or infinite" in render(table_report(model.trained))


def test_what_it_relies_on_is_what_was_seen(numbers) -> None:
    trained = numbers.trained
    seen = inspect(trained, trained.unseen)
    told = table_report(trained, seen).inspection
    found = told.importance
    assert {*found.names} == {"size", "place"}
    assert found.mean[0] > found.mean[1]
    assert (found.score, found.rows, found.repeats) == ("R2", 7, 5)
    assert {each.predicted for each in told.dependence} == {"price"}
    assert {each.name for each in told.dependence} == {"size", "place"}
    assert list(told.dependence[0].lines) == ["price"]


def test_the_dependence_on_a_date_has_its_dates() -> None:
    days = np.datetime64("2021-03-01") + np.random.default_rng(0).permutation(ROWS)
    table = {"day": days.astype(str), "price": SIZES}
    trained = tw.TableModel("price", columns={"day": "date"}, **QUICK).fit(table).trained
    (told,) = table_report(trained, inspect(trained, trained.unseen)).inspection.dependence
    shown = np.asarray(told.values, "datetime64[D]")
    assert np.datetime64("2021-02-27") <= shown.min() <= shown.max() <= np.datetime64("2021-05-02")


def test_the_worst_rows_have_their_cells(numbers) -> None:
    trained = numbers.trained
    report = table_report(trained, inspect(trained, trained.unseen))
    columns = mistake_columns(report.inspection.mistakes)
    heads, rows = [head for head, _ in columns], [*zip(*(c for _, c in columns), strict=True)]
    assert heads[:3] == ["price, true", "predicted", "true minus predicted"]
    gaps = np.abs(trained.held_out.true - trained.held_out.outputs)
    assert len(rows) == 7
    assert abs(rows[0][2]) == pytest.approx(gaps.max(), rel=1e-5)
    cell = rows[0][heads.index("size")]
    assert float(cell) == pytest.approx((np.float32(rows[0][0]) - 1000) / 2, rel=1e-5)


def test_two_classes_show_the_rarer_one(classes) -> None:
    picture, held = table_report(classes.trained).result.predictions, classes.trained.held_out
    rarer = int(np.bincount(held.true, minlength=2).argmin())
    (name,) = picture.ranking.roc
    assert name == picture.labels[rarer] == next(iter(picture.ranking.precision_recall))
    assert picture.calibration.event == f"class {name}"
    assert sum(picture.calibration.counts) == 7
    assert [(each.name, each.rows) for each in picture.classes] == list(
        zip(picture.labels, np.bincount(held.true, minlength=2), strict=True)
    )


def test_speed_is_rows_by_epochs_in_the_time_of_training(numbers) -> None:
    trained = numbers.trained
    speed = table_report(trained).training.speed
    assert speed.compile_seconds is not None and speed.predicting is None
    assert speed.training == pytest.approx(45 * 3 / trained.training["seconds"])


def test_a_model_from_a_file_is_looked_into_on_rows_that_are_given(numbers, tmp_path: Path) -> None:
    numbers.save(tmp_path / "m.talweg")
    loaded = tw.load(tmp_path / "m.talweg")
    bare = tw.report(loaded, tmp_path / "bare.html").read_text(encoding="utf-8")
    full = tw.report(loaded, tmp_path / "full.html", data=TABLE).read_text(encoding="utf-8")
    fresh = tw.report(numbers, tmp_path / "fresh.html").read_text(encoding="utf-8")
    said = [("What it relies on" in page) for page in (bare, full, fresh)]
    assert said == [False, True, True]
    assert "shuffled 5 times among 60 rows" in full
    assert "shuffled 5 times among 7 rows" in fresh
