"""Text for a terminal of 80 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from talweg.errors import visible

WIDTH = 78
MAX_CELL = 40  # characters of a cell
_BREAKS = {ord("\n"): "\\n", ord("\t"): "\\t"}


def paragraph(text: str) -> str:
    """Wrapped text; long words are not broken, so that paths can be copied."""
    return textwrap.fill(visible(text), WIDTH, break_long_words=False, break_on_hyphens=False)


def columns(rows: Sequence[Sequence[str]]) -> str:
    """Rows of cells as aligned columns; long cells are shortened."""
    short = [[_shortened(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*short, strict=True)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in short)


def _shortened(cell: str) -> str:
    cell = visible(cell).translate(_BREAKS)
    return cell if len(cell) <= MAX_CELL else f"{cell[: MAX_CELL - 3]}..."
