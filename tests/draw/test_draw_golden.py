"""Every chart, compared with a golden picture that a person has looked at.

After an intended change, `python tests/draw/test_draw_golden.py` rewrites the pictures; look at
them before you commit.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from talweg.draw import bar_chart, confusion_chart, line_chart, scatter_chart
from talweg.draw.charts.calibration import reliability_chart
from talweg.draw.charts.error_histogram import error_chart
from talweg.draw.charts.figures import FIGURES, figures_of
from talweg.draw.charts.lr_find import rate_chart
from talweg.draw.charts.setting_effect import loss_chart
from talweg.draw.charts.setting_grid import heat_chart
from talweg.draw.charts.setting_plane import plane_chart
from talweg.draw.charts.sweep_curves import curves_chart
from talweg.draw.charts.unit_square import unit_chart
from talweg.insight.comparison import ScoreByModel, ValidationLosses
from talweg.insight.curves import Calibration, Curve
from talweg.insight.dependence import Dependence
from talweg.insight.importance import Importance
from talweg.insight.predictions import ErrorSpread, PredictedClasses, PredictedNumbers, Ranking
from talweg.insight.run_report import MetricCurves
from talweg.insight.sweep_report import SettingEffect, SettingGrid, SettingPlane, SweepCurves

FOLDER = Path(__file__).with_name("charts")
EPOCHS = np.arange(1, 31)
DECAY = 0.4 + 2.0 / EPOCHS
DAYS = np.datetime64("2023-11-20") + 9 * np.arange(20)
SHARES = np.linspace(0, 1, 11)
RATES = np.array([0.001, 0.01, 0.1, 1.0, 10.0])
LOSSES = np.array([0.9, 0.3, np.nan, 0.25, 4.0])
WORDS = {"title": "A title that says what the chart shows", "x_label": "the x", "y_label": "the y"}
MATRIX = [[50, 7, 0], [3, 1040, 2], [1, 0, 12345]]

CHARTS: dict[str, Callable[[], str]] = {
    "line": lambda: line_chart(
        {"training": (EPOCHS, DECAY), "validation": (EPOCHS, DECAY + 0.01 * EPOCHS)},
        marks=[(12, "best: epoch 12"), (14, "patience"), (30, "stopped: 30")],
        **WORDS,
    ),
    "line, one": lambda: line_chart({"a": (EPOCHS, DECAY)}, title="t"),
    "line, many": lambda: line_chart(
        {n: (EPOCHS, DECAY + i) for i, n in enumerate("abcdefg")}, **WORDS
    ),
    "line, logarithmic": lambda: line_chart(
        {"a": (10.0**EPOCHS, 10.0 ** (EPOCHS / 5))}, log_x=True, **WORDS
    ),
    "line, below zero": lambda: line_chart({"a": (EPOCHS - 15, np.sin(EPOCHS / 4))}, **WORDS),
    "line, dates": lambda: line_chart({"a": (DAYS, np.arange(20) * 1e6)}, **WORDS),
    "line, lone point": lambda: line_chart({"a": ([3], [7])}, **WORDS),
    "line, a gap": lambda: line_chart({"a": ([1, 2, 3, 4, 5], [1, 2, np.nan, 4, 3])}, **WORDS),
    "scatter": lambda: scatter_chart(EPOCHS, EPOCHS + np.cos(EPOCHS), **WORDS),
    "scatter, level": lambda: scatter_chart(
        EPOCHS, np.cos(EPOCHS), diagonal=False, level=0, **WORDS
    ),
    "confusion": lambda: confusion_chart(
        ["cat", "dog", "a long name of a class"], MATRIX, title="t"
    ),
    "confusion, 25": lambda: confusion_chart(
        [f"c{i}" for i in range(25)], 3 * np.eye(25), title="t"
    ),
    "bar": lambda: bar_chart(
        ["one", "two", "a long name of a column"], [1.5, -0.5, 0.02], title="t"
    ),
    "bar, spreads": lambda: bar_chart(list("abc"), [3, 1, 0], spreads=[0.5, 1, 0.1], title="t"),
    "errors": lambda: error_chart(ErrorSpread.of(np.sinh(np.linspace(-3, 4, 300))), **WORDS),
    "rates": lambda: rate_chart(
        SimpleNamespace(lrs=RATES, losses=LOSSES, smoothed_losses=LOSSES * 1.1, suggestion=0.3)
    ),
    "loss": lambda: loss_chart(RATES.tolist(), LOSSES, name="lr", measure="val_loss"),
    "loss, words": lambda: loss_chart(
        ["tanh", "relu", "tanh"], [1, 2, 3], name="f", measure="loss"
    ),
    "plane": lambda: plane_chart(
        RATES.tolist(), [4, 8, 8, 16, 32], LOSSES, names=("lr", "hidden"), measure="loss"
    ),
    "heat": lambda: heat_chart(
        ["4", "a long name of a row"],
        ["0.01", "0.1", "1"],
        [[0.5, 0.25, np.nan], [0.125, 2.5, 1e-7]],
        names=("hidden", "lr"),
        measure="val_loss",
    ),
    "curves": lambda: curves_chart(
        [DECAY + i for i in range(70)], np.arange(70.0)[::-1], measure="val_loss"
    ),
    "shares": lambda: unit_chart(
        {"cat": (SHARES, SHARES**0.5), "dog": (SHARES, SHARES)}, diagonal=True, **WORDS
    ),
    "reliability": lambda: reliability_chart(SHARES, SHARES**2, np.arange(11), **WORDS),
    "nothing": lambda: line_chart({}, title="t"),
}


# A record for each entry of the table of figures, from which pages draw.
CURVE = Curve(SHARES, SHARES**0.5, SHARES[::-1], 0.67)
RANKING = Ranking({"cat": CURVE}, {"cat": CURVE}, threshold=0.35)
NUMBERS = PredictedNumbers.of(EPOCHS, EPOCHS + np.sin(EPOCHS), "price")
RECORDS: dict[str, Any] = {
    "predicted against true": NUMBERS,
    "residuals": NUMBERS,
    "error histogram": NUMBERS,
    "confusion matrix": PredictedClasses("animal", ["cat", "dog", "bird"], MATRIX),
    "calibration": Calibration(SHARES, SHARES**2, np.arange(11), 0.1, "class cat"),
    "roc": RANKING,
    "precision and recall": RANKING,
    "thresholds": RANKING,
    "importance": Importance(("size", "day"), np.array([[3.0, 4.0], [0.5, 0.4]]), "R2", 90, 2),
    "dependence": Dependence("day", DAYS, {"price": np.arange(20.0)}, "price"),
    "metric curves": MetricCurves("loss", {"training": DECAY, "validation": DECAY + 1}, 30, 12, 8),
    "setting effect": SettingEffect("lr", RATES.tolist(), LOSSES, "loss"),
    "setting grid": SettingGrid(("a", "b"), ["1", "2"], ["x", "y"], [[1, 2], [3, 4]], "loss"),
    "setting plane": SettingPlane(("lr", "n"), RATES.tolist(), [4, 8, 8, 16, 32], LOSSES, "loss"),
    "sweep curves": SweepCurves([DECAY, DECAY + 1], [1.0, 2.0], "validation loss"),
    "score by model": ScoreByModel("R2", ["first", "second"], [0.5, 0.25]),
    "validation losses": ValidationLosses({"first": DECAY, "second": DECAY + 1}),
}
CHARTS |= {f"figure, {name}": partial(FIGURES[name].draw, RECORDS[name]) for name in RECORDS}


def picture(name: str) -> Path:
    return FOLDER / f"{name.replace(', ', '_').replace(' ', '_')}.svg"


def laid_out(svg: str) -> str:
    """An element a line, so that a difference can be read; the style is the same in all."""
    return re.sub(r"<style>.*?</style>", "", svg, flags=re.S).replace("><", ">\n<") + "\n"


@pytest.mark.parametrize("name", CHARTS)
def test_a_chart_matches_its_golden_picture(name: str) -> None:
    assert laid_out(CHARTS[name]()) == picture(name).read_text(encoding="utf-8")


def test_every_figure_of_a_page_has_a_picture() -> None:
    assert [*RECORDS] == [*FIGURES]
    for name, record in RECORDS.items():
        figure = FIGURES[name]
        assert figure in figures_of(record)
        assert figure.label(record) and isinstance(figure.caption(record), str)


def test_every_picture_has_its_chart() -> None:
    assert set(FOLDER.iterdir()) == set(map(picture, CHARTS))


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for each in CHARTS:
        picture(each).write_text(laid_out(CHARTS[each]()), encoding="utf-8")
