"""Numbers, settings and lists as a person reads them."""

from __future__ import annotations

from collections.abc import Sequence

from talweg.data.columns.cells import plain
from talweg.data.columns.values import number_text as number_text

MOST_NAMED = 4  # targets or classes in a sentence; of more, the first three
_WORDS = ("none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def setting_text(value: object) -> str:
    """A setting as a person reads it.

    >>> setting_text((128, 64)), setting_text(None), setting_text(2.0)
    ('128, 64', 'none', '2')
    """
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    if isinstance(value, float):
        return plain(float(value))
    return "none" if value is None else str(value)


def first_few(names: Sequence[str]) -> Sequence[str]:
    """All names, or the first few and how many more there are."""
    if len(names) <= MOST_NAMED:
        return names
    return [*names[: MOST_NAMED - 1], f"{len(names) - MOST_NAMED + 1:,} more"]


def listed(texts: Sequence[str]) -> str:
    """ "a", "a and b", "a, b and c"."""
    *others, last = texts
    return f"{', '.join(others)} and {last}" if others else last


def range_text(numbers: Sequence[int]) -> str:
    """ "5", or "5 to 9" if the numbers differ."""
    low, high = min(numbers), max(numbers)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def number_word(count: int) -> str:
    """A count in words if it is below ten, otherwise in digits."""
    return _WORDS[count] if count < len(_WORDS) else f"{count:,}"


def percent(share: float, decimals: int = 1) -> str:
    """0.583 as "58.3%"."""
    return f"{share:.{decimals}%}"
