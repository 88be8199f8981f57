"""`--json`: one object on the standard output and nothing else there, with the report's numbers."""

import csv
import html
import io
import json
import re
import sys
from pathlib import Path

import pytest

import talweg as tw
from talweg.draw.charts.scale import number
from talweg.insight.describe import describe
from talweg.insight.text import number_text, percent


def object_in(said) -> dict:
    """What a command printed, which is one line of JSON."""
    assert said.status == 0
    assert said.out.count("\n") == 1
    return json.loads(said.out)


def test_train_prints_json_and_sends_words_to_stderr(train) -> None:
    said = train("--json")
    found = object_in(said)
    assert (found["kind"], found["task"], found["targets"]) == ("table", "regression", ["price"])
    assert "houses.csv: 60 rows" in said.err and "model out/model.talweg" in said.err
    assert {*found["inspection"]["importance"]["names"]} == {"rooms", "place"}
    assert found["settings"]["command"].startswith("talweg train houses.csv")
    scores = [score._asdict() for score in tw.load("out/model.talweg").scores]
    assert found["result"]["scores"] == scores


def test_the_json_is_that_of_the_words(train) -> None:
    words, found = train(), object_in(train("--json"))
    told = " ".join(words.out.split())
    assert all(sentence in told for sentence in found["summary"])


def test_show_prints_the_report_of_the_model(talweg, train) -> None:
    train()
    found = object_in(talweg("show", "out", "--json"))
    assert found == describe(tw.load("out/model.talweg")).to_json()
    assert found["inspection"] is None


def cells(page: str) -> set[str]:
    """The cells of all tables of a page."""
    return {html.unescape(cell) for cell in re.findall(r"<t[dh][^>]*>([^<]*)</t[dh]>", page)}


@pytest.mark.parametrize("target", ["price", "place"])
def test_page_terminal_and_json_have_the_same_numbers(talweg, train, target: str) -> None:
    found = object_in(train("--target", target, "--json"))
    page = cells(Path("out/report.html").read_text(encoding="utf-8"))
    lines = [re.split(r"  +", line) for line in talweg("show", "out").out.splitlines()]
    for score in found["result"]["scores"]:
        numbers = [score["network"], score["trivial"]]
        assert [score["name"], *map(number_text, numbers)] in lines
        assert {score["name"], *map(number, numbers)} <= page
    for column in found["data"]["columns"]:
        counts = [str(column["inputs"]), str(column["missing"])]
        assert [column["name"], column["kind"], *counts] in lines
        assert {column["name"], column["kind"], column["encoding"]} <= page
    for layer in found["network"]["layers"]:
        row = [layer["name"], layer["output"], f"{layer['parameters']:,}"]
        assert row in lines and {*row} <= page
    for split in found["data"]["splits"]:
        assert {split["name"], f"{split['rows']:,}", percent(split["share"])} <= page
    for row in found["result"]["predictions"].get("classes", []):
        assert {row["name"], number(row["precision"]), number(row["recall"])} <= page


def test_compare_prints_the_comparison_and_writes_its_page(talweg, train) -> None:
    train()
    said = talweg("compare", "out", "out", "--json", "--out", "c.html")
    found = object_in(said)
    assert found["kind"] == "comparison" and "page c.html" in said.err
    page = cells(Path("c.html").read_text(encoding="utf-8"))
    told = talweg("compare", "out", "out").out
    assert len(found["models"]) == 2
    for model in found["models"]:
        for score in model["scores"]:
            assert {score["name"], number(score["network"])} <= page
        assert all(number_text(score["network"]) in told for score in model["scores"][:2])


@pytest.mark.parametrize(
    "options", ["--target price", "--target place"], ids=["numbers", "classes"]
)
@pytest.mark.parametrize("to_file", [False, True])
def test_predict_writes_one_object_per_row(talweg, train, options: str, to_file: bool) -> None:
    train(*options.split())
    more = ["--probabilities"] if "place" in options else ["--intervals", "0.7"]
    rows = list(csv.DictReader(io.StringIO(talweg("predict", "out", "houses.csv", *more).out)))
    out = ["--out", "p.jsonl"] if to_file else []
    said = talweg("predict", "out", "houses.csv", *more, "--json", *out)
    text = Path("p.jsonl").read_text(encoding="utf-8") if to_file else said.out
    found = [json.loads(line) for line in text.splitlines()]
    assert [{name: str(value) for name, value in row.items()} for row in found] == rows
    assert len(found) == 60
    if to_file:
        assert said.out.startswith("60 predictions")


def test_an_error_prints_no_json(train) -> None:
    said = train("--json", "--activation", "rleu")
    assert (said.status, said.out) == (2, "")


@pytest.mark.parametrize("stream", ["closed", "full"])
def test_json_that_cannot_be_printed_is_an_error(talweg, train, monkeypatch, stream: str) -> None:
    class Full(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(28, "No space left on device")

    train()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", None if stream == "closed" else Full())
        said = talweg("show", "out", "--json")
    assert said.status == 2
    assert ("Standard output is closed" if stream == "closed" else "No space left") in said.err
