"""Text for a terminal of 80 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from talweg.errors import visible

WIDTH = 78
LONGEST = 40  # letters of a cell
_BREAKS = {ord("\n"): "\\n", ord("\t"): "\\t"}


def paragraph(text: str) -> str:
    """A sentence, wrapped; long words stay whole, so that paths can be copied."""
    return textwrap.fill(visible(text), WIDTH, break_long_words=False, break_on_hyphens=False)


def columns(rows: Sequence[Sequence[str]]) -> str:
    """Rows of cells in aligned columns; long cells are cut."""
    short = [[_cut(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*short, strict=True)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in short)


def _cut(cell: str) -> str:
    cell = visible(cell).translate(_BREAKS)
    return cell if len(cell) <= LONGEST else f"{cell[: LONGEST - 3]}..."
