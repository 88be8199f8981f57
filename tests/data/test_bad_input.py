"""Faults of a readable table: refused with a message, or learned from anyway."""

from pathlib import Path

import numpy as np
import pytest

import talweg as tw
from talweg.data.columns.cells import Words, as_cells, as_words
from talweg.data.columns.labels import known_rows
from talweg.errors import DataError, DataWarning

ROWS = 60
SIZE = [row / 8 for row in range(ROWS)]
PLACE = [["hill", "lake", "town"][row % 3] for row in range(ROWS)]
GOOD = {"size": SIZE, "place": PLACE, "price": [size + (row % 3) for row, size in enumerate(SIZE)]}
QUICK = {"epochs": 1, "hidden": (4,), "n_estimators": 1}


def learned(target: str = "price", /, **changes: object) -> tw.TableModel:
    return tw.TableModel(target, **QUICK).fit({**GOOD, **changes})


@pytest.fixture(scope="module")
def model() -> tw.TableModel:
    return learned()


def kinds(model: tw.TableModel) -> dict[str, str]:
    return {column.name: column.kind for column in model.trained.encoder.columns}


# Training -------------------------------------------------------------------------------------

WRONG = [  # case, target, changed columns, part of the message
    ("no such target", "prize", {}, "has no column 'prize'. Did you mean 'price'?"),
    ("one value", "price", {"price": ["7"] * ROWS}, "every row holds '7', so there is nothing"),
    ("none", "price", {"price": ["-"] * ROWS}, "every row holds '-', so there is nothing to learn"),
    ("infinite", "price", {"price": [*SIZE[:-1], np.inf]}, "row 60: 'inf' is not a finite number"),
    ("a word", "price", {"price": [*SIZE[1:], "dear"]}, "row 60: 'dear' is not a finite number"),
    ("all classes differ", "who", {"who": [f"n{row}" for row in range(ROWS)]}, "too many to learn"),
    (
        "asked of the target",
        "price",
        {"columns": {"price": "number"}},
        "is the target, so `columns` cannot",
    ),
    ("asked of none", "price", {"columns": {"plaice": "number"}}, "Did you mean 'place'?"),
    (
        "asked for a wrong kind",
        "price",
        {"columns": {"place": "date"}},
        "Its first cells are 'hill'",
    ),
]


@pytest.mark.parametrize(
    ("target", "changes", "words"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG]
)
def test_unusable_tables_are_refused(target: str, changes: dict[str, object], words: str) -> None:
    columns = changes.pop("columns", {})
    with pytest.raises(DataError) as error:
        tw.TableModel(target, columns=columns, **QUICK).fit({**GOOD, **changes})
    assert words in str(error.value)


LEARNED = [  # case, a column, how it is seen
    ("all missing", ["", "?"] * 30, None),
    ("infinities", [np.inf, -np.inf, 1.0] * 20, "number"),
    ("mostly infinite", [1e300] * 58 + [1.0, 2.0], "number"),
    ("half missing", [None, 1.5] * 30, "number"),
    ("one category a row", [f"n{row}" for row in range(ROWS)], None),
    ("a rare category", ["oak"] * 59 + ["elm"], "category"),
    ("very many categories", [f"n{row // 3}" for row in range(ROWS)], "category"),
]


@pytest.mark.parametrize(
    ("cells", "kind"), [row[1:] for row in LEARNED], ids=[row[0] for row in LEARNED]
)
def test_unusual_tables_are_learned(cells: list[object], kind: str | None) -> None:
    model = learned(odd=cells)
    assert kinds(model).get("odd") == kind
    assert ("odd" in model.trained.encoder.left_out) == (kind is None)
    assert np.isfinite(model.predict({**GOOD, "odd": cells})).all()


@pytest.mark.filterwarnings("ignore:.*cells unlike the training data")
def test_a_thousand_levels_are_one_input() -> None:
    rows = 4000
    columns = {
        "code": [f"c{row % 1000}" for row in range(rows)],
        "price": [float(row % 1000) for row in range(rows)],
    }
    model = tw.TableModel("price", **QUICK).fit(columns)
    assert [column.width for column in model.trained.encoder.columns] == [1]
    assert np.isfinite(model.predict({"code": ["c0", "new", None]})).all()


def test_a_class_with_one_row() -> None:
    labels = ["a", "b"] * 29 + ["a", "once"]
    model = learned("kind", kind=labels)
    assert model.classes.tolist() == ["a", "b", "once"]
    assert model.predict_proba({**GOOD, "kind": labels}).shape == (ROWS, 3)


def test_labels_that_look_missing() -> None:
    assert learned("kind", kind=["+", "-"] * 30).classes.tolist() == ["+", "-"]
    assert learned("kind", kind=["none", "mild", "unknown"] * 20).classes.tolist() == [
        *("mild", "none", "unknown")
    ]
    known = known_rows(as_cells(["1.5", "2.25", "-", "None", "unknown", "?"] * 9))
    assert known.tolist() == [True, True, False, False, False, False] * 9


# Predicting -----------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:.*cells unlike the training data")
def test_new_categories_and_missing_cells_are_encoded(model) -> None:
    new = {"size": ["", "?", "-", "huge"], "place": ["moon", "mars", None, "unknown"]}
    predicted = model.predict(new)
    assert np.isfinite(predicted).all()
    assert predicted[0] == predicted[1]


def test_columns_may_be_reordered_and_added(model) -> None:
    turned = dict(reversed({**GOOD, "more": PLACE}.items()))
    assert model.predict(turned).tolist() == model.predict(GOOD).tolist()


def test_numbers_may_come_as_text(model) -> None:
    texts = {**GOOD, "size": [f" {size:.3f} " for size in SIZE]}
    assert model.predict(texts).tolist() == model.predict(GOOD).tolist()


def test_a_missing_column_is_named(model) -> None:
    with pytest.raises(DataError, match=r"is missing: 'place' \(did you mean 'Place'\?\)"):
        model.predict({"size": SIZE, "Place": PLACE})


RETYPED = [
    ("number to words", {"size": PLACE}, "'size': 60 not a number (such as 'hill')"),
    ("words to numbers", {"place": SIZE}, "'place': 60 unknown (such as '0')"),
    ("all words new", {"place": ["moon", "mars"] * 30}, "'place': 60 unknown (such as 'moon')"),
    ("a few rows", {"place": ["moon"] * 9, "size": SIZE[:9]}, "the 9 rows to predict have cells"),
    ("not quite all", {"place": ["moon"] * 59 + ["hill"]}, "'place': 59 unknown (such as 'moon')"),
    ("all missing", {"place": [None] * 60}, "'place': 60 missing."),
]


@pytest.mark.parametrize(
    ("changes", "words"), [row[1:] for row in RETYPED], ids=[row[0] for row in RETYPED]
)
def test_a_changed_column_warns(model, changes, words: str) -> None:
    with pytest.warns(DataWarning) as caught:
        model.predict({"size": SIZE, "place": PLACE, **changes})
    assert words in str(caught[0].message)
    assert caught[0].filename == __file__


def test_a_missing_file_is_refused(model, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No such file"):
        model.predict(tmp_path / "new.csv")
    (tmp_path / "new.csv").write_bytes(b"")
    with pytest.raises(DataError, match=r"new\.csv is empty"):
        model.predict(tmp_path / "new.csv")


def test_kinds_can_be_listed_before_training() -> None:
    seen = tw.TableModel("price", columns={"size": "category"}).kinds(GOOD)
    assert [(column.name, column.kind) for column in seen] == [
        ("size", "category"),
        ("place", "category"),
    ]


def test_requested_kinds_are_kept_in_the_file(tmp_path: Path) -> None:
    asked = {"size": "leave out", "place": ["town", "lake", "hill"]}
    model = tw.TableModel("price", columns=asked, **QUICK).fit(GOOD)
    model.save(tmp_path / "m.talweg")
    again = tw.load(tmp_path / "m.talweg")
    assert again.settings == model.settings
    assert again.trained.encoder == model.trained.encoder
    assert again.fit(GOOD).predict(GOOD).tolist() == model.predict(GOOD).tolist()
    assert kinds(again) == {"place": "ordinal"}


# Much of one thing -----------------------------------------------------------------------------


@pytest.fixture
def few_words(monkeypatch) -> int:
    """A small limit of distinct texts, instead of ten million rows for 2**18."""
    monkeypatch.setattr("talweg.data.columns.column_builder.MOST_WORDS", 50)
    monkeypatch.setattr("talweg.data.columns.column_builder.MOST_NUMERALS", 20)
    return 50


def test_too_many_categories_are_left_out_with_a_reason(tmp_path: Path, few_words) -> None:
    file = tmp_path / "t.csv"
    rows = [f"{row % 7 / 2},user{row // 2},{row % 7}" for row in range(4 * few_words)]
    file.write_text("\n".join(["size,who,price", *rows]))
    model = tw.TableModel("price", task="regression", **QUICK).fit(file)
    assert kinds(model) == {"size": "number"}
    why = model.trained.encoder.left_out["who"]
    assert why == f"It is text: more than {few_words} different values in {len(rows)} cells."
    assert np.isfinite(model.predict(file)).all()


def test_rows_without_a_target_are_left_out(model) -> None:
    price = [*GOOD["price"][:-9], None, "", "?", "NA", "nan", *GOOD["price"][-4:]]
    found = learned(price=price)
    assert sum(found.trained.parts.values()) == ROWS - 5
    assert found.trained.rows == ROWS
    assert np.isfinite(found.predict(GOOD)).all()


@pytest.mark.parametrize("target", ["kind", "price"])
def test_looking_for_leaks_does_not_convert_numbers_to_words(monkeypatch, target: str) -> None:
    """Ten million numbers would take a gigabyte as texts."""

    def of_words(cells: object) -> Words:
        assert isinstance(cells, Words)
        return as_words(cells)

    monkeypatch.setattr("talweg.data.columns.detection.as_words", of_words)
    monkeypatch.setattr("talweg.data.columns.kinds.base.as_words", of_words)
    random = np.random.default_rng(0)
    table = {
        "size": random.normal(size=3000),
        "place": random.choice(["hill", "lake"], 3000),
        "kind": random.choice(["low", "high"], 3000),
        "price": random.normal(size=3000),
    }
    seen = tw.TableModel(target).kinds(table)
    assert len(seen) == 3
    assert not any(column.note for column in seen)
