"""Converts values of Python, NumPy and data frames to cells of a table: numbers or text.

Equal values have the same text whatever their type: 1, 1.0 and np.int8(1) are "1"; a date, a
datetime at midnight and a datetime64 are "2024-01-03". Values that mean "not known" (None, NaN,
NaT, pandas.NA, a masked cell) are "".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Set
from datetime import date, datetime, timedelta
from decimal import Decimal
from numbers import Rational
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

EXACT = 2**53  # whole numbers below it are exact as floats

ValueType = Literal["truth", "whole", "number", "text", "day", "moment"]
"""The type of the values of a column, so that labels can be returned as they were."""
Types = ValueType | Mapping[str, ValueType]
"""One type for all values, or the type of each text if they differ."""

_TYPES: tuple[tuple[ValueType, tuple[type, ...]], ...] = (
    ("number", (timedelta, np.timedelta64)),  # first, since NumPy's is also an np.integer
    ("truth", (bool, np.bool_)),
    ("whole", (int, np.integer)),
    ("number", (float, np.floating, Decimal, Rational)),
    ("moment", (datetime, np.datetime64)),
    ("day", (date,)),
)
_OF_DTYPE: Mapping[str, ValueType] = {
    "b": "truth",
    "i": "whole",
    "u": "whole",
    "f": "number",
    "m": "number",
    "M": "moment",
}
_WHOLE = frozenset({int, np.int64, np.int32, np.int16, np.int8})
PLAIN_NUMBERS = _WHOLE | {float, np.float64, np.float32}
_Bytes = bytes | bytearray | memoryview
_FRACTION = re.compile(r"\.(\d*?)0*(?=$|[+-])")


class UnfitError(Exception):
    """A value that cannot be a cell of a table."""

    def __init__(self, why: str, row: int | None = None) -> None:
        super().__init__(why)
        self.why, self.row = why, row


# One value ------------------------------------------------------------------------------------


def plain(value: float) -> str:
    """A number as text, whole numbers without a point, so that 3.0 and "3" are one category."""
    whole = value.is_integer() and abs(value) < EXACT
    return str(int(value)) if whole else repr(value)


def number_text(value: float) -> str:
    """A number to four digits, as a person writes it.

    >>> number_text(0.56321), number_text(35012.3), number_text(2.0)
    ('0.5632', '35,010', '2')
    """
    rounded = float(f"{value:.4g}")
    return f"{rounded:,.0f}" if 1000 <= abs(rounded) < 1e9 else f"{rounded:g}"


def is_long(text: str) -> bool:
    """Whether a text is a whole number that float64 may merge with its neighbors."""
    digits = text.removeprefix("-")
    return 16 <= len(digits) <= 40 and digits.isdecimal() and int(digits) >= EXACT


def as_text(value: object) -> str:
    """A value of any type as stripped text. UnfitError: a container or a complex number."""
    if isinstance(value, str):
        return value.strip()
    if is_absent(value):
        return ""
    if isinstance(value, float | np.floating):
        return plain(float(value))
    if isinstance(value, timedelta | np.timedelta64):
        return plain(float(value / _SECOND[isinstance(value, timedelta)]))
    if isinstance(value, bool | np.bool_ | int | np.integer):
        return str(value)
    if isinstance(value, date | np.datetime64):
        return _moment(str(_in_seconds(value)))
    return _rare_text(value)


_SECOND: tuple[Any, Any] = (np.timedelta64(1, "s"), timedelta(seconds=1))


def _rare_text(value: Any) -> str:
    if isinstance(value, _Bytes):
        return bytes(value).decode("utf-8", "backslashreplace").strip()
    if isinstance(value, Rational):
        return plain(float(value))
    if isinstance(value, complex | np.complexfloating):
        raise UnfitError(
            f"{value} is a complex number. Give its real and imaginary parts as columns"
        )
    if np.ndim(value) == 0 and hasattr(value, "item"):  # an array or a tensor of one value
        return as_text(value.item())
    if is_container(value):
        raise UnfitError(f"{shown(value)} is a {type(value).__name__}, not a single value")
    return str(value).strip()


def is_absent(value: object) -> bool:
    """Whether a value means "not known"; text never does."""
    if value is None or value is np.ma.masked:
        return True
    if type(value).__name__ == "NAType":  # pandas.NA is neither equal nor unequal to itself
        return True
    kinds = (float, np.floating, datetime, np.datetime64, np.timedelta64, Decimal)
    return isinstance(value, kinds) and value != value


def is_container(value: object) -> bool:
    """Whether a value is iterable, and not text or bytes."""
    return hasattr(value, "__iter__") and not isinstance(value, str | _Bytes)


def shown(value: object, most: int = 40) -> str:
    """The repr of a value, cut short."""
    text = repr(value)
    return text if len(text) <= most else f"{text[: most - 3]}..."


def _in_seconds(value: date | np.datetime64) -> Any:
    """A moment whose text includes seconds, as that of a datetime does."""
    coarse = isinstance(value, np.datetime64) and np.datetime_data(value.dtype)[0] in ("h", "m")
    return value.astype("datetime64[s]") if coarse else value  # type: ignore[union-attr]


def _moment(text: str) -> str:
    """The text of a moment without zeros at its end: "2024-01-03T00:00:00.000" is a day."""
    text = text.replace("T", " ", 1) if text != "NaT" else ""
    if "." in text:
        text = _FRACTION.sub(lambda part: f".{part[1]}" if part[1] else "", text)
    return text.removesuffix(" 00:00:00")


# Columns --------------------------------------------------------------------------------------


def as_array(values: Any) -> NDArray[Any]:
    """The values of a column as an array, with None where a mask or a frame has no value.

    A list of several types becomes an array of objects, so that the values in [1, "a", True] keep
    their types and whole numbers beyond 2**53 keep their digits.
    """
    if np.ma.isMaskedArray(values):
        return _filled(values)
    if isinstance(values, list | tuple):
        return _of_list(values)
    if hasattr(values, "to_pylist"):
        return _of_arrow(values)
    if hasattr(values, "null_count") and hasattr(values, "to_list"):
        return _of_polars(values)
    if hasattr(values, "to_numpy") and not isinstance(values.dtype, np.dtype):
        return _of_pandas(values)
    if hasattr(values, "detach"):  # a tensor of PyTorch
        values = values.detach().cpu()
    return np.asarray(values)


def as_numbers_or_texts(values: ArrayLike) -> Floats | list[str]:
    """Values (N,) as float64 or as texts; durations become numbers of seconds.

    Whole numbers that float64 cannot represent exactly become texts. UnfitError: a container or a
    complex number.
    """
    array = as_array(values)
    kind = array.dtype.kind
    if kind in "iuf" and not _are_long(array):
        return array.astype(np.float64)
    if kind == "m":
        return array / np.timedelta64(1, "s")
    if kind == "M":
        unit = np.datetime_data(array.dtype)[0]
        days = array.astype("datetime64[s]") if unit in ("h", "m") else array
        return [_moment(text) for text in days.astype(str).tolist()]
    items = array.tolist() if kind != "O" else list(array)
    return _as_floats(items) if kind == "O" and _are_numbers(items) else _texts(items)


def type_of(values: NDArray[Any]) -> Types:
    """The type of values (N,), or the type of each text if there are several types."""
    if values.dtype.kind != "O":
        return _OF_DTYPE.get(values.dtype.kind, "text")
    items = [item for item in values if not is_absent(item)]
    names: set[ValueType] = {_type_of_class(python_type) for python_type in set(map(type, items))}
    if len(names) <= 1:
        return names.pop() if names else "text"
    if names == {"whole", "number"}:
        return "number"
    return {as_text(item): _type_of_class(type(item)) for item in items}


def why_unfit(values: NDArray[Any]) -> str:
    """Why a column cannot be used, if all its cells are containers; else ""."""
    if values.dtype.kind != "O":
        return ""
    present = (item for item in values if not is_absent(item))
    first = next(present, None)
    if not _has_parts(first) or not all(map(_has_parts, present)):
        return ""
    return f"Its cells are of the type {type(first).__name__}, not single values."


def _has_parts(value: Any) -> bool:
    if isinstance(value, str | _Bytes):
        return False
    return isinstance(value, list | tuple | Mapping | Set) or np.ndim(value) > 0


def _filled(values: Any) -> NDArray[Any]:
    """The values of a masked array, NaN or None where it is masked."""
    mask = np.ma.getmaskarray(values)
    if not mask.any():
        return np.asarray(values.data)
    if values.dtype.kind == "f":
        return np.where(mask, np.nan, values.data.astype(np.float64))
    return np.asarray(np.where(mask, None, values.data.astype(object)))


def _of_list(values: list[Any] | tuple[Any, ...]) -> NDArray[Any]:
    kinds = set(map(type, values))
    kind = _PLAIN_LISTS.get(kinds.pop(), "") if len(kinds) == 1 else ""
    if kind and (array := np.asarray(values)).dtype.kind == kind:  # longer ints become floats
        return array
    return np.fromiter(values, dtype=object, count=len(values))


_PLAIN_LISTS = {float: "f", int: "i", bool: "b"}


def _of_arrow(values: Any) -> NDArray[Any]:
    """An array of pyarrow. Types that NumPy lacks, and whole numbers with gaps, go one by one."""
    kind = str(values.type)
    is_whole = kind.startswith(("int", "uint", "bool")) and not values.null_count
    if is_whole or kind.startswith(("double", "float", "halffloat", "timestamp", "duration")):
        return np.asarray(values)
    return _of_list(values.to_pylist())


def _of_polars(values: Any) -> NDArray[Any]:
    """A series of polars. NumPy would turn whole numbers with gaps into floats."""
    kind = str(values.dtype)
    is_whole = kind.startswith(("Int", "UInt", "Bool")) and not values.null_count()
    if is_whole or kind.startswith(("Float", "Date", "Duration")):
        return np.asarray(values)
    return _of_list(values.to_list())


def _of_pandas(values: Any) -> NDArray[Any]:
    """A column of an extension type of pandas. Whole numbers with gaps stay whole."""
    is_whole = getattr(values.dtype, "kind", "") in ("i", "u")
    return np.asarray(values.to_numpy(object, na_value=None) if is_whole else values)


def _are_long(array: NDArray[Any]) -> bool:
    """Whether any whole number is too large to be exact in float64."""
    if array.dtype.kind not in "iu" or array.dtype.itemsize < 8 or not array.size:
        return False
    return bool(int(array.max()) >= EXACT or int(array.min()) <= -EXACT)


def _are_numbers(items: list[Any]) -> bool:
    """Whether objects are only gaps and numbers that are exact in float64."""
    kinds = {kind for kind in set(map(type, items)) if kind.__name__ not in _GAPS}
    if not kinds or not kinds <= PLAIN_NUMBERS:
        return False
    whole = (item for item in items if type(item) in _WHOLE) if kinds & _WHOLE else ()
    return all(-EXACT < int(item) < EXACT for item in whole)


_GAPS = ("NoneType", "NAType")


def _as_floats(items: list[Any]) -> Floats:
    numbers = (item if type(item) in PLAIN_NUMBERS else np.nan for item in items)
    return np.fromiter(numbers, np.float64, len(items))


def _texts(items: Iterable[object]) -> list[str]:
    texts: list[str] = []
    try:
        texts.extend(map(as_text, items))
    except UnfitError as error:
        raise UnfitError(error.why, len(texts)) from None
    return texts


def _type_of_class(kind: type) -> ValueType:
    return next((name for name, kinds in _TYPES if issubclass(kind, kinds)), "text")
