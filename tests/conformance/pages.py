"""Pages as people get them: of numbers, of classes, of several targets, of models side by side."""

from functools import cache

import numpy as np

import talweg as tw
from talweg.draw.pages.report import render
from talweg.insight.comparison import compare
from talweg.insight.inspection import inspect
from talweg.insight.table_report import table_report

ROWS = 300
NAMES = ("numbers", "two classes", "several classes", "several targets", "side by side")


TARGETS = {
    "numbers": ["price"],
    "two classes": ["dear"],
    "several classes": ["kind"],
    "several targets": ["price", "size"],
}


@cache
def model(*targets: str) -> tw.TableModel:
    """A model of a column, or several, of a table with all kinds of columns."""
    random = np.random.default_rng(0)
    size, place = random.normal(size=ROWS), random.choice(["HILL <top>", "lake & shore"], ROWS)
    day = [str(np.datetime64("2020-01-01") + int(each)) for each in random.integers(0, 900, ROWS)]
    price = 3000 * size + 900 * (place == "HILL <top>") + random.normal(size=ROWS)
    table = {
        "size": np.where(random.random(ROWS) < 0.05, np.nan, size),
        "place": place,
        "day": day,
        "the same": ["x"] * ROWS,
        "price": price,
        "dear": np.where(price > 2500, "yes", "no"),
        "kind": np.digitize(size, [-1.5, -0.5, 0, 0.5, 1.5]).astype(str),
    }
    others = [each for each in ("price", "dear", "kind") if each not in targets]
    return tw.TableModel(targets, drop=others, hidden=(8,), epochs=15, n_estimators=2).fit(table)


@cache
def page(name: str) -> str:
    """The page of this name as HTML."""
    if name == "side by side":
        both = [(f"runs/{n}", model(target).trained) for n, target in enumerate(["price"] * 2)]
        return render(compare(both))
    trained = model(*TARGETS[name]).trained
    inspection = inspect(trained, trained.unseen)
    return render(
        table_report(trained, inspection, command="talweg train x.csv", code="import talweg")
    )
