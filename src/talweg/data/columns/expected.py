"""The columns that a model expects, so that a file is read like the training file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Expected:
    """The columns that a model uses, by name, and how their cells are read.

    `numeric` says for each column whether its cells are read as numbers. `marks` are the decimal
    marks of columns that do not use the point. `names` are those of all training columns, and
    `positional` is set if they had no header. `unknown` says which of the cells of a row that are
    not missing, and that the model uses, are unknown to it.
    """

    numeric: Mapping[str, bool]
    marks: Mapping[str, str] = field(default_factory=dict)
    names: tuple[str, ...] = ()
    positional: bool = False
    unknown: Callable[[Sequence[str]], list[bool]] = lambda _: []

    def name_of(self, position: int, name: str) -> str:
        """The name in training of the column that a table calls `name` and has at this position."""
        return self.names[position] if self.positional and position < len(self.names) else name
