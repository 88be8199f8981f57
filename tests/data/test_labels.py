"""Class labels: predictions have the type and the spelling of training."""

import warnings
from datetime import date, datetime
from pathlib import Path

import numpy as np
import pytest

import talweg as tw
from talweg.data.columns.cells import as_cells
from talweg.data.columns.labels import known_rows, named_marks
from talweg.data.model.targets.classification import Classification
from talweg.errors import DataWarning

pandas = pytest.importorskip("pandas")
polars = pytest.importorskip("polars")

ROWS = 60
X = np.repeat([0.0, 1.0], ROWS // 2) + np.random.default_rng(0).normal(0, 0.01, ROWS)
QUICK = {"epochs": 100, "hidden": (4,), "n_estimators": 1, "bins": 0, "task": "classification"}


def fitted(first: object, second: object, make=list) -> tw.TableModel:
    half = ROWS // 2
    return tw.TableModel("y", **QUICK).fit({"x": X, "y": make([first] * half + [second] * half)})


LABELS = {  # two labels in the order of classes, and the dtype of the labels that come back
    "truths": (False, True, bool),
    "NumPy's truths": (np.False_, np.True_, bool),
    "whole numbers": (2, 10, np.int64),
    "floats": (1.0, 2.0, np.float64),
    "half precision": (np.float16(0.5), np.float16(1.5), np.float64),
    "text": ("no", "yes", object),
    "NumPy's text": (np.str_("no"), np.str_("yes"), object),
    "codes": ("01", "02", object),
    "digits as text": ("1", "2", object),
    "decimals as text": ("1.0", "2.0", object),
    "words of truth": ("False", "True", object),
    "days": (date(2024, 1, 3), date(2024, 2, 3), object),
    "moments": (datetime(2024, 1, 3), datetime(2024, 1, 3, 10, 30), None),
    "long numbers": (2**53, 2**53 + 1, np.int64),
    "longer numbers": (5, 2**63 + 1, np.uint64),
    "endless numbers": (2**70, 2**70 + 1, object),
    "mixed": (1, "a", object),
    "mixed with truth": (2, True, object),
}


@pytest.mark.parametrize("name", LABELS)
def test_labels_have_the_type_of_training(tmp_path: Path, name: str) -> None:
    first, second, dtype = LABELS[name]
    model = fitted(first, second)
    model.save(tmp_path / "m.talweg")
    for loaded in (model, tw.load(tmp_path / "m.talweg")):
        found = loaded.predict({"x": [0.0, 1.0]})
        assert list(found) == list(loaded.classes) == [first, second]
        if dtype is not None:
            assert found.dtype == loaded.classes.dtype == dtype
        assert (loaded.predict({"x": X}) == np.repeat(loaded.classes, ROWS // 2)).all()
        assert loaded.predict({"x": 1.0})[0] == second


FRAMES = {
    "pandas bool": lambda y: pandas.Series(y),
    "pandas boolean": lambda y: pandas.Series(y, dtype="boolean"),
    "pandas category": lambda y: pandas.Series(y, dtype="category"),
    "pandas object": lambda y: pandas.Series(y, dtype=object),
    "polars": polars.Series,
    "masked": lambda y: np.ma.array(y, mask=[False] * len(y)),
}


@pytest.mark.parametrize("make", FRAMES.values(), ids=FRAMES.keys())
def test_booleans_are_returned_as_booleans(make) -> None:
    model = fitted(False, True, make)
    assert model.classes.dtype == bool
    assert (model.predict({"x": X}) == np.repeat([False, True], ROWS // 2)).all()


IN_A_FILE = {  # two labels as a CSV file has them, the values, and how predictions are written
    "whole": (("1", "2"), [1, 2], np.int64),
    "floats": (("1.0", "2.0"), [1.0, 2.0], np.float64),
    "fractions": (("-0.5", "1"), [-0.5, 1.0], np.float64),
    "codes": (("01", "02"), ["01", "02"], object),
    "signs": (("+1", "-1"), ["-1", "+1"], object),
    "truths": (("False", "True"), [False, True], bool),
    "upper truths": (("FALSE", "TRUE"), ["FALSE", "TRUE"], object),
    "long": (("12345678901234567", "12345678901234568"), [12345678901234567] * 2, np.int64),
    "dates": (("2024-01-03", "2024-02-03"), ["2024-01-03", "2024-02-03"], object),
}


@pytest.mark.parametrize("name", IN_A_FILE)
def test_labels_of_a_file_get_a_type_if_they_convert_back(
    tmp_path: Path, talweg_command, name: str
) -> None:
    texts, values, dtype = IN_A_FILE[name]
    lines = [f"{x:.4f},{texts[row * 2 // ROWS]}" for row, x in enumerate(X)]
    (tmp_path / "t.csv").write_text("\n".join(["x,y", *lines]))
    model = tw.TableModel("y", **QUICK).fit(tmp_path / "t.csv")
    assert model.classes.dtype == dtype
    assert model.classes.tolist() == (values if name != "long" else [values[0], values[0] + 1])
    assert list(map(str, model.predict({"x": [0.0, 1.0]}))) == [
        str(model.classes[model.trained.target.levels.index(text)]) for text in texts
    ]
    model.save(tmp_path / "model.talweg")
    written = talweg_command(tmp_path / "model.talweg", tmp_path / "t.csv").splitlines()
    assert written[0].split(",")[0] == "y"
    assert set(written[1:]) == {str(value) for value in model.classes}


@pytest.fixture
def talweg_command(capsys):
    """What `talweg predict` prints."""
    from talweg.cli.main import main

    def predict(*arguments: Path) -> str:
        with pytest.raises(SystemExit) as stopped:
            main(["predict", *map(str, arguments)])
        assert stopped.value.code == 0
        return capsys.readouterr().out

    return predict


FOUND = [  # levels, a label of other rows, the class that it is
    (("1", "2"), [1, 2.0, "1.0", " 2 "], [0, 1, 0, 1]),
    (("01", "02"), ["01", "1", 2], [0, 0, 1]),
    (("False", "True"), [True, "true", "FALSE", 1, 0], [1, 1, 0, 1, 0]),
    (("0", "1"), [True, False, np.True_, "true"], [1, 0, 1, 1]),
    (("2024-01-03", "b"), [date(2024, 1, 3), datetime(2024, 1, 3), "2024-01-03T00:00"], [0] * 3),
    (("1", "True"), [1, True], [0, 1]),
    (("9007199254740992", "9007199254740993"), [2**53, 2**53 + 1], [0, 1]),
]


@pytest.mark.parametrize(("levels", "labels", "classes"), FOUND)
def test_a_label_is_found_in_any_type(levels, labels, classes) -> None:
    target = Classification("y", levels)
    assert target.encode(as_cells(labels)).tolist() == classes


# Marks of missing cells that are classes --------------------------------------------------------

MARKS = [  # counts of texts, those that are values
    ({"AF": 9, "AS": 9, "EU": 9, "NA": 9}, {"NA"}),
    ({"NA": 9, "US": 9, "DE": 3}, {"NA"}),
    ({"nan": 5, "ann": 9, "bob": 9}, {"nan"}),
    ({"Null": 5, "Zero": 9, "Both": 9}, {"Null"}),
    ({"null": 5, "zero": 9, "both": 9}, {"null"}),
    ({"AF": 9, "AS": 9, "NA": 2}, set()),
    ({"EU": 9, "NA": 9}, set()),
    ({"af": 9, "as": 9, "NA": 9}, set()),
    ({"Africa": 9, "Asia": 9, "NA": 9}, set()),
    ({"yes": 9, "no": 9, "NA": 9}, set()),
    ({"Africa": 9, "AS": 9, "NA": 9}, set()),
    ({"10": 9, "20": 9, "NA": 9}, set()),
    ({"+": 9, "-": 9, "?": 9}, set()),
    ({"AF": 9, "AS": 9, "": 9}, set()),
    ({"AF": 9, "AS": 9, "EU": 3, "NA": 3, "": 40, "?": 3}, {"NA"}),
]


@pytest.mark.parametrize(("counts", "values"), MARKS)
def test_a_mark_is_a_value_among_words_of_its_form(counts, values) -> None:
    assert named_marks(counts) == values
    cells = [text for text, count in counts.items() for _ in range(count)]
    known = known_rows(as_cells(cells))
    missing = {"", "?", "NA", "nan", "Null", "null"} - values
    assert known.tolist() == [text not in missing for text in cells]


def test_a_class_called_na_is_learned_and_noted() -> None:
    names = ["EU", "AS", "NA"]
    x, y = np.arange(90) % 3 + np.linspace(0, 0.1, 90), names * 30
    with pytest.warns(DataWarning, match="'NA' is read as a class, since it is written like 'AS'"):
        model = tw.TableModel("y", **QUICK).fit({"x": x, "y": [*y[:-1], None]})
    assert model.classes.tolist() == ["AS", "EU", "NA"]
    assert model.trained.rows - sum(model.trained.parts.values()) == 1
    assert {score.name for score in model.evaluate({"x": [2.0, 2.1], "y": ["NA", "NA"]})}
    assert (model.predict({"x": x}) == np.array(y)).mean() > 0.9


@pytest.mark.parametrize("mark", ["NA", "nan", "null"])
def test_rows_left_out_for_a_missing_label_warn(mark: str) -> None:
    y = ["Europe", "Asia", mark] * 20
    with pytest.warns(DataWarning, match=f"20 rows are left out because '{mark}' counts as a miss"):
        model = tw.TableModel("y", **QUICK).fit({"x": np.arange(60.0), "y": y})
    assert model.classes.tolist() == ["Asia", "Europe"]


GAPS = {  # classes of whole numbers with gaps, and the dtype of their labels
    "floats": (lambda y: np.array(y, float), np.float64),
    "a list": (lambda y: [None if value != value else int(value) for value in y], np.int64),
    "masked": (lambda y: np.ma.array(np.nan_to_num(y, nan=9).astype(int), mask=np.isnan(y)), int),
    "masked bytes": (
        lambda y: np.ma.array(np.nan_to_num(y, nan=9).astype(np.uint8), mask=np.isnan(y)),
        np.int64,
    ),
    "pandas Int64": (lambda y: pandas.Series(y).astype("Int64"), np.int64),
    "polars": (lambda y: polars.Series(y).fill_nan(None).cast(polars.Int32), np.int64),
}


@pytest.mark.parametrize(("make", "dtype"), GAPS.values(), ids=GAPS)
def test_whole_numbers_with_gaps_stay_whole(make, dtype) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", DataWarning)
        model = tw.TableModel("y", **QUICK).fit({"x": X, "y": make([1.0, 2.0, np.nan] * 20)})
    assert model.classes.dtype == dtype
    assert model.classes.tolist() == [1, 2]


def test_a_category_called_na_is_a_level() -> None:
    names = ["EU", "AS", "NA"] * 20
    table = {
        "place": names,
        "x": X,
        "y": [3.5 * (name == "NA") + x for name, x in zip(names, X, strict=True)],
    }
    model = tw.TableModel("y", epochs=2, n_estimators=1).fit(table)
    (place, _) = model.trained.encoder.columns
    assert model.trained.encoder.notes["place"].startswith("'NA' is read as a word")
    assert set(place.levels) == {"EU", "AS", "NA"}
    found = place.codes(as_cells(["NA", None, "", "n/a"])).tolist()
    assert found == [place.levels.index("NA"), 4, 4, 4]
