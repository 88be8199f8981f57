"""`talweg compare`: models side by side in the terminal and on a page."""

import re
from pathlib import Path

import pytest

import talweg as tw

TRAINED: dict[str, bytes] = {}
"""Two models of one target and one of another: the first test that asks makes them for all."""


@pytest.fixture
def models(talweg, houses) -> None:
    for name, target, epochs in [
        ("poor", "price", 1),
        ("good", "price", 60),
        ("other", "place", 1),
    ]:
        file = Path(f"{name}.talweg")
        if file.name not in TRAINED:
            quick = {"hidden": (6,), "n_estimators": 1, "bins": 0, "optimizer": tw.AdamW(lr=0.02)}
            tw.TableModel(target, epochs=epochs, **quick).fit(houses).save(file)
            TRAINED[file.name] = file.read_bytes()
        file.write_bytes(TRAINED[file.name])


def lines_of(said: str) -> dict[str, list[str]]:
    """The table's lines by their first cell."""
    cells = [re.split(r"  +", line) for line in said.split("\n\n")[1].splitlines()]
    return {name: others for name, *others in cells}


def test_a_line_a_model_the_best_first(talweg, models) -> None:
    said = talweg("compare", "poor.talweg", "good.talweg")
    assert (said.status, said.err) == (0, "")
    told = lines_of(said.out)
    assert list(told) == ["model", "good.talweg", "poor.talweg", "trivial predictor"]
    assert told["model"] == ["R2", "mean absolute error", "weights", "epochs", "time"]
    for name in ("good.talweg", "poor.talweg"):
        first, second = tw.load(name).scores[:2]
        assert [float(each) for each in told[name][:2]] == pytest.approx(
            [first.network, second.network], rel=1e-3
        )
    assert "Scored on the same 7 rows, which no model was trained on." in " ".join(said.out.split())
    assert max(map(len, said.out.splitlines())) <= 80


def test_a_common_table(talweg, models, houses) -> None:
    said = talweg("compare", "poor.talweg", "good.talweg", "--data", houses.name)
    assert "Scored on the 60 rows of houses.csv." in said.out
    score = tw.load("good.talweg").evaluate(houses)[0].network
    assert float(lines_of(said.out)["good.talweg"][0]) == pytest.approx(score, rel=1e-3)


def test_a_page_of_it(talweg, models) -> None:
    said = talweg("compare", "poor.talweg", "good.talweg", "--out", "both.html")
    assert said.out.endswith("page  both.html\n")
    page = Path("both.html").read_text(encoding="utf-8")
    assert "2 models that predict price" in page
    assert page.index("good.talweg") < page.index("poor.talweg")
    assert "Validation loss by epoch" in page and "Settings that differ" in page


def test_runs_are_named_by_the_end_of_long_paths(talweg, models) -> None:
    folder = Path("a folder with a name that is far too long for a table", "good.talweg")
    folder.parent.mkdir()
    Path("good.talweg").rename(folder)
    told = lines_of(talweg("compare", "poor.talweg", folder).out)
    assert list(told)[1] == "...r a table/good.talweg"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("good.talweg none.talweg", "No such file: none.talweg"),
        ("good.talweg other.talweg", "but other.talweg predicts place (classification)"),
        ("good.talweg --data none.csv", "No such file: none.csv"),
        ("good.talweg --data new.csv", "new.csv has no column 'price'"),
        ("good.talweg --out no/page.html", "there is no folder no. Create it"),
        ("", "error: the following arguments are required: MODEL"),
    ],
)
def test_models_that_cannot_be_compared(talweg, models, options: str, words: str) -> None:
    Path("new.csv").write_text("rooms,place\n1,hill\n2,lake\n")
    before = sorted(Path().iterdir())
    said = talweg("compare", *options.split())
    assert (said.status, said.out) == (2, "")
    assert words in said.err
    assert sorted(Path().iterdir()) == before


def test_a_score_that_a_model_lacks_is_a_dash(talweg, houses) -> None:
    quick = {"hidden": (6,), "n_estimators": 1, "bins": 0, "epochs": 3}
    for name, settings in (("plain", {}), ("drawn", {"threshold": "f1"})):
        tw.TableModel("place", **quick, **settings).fit(houses).save(f"{name}.talweg")
    said = talweg("compare", "plain.talweg", "drawn.talweg", "--out", "both.html")
    lines = said.out.split("\n\n")[1].splitlines()
    assert (said.status, said.err) == (0, "")
    assert max(map(len, lines)) <= 80
    rows = {cells[0]: cells for cells in (re.split(r"  +", line) for line in lines)}
    assert rows["model"][1:4] == ["accuracy", "accuracy", "loss"]
    assert rows["plain.talweg"][2] == "-" and rows["drawn.talweg"][2] != "-"
    for name in ("plain", "drawn"):
        losses = [each for each in tw.load(f"{name}.talweg").scores if each.name == "log loss"]
        assert float(rows[f"{name}.talweg"][3]) == pytest.approx(losses[0].network, rel=1e-3)
    assert "Balanced accuracy" in Path("both.html").read_text(encoding="utf-8")


def test_one_model_alone(talweg, models) -> None:
    said = talweg("compare", "good.talweg")
    assert said.out.startswith(
        "1 model that predicts price. Scored on 7 rows that training never saw."
    )
