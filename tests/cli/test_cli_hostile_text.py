"""Names and labels that want to be more than text: escape codes, formulas, markup."""

import csv
import io
import re
from pathlib import Path

import pytest

import talweg as tw
from talweg.cli.cells import harmless, write_rows
from talweg.errors import visible

QUICK = ("--epochs", 1, "--hidden", 2, "--n-estimators", 1, "--bins", 0)
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
TITLE = "a\x1b]0;owned\x07\x1b[31m"
HOSTILE = [
    TITLE,  # sets the title of the terminal, and turns all red
    "b\x9b2Jc",  # clears the screen, in one byte
    "d\rfine",  # writes over what was said before
    "e\x08\x08\x7f",  # takes letters back
    "f\u202etxt.exe",  # turns the direction of writing
    "g\u2028h",
]


def rows(*names: str) -> list[tuple[object, ...]]:
    return [names, *((row * 3 % 50, row % 7, 2 * row) for row in range(60))]


# Control characters ---------------------------------------------------------------------------


def saved(columns: dict[str, list[object]], target: str, out: str) -> None:
    """A model of a table that no CSV file may hold, and its report."""
    settings = {"epochs": 1, "hidden": (2,), "n_estimators": 1, "bins": 0}
    model = tw.TableModel(target, **settings).fit(columns)
    Path(out).mkdir()
    model.save(f"{out}/model.talweg")
    tw.report(model, f"{out}/report.html")


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_cannot_command_a_terminal(talweg, name: str) -> None:
    columns = {
        name: [n * 3 % 50 for n in range(60)],
        "i": [n % 7 for n in range(60)],
        "y": [2 * n for n in range(60)],
    }
    saved(columns, "y", "m")
    saved(columns, name, "n")
    with open("t.csv", "w", newline="") as file:
        csv.writer(file).writerows([[*columns], *zip(*columns.values(), strict=True)])
    Path(f"{name}.csv").write_text("x,y\n" + "".join(f"{n * 3 % 50},{n}\n" for n in range(60)))
    for words in (
        ("train", "t.csv", "--target", "y", "--out", "o", *QUICK),
        ("train", "t.csv", "--target", "0", "--out", "o", "--drop", "i", *QUICK),
        ("show", "m"),
        ("show", "n"),
        ("compare", "n", "n"),
        ("compare", "m", "n"),
        ("train", "t.csv", "--target", f"{name}?", "--out", "o"),
        ("train", "t.csv", "--target", "y", "--column", f"{name}=?", "--out", "o"),
        ("train", f"{name}.csv", "--target", "y", "--out", name, *QUICK),
        ("predict", "m", "t.csv", "--out", f"{name}.p.csv"),
        ("train", f"no{name}.csv", "--target", "y", "--out", "o"),
        ("predict", "n", "t.csv"),
        ("predict", "m", "t.csv", "--out", f"{name}/p.csv"),
        ("predict", "m", "t.csv", "more", name),
        (name,),
    ):
        said = talweg(*words)
        assert said.out + said.err and not CONTROL.search(said.out + said.err), words
    for page in Path().rglob("*.html"):
        assert not CONTROL.search(page.read_text())


@pytest.mark.parametrize("label", HOSTILE)
def test_a_label_cannot_command_a_terminal(talweg, label: str) -> None:
    classes, groups = (
        [["a", label][n % 2] for n in range(60)],
        [["b", label][n % 2] for n in range(60)],
    )
    columns = {"i": [n % 9 for n in range(60)], "c": groups, "y": classes}
    saved(columns, "y", "m")
    with open("t.csv", "w", newline="") as file:
        csv.writer(file).writerows([("i", "c"), *((n % 9, "b") for n in range(60))])
    for words in ("show m", "predict m t.csv", "predict m t.csv --probabilities", "compare m m"):
        said = talweg(*words.split())
        assert said.status == 0 and not CONTROL.search(said.out + said.err)
    assert not CONTROL.search(Path("m/report.html").read_text())
    assert set(tw.load("m/model.talweg").predict(columns)) <= {label, "a"}  # as it is


@pytest.mark.parametrize("name", [*HOSTILE, "a\ud800b"])
def test_errors_and_warnings_have_no_control_characters(name: str) -> None:
    for each in (tw.DataError, tw.SettingError, tw.ModelFileError, tw.DataWarning):
        assert not CONTROL.search(str(each(f"Column {name} is odd")))
    assert visible(name).encode()


def test_what_is_no_control_character_stays() -> None:
    text = "größe\t名前\n😀 \u200d e\u0301 <b>"
    assert visible(text) == text


def test_a_table_keeps_its_columns_whatever_a_name_holds(talweg) -> None:
    with open("t.csv", "w", newline="") as file:
        csv.writer(file).writerows(rows("two\nlines", "i", "y"))
    assert talweg("train", "t.csv", "--target", "y", "--out", "m", *QUICK).status == 0
    assert "\ntwo\\nlines  number" in talweg("show", "m").out


# Formulas -------------------------------------------------------------------------------------

FORMULAS = [
    "=1+1",
    "+1+1",
    "-1+1",
    "@SUM(1)",
    "=cmd|'/C calc'!A0",
    " =1+1",
    "\t=1+1",
    "\uff1d1+1",
    "--1",
]
TEXTS = ["hill", "a=b", "'=1", "", "3-4", "x@y.z"]
NUMBERS = ["-1", "+1", "-1.5e-3", "-1,5", "-5%", "-inf", "1e3"]


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_becomes_text(text: str) -> None:
    assert harmless(text) == f"'{text}"


@pytest.mark.parametrize("text", [*TEXTS, *NUMBERS])
def test_other_texts_stay_as_they_are(text: str) -> None:
    assert harmless(text) == text


def cells(text: str) -> list[list[str]]:
    return list(csv.reader(text.splitlines()))


@pytest.mark.parametrize("pair", [("=1+1", "@SUM(1)"), ("-1+1", "hill"), ("-1", "-2")])
def test_labels_in_predictions(talweg, pair: tuple[str, str]) -> None:
    with open("t.csv", "w", newline="") as file:
        csv.writer(file).writerows([("x", "y"), *((n, pair[n % 2]) for n in range(60))])
    talweg("train", "t.csv", "--target", "y", "--task", "classification", "--out", "m", *QUICK)
    talweg("predict", "m", "t.csv", "--out", "p.csv")
    printed = talweg("predict", "m", "t.csv").out
    assert cells(Path("p.csv").read_text()) == cells(printed)
    assert {each for (each,) in cells(printed)[1:]} <= {harmless(label) for label in pair}
    exact = talweg("predict", "m", "t.csv", "--exact").out
    assert {each for (each,) in cells(exact)[1:]} <= {*pair}


@pytest.mark.parametrize(
    "text", ["a\rb", "\r", "a\r\nb", "b\r\n", "a\nb", 'a"\r', "a,b", "", "\u2028"]
)
def test_an_exact_cell_is_read_back_as_it_was(text: str) -> None:
    stream = io.StringIO(newline="")
    assert write_rows(stream, [[text, 1], ["x", text]], exact=True) == 2
    written = stream.getvalue()
    assert [*csv.reader(io.StringIO(written, newline=""))] == [[text, "1"], ["x", text]]
    assert written.endswith("\n") and not written.endswith("\r\n")


@pytest.mark.parametrize("name", ["=y", "+y", "-y", "@y"])
def test_the_name_of_the_target_in_predictions(talweg, name: str) -> None:
    with open("t.csv", "w", newline="") as file:
        csv.writer(file).writerows([("x", name), *((n % 7, n % 7 - 9.5) for n in range(60))])
    talweg("train", "t.csv", "--target=1", "--out", "m", *QUICK)
    head, *lines = cells(talweg("predict", "m", "t.csv", "--intervals", 0.5).out)
    assert head == [f"'{name}", f"'{name} low", f"'{name} high"]
    assert all(float(cell) is not None for line in lines for cell in line)
    assert any(cell.startswith("-") for line in lines for cell in line)  # numbers stay numbers
    assert cells(talweg("predict", "m", "t.csv", "--exact").out)[0] == [name]


# Markup ---------------------------------------------------------------------------------------

MARKUP = ["<script>alert(1)</script>", "\"onload='x'", "</style><img src=x>", "]]><a>", "&lt;b"]


@pytest.mark.parametrize("name", MARKUP)
def test_markup_in_names_and_labels_is_text(talweg, name: str) -> None:
    with open("t.csv", "w", newline="") as file:
        given = [
            (name, "c", f"y{name}"),
            *((n, [name, "b"][n % 2], ["a", name][n % 3 > 1]) for n in range(60)),
        ]
        csv.writer(file).writerows(given)
    Path("dir").mkdir()
    assert talweg("train", "t.csv", "--target", "-1", "--out", "m", *QUICK).status == 0
    assert talweg("compare", "m", "m", "--out", "c.html").status == 0
    for page in ("m/report.html", "c.html"):
        text = Path(page).read_text()
        assert name not in text.replace("&amp;lt;b", "") or name == "&lt;b"
        assert "<script" not in text and "<img" not in text and "onload='" not in text
