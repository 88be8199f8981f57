"""What a model asks of a table to predict, so that its file is read as that of training was."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Expected:
    """The kinds of the columns that a model uses, and the decimal marks of those without points.

    `names` are those of all columns of training, `positional` where it had no header. `unknown`
    says of the cells of a row, as far as they are not missing and the model uses them, which are
    nothing that their column held in training.
    """

    kinds: Mapping[str, str]
    marks: Mapping[str, str] = field(default_factory=dict)
    names: tuple[str, ...] = ()
    positional: bool = False
    unknown: Callable[[Sequence[str]], list[bool]] = lambda _: []

    def name_of(self, place: int, name: str) -> str:
        """What training called the column at this place of a table, which calls it `name`."""
        return self.names[place] if self.positional and place < len(self.names) else name
