"""Records as JSON: NaN is null, long arrays are sampled, and the layout is documented."""

import json
import re
from collections.abc import Iterator
from dataclasses import fields
from datetime import date
from pathlib import Path

import numpy as np
import pytest

import talweg as tw
from talweg.insight.comparison import compare
from talweg.insight.curves import Curve
from talweg.insight.describe import describe
from talweg.insight.record import MOST_POINTS, Record, Report, to_json

DOCS = Path(__file__).resolve().parents[2] / "docs" / "json.md"
INF, NAN = float("inf"), float("nan")
VALUES = [
    (None, None),
    (True, True),
    (3, 3),
    (0.1, 0.1),
    (NAN, None),
    (-INF, None),
    ("a", "a"),
    (np.float32(0.5), 0.5),
    (np.int64(2**40), 2**40),
    (np.array([[1.0, NAN], [INF, 2.0]]), [[1.0, None], [None, 2.0]]),
    (np.array(["2024-02-29", "NaT"], "datetime64[D]"), ["2024-02-29", None]),
    (np.array(["x", 1, None], object), ["x", 1, None]),
    (date(2024, 2, 29), "2024-02-29"),
    ({"a": (1, NAN), 2: {}}, {"a": [1, None], "2": {}}),
    (tw.SGD(lr=0.5), str(tw.SGD(lr=0.5))),
]


@pytest.mark.parametrize(("value", "expected"), VALUES, ids=repr)
def test_a_value_becomes_json(value: object, expected: object) -> None:
    found = to_json(value)
    assert found == expected and type(found) is type(expected)
    json.dumps(found, allow_nan=False)


def test_an_array_with_a_value_per_row_is_sampled_evenly() -> None:
    points = np.arange(5_000.0)
    found = to_json(Curve(points, points * 2, points[::-1], 0.5))
    assert len(found["x"]) == MOST_POINTS
    assert (found["x"][0], found["x"][-1]) == (0, 4_999)
    assert found["y"] == [2 * x for x in found["x"]]
    assert to_json(Curve(points[:7], points[:7], points[:7], 0.5))["x"] == [*range(7)]


# The layout ---------------------------------------------------------------------------------------


def subclasses(parent: type) -> Iterator[type]:
    for child in parent.__subclasses__():
        yield child
        yield from subclasses(child)


RECORDS = {each.__name__: each for each in subclasses(Record) if each is not Report}
SECTIONS = dict(re.findall(r"(?ms)^### (\w+)\n(.*?)(?=^##|\Z)", DOCS.read_text(encoding="utf-8")))


@pytest.mark.parametrize("name", RECORDS)
def test_every_field_is_documented(name: str) -> None:
    bullets = SECTIONS[name].partition("\n- ")[2]
    documented = re.findall(r"`(\w+)`(?=[:,])", bullets)
    common = fields(Report) if issubclass(RECORDS[name], Report) else ()
    names = {field.name for field in fields(RECORDS[name])} - {field.name for field in common}
    assert {*documented} == names | {*RECORDS[name].derived}


def test_every_documented_record_exists() -> None:
    assert {*SECTIONS} == {*RECORDS}


# Reports ------------------------------------------------------------------------------------------

X = np.random.default_rng(0).normal(size=(60, 2))
TABLE = {
    "size": X[:, 0],
    "day": np.datetime64("2021-01-01") + np.random.default_rng(1).permutation(60),
    "price": X[:, 0] * 2 + 0.1 * X[:, 1],
    "kind": np.where(X[:, 0] > 0.3, "big", "small"),
}
QUICK = {"epochs": 3, "hidden": (4,), "n_estimators": 1, "bins": 0, "time": False}


def model(target: object, drop: object) -> tw.TableModel:
    return tw.TableModel(target, drop=drop, **QUICK).fit(TABLE, progress=False)


def build(hidden: int = 2) -> tw.Sequential:
    return tw.Sequential(tw.Dense(hidden, "tanh"), tw.Dense(1))


def sweep() -> tw.Sweep:
    over = {"hidden": [2, 3], "lr": [0.01, 0.1]}
    return tw.sweep(build, X, X[:, :1], over=over, epochs=2, progress=False, engine="numpy")


REPORTS = {
    "numbers": lambda: describe(model("price", "kind")),
    "classes": lambda: describe(model("kind", "price").trained),
    "several targets": lambda: describe(model(["price", "size"], "kind")),
    "sweep": lambda: describe(sweep()),
    "run": lambda: describe(sweep().best),
    "comparison": lambda: compare([("a", model("price", "kind").trained)]),
}
KINDS = {"numbers": "table", "classes": "table", "several targets": "table"}


@pytest.mark.parametrize("name", REPORTS)
def test_a_report_is_one_line_of_json(name: str) -> None:
    report = REPORTS[name]()
    found = json.loads(report.json_text())
    assert "\n" not in report.json_text()
    assert [*found][:4] == ["talweg", "kind", "title", "summary"]
    assert found["talweg"] == tw.__version__
    assert found["kind"] == KINDS.get(name, name)
    assert found == report.to_json()
    assert found["summary"]


def test_a_report_has_the_numbers_of_the_model() -> None:
    fitted = model("price", "kind")
    found = describe(fitted).to_json()
    assert found["result"]["scores"] == [score._asdict() for score in fitted.scores]
    held = fitted.trained.held_out
    assert found["result"]["predictions"]["true"] == held.true.tolist()
    assert found["result"]["predictions"]["predicted"] == held.outputs.tolist()
    history = {name: each.tolist() for name, each in fitted.trained.first_history.items()}
    assert found["training"]["history"] == history
    days = next(each for each in found["inspection"]["dependence"] if each["name"] == "day")
    assert all(re.fullmatch(r"2021-0\d-\d\dT00:00:00", value) for value in days["values"])


def test_the_best_run_of_a_sweep_is_the_first_of_its_table() -> None:
    found = sweep()
    report = describe(found).to_json()
    first = {name: values[0] for name, values in report["table"]["columns"].items()}
    assert {name: first[name] for name in report["best"]} == report["best"] == found.best_point
    assert first["loss"] == report["best_loss"] == min(found.table["loss"])


def test_other_objects_have_no_report() -> None:
    with pytest.raises(tw.SettingError, match="not int"):
        describe(3)
