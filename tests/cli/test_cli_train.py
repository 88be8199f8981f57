"""`talweg train`: what it writes and says, and whether what it says repeats the run."""

import csv
import shlex
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

import talweg as tw
from talweg.data.model.model_file import read_model

RESULTS = ["history.csv", "model.talweg", "report.html"]


class Copied(HTMLParser):
    """The lines of a page that are there to be copied."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.inside = False
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.inside = tag == "code"

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.lines.append(data)
            self.inside = False


def arrays_in(folder: str) -> dict[str, np.ndarray]:
    return read_model(Path(folder, "model.talweg"))[1]


def assert_same(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array)


def test_it_writes_three_files_and_says_what_it_found(train) -> None:
    said = train()
    assert (said.status, said.err) == (0, "")
    assert sorted(each.name for each in Path("out").iterdir()) == RESULTS
    assert sorted(each.name for each in Path().iterdir()) == ["houses.csv", "out"]
    assert max(map(len, said.out.splitlines())) <= 80
    words = " ".join(said.out.split())
    assert words.startswith(
        "houses.csv: 60 rows, 3 columns number: rooms (5 missing) category: place"
        " On 7 rows that training never saw, "
    )
    assert "always predicting the mean, " in words
    assert "trivial predictor" in words
    assert "Training took 3 epochs" in words
    assert "report out/report.html" in words


def test_no_control_characters_without_a_terminal(train) -> None:
    said = train()
    assert all(letter.isprintable() or letter == "\n" for letter in said.out + said.err)


def test_the_history_is_the_models(train) -> None:
    train()
    with open("out/history.csv", newline="") as file:
        names, *rows = csv.reader(file)
    history = tw.load("out/model.talweg").trained.history
    assert names == ["network", "epoch", "loss", "mae", "val_loss", "val_mae"]
    assert [(row[0], row[1]) for row in rows] == [("1", "1"), ("1", "2"), ("1", "3")]
    for place, name in enumerate(names):
        assert [float(row[place]) for row in rows] == history[name].tolist()


def test_the_history_is_that_of_each_network(train) -> None:
    train("--n-estimators", 3, "--patience", 1, "--epochs", 9, "--lr", 0.3)
    told = tw.load("out/model.talweg").trained.training["members"]
    with open("out/history.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    epochs = [each["epochs"] for each in told]
    expected = [(net, epoch) for net, n in enumerate(epochs, 1) for epoch in range(1, n + 1)]
    assert [(int(row["network"]), int(row["epoch"])) for row in rows] == expected
    assert len(set(epochs)) > 1
    for network, each in enumerate(told, start=1):
        losses = [float(row["val_loss"]) for row in rows if int(row["network"]) == network]
        assert losses[each["best_epoch"] - 1] == min(losses)


WAYS = [
    "--seed 3 --lr 0.05 --batch-size 7 --activation tanh --patience 1",
    "--n-estimators 2 --bins 5 --dropout 0.25",
    *(
        pytest.param(way, marks=pytest.mark.slow)
        for way in (
            "--epochs 2",
            "--drop rooms --task classification --hidden 5,3",
            "--header --hidden '' --time-budget 60.5",
            "--no-header --target -1 --task classification --drop 0",
            "--target place --groups rooms --class-weight balanced --threshold 0.25",
        )
    ),
]


@pytest.mark.parametrize("way", WAYS)
def test_the_report_says_how_to_repeat_the_run(talweg, train, way: str) -> None:
    assert train(*shlex.split(way)).status == 0
    first = arrays_in("out")
    assert_repeats(talweg, first)


def assert_repeats(talweg, first: dict[str, np.ndarray]) -> None:
    """That the lines of the report, of both kinds, give the same model again."""
    command, code = Copied(Path("out/report.html")).lines
    program, *arguments = shlex.split(command)
    assert program == "talweg"
    assert talweg(*arguments, "--out", "again").status == 0
    assert_same(arrays_in("again"), first)
    names: dict[str, tw.TableModel] = {}
    exec(code, names)
    names["model"].save("python.talweg")
    assert_same(read_model("python.talweg")[1], first)
    assert names["model"].scores == tw.load("out/model.talweg").scores


def test_settings_reach_the_model(train) -> None:
    train(
        "--drop", "rooms", "--task", "classification", "--lr", 0.5, "--seed", 4, "--hidden", "3,2"
    )
    trained = tw.load("out/model.talweg").trained
    assert trained.task == "classification"
    assert [each.name for each in trained.encoder.columns] == ["place"]
    assert trained.settings["seed"] == 4
    assert trained.settings["optimizer"] == tw.AdamW(lr=tw.CosineDecay(0.5))
    sizes = [(3, 2), (2, len(trained.classes))]
    shapes = [each.shape for name, each in trained.net.weights.items() if "weight" in name]
    assert shapes[1:] == sizes


def test_settings_of_the_ensemble_reach_the_model(talweg, train) -> None:
    said = train("--n-estimators", 2, "--bins", 5, "--dropout", 0.25)
    trained = tw.load("out/model.talweg").trained
    assert (trained.blueprint.members, trained.blueprint.dropout) == (2, 0.25)
    assert max(map(len, trained.blueprint.bins.means.values())) == 5
    words = " ".join(said.out.split())
    assert "each predicted by a network that never saw it, the networks explain" in words
    assert "Two networks of 4 units trained side by side in " in words
    told = said.out.split("\n\n")[1]
    shown = talweg("show", "out").out
    assert told in shown
    assert "each of 2 networks: 45 rows for training, 8 for validation, 7 to test" in " ".join(
        shown.split()
    )
    assert shown.endswith(
        f"2 networks of this shape, {trained.net.weights.flat.size:,} parameters in total\n"
    )


ROLES = [
    ("--weight rooms", "weight", "rooms", ["place"]),
    ("--groups place", "groups", "place", ["rooms"]),
    ("--time rooms", "time", "rooms", ["rooms", "place"]),
]


@pytest.mark.parametrize(("way", "name", "value", "inputs"), ROLES)
def test_columns_with_a_role(talweg, write, way: str, name: str, value: str, inputs) -> None:
    rows = [(row % 9 + 1, f"p{row % 10}", row * 1.5) for row in range(60)]
    write("roles.csv", ("rooms", "place", "price"), *rows)
    given = ("roles.csv", "--target", "price", "--out", "out", "--n-estimators", 1, "--bins", 0)
    assert talweg("train", *given, "--epochs", 1, "--hidden", 2, *way.split()).status == 0
    trained = tw.load("out/model.talweg").trained
    assert trained.settings[name] == value
    assert [each.name for each in trained.encoder.columns] == inputs
    assert_repeats(talweg, arrays_in("out"))


def test_several_targets(talweg, write) -> None:
    rows = [(each % 7, each % 5, each * 0.5, 90 - each * 0.25) for each in range(60)]
    table = write("t.csv", ("a", "b", '"rent, cold"', "price"), *rows).name
    quick = ("--epochs", 3, "--hidden", 4, "--n-estimators", 1, "--bins", 0, "--out", "out")
    said = talweg("train", table, "--target", "rent, cold", "--target", "price", *quick)
    assert (said.status, said.err) == (0, "")
    assert "of the variance of rent, cold and price on average" in " ".join(said.out.split())
    page = Path("out/report.html").read_text(encoding="utf-8")
    for words in ("mean R2", "R2 of price", "<h3>rent, cold</h3>", "<h3>price</h3>"):
        assert words in page
    code = next(each for each in Copied(Path("out/report.html")).lines if "import" in each)
    model = {}
    exec(code, model)
    assert_same(tw.load("out/model.talweg").trained.history, model["model"].trained.history)
    shown = talweg("show", "out").out
    assert "Regression of rent, cold and price, learned from t.csv" in shown
    assert "root mean squared error of price" in shown
    told = talweg("compare", "out", "out").out
    assert all(name in told for name in ("mean", "R2 of rent,", "R2 of"))
    expected = tw.load("out/model.talweg").predict(table)
    for options, ends in [((), 1), (("--intervals", 0.7), 3)]:
        talweg("predict", "out", table, "--out", "p.csv", *options)
        names, *lines = csv.reader(Path("p.csv").read_text(encoding="utf-8").splitlines())
        assert names[0::ends] == ["rent, cold", "price"]
        found = np.array(lines, float)
        assert found.shape == (60, 2 * ends)
        assert found[:, 0::ends].tolist() == expected.tolist()
    assert names == [f"{n}{end}" for n in ("rent, cold", "price") for end in ("", " low", " high")]
    assert found.reshape(60, 2, 3)[..., 1:].tolist() == (
        tw.load("out/model.talweg").predict_interval(table, 0.7).tolist()
    )


def test_rare_classes_can_weigh_more(talweg, train) -> None:
    train("--target", "place", "--class-weight", "balanced", "--threshold", "f1")
    settings = tw.load("out/model.talweg").trained.settings
    assert (settings["class_weight"], settings["threshold"]) == ("balanced", "f1")
    said = train("--class-weight", "balanced")
    assert (
        said.status == 2
        and "class_weight needs classes, but the target 'price' is a number" in said.err
    )


def test_a_second_run_takes_the_place_of_the_first(train) -> None:
    train()
    first = arrays_in("out")
    Path("out/mine.txt").write_text("kept")
    assert train("--seed", 1).status == 0
    assert sorted(each.name for each in Path("out").iterdir()) == [
        *RESULTS[:1],
        "mine.txt",
        *RESULTS[1:],
    ]
    assert (arrays_in("out")["weights"] != first["weights"]).any()


def test_folders_above_are_made(train) -> None:
    assert train("--out", "a/b/c").status == 0
    assert sorted(each.name for each in Path("a/b/c").iterdir()) == RESULTS


def test_a_run_that_breaks_off_says_so_once_and_without_a_warning(train, recwarn) -> None:
    said = train("--lr", 1e30)
    assert (said.status, said.err, recwarn.list) == (0, "", [])
    words = " ".join(said.out.split())
    assert "worse than the trivial predictor" in words
    assert words.count("first NaN or infinity") == 1
    assert "Try a smaller learning rate" in words


# Said once, and as a person says it ---------------------------------------------------------------

ODD = {
    "size": [*(str(each % 13 + 0.5) for each in range(57)), "", "", ""],
    "always": ["x"] * 60,
    "place": ["hill", "lake", ""] * 20,
    "day": ["03/04/2021", "05/06/2021"] * 30,
}


def odd_table(file: str) -> None:
    rows = [",".join([*ODD, "price"])]
    cells = zip(*ODD.values(), strict=True)
    rows += [f"{','.join(each)},{place % 7 + place / 3:.3f}" for place, each in enumerate(cells)]
    Path(file).write_text("\n".join(rows) + "\n", encoding="utf-8")


def test_what_is_told_of_columns_is_told_once(talweg) -> None:
    odd_table("odd.csv")
    told = talweg(
        "train",
        "odd.csv",
        "--target",
        "price",
        "--epochs",
        "2",
        "--n-estimators",
        "1",
        "--out",
        "o",
    )
    words = " ".join(told.out.split())
    assert words.count("Every cell holds 'x'.") == 1
    assert words.count("Days and months could be swapped") == 1
    shown = " ".join(talweg("show", "o").out.split())
    assert shown.count("Column 'always' is left out. Every cell holds 'x'.") == 1
    assert shown.count("Days and months could be swapped") == 1


def test_missing_cells_are_counted_where_columns_are_listed(talweg) -> None:
    odd_table("odd.csv")
    quick = ("--epochs", "2", "--n-estimators", "1", "--hidden", "4")
    told = talweg("train", "odd.csv", "--target", "price", *quick, "--out", "o")
    assert "number: size (3 missing)\n" in told.out
    assert "category: place (20 missing)\n" in told.out
    assert "date: day\n" in told.out
    lines = [line.split() for line in talweg("show", "o").out.splitlines()]
    assert ["column", "kind", "inputs", "missing"] in lines
    assert ["size", "number", "3", "3"] in lines and ["place", "category", "4", "20"] in lines
    assert [each[-1] for each in lines if each[:2] == ["day", "date"]] == ["0"]
    page = Path("o/report.html").read_text(encoding="utf-8")
    assert "Missing cells" in page and "This network" in page


def test_one_row_and_one_column_are_singular(talweg) -> None:
    odd_table("odd.csv")
    quick = ("--epochs", "1", "--n-estimators", "2", "--hidden", "4", "--bins", "0")
    assert talweg("train", "odd.csv", "--target", "price", *quick, "--out", "o").status == 0
    assert "These networks" in Path("o/report.html").read_text(encoding="utf-8")
    assert "networks  trivial" in talweg("show", "o").out
    Path("one.csv").write_text("size,place,day\n9,hill,03/04/2021\n", encoding="utf-8")
    for said in ("written to p.csv\n", "written to p.csv (replaced the one of 20"):
        told = talweg("predict", "o", "one.csv", "--out", "p.csv")
        assert told.out.startswith("1 prediction of price " + said)
    for said in ("page  c.html\n", "page  c.html (replaced the one of 20"):
        told = talweg("compare", "o", "o", "--out", "c.html")
        assert "2 models that predict price. Scored on the same 15 rows" in told.out
        assert said in told.out
