"""Class labels: which spellings are the same class, and which values predictions return."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from talweg.data.columns.cells import Cells, Mask, Words, is_missing, number, parse_numbers
from talweg.data.columns.values import EXACT, Types, ValueType, plain
from talweg.errors import DataError

_VALUE: Mapping[ValueType, Callable[[str], Any]] = {
    "truth": "True".__eq__,
    "whole": int,
    "number": float,
    "text": str,
    "day": date.fromisoformat,
    "moment": np.datetime64,
}


def classes_of(counts: Mapping[str, int]) -> tuple[str, ...]:
    """The classes among labels, given how often each text occurs: numbers in numeric order, text in
    alphabetical order.

    If all labels are numbers, equal numbers are one class in its most frequent spelling.

    >>> classes_of({"10": 5, "9": 2, "9.0": 1}), classes_of({"b": 1, "10": 1, "9": 1})
    (('9', '10'), ('10', '9', 'b'))
    """
    if not all(math.isfinite(number(text)) for text in counts):
        return tuple(sorted(counts))
    spelling_of: dict[str, str] = {}
    for text in sorted(counts, key=lambda text: (counts[text], text == plainly(text))):
        spelling_of[plainly(text)] = text
    return tuple(sorted(sorted(spelling_of.values()), key=number))


def plainly(label: str) -> str:
    """A number in its plain form, so that "1", "1.0" and 1.0 are one class; other text as it is."""
    value = number(label)
    return plain(value) if abs(value) < EXACT else label


def types_of(labels: Sequence[str], types: Types | None) -> tuple[ValueType, ...]:
    """The type of each label, () if all are text: that of the source, or, if the source has none,
    the first type whose values are written exactly like the labels.

    >>> types_of(["1", "2"], None), types_of(["01", "2"], None), types_of(["1", "2"], "text")
    (('whole', 'whole'), (), ())
    """
    if isinstance(types, Mapping):
        return tuple(types.get(label, "text") for label in labels)
    common = _type_of_spelling(labels) if types is None else types
    if common == "number" and not all(math.isfinite(number(label)) for label in labels):
        return ()
    return () if common == "text" else (common,) * len(labels)


def _type_of_spelling(labels: Sequence[str]) -> ValueType:
    """The first type whose values are written exactly like all labels."""
    return next(name for name, spells in _SPELLS.items() if all(map(spells, labels)))


def _is_whole(label: str) -> bool:
    digits = label.removeprefix("-")
    return digits.isascii() and digits.isdigit() and str(int(label)) == label


def _is_number(label: str) -> bool:
    value = number(label)
    return math.isfinite(value) and label in (plain(value), repr(value))


_TEXT: ValueType = "text"
_SPELLS: Mapping[ValueType, Callable[[str], bool]] = {
    "truth": ("True", "False").__contains__,
    "whole": _is_whole,
    "number": _is_number,
    "text": lambda _: True,
}


def values_of(labels: Sequence[str], types: Sequence[ValueType]) -> NDArray[Any]:
    """The labels (K,) as values of their types, in an array of one dtype if they share a type."""
    names = types or [_TEXT] * len(labels)
    values = [_VALUE[name](label) for label, name in zip(labels, names, strict=True)]
    dtype = _dtype(names[0], values) if len(set(names)) == 1 else np.dtype(object)
    if dtype is None:
        return np.array(values)
    return np.fromiter(values, dtype=dtype, count=len(values))


def _dtype(name: ValueType, values: Sequence[Any]) -> np.dtype[Any] | None:
    """The dtype of values of one type; None if NumPy finds it."""
    if name == "whole":
        wide = (np.dtype(np.int64), np.dtype(np.uint64))
        fits = (dtype for dtype in wide if all(_holds(dtype, f(values)) for f in (min, max)))
        return next(fits, np.dtype(object))
    return None if name in ("truth", "number", "moment") else np.dtype(object)


def _holds(dtype: np.dtype[Any], value: int) -> bool:
    return int(np.iinfo(dtype).min) <= value <= int(np.iinfo(dtype).max)


# Marks of missing cells that are values ---------------------------------------------------------

_FEWEST = 3  # cells with such a mark, and words of its form, that make it a value


def named_marks(counts: Mapping[str, int]) -> frozenset[str]:
    """Texts that usually mark a missing cell but are values here, as NA is among AF, AS and EU.

    Such a mark repeats, and all other texts are words with as many letters in the same case.

    >>> [*named_marks({"AF": 9, "AS": 9, "NA": 9})], [*named_marks({"Africa": 9, "NA": 9})]
    (['NA'], [])
    """
    marks = [text for text in counts if text.isalpha() and is_missing(text)]
    forms = {_form(text) for text in counts if not is_missing(text)} if marks else set()
    if len(forms) != 1 or sum(not is_missing(text) for text in counts) < _FEWEST - 1:
        return frozenset()
    return frozenset(text for text in marks if _form(text) in forms and counts[text] >= _FEWEST)


def _form(text: str) -> tuple[int, bool, bool, bool]:
    return len(text), text.isalpha(), text.isupper(), text.islower()


# Rows of a target ---------------------------------------------------------------------------------


def known_rows(*cells: Cells) -> Mask:
    """Which rows (N,) have all targets; the others cannot be learned from."""
    missing: Mask = np.any([_missing(column) for column in cells], axis=0)
    return ~missing


def _missing(cells: Cells) -> Mask:
    """Which cells (N,) of a target are missing."""
    missing = parse_numbers(cells)[1]
    marks = named_marks(cells.counts) if isinstance(cells, Words) else ()
    if marks and isinstance(cells, Words):
        missing &= ~np.array([level in marks for level in cells.levels])[cells.codes]
    return missing


def refuse_missing(name: str, known: Mask) -> None:
    if not known.all():
        raise DataError(
            f"Target {name!r}, row {np.argmin(known) + 1}: the cell is missing, as in "
            f"{np.count_nonzero(~known)} rows in all. Pass only the rows that are `known`."
        )


def all_alike(name: str, value: str, cells: Cells) -> str:
    """Why a target (N,) with a single `value` cannot be learned."""
    hint = left_out(cells) or "Choose another column."
    return f"Target {name!r}: every row holds {value!r}, so there is nothing to learn. {hint}"


def left_out(cells: Cells) -> str:
    """A sentence about rows of a target (N,) whose label is a word for a missing cell, such as NA,
    and how to keep them; "" if there are none.
    """
    counts = cells.counts if isinstance(cells, Words) else {}
    words = [text for text in counts if text.isalpha() and is_missing(text)]
    lost = [text for text in words if counts[text] >= _FEWEST and text not in named_marks(counts)]
    if not lost:
        return ""
    return (
        f"{counts[lost[0]]:,} rows are left out because {lost[0]!r} counts as a missing label. If"
        " it is a class, spell it in full."
    )
