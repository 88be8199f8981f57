"""What the cells and the name of a column show about its kind."""

from __future__ import annotations

from collections.abc import Mapping

from talweg.data.columns.cells import (
    Cells,
    Floats,
    Mask,
    Moments,
    Words,
    are_numbers,
    as_words,
    is_missing,
    parse_numbers,
)
from talweg.lazy import cached_property

RARE = 3  # levels seen in fewer rows count as unknown, which trains the input for unknown cells


class Evidence:
    """A column whose kind is sought. Its views are worked out when a kind first asks for them."""

    def __init__(self, name: str, cells: Cells) -> None:
        self.name, self.cells = name, cells

    @cached_property
    def _parsed(self) -> tuple[Floats, Mask]:
        return parse_numbers(self.cells)

    @property
    def values(self) -> Floats:
        """The cells as numbers (N,), NaN where they are none."""
        return self._parsed[0]

    @property
    def missing(self) -> Mask:
        """Which cells (N,) are missing."""
        return self._parsed[1]

    @cached_property
    def present(self) -> Cells:
        """The cells that are not missing."""
        return self.cells[~self.missing]

    @cached_property
    def is_numeric(self) -> bool:
        """Whether nearly all present cells are numbers."""
        return are_numbers(self.values[~self.missing])

    @cached_property
    def is_text(self) -> bool:
        """Whether the cells are neither numbers nor dates that were read as such already."""
        return not self.is_numeric and not isinstance(self.cells, Moments)

    @cached_property
    def words(self) -> Words:
        """The present cells as words."""
        return as_words(self.present)

    @cached_property
    def texts(self) -> Mapping[str, int]:
        """How often each text occurs, words such as "none" left out; empty for plain numbers."""
        if self.is_numeric and not isinstance(self.cells, Words):
            return {}
        return present_texts(self.words)


def present_texts(words: Words) -> dict[str, int]:
    """How often each text occurs that does not say that a cell is missing."""
    return {text: count for text, count in words.counts.items() if not is_missing(text, vague=True)}
