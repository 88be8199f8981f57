"""The report of a trained table: its numbers are those of the model, loaded or fresh."""

from pathlib import Path

import numpy as np
import pytest

import talweg as tw
from talweg.draw import Classified, Regressed
from talweg.draw.report import render
from talweg.draw.table_report import table_report

ROWS = 60
SIZES = [row * 1.5 for row in range(ROWS)]
TABLE = {
    "size": SIZES,
    "place": ["hill", "lake", "town"] * 20,
    "same": ["x"] * ROWS,
    "price": [2 * size + 1000 for size in SIZES],
    "kind": ["<b>" if size > 40 else "small" for size in SIZES],
}
QUICK = {"epochs": 3, "hidden": (4,)}


@pytest.fixture(scope="module")
def numbers() -> tw.TableModel:
    return tw.TableModel("price", drop="kind", **QUICK).fit(TABLE)


@pytest.fixture(scope="module")
def classes() -> tw.TableModel:
    return tw.TableModel("kind", drop="price", **QUICK).fit(TABLE)


def test_predicted_against_true(numbers) -> None:
    report, held = table_report(numbers.trained), numbers.trained.held_out
    picture = report.result.picture
    assert isinstance(picture, Regressed)
    assert (picture.true is held.true, picture.predicted is held.outputs) == (True, True)
    assert report.title == "Learning price from the columns"
    assert report.result.scores == numbers.scores
    assert report.result.baseline == f"Always the mean, {held.prior[0]:,.0f}"
    assert report.result.scored_on == "9 rows that training never saw"


def test_confusion(classes) -> None:
    report, held = table_report(classes.trained), classes.trained.held_out
    picture = report.result.picture
    assert isinstance(picture, Classified)
    assert picture.labels == ("<b>", "small")
    assert np.sum(picture.counts) == len(held.true) == 9
    assert np.trace(picture.counts) / 9 == pytest.approx(classes.scores[0].network)
    assert report.result.baseline == "Class frequencies of training"


def test_how_it_learned(numbers) -> None:
    training = table_report(numbers.trained).training
    assert training.history is numbers.trained.history
    assert list(training.history) == ["loss", "mae", "val_loss", "val_mae"]
    assert (training.epochs, training.best_epoch) == (3, 3)
    assert training.stopped_by.startswith("It stopped because all 3 epochs were done; the network")


def test_the_data_and_the_network(numbers) -> None:
    report = table_report(numbers.trained)
    size, place = report.data.columns
    mean, scale = numbers.trained.encoder.columns[0].mean, numbers.trained.encoder.columns[0].scale
    assert size[:2] == ("size", "number")
    assert size[2].startswith(f"(value - {mean:.4g}) / {scale:.4g}, softly clipped")
    assert place[2].startswith("a place for each of 3 levels (")
    assert report.data.left_out == [("kind", "As asked for."), ("same", "Every cell holds 'x'.")]
    assert report.data.splits == [("training", 42), ("validation", 9), ("test", 9)]
    assert sum(row[2] for row in report.network.layers) == numbers.trained.net.weights.flat.size


def test_settings_say_what_was_asked_and_what_came_of_it(numbers) -> None:
    settings = dict(table_report(numbers.trained).settings.values)
    assert settings["task"] == "regression"
    assert settings["drop"] == "kind"
    assert settings["hidden"] == "4"
    assert settings["batch size"] == "32"
    assert settings["time budget"] == "none"
    assert settings["seed"] == "0"
    assert settings["optimizer"].startswith("AdamW(lr=0.001, ")


@pytest.mark.parametrize("name", ["numbers", "classes"])
def test_a_loaded_model_has_the_same_page(request, tmp_path: Path, name: str) -> None:
    trained = request.getfixturevalue(name).trained
    trained.save(tmp_path / "m.talweg")
    loaded = tw.load(tmp_path / "m.talweg").trained
    page = render(table_report(trained, command="talweg train", code="import talweg"))
    assert page == render(table_report(loaded, command="talweg train", code="import talweg"))
    assert "best: 3" in page
    assert "<b>" not in page


@pytest.mark.filterwarnings("ignore::talweg.errors.TrainingWarning")
def test_a_run_without_an_epoch_has_a_page() -> None:
    model = tw.TableModel("price", optimizer=tw.SGD(lr=1e30), **QUICK).fit(TABLE)
    assert model.trained.training["epochs"] == 0
    assert "its numbers stopped being finite" in render(table_report(model.trained))
