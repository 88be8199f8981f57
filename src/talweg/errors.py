"""The errors that talweg raises on purpose: each says what, where, and what to do.

All derive from `TalwegError`; each also derives from the built-in exception that a caller
would expect, so `except ValueError` works as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches

_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def visible(text: str) -> str:
    """A text whose control characters, which a terminal would obey, are written as escapes.

    Tabs and new lines stay. Characters that change the direction of writing are among the others.

    >>> visible("\\x1b[31mred")
    '\\\\x1b[31mred'
    """
    return _HIDDEN.sub(lambda found: ascii(found[0])[1:-1], text)


class _Told(BaseException):
    """What is told to a person, without control characters of the data that it names."""

    def __init__(self, *told: object) -> None:
        super().__init__(*(visible(each) if isinstance(each, str) else each for each in told))


class TalwegError(_Told, Exception):
    """Anything that talweg refuses, with the reason and the way out."""


class ShapeError(TalwegError, ValueError):
    """Arrays whose shapes do not go together."""


class DtypeError(TalwegError, TypeError):
    """Arrays whose number types do not go together."""


class GraphError(TalwegError, ValueError):
    """A graph that breaks a rule: a cycle, a missing input, a gate without a gradient."""


class RecordingError(TalwegError, RuntimeError):
    """Code that cannot be recorded, such as a branch on a tensor's value."""


class GradientError(TalwegError, AssertionError):
    """A gradient that disagrees with finite differences."""


class SettingError(TalwegError, ValueError):
    """A setting outside of what it allows."""


class EngineError(TalwegError, RuntimeError):
    """An engine that is not there or cannot run a graph."""


class DataError(TalwegError, ValueError):
    """A table, a column or a cell that cannot be used."""


class ModelFileError(TalwegError, ValueError):
    """A model file that is damaged, foreign, or from a newer version."""


class OutOfMemoryError(TalwegError, MemoryError):
    """Memory that a run, a program or a library needs and that cannot be had."""


class TrainingWarning(_Told, UserWarning):
    """A run that ended in a way its user should look at."""


class DataWarning(_Told, UserWarning):
    """A table that can be used, but may not be what its user thinks."""


def nearest(name: str, known: Iterable[str]) -> str:
    """A sentence that suggests the known name nearest to `name`, or lists the known ones."""
    names = [str(each) for each in known]
    folded = {each.lower(): each for each in names}
    close = get_close_matches(name.lower(), folded, n=1, cutoff=0.6)
    if close:
        return f"Did you mean {folded[close[0]]!r}?"
    shown = ", ".join(repr(each) for each in names[:12])
    return f"Known: {shown}{', ...' if len(names) > 12 else ''}." if names else "There are none."


def counted(number: int, thing: str) -> str:
    """How many there are of a thing whose plural has an s.

    >>> counted(1, "row"), counted(2048, "row")
    ('1 row', '2,048 rows')
    """
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def in_bytes(size: int) -> str:
    """So many bytes as a person reads them."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"
