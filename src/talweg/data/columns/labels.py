"""Labels of classes: which spellings are one class, and the values that predictions give back."""

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
    """The classes of labels, by how often each text occurs: numbers in their order, text in that
    of the alphabet.

    Where all labels are numbers, those of one value are one class, spelt as it mostly is.

    >>> classes_of({"10": 5, "9": 2, "9.0": 1}), classes_of({"b": 1, "10": 1, "9": 1})
    (('9', '10'), ('10', '9', 'b'))
    """
    if not all(math.isfinite(number(text)) for text in counts):
        return tuple(sorted(counts))
    spelt: dict[str, str] = {}
    for text in sorted(counts, key=lambda text: (counts[text], text == plainly(text))):
        spelt[plainly(text)] = text
    return tuple(sorted(sorted(spelt.values()), key=number))


def plainly(label: str) -> str:
    """A number in its plain form, so that "1", "1.0" and 1.0 are one class; else as it is."""
    value = number(label)
    return plain(value) if abs(value) < EXACT else label


def types_of(labels: Sequence[str], types: Types | None) -> tuple[ValueType, ...]:
    """The type of each label, () where all are text: that of the source, or, where that has none,
    what each of them converts back from exactly.

    >>> types_of(["1", "2"], None), types_of(["01", "2"], None), types_of(["1", "2"], "text")
    (('whole', 'whole'), (), ())
    """
    if isinstance(types, Mapping):
        return tuple(types.get(label, "text") for label in labels)
    found = _spelt(labels) if types is None else types
    if found == "number" and not all(math.isfinite(number(label)) for label in labels):
        return ()
    return () if found == "text" else (found,) * len(labels)


def _spelt(labels: Sequence[str]) -> ValueType:
    """The type that all labels convert back from exactly."""
    return next(kind for kind, spells in _SPELLS.items() if all(map(spells, labels)))


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
    """The labels (K,) as values of their types: an array of one type where they have one."""
    kinds = types or [_TEXT] * len(labels)
    values = [_VALUE[kind](label) for label, kind in zip(labels, kinds, strict=True)]
    dtype = _dtype(kinds[0], values) if len(set(kinds)) == 1 else np.dtype(object)
    if dtype is None:
        return np.array(values)
    return np.fromiter(values, dtype=dtype, count=len(values))


def _dtype(kind: ValueType, values: Sequence[Any]) -> np.dtype[Any] | None:
    """The dtype of values of one type, None where NumPy finds it."""
    if kind == "whole":
        wide = (np.dtype(np.int64), np.dtype(np.uint64))
        fits = (each for each in wide if _holds(each, min(values)) and _holds(each, max(values)))
        return next(fits, np.dtype(object))
    return None if kind in ("truth", "number", "moment") else np.dtype(object)


def _holds(dtype: np.dtype[Any], value: int) -> bool:
    return int(np.iinfo(dtype).min) <= value <= int(np.iinfo(dtype).max)


# Marks of missing cells that are values ---------------------------------------------------------

_FEWEST = 3  # cells that hold such a mark, and words of its form, or it stays a mark


def named_marks(counts: Mapping[str, int]) -> frozenset[str]:
    """Texts that elsewhere mark a missing cell, and are values here: NA among AF, AS and EU.

    Such a mark is repeated, and all other texts are words of as many letters, in the same case.

    >>> [*named_marks({"AF": 9, "AS": 9, "NA": 9})], [*named_marks({"Africa": 9, "NA": 9})]
    (['NA'], [])
    """
    marks = [text for text in counts if text.isalpha() and is_missing(text)]
    forms = {_form(text) for text in counts if not is_missing(text)} if marks else set()
    if len(forms) != 1 or sum(not is_missing(text) for text in counts) < _FEWEST - 1:
        return frozenset()
    found = (text for text in marks if _form(text) in forms and counts[text] >= _FEWEST)
    return frozenset(found)


def _form(text: str) -> tuple[int, bool, bool, bool]:
    return len(text), text.isalpha(), text.isupper(), text.islower()


# Rows of a target ---------------------------------------------------------------------------------


def known_rows(*cells: Cells) -> Mask:
    """Which rows (N,) have a target, or each of several; others cannot be learnt from."""
    missing: Mask = np.any([_missing(column) for column in cells], axis=0)
    return ~missing


def _missing(cells: Cells) -> Mask:
    """Which cells (N,) of a target say that nothing is known."""
    missing = parse_numbers(cells)[1]
    marks = named_marks(cells.counts) if isinstance(cells, Words) else ()
    if marks and isinstance(cells, Words):
        missing &= ~np.array([each in marks for each in cells.levels])[cells.codes]
    return missing


def refuse_missing(name: str, known: Mask) -> None:
    if not known.all():
        raise DataError(
            f"Target {name!r}, row {np.argmin(known) + 1}: the cell is missing, in"
            f" {np.count_nonzero(~known)} rows in all. Keep only the rows that are `known`."
        )


def all_alike(name: str, value: str, cells: Cells) -> str:
    """Why a target (N,) of which only one `value` is known cannot be learned."""
    hint = left_out(cells) or "Choose another column."
    return f"Target {name!r}: every row holds {value!r}, so there is nothing to learn. {hint}"


def left_out(cells: Cells) -> str:
    """A sentence about the rows of a target (N,) whose label is a word for a missing cell, such as
    NA, and how to keep them; "" where there are none. Numbers hold no words.
    """
    counts = cells.counts if isinstance(cells, Words) else {}
    words = [each for each in counts if each.isalpha() and is_missing(each)]
    lost = [each for each in words if counts[each] >= _FEWEST and each not in named_marks(counts)]
    if not lost:
        return ""
    return (
        f"{counts[lost[0]]:,} rows are left out, as {lost[0]!r} is taken for a missing label. If it"
        " is a class, spell it in full."
    )
