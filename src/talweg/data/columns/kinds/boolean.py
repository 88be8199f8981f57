"""Columns of yes and no."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

from talweg.data.columns.cells import Cells, Words, as_words
from talweg.data.columns.kinds.base import ColumnType, Evidence, Kind, present_texts
from talweg.data.columns.kinds.levels import OneHotColumn, by_frequency, learnable_levels

TRUE = frozenset({"true", "t", "yes", "y", "on", "1"})
FALSE = frozenset({"false", "f", "no", "n", "off", "0"})


@dataclass(frozen=True)
class BooleanColumn(OneHotColumn):
    """A column of yes and no, however they are spelled; its levels are "true" and "false"."""

    kind: ClassVar[str] = "boolean"

    @classmethod
    def fit(cls, name: str, cells: Cells, detail: tuple[str, ...] = ()) -> Self:
        return cls(name, tuple(learnable_levels(Words.of(map(truth_of, as_words(cells))))))

    def coder(self) -> Callable[[str], int]:
        code_of = super().coder()
        return lambda level: code_of(truth_of(level))

    def shown_levels(self, cells: Cells) -> tuple[str, ...]:
        """The usual words for no and for yes."""
        usual = {truth_of(level): level for level in reversed(by_frequency(as_words(cells)))}
        return tuple(usual[truth] for truth in ("false", "true") if truth in usual)


def truth_of(word: str) -> str:
    """ "true" or "false" for a word for either; any other word unchanged."""
    low = word.lower()
    return "true" if low in TRUE else "false" if low in FALSE else word


def _are_truths(texts: Mapping[str, int]) -> bool:
    """Whether all are one word for yes or one word for no."""
    words = {text.lower() for text in texts}
    is_known = bool(words) and words <= TRUE | FALSE
    return is_known and len(words & FALSE) <= 1 and len(words & TRUE) <= 1


def _recognize(column: Evidence) -> ColumnType | None:
    return ColumnType(column.name, BOOLEAN.name) if _are_truths(column.texts) else None


def _ask(name: str, cells: Cells, asked: str) -> tuple[str, ...] | None:
    return () if _are_truths(present_texts(as_words(cells))) else None


BOOLEAN = Kind(
    "boolean",
    _recognize,
    BooleanColumn,
    ask=_ask,
    needs_text=True,
    why_not=lambda asked: "its words are not yes and no, true and false, or 1 and 0.",
)
