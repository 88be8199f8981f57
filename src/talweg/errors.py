"""The errors of talweg: each says what was given, what was expected, where, and what to do.

All derive from `TalwegError`, and from the built-in exception that a caller would expect, so
`except ValueError` works as well.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from difflib import get_close_matches

_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def visible(text: str) -> str:
    """A text with its control characters as escapes, so that a terminal does not obey them.

    Tabs and newlines stay. Characters that change the direction of text are escaped too.

    >>> visible("\\x1b[31mred")
    '\\\\x1b[31mred'
    """
    return _HIDDEN.sub(lambda match: ascii(match[0])[1:-1], text)


class _Message(BaseException):
    """A message to a person, without control characters from the data that it quotes."""

    def __init__(self, *arguments: object) -> None:
        super().__init__(*(visible(x) if isinstance(x, str) else x for x in arguments))


class TalwegError(_Message, Exception):
    """The base of all errors of talweg."""


class ShapeError(TalwegError, ValueError):
    """Arrays whose shapes do not fit each other."""


class DtypeError(TalwegError, TypeError):
    """Arrays whose dtypes do not fit each other."""


class GraphError(TalwegError, ValueError):
    """An invalid graph: a foreign input, a wrong shape, a gate without a gradient."""


class RecordingError(TalwegError, RuntimeError):
    """Code that cannot be recorded, such as a branch on the value of a tensor."""


class GradientError(TalwegError, AssertionError):
    """A gradient that differs from finite differences."""


class SettingError(TalwegError, ValueError):
    """A setting that its constraint does not allow."""


class EngineError(TalwegError, RuntimeError):
    """An engine that is missing or cannot run a graph."""


class DataError(TalwegError, ValueError):
    """A table, a column or a cell that cannot be used."""


class ModelFileError(TalwegError, ValueError):
    """A model file that is damaged, foreign, or from a newer version."""


class OutOfMemoryError(TalwegError, MemoryError):
    """A run, a program or a library needs more memory than is available."""


class TrainingWarning(_Message, UserWarning):
    """A run that ended in a way that deserves attention."""


class DataWarning(_Message, UserWarning):
    """A table that can be used but may not be read as expected."""


OTHER_NAMES: dict[str, tuple[str, ...]] = {
    "alpha": ("lr", "optimizer"),
    "balance": ("class_weight",),
    "callbacks": ("stop",),
    "cosine": ("CosineDecay",),
    "early_stopping": ("stop", "patience"),
    "elastic": ("L1L2",),
    "exponential": ("ExponentialDecay",),
    "find_rate": ("lr_find",),
    "folds": ("kfold",),
    "halving": ("SuccessiveHalving",),
    "hidden_layer_sizes": ("hidden",),
    "hidden_sizes": ("hidden",),
    "keep": ("restore_best",),
    "learning_rate": ("lr", "optimizer"),
    "lr": ("optimizer",),
    "max_iter": ("epochs",),
    "members": ("n_estimators",),
    "noise": ("GaussianNoise",),
    "patience": ("stop", "EarlyStopping"),
    "plateau": ("ReduceOnPlateau",),
    "random_state": ("seed",),
    "rates": ("lr_multipliers",),
    "stages": ("lower",),
    "validation_data": ("validation",),
    "validation_split": ("validation",),
    "warmup": ("LinearWarmup",),
}
"""Names from other libraries, and from earlier versions, with their names in talweg."""


def nearest(name: str, known: Iterable[str]) -> str:
    """A sentence that suggests the known name closest to `name`, or lists the known names.

    >>> nearest("learning_rate", ["lr", "momentum"])
    "Did you mean 'lr'?"
    """
    names = [str(known_name) for known_name in known]
    close = next((other for other in OTHER_NAMES.get(name.lower(), ()) if other in names), None)
    if close := close or close_match(name, names):
        return f"Did you mean {close!r}?"
    shown = ", ".join(repr(one) for one in names[:12])
    return f"Known: {shown}{', ...' if len(names) > 12 else ''}." if names else "There are none."


def close_match(name: str, known: Iterable[str]) -> str | None:
    """The known name that is most like `name`, in any case; None if none is similar."""
    folded = {known_name.lower(): known_name for known_name in known}
    return next(
        (folded[lower] for lower in get_close_matches(name.lower(), folded, n=1, cutoff=0.6)), None
    )


def user_level() -> int:
    """The `stacklevel` by which a warning names the first caller outside of talweg."""
    frame, level = sys._getframe(1), 1
    while frame.f_back and str(frame.f_globals.get("__name__")).startswith("talweg."):
        frame, level = frame.f_back, level + 1
    return level


def counted(number: int, thing: str) -> str:
    """A number of things, whose plural ends in s.

    >>> counted(1, "row"), counted(2048, "row")
    ('1 row', '2,048 rows')
    """
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def in_bytes(size: int) -> str:
    """A number of bytes in MB or GB."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"
