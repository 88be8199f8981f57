"""Table models: numbers, classes, several targets, time order, and columns of every kind."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

import talweg as tw
from benchmarks.same_bits_cases.parts import Case, Parts

ROWS = 90
DRAWS = np.random.default_rng(7)
SIZE = DRAWS.normal(3.0, 2.0, ROWS).round(3)
TOWN = DRAWS.choice(["hill", "lake", "town"], ROWS)
PRICE = (2 * SIZE + 3 * (TOWN == "lake") + DRAWS.normal(0, 0.1, ROWS)).round(3)
FEATURES: dict[str, Any] = {
    "size": [None if row % 11 == 5 else size for row, size in enumerate(SIZE.tolist())],
    "town": TOWN.tolist(),
    "code": DRAWS.integers(0, 30, ROWS).astype(str).tolist(),
    "sold": [f"2021-{m:02d}-{d:02d}" for m, d in DRAWS.integers(1, 28, (ROWS, 2)) % 12 + 1],
    "note": [
        f"a {town} house with {rooms} rooms" for town, rooms in zip(TOWN, SIZE // 1, strict=True)
    ],
    "new": DRAWS.choice(["yes", "no"], ROWS).tolist(),
}
TOLD: dict[str, Any] = {
    "grade": DRAWS.choice(["low", "mid", "high"], ROWS).tolist(),
    "paid": [str(price).replace(".", ",") for price in DRAWS.uniform(0, 9, ROWS).round(3)],
    "remark": [f"remark {row} on the {town}" for row, town in enumerate(TOWN)],
}
DAYS = (np.datetime64("2020-01-01") + np.arange(ROWS)).astype(str).tolist()
QUICK: dict[str, Any] = {"epochs": 3, "hidden": (5,), "n_estimators": 1, "bins": 0}
TEAM: dict[str, Any] = {"epochs": 4, "hidden": (5,), "n_estimators": 4, "bins": 6, "batch_size": 16}


def abalone(rows: int) -> dict[str, list[str]]:
    """The first rows of the table that comes with the package."""
    file = next(Path(tw.__file__).parent.rglob("abalone.csv"))
    names, *lines = file.read_text().splitlines()
    cells = zip(*(line.split(",") for line in lines[:rows]), strict=True)
    return dict(zip(names.split(","), map(list, cells), strict=True))


def table(target: Any, frame: Mapping[str, Any], **settings: Any) -> Parts:
    """Fit a model to a table; what it predicts, before and after it is saved."""
    few = {name: values[:12] for name, values in frame.items()}
    one = {name: values[:1] for name, values in frame.items()}
    model = tw.TableModel(target, **settings).fit(frame, seed=3, progress=False)
    with TemporaryDirectory() as folder:
        model.save(Path(folder) / "a.talweg")
        loaded = tw.load(Path(folder) / "a.talweg")
    more = model.predict_proba if model.task == "classification" else model.predict_interval
    return {
        "predictions": model.predict(few),
        "single": model.predict(one),
        "probabilities or intervals": more(few),
        "loaded": [loaded.predict(few), loaded.predict(frame)],
        "scores": [[x for x in score if isinstance(x, float)] for score in model.scores],
        "weights": model.trained.net.weights.flat,
        "history": model.trained.history,
    }


def table_case(target: Any, frame: Mapping[str, Any], **settings: Any) -> Case:
    return partial(table, target, frame, **settings)


KIND = np.where(SIZE > 3, "large", "small").tolist()
TABLES: dict[str, Case] = {
    "regression": table_case("price", {**FEATURES, "price": PRICE.tolist()}, **TEAM),
    "binary": table_case(
        "kind", {**FEATURES, "kind": KIND}, threshold="f1", class_weight="balanced", **TEAM
    ),
    "classes": table_case("town", FEATURES, **TEAM),
    "several targets": table_case(
        ["price", "area"],
        {**FEATURES, "price": PRICE.tolist(), "area": (SIZE**2).round(2).tolist()},
        **QUICK,
    ),
    "time order": table_case("price", {"day": DAYS, **FEATURES, "price": PRICE.tolist()}, **TEAM),
    "weights and groups": table_case(
        "price",
        {**FEATURES, "price": PRICE.tolist(), "w": (1 + SIZE**2).tolist()},
        weight="w",
        groups="code",
        **QUICK | {"drop": "note"},
    ),
    "full batch": table_case(
        "price", {**FEATURES, "price": PRICE.tolist()}, **QUICK | {"optimizer": "lbfgs"}
    ),
    "columns of given kinds": table_case(
        "price",
        {**FEATURES, **TOLD, "price": PRICE.tolist()},
        columns={"grade": ("low", "mid", "high"), "code": "number", "paid": "decimal comma"},
        **QUICK,
    ),
    "abalone": table_case("rings", abalone(300), **QUICK | {"bins": 4}),
    "abalone classes": table_case("sex", abalone(200), **QUICK),
    "abalone by default": table_case("rings", abalone(150), epochs=3),
}
