"""The report of anything that a report can be made of."""

from __future__ import annotations

from typing import Any

from talweg.data.model.table_model import TableModel
from talweg.data.model.trained_table import TrainedTable
from talweg.errors import SettingError
from talweg.insight.inspection import inspect
from talweg.insight.record import Report
from talweg.insight.run_report import run_report
from talweg.insight.sweep_report import sweep_report
from talweg.insight.table_report import table_report
from talweg.train.run.run import Run
from talweg.train.search.restarts import Restarts
from talweg.train.search.sweep import Sweep


def describe(result: Any, *, data: Any = None) -> Report:
    """The report of a fitted TableModel, a run, a sweep or restarts: `to_json()` writes it.

    A model is inspected on rows that it never saw: those that `fit` held out, or `data`, which a
    model loaded from a file needs for that. SettingError: anything else is given.
    """
    if isinstance(result, Report):
        return result
    if isinstance(result, Run):
        return run_report(result)
    if isinstance(result, Restarts):
        return sweep_report(result.sweep)
    if isinstance(result, Sweep):
        return sweep_report(result)
    if isinstance(result, TableModel):
        result = result.trained
    if not isinstance(result, TrainedTable):
        raise SettingError(
            "report: the result must be a fitted TableModel, a Run, a Sweep or Restarts, not "
            f"{type(result).__name__}"
        )
    rows = result.unseen if data is None else result.table(data)
    return table_report(result, inspect(result, rows) if rows else None)
