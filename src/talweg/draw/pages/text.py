"""Durations and rates as text."""

from __future__ import annotations

from talweg.insight.text import number_text


def duration(seconds: float) -> str:
    """Seconds in words.

    >>> duration(0.0123), duration(4.21), duration(754)
    ('12 ms', '4.2 s', '12 min 34 s')
    """
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def rate(rows_per_second: float) -> str:
    """Rows per second, to two digits.

    >>> rate(123456.7)
    '120,000 rows per second'
    """
    return f"{number_text(float(f'{rows_per_second:.2g}'))} rows per second"
