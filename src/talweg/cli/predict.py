"""`talweg predict`: a table in, its predictions out as CSV, in memory that does not grow."""

from __future__ import annotations

import argparse
import codecs
import sys
import warnings
from collections.abc import Iterable, Iterator
from itertools import chain

import numpy as np

from talweg.cli.cells import write_rows
from talweg.cli.given import table_given
from talweg.cli.output import usable_file, whole_or_nothing
from talweg.cli.show import model_file
from talweg.cli.terminal import say
from talweg.data.columns import Floats
from talweg.data.read import read_parts
from talweg.data.table import Table
from talweg.data.target import Classification
from talweg.data.trained_table import TrainedTable
from talweg.errors import DataError, DataWarning
from talweg.insight.words import target_name

Block = list[tuple[object, ...]]


def predict(options: argparse.Namespace) -> None:
    """Write a header and one line a row: the prediction, and if asked each class's probability,
    or the ends of an interval.
    """
    file = model_file(options.model)
    read = {options.data: "table", str(file): "model"}
    out = usable_file(options.out, read) if options.out else None
    if out is None and sys.stdout is None:
        raise DataError("The standard output is closed. Give a file, as --out FILE.")
    trained = TrainedTable.from_file(file)
    reach = None if options.intervals is None else trained.reach(options.intervals)
    header, kinds = not trained.encoder.positional, _kinds(trained)
    marks = trained.encoder.marks
    parts = read_parts(table_given(options.data), header=header, kinds=kinds, marks=marks)
    blocks = _blocks(trained, parts, options.probabilities, reach)
    rows = chain.from_iterable(blocks)
    if out is None:
        write_rows(sys.stdout, rows, exact=options.exact)
        return
    with whole_or_nothing(out) as (stream,):
        count = write_rows(codecs.getwriter("utf-8")(stream), rows, exact=options.exact)
    say(f"{count - 1:,} predictions of {target_name(trained)} written to {out}")


def _kinds(trained: TrainedTable) -> dict[str, str]:
    """What each column that the model asks for is."""
    return {each.name: each.kind for each in trained.encoder.columns}


def _blocks(
    trained: TrainedTable,
    parts: Iterable[Table],
    probabilities: bool = False,
    reach: float | Floats | None = None,
) -> Iterator[Block]:
    """The header, once the first part could be predicted, and the lines of each part."""
    for place, part in enumerate(parts):
        with warnings.catch_warnings():
            if place:  # a table is doubted for its first rows; later ones may be in some order
                warnings.simplefilter("ignore", DataWarning)
            lines = _lines(trained, part, probabilities, reach)
        yield lines if place else [_names(trained, probabilities, reach), *lines]


def _names(
    trained: TrainedTable, probabilities: bool, reach: float | Floats | None
) -> tuple[str, ...]:
    names = trained.coding.names
    if reach is not None:
        return tuple(f"{name}{end}" for name in names for end in ("", " low", " high"))
    coding = trained.coding
    classes = coding.levels if probabilities and isinstance(coding, Classification) else ()
    return *names, *(f"probability {each}" for each in classes)


def _lines(
    trained: TrainedTable, table: Table, probabilities: bool, reach: float | Floats | None
) -> Block:
    """A line a row."""
    if probabilities:
        shares = trained.probabilities(table)
        columns = [trained.labels[trained.decided(shares)], *shares.T]
        return list(zip(*(each.tolist() for each in columns), strict=True))
    said = trained.predict(table)
    cells = said[..., np.newaxis]
    if reach is not None:
        cells = np.concatenate([cells, trained.around(said, reach)], axis=-1)
    lines = cells.reshape(len(said), -1)  # one target after the other
    return list(map(tuple, lines.tolist()))
