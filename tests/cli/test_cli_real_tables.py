"""Train, predict and show on real tables, as a person would: they beat the trivial predictor."""

import csv
import re
from pathlib import Path

import pytest

import talweg as tw

SLOW = pytest.mark.slow
# table, target, epochs, the least of the first score (R2 or accuracy), options
TABLES = [
    ("penguins.csv", "species", 40, 0.9, "--n-estimators 2"),
    pytest.param("penguins.csv", "species", 40, 0.9, "", marks=SLOW),
    pytest.param(
        "titanic-train.csv", "Survived", 20, 0.7, "--drop PassengerId --drop Ticket", marks=SLOW
    ),
    pytest.param("iris.csv", "-1", 40, 0.85, "", marks=SLOW),
    pytest.param("wine.csv", "13", 40, 0.85, "", marks=SLOW),
    pytest.param("auto-mpg-questionmark.csv", "mpg", 40, 0.7, "--n-estimators 2", marks=SLOW),
    pytest.param("breast-cancer-wisconsin.csv", "-1", 20, 0.9, "", marks=SLOW),
    pytest.param("abalone.csv", "8", 5, 0.45, "", marks=SLOW),
    pytest.param(
        "california-housing.csv", "median_house_value", 3, 0.6, "--n-estimators 2", marks=SLOW
    ),
    pytest.param("mushroom.csv", "Class", 3, 0.97, "--n-estimators 2", marks=SLOW),
    pytest.param("adult-train.csv", "-1", 2, 0.83, "--n-estimators 2", marks=SLOW),
]


@pytest.mark.parametrize(("name", "target", "epochs", "least", "options"), TABLES)
def test_train_predict_show(talweg, shared: Path, name, target, epochs, least, options) -> None:
    data = shared / name
    arguments = ("--target", target, "--out", "out", "--epochs", epochs, *options.split())
    said = talweg("train", data, *arguments)
    assert (said.status, said.err) == (0, "")
    assert all(len(line) <= 80 or str(shared) in line for line in said.out.splitlines())
    score = tw.load("out/model.talweg").scores[0]
    assert score.network >= least > score.trivial

    assert talweg("predict", "out", data, "--out", "new.csv").status == 0
    with open("new.csv", newline="") as file:
        assert len(list(csv.reader(file))) == 1 + tw.load("out/model.talweg").trained.rows
    assert talweg("show", "out").status == 0


@SLOW
def test_adults_met_later(talweg, shared: Path) -> None:
    arguments = ("--target", "-1", "--out", "out", "--epochs", 2, "--n-estimators", 2)
    assert talweg("train", shared / "adult-train.csv", *arguments).status == 0
    assert talweg("predict", "out", shared / "adult-test.csv", "--out", "p.csv").status == 0
    with open("p.csv", newline="") as file:
        _, *predicted = csv.reader(file)
    with open(shared / "adult-test.csv", newline="") as file:
        true = [row[-1].strip().removesuffix(".") for row in csv.reader(file) if row]
    hits = [row[0] == label for row, label in zip(predicted, true, strict=True)]
    assert sum(hits) / len(hits) > 0.83


@SLOW
def test_demo(talweg) -> None:
    said = talweg("demo", "--out", "d")
    words = " ".join(said.out.split())
    assert (said.status, said.err) == (0, "")
    assert re.search(r"explain 5\d\.\d% of the variance of rings and are off by", words)
    assert sorted(each.name for each in Path("d").iterdir()) == [
        "history.csv",
        "model.talweg",
        "report.html",
    ]
