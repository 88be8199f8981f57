"""All figures by name, in the order in which a page shows those of one record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from talweg.draw.charts.calibration import CALIBRATION
from talweg.draw.charts.confusion_matrix import CONFUSION_MATRIX
from talweg.draw.charts.dependence import DEPENDENCE
from talweg.draw.charts.error_histogram import ERROR_HISTOGRAM
from talweg.draw.charts.figure import Figure
from talweg.draw.charts.importance import IMPORTANCE
from talweg.draw.charts.metric_curves import METRIC_CURVES
from talweg.draw.charts.precision_recall import PRECISION_RECALL
from talweg.draw.charts.predicted_against_true import PREDICTED_AGAINST_TRUE
from talweg.draw.charts.residuals import RESIDUALS
from talweg.draw.charts.roc import ROC
from talweg.draw.charts.score_by_model import SCORE_BY_MODEL
from talweg.draw.charts.setting_effect import SETTING_EFFECT
from talweg.draw.charts.setting_grid import SETTING_GRID
from talweg.draw.charts.setting_plane import SETTING_PLANE
from talweg.draw.charts.sweep_curves import SWEEP_CURVES
from talweg.draw.charts.thresholds import THRESHOLDS
from talweg.draw.charts.validation_losses import VALIDATION_LOSSES

FIGURES: Mapping[str, Figure] = {
    "predicted against true": PREDICTED_AGAINST_TRUE,
    "residuals": RESIDUALS,
    "error histogram": ERROR_HISTOGRAM,
    "confusion matrix": CONFUSION_MATRIX,
    "calibration": CALIBRATION,
    "roc": ROC,
    "precision and recall": PRECISION_RECALL,
    "thresholds": THRESHOLDS,
    "importance": IMPORTANCE,
    "dependence": DEPENDENCE,
    "metric curves": METRIC_CURVES,
    "setting effect": SETTING_EFFECT,
    "setting grid": SETTING_GRID,
    "setting plane": SETTING_PLANE,
    "sweep curves": SWEEP_CURVES,
    "score by model": SCORE_BY_MODEL,
    "validation losses": VALIDATION_LOSSES,
}


def figures_of(record: Any) -> list[Figure]:
    """The figures that apply to a record."""
    figures = (figure for figure in FIGURES.values() if figure.shows is type(record))
    return [figure for figure in figures if figure.applies(record)]
