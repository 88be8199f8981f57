"""What a tensor refuses to do, with the reason and a way out.

While a run is recorded, the values of its nodes change from step to step, so Python must not branch
on them. A value never changes once recorded, so nothing may write to it.
"""

from __future__ import annotations

from typing import Any, NoReturn, Self

import numpy as np
import numpy.typing as npt

from talweg.errors import RecordingError, ShapeError
from talweg.gates import Array
from talweg.graph.source_line import calling_line

_REFLECTED = {
    "add": "__radd__",
    "subtract": "__rsub__",
    "multiply": "__rmul__",
    "divide": "__rtruediv__",
    "power": "__rpow__",
    "matmul": "__rmatmul__",
    "greater": "__lt__",
    "less": "__gt__",
    "greater_equal": "__le__",
    "less_equal": "__ge__",
    "equal": "__eq__",
    "not_equal": "__ne__",
}
"""NumPy's name of an operator, to the tensor's method for an array on its left."""


class Guards:
    """The methods of a tensor that refuse what would silently leave the graph."""

    __slots__ = ()

    array: Array
    recorded: bool

    @property
    def value(self) -> Array:
        """The numbers, as a read-only array."""
        self.refuse_reading("its value was read")
        return self.array

    def describe(self) -> str:
        """The node in words, for error messages."""
        raise NotImplementedError

    def refuse_reading(self, action: str) -> None:
        """Raise a RecordingError if the value changes from step to step."""
        if self.recorded:
            raise RecordingError(
                f"{action} while a run is recorded ({calling_line()}): {self.describe()} changes "
                "from step to step, so a decision that Python makes now would be frozen for the "
                "whole run. Choose with tw.where(condition, a, b), or decide on plain arrays "
                "before the run."
            )

    def __bool__(self) -> bool:
        self.refuse_reading("a Python branch asked whether a tensor is true")
        if self.array.size != 1:
            raise ShapeError(
                f"a Python branch asked whether {self.array.size} numbers are true "
                f"({calling_line()}); choose by element with tw.where(condition, a, b)"
            )
        return bool(self.array)

    def __format__(self, form: str) -> str:
        if form and self.recorded:
            raise TypeError(f"a recorded tensor has no number to format ({calling_line()})")
        return format(self.value.item(), form) if form else repr(self)

    def __float__(self) -> float:
        return float(self.value)

    def __int__(self) -> int:
        return int(self.value)

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> Array:
        return np.array(self.value, dtype=dtype)

    def __array_ufunc__(self, function: Any, method: str, *inputs: Any, **settings: Any) -> Any:
        """Turn `array + tensor` into the tensor's operator; refuse other NumPy functions."""
        operator = _REFLECTED.get(function.__name__)
        if method != "__call__" or operator is None or inputs[0] is self or settings:
            self.__array_function__(function)
        return getattr(self, operator)(inputs[0])

    def __array_function__(self, function: Any, *_: Any) -> NoReturn:
        raise RecordingError(
            f"np.{function.__name__} does not work on tensors ({calling_line()}); use the "
            "function of that name in talweg, such as tw.sum, or the tensor's .value outside of "
            "a recording"
        )

    def __setitem__(self, index: Any, value: Any) -> None:
        raise RecordingError(
            f"a tensor never changes once recorded ({calling_line()}); build a new one, "
            "for example with tw.where or tw.concatenate"
        )

    def __copy__(self) -> Self:
        return self  # it never changes, and a copy would share its number

    def __deepcopy__(self, memo: Any) -> Self:
        return self
