"""Bugs in talweg itself: one message, and no model lost to a failing chart."""

import os
from pathlib import Path

import pytest

import talweg as tw

RESULTS = ["history.csv", "model.talweg", "report.html"]
QUICK = ("--epochs", 2, "--hidden", 3, "--n-estimators", 1, "--bins", 0)


def failing(*_: object, **__: object) -> None:
    raise ValueError("math domain error")


# Pictures -------------------------------------------------------------------------------------

PICTURES = [  # what fails, and what the note and the page say of it
    (
        "talweg.draw.charts.predicted_against_true.scatter_chart",
        "'The result' is left out of the report (ValueError: math",
    ),
    (
        "talweg.draw.pages.table_sections._importance",
        "'What it relies on' is left out of the report",
    ),
    (
        "talweg.draw.pages.table_sections.mistake_columns",
        "'Its largest errors' is left out of the report",
    ),
    ("talweg.draw.charts.metric_curves.line_chart", "'How it learned' is left out of the report"),
    ("talweg.insight.table_report._network", "'The network' is left out of the report"),
    ("talweg.draw.pages.run_sections._code", "'How to repeat this' is left out of the report"),
    ("talweg.draw.charts.scale.nice_step", "'The result' is left out of the report"),
    ("talweg.insight.table_report.predictions_of", "'Its charts' is left out of the report"),
    ("talweg.insight.table_report._data", "'The data' is left out of the report"),
    ("talweg.cli.train.inspect", "'What it relies on, and its largest errors' is left out"),
    ("talweg.cli.train.table_report", "'All of it' is left out of the report"),
]


@pytest.mark.parametrize(("place", "words"), PICTURES)
def test_a_failing_chart_does_not_lose_the_model(
    talweg, train, monkeypatch, place: str, words: str
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(place, failing)
        said = train()
    assert said.status == 0 and f"note: {words}" in said.err
    assert sorted(os.listdir("out")) == RESULTS
    page = Path("out/report.html").read_text()
    assert page.endswith("</html>\n")
    assert talweg("predict", "out", "houses.csv").status == 0


def test_the_other_parts_are_still_drawn(train, monkeypatch) -> None:
    monkeypatch.setattr("talweg.draw.pages.table_sections._importance", failing)
    train()
    page = Path("out/report.html").read_text()
    assert "&#x27;What it relies on&#x27; is left out of the report (ValueError: math" in page
    assert page.count("<section") == 7 and "Predicted against true" in page


def test_in_python_a_failing_chart_is_an_error(tmp_path, monkeypatch) -> None:
    model = tw.TableModel(-1, n_estimators=1, epochs=1, hidden=(2,), bins=0)
    model.fit([[n * 3 % 50, n] for n in range(60)])
    monkeypatch.setattr("talweg.draw.charts.predicted_against_true.scatter_chart", failing)
    with pytest.raises(ValueError, match="math domain error"):
        tw.report(model, tmp_path / "a.html")
    assert os.listdir(tmp_path) == []


# Messages -------------------------------------------------------------------------------------

ERRORS = [
    (KeyError("weights"), 1, "talweg: KeyError: 'weights'. This is a bug in talweg: please"),
    (ZeroDivisionError("division by zero"), 1, "talweg: ZeroDivisionError: division by zero. This"),
    (AssertionError(), 1, "talweg: AssertionError. This is a bug in talweg"),
    (RecursionError("too deep"), 1, "talweg: RecursionError: too deep. This"),
    (UnicodeError("\x1b[31m"), 1, "talweg: UnicodeError: \\x1b[31m. This"),
    (MemoryError(), 2, "talweg: There is not enough memory. Use fewer rows"),
    (MemoryError("Unable to allocate 2 TiB"), 2, "not enough memory (Unable to allocate 2 TiB)."),
    (OSError(5, "Input/output error", "t.csv"), 2, "talweg: Input/output error: t.csv"),
    (tw.DataError("No such file: x"), 2, "talweg: No such file: x"),
]


@pytest.mark.parametrize(("error", "status", "words"), ERRORS, ids=repr)
def test_an_exception_is_one_message(
    talweg, train, monkeypatch, error: Exception, status: int, words: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    train()
    for place, command in (
        ("talweg.cli.train.read_table", "train houses.csv --target price --out out"),
        ("talweg.cli.predict.read_parts", "predict out houses.csv"),
        ("talweg.cli.show.table_report", "show out"),
        ("talweg.cli.compare.compared", "compare out out"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(place, fail)
            said = talweg(*command.split())
            shown = talweg("--traceback", *command.split())
        assert said.status == shown.status == status
        assert words in said.err and words in shown.err
        assert "Traceback" not in said.err and "Traceback (most recent call last)" in shown.err


# Tables that once ended in a traceback ------------------------------------------------------------


def plain(rows: int = 60) -> str:
    return "".join(f"{n},{n % 7},{n * 2}\n" for n in range(rows))


def denormal(*values: float) -> str:
    return "c,y\n" + "".join(f"{values[n % len(values)]},{n * 7 % 11}\n" for n in range(60))


REFUSED = [
    ("sep=,", "", "t.csv is empty. Give a file with at least one row."),
    ("sep=;\n", "", "t.csv is empty. Give a file with at least one row."),
    ("sep=,\n\n\n", "", "t.csv is empty. Give a file with at least one row."),
    (plain(), "--column 1=day_first", "Column '1' cannot be of the kind 'day first': none of its"),
    (plain(), "--column 1=month_first", "cannot be of the kind 'month first': none of its cells"),
    (plain(), "--column 1=date", "Column '1' cannot be of the kind 'date'"),
    (plain(), "--hidden 100000000000", "not enough memory"),
    (
        plain(),
        f"--hidden {10**30}",
        f"not enough memory for weights of shape (3, {10**30}); use fewer",
    ),
    (
        plain(),
        f"--hidden 4,{2**62}",
        f"not enough memory for weights of shape (4, {2**62}); use fewer",
    ),
]


@pytest.mark.parametrize(("text", "options", "words"), REFUSED)
def test_refused_with_a_message(talweg, text: str, options: str, words: str) -> None:
    Path("t.csv").write_text(text)
    given = [each.replace("_", " ") for each in options.split()]
    said = talweg("train", "t.csv", "--target", "-1", "--out", "o", *QUICK, *given)
    assert said.status == 2 and words in said.err
    assert not Path("o").exists()


LEARNED = [
    denormal(0, 5e-324, 1e-323, 1.5e-323),
    denormal(5e-324, 1e-310, 1e-300),
    denormal(1e-200, -1e-200, 3e-200),
    denormal(1e300, -1e300, 2e300),
    denormal(1e-308, 1.0, 1e308),
    "c,y\n" + "".join(f"{n * 3 % 17},{5e-324 * (n * 7 % 11)}\n" for n in range(60)),
    "d,x,y\n"
    + "".join(f"{'2020-01-0' + str(n) if n < 3 else ''},{n * 3 % 50},{n}\n" for n in range(60)),
]


@pytest.mark.parametrize("text", LEARNED, ids=range(len(LEARNED)))
def test_learned_and_drawn_without_a_note(talweg, text: str) -> None:
    Path("t.csv").write_text(text)
    said = talweg("train", "t.csv", "--target", "y", "--out", "o", *QUICK)
    assert said.status == 0 and "left out of the report" not in said.err
    assert sorted(os.listdir("o")) == RESULTS
