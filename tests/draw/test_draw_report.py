"""The report: one offline file, well-formed, escaped, complete, and never half-written."""

import ast
import os
import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import talweg.draw.pages.report as report_module
from talweg.data.model.scores import Score
from talweg.draw.pages.report import render, report as write_report
from talweg.insight.notes import Note
from talweg.insight.predictions import PredictedClasses, PredictedNumbers
from talweg.insight.run_report import Layer, Network, Settings, Training
from talweg.insight.table_report import Data, LeftOut, Result, Split, TableReport, UsedColumn

EPOCHS = np.arange(1, 41)
RNG = np.random.default_rng(0)
TRUE = RNG.gamma(9, 1.1, 627)

REGRESSION = TableReport(
    title="Rings of abalone.csv",
    summary=("On 627 held-out rows the network explains 57 % of the variance of rings.",),
    result=Result(
        scores=[Score("R²", 0.5713, 0.0), Score("mae", 1.4712, 2.3391)],
        baseline="Always the mean",
        scored_on="Scores on the 627 held-out rows",
        predictions=PredictedNumbers.of(TRUE, TRUE + RNG.normal(size=627), "rings"),
    ),
    training=Training(
        history={
            "loss": 4 + 6 * np.exp(-EPOCHS / 5),
            "val_loss": 5 + 5 * np.exp(-EPOCHS / 5),
            "mae": 2 / EPOCHS,
            "val_mae": 3 / EPOCHS,
        },
        epochs=40,
        text="40 epochs in 420 ms. Stopped because the validation loss did not fall.",
        best_epoch=31,
    ),
    data=Data(
        rows=4177,
        columns=[
            UsedColumn("sex", "category", "one column for each value"),
            UsedColumn("height", "number", "scaled"),
        ],
        left_out=[LeftOut("id", "differs in each row")],
        splits=[
            Split("training", 2924, 0.7),
            Split("validation", 626, 0.15),
            Split("held out", 627, 0.15),
        ],
        notes=[Note("height has 2 rows of 0.")],
    ),
    network=Network(
        layers=[Layer("Dense 128 relu", "N, 128", 1408), Layer("Dense 1", "N, 1", 129)]
    ),
    settings=Settings(
        command="talweg train abalone.csv --target rings",
        code='import talweg as tw\ntw.TableModel(target="rings").fit("abalone.csv")',
        values={"lr": "0.001"},
    ),
    talweg="1.2.3",
)

CLASSIFICATION = replace(
    REGRESSION,
    result=Result(
        scores=[Score("accuracy", 0.95, 0.33)],
        predictions=PredictedClasses("species", ["a", "b"], [[9, 1], [2, 8]]),
    ),
)

EMPTY = TableReport(title="Nothing")
REPORTS = [REGRESSION, CLASSIFICATION, EMPTY]


class Page(HTMLParser):
    """A page read with a check that every tag is closed in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.mark.parametrize("report", REPORTS)
def test_the_page_is_well_formed(report: TableReport) -> None:
    page = Page(render(report))
    assert page.all("html") == [{"lang": "en"}]
    assert len(page.all("main")) == len(page.all("h1")) == 1
    assert {"name": "viewport", "content": "width=device-width, initial-scale=1"} in page.all(
        "meta"
    )
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_headings_come_in_order() -> None:
    levels = [
        int(tag[1]) for tag, _ in Page(render(REGRESSION)).tags if re.fullmatch("h[1-6]", tag)
    ]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_tables_have_captions_and_scopes_and_figures_have_captions() -> None:
    page = Page(render(REGRESSION))
    assert len(page.all("table")) == len(page.all("caption")) == 6
    assert all(cell.get("scope") in ("row", "col") for cell in page.all("th"))
    assert len(page.all("figure")) == len(page.all("figcaption")) == 5


@pytest.mark.parametrize("report", REPORTS)
def test_the_page_asks_for_nothing_from_outside(report: TableReport) -> None:
    html = render(report)
    page = Page(html)
    assert not {tag for tag, _ in page.tags} & {"script", "link", "img", "iframe", "object"}
    for _, attributes in page.tags:
        assert not {key for key in attributes if key.startswith("on") or key == "src"}
        assert (attributes.get("href") or "#").startswith("#")
    bare = html.replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert "http:" not in bare
    assert "https:" not in bare
    assert "url(" not in html
    assert "@import" not in html


def test_links_lead_to_sections() -> None:
    page = Page(render(REGRESSION))
    keys = {section["id"] for section in page.all("section")}
    assert {f"#{key}" for key in keys} == {link["href"] for link in page.all("a")}
    assert len(keys) == 5


EVIL = "<script>alert(1)</script>\x00"


def test_all_text_is_escaped() -> None:
    evil = TableReport(
        title=EVIL,
        summary=(EVIL, EVIL, EVIL),
        result=Result(
            scores=[Score(EVIL, 1.0, 0.5)],
            baseline=EVIL,
            scored_on=EVIL,
            predictions=PredictedClasses(EVIL, [EVIL, "b"], [[1, 2], [3, 4]]),
        ),
        training=Training(history={EVIL: [1, 2]}, epochs=2, text=EVIL),
        data=Data(
            rows=1,
            columns=[UsedColumn(EVIL, EVIL, EVIL)] * 40,
            left_out=[LeftOut(EVIL, EVIL)],
            splits=[Split(EVIL, 1, 1.0)],
            notes=[Note(EVIL)],
        ),
        network=Network(layers=[Layer(EVIL, EVIL, 1)]),
        settings=Settings(command=EVIL, code=EVIL, values={EVIL: EVIL}),
        talweg=EVIL,
    )
    html = render(evil)
    assert "<script" not in html
    assert "\x00" not in html
    assert "".join(Page(html).words).count("<script>") > 100


def test_the_page_shows_everything_in_the_report() -> None:
    said = " ".join("".join(Page(render(REGRESSION)).words).split())
    for words in (
        "On 627 held-out rows",
        "Always the mean",
        "0.5713",
        "40 epochs in 420 ms. Stopped because",
        "best: 31",
        "stopped: 40",
        "Mean absolute error by epoch",
        "differs in each row",
        "height has 2 rows of 0.",
        "70.0%",
        "1,537",
        "talweg train abalone.csv --target rings",
        "import talweg as tw",
        "Written by talweg 1.2.3.",
    ):
        assert words in said


def test_training_and_validation_share_a_chart_and_a_lone_curve_gets_its_own() -> None:
    history = {"loss": [2, 1], "val_loss": [3, 2], "val_f1": [0.1, 0.2]}
    training = Training(history=history, epochs=2, text="2 epochs in 1 min 30 s.")
    page = Page(render(TableReport(title="t", training=training)))
    assert len(page.all("figure")) == 2
    assert "At the last epoch: training 1, validation 2." in page.words
    assert "At the last epoch: validation 0.2000." in page.words
    assert "2 epochs in 1 min 30 s." in page.words


def test_a_run_without_an_epoch_has_a_report() -> None:
    training = Training(history={"loss": []}, epochs=0)
    assert "no data" in Page(render(TableReport(title="t", training=training))).words


def test_a_run_that_diverged_has_a_report() -> None:
    training = Training(history={"loss": [2.0, 1e30, np.inf, np.nan]}, epochs=4)
    html = render(TableReport(title="t", training=training))
    assert "At the last epoch: training \N{EN DASH}." in Page(html).words


def test_a_long_table_is_folded() -> None:
    data = Data(
        rows=9, columns=[UsedColumn(f"c{index}", "number", "scaled") for index in range(512)]
    )
    page = Page(render(TableReport(title="t", data=data)))
    assert len(page.all("details")) == 1
    assert "Columns (512 rows)" in page.words


def test_a_report_is_written_as_one_file(tmp_path: Path) -> None:
    path = write_report(REGRESSION, tmp_path / "new" / "report.html")
    assert path.read_text(encoding="utf-8") == render(REGRESSION)
    assert list(path.parent.iterdir()) == [path]


def test_a_failed_write_leaves_the_old_report(tmp_path: Path, monkeypatch) -> None:
    path = write_report(REGRESSION, tmp_path / "report.html")
    before = path.read_bytes()

    def full(descriptor: int) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_report(CLASSIFICATION, path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_report_that_cannot_be_drawn_leaves_the_old_one(tmp_path: Path) -> None:
    path = write_report(EMPTY, tmp_path / "report.html")
    wrong = Result(scores=[], predictions=PredictedNumbers.of([1, 2], [1]))
    with pytest.raises(ValueError, match="2 x values and 1 y values"):
        write_report(replace(EMPTY, result=wrong), path)
    assert path.read_text(encoding="utf-8") == render(EMPTY)


def test_the_same_report_is_the_same_file() -> None:
    assert render(REGRESSION) == render(REGRESSION)


def test_draw_imports_only_records_of_insight() -> None:
    folder = Path(report_module.__file__).parent
    allowed = {"talweg.draw", "talweg.insight", "talweg.errors", "talweg.atomic_write"}
    for file in folder.parent.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module.startswith("talweg"):
                assert ".".join(node.module.split(".")[:2]) in allowed, file
