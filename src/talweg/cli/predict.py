"""`talweg predict`: predictions for a table of any size, in bounded memory."""

from __future__ import annotations

import codecs
import sys
import warnings
from argparse import Namespace
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain

from talweg.cli.cells import Writable, write_json_lines, write_rows
from talweg.cli.input_table import input_table
from talweg.cli.output import atomic_files, replacement_note, usable_file
from talweg.cli.show import model_file
from talweg.cli.terminal import say
from talweg.data.columns.table import Table
from talweg.data.io.read import read_parts
from talweg.data.model.targets.classification import Classification
from talweg.data.model.trained_table import TrainedTable
from talweg.errors import DataError, DataWarning, counted
from talweg.insight.result_sentences import target_name

Block = list[tuple[object, ...]]


def predict(options: Namespace) -> None:
    """Write the prediction for each row and, if asked, the probability of each class or the ends
    of an interval: as CSV with a header, or as one JSON object per row.
    """
    file = model_file(options.model)
    inputs = {options.data: "table", str(file): "model"}
    out = usable_file(options.out, inputs) if options.out is not None else None
    if out is None and sys.stdout is None:
        raise DataError("Standard output is closed. Give a file with --out FILE.")
    trained = TrainedTable.from_file(file)
    unfamiliar = trained.encoder.unfamiliar()  # collected over all parts of the table
    trained = replace(trained, met=unfamiliar)
    if options.intervals is not None:
        trained.reach(options.intervals)  # refuse a wrong coverage before reading anything
    source = input_table(options.data)
    parts = read_parts(source, expected=trained.encoder.expected)
    rows = chain.from_iterable(_blocks(trained, parts, options.probabilities, options.intervals))
    if out is None:
        _write(sys.stdout, rows, options)
        unfamiliar.warn(str(source))
        return
    note = replacement_note(out)
    with atomic_files(out) as (stream,):
        count = _write(codecs.getwriter("utf-8")(stream), rows, options)
    unfamiliar.warn(str(source))
    say(f"{counted(count, 'prediction')} of {target_name(trained)} written to {out}{note}")


def _write(stream: Writable, rows: Iterator[tuple[object, ...]], options: Namespace) -> int:
    """Write the header and the rows. Returns the number of rows."""
    if options.json:
        return write_json_lines(stream, rows)
    return write_rows(stream, rows, exact=options.exact) - 1


def _blocks(
    trained: TrainedTable,
    parts: Iterable[Table],
    probabilities: bool = False,
    coverage: float | None = None,
) -> Iterator[Block]:
    """The header, once the first part has been predicted, and the rows of each part."""
    for index, part in enumerate(parts):
        with warnings.catch_warnings():
            if index:  # warnings about the format of a column come with the first rows
                warnings.simplefilter("ignore", DataWarning)
            lines = _lines(trained, part, probabilities, coverage)
        yield lines if index else [_names(trained, probabilities, coverage), *lines]


def _names(trained: TrainedTable, probabilities: bool, coverage: float | None) -> tuple[str, ...]:
    names = trained.target.names
    if coverage is not None:
        return tuple(f"{name}{end}" for name in names for end in ("", " low", " high"))
    coding = trained.target
    classes = coding.levels if probabilities and isinstance(coding, Classification) else ()
    return *names, *(f"probability {name}" for name in classes)


def _lines(
    trained: TrainedTable, table: Table, probabilities: bool, coverage: float | None
) -> Block:
    """One tuple per row."""
    if probabilities:
        shares = trained.predict_proba(table)
        columns = [trained.classes[trained.decided(shares)], *shares.T]
        return list(zip(*(column.tolist() for column in columns), strict=True))
    if coverage is None:
        cells = trained.predict(table)
    else:
        cells = trained.predict_with_interval(table, coverage)
    lines = cells.reshape(len(cells), -1)  # (rows, targets and interval ends)
    return list(map(tuple, lines.tolist()))
