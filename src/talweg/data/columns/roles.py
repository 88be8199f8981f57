"""The roles of the columns of a table: targets, inputs, weights, groups and time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from talweg.data.columns.cells import Floats, parse, texts
from talweg.data.columns.table import Table
from talweg.errors import DataError


@dataclass(frozen=True)
class Roles:
    """Columns by name. `weight`, `groups` and dropped ones are not inputs; those of `time` are.

    If no `time` was named, `looks_for_time` says whether to look for such columns.
    """

    targets: tuple[str, ...]
    dropped: tuple[str, ...] = ()
    weight: str | None = None
    groups: str | None = None
    time: tuple[str, ...] = ()
    looks_for_time: bool = False

    @staticmethod
    def of(table: Table, given: Mapping[str, Any]) -> Roles:
        """The roles in the settings of TableModel. DataError: no such column, or two roles."""
        asked = given["target"]
        targets = tuple(map(table.find, asked if isinstance(asked, tuple) else [asked]))
        dropped = tuple(map(table.find, given["drop"]))
        named = {
            role: None if given[role] is None else table.find(given[role])
            for role in ("weight", "groups")
        }
        time = tuple(map(table.find, _names(given["time"])))
        looks = given["time"] is None and given["groups"] is None
        roles = Roles(targets, dropped, **named, time=time, looks_for_time=looks)
        roles._refuse_two(table, given)
        return roles

    @property
    def no_inputs(self) -> list[str]:
        """The columns that the network does not see, the targets first."""
        names = [*self.targets, *self.dropped, self.weight, self.groups]
        return list(dict.fromkeys(name for name in names if name is not None))

    def _refuse_two(self, table: Table, given: Mapping[str, Any]) -> None:
        typed = [table.find(name) for name, _ in given["columns"]]
        for name in self.targets:
            self._refuse_other_role(name, typed)
        if self.groups is not None and self.time:
            raise DataError(
                "`groups` and `time` define different splits: give only one of them. With "
                "`time`, the last rows are the test rows, whatever their group."
            )

    def _refuse_other_role(self, name: str, typed: Sequence[str]) -> None:
        """A DataError if a target has another role, or its kind is given among the `typed`."""
        if self.targets.count(name) > 1:
            raise DataError(f"Column {name!r} is given as a target twice. Give it once.")
        if name in self.dropped:
            raise DataError(
                f"Column {name!r} is the target and cannot be dropped. Remove it from "
                "`drop`, or choose another target."
            )
        for role in ("weight", "groups", "time"):
            if name in _names(getattr(self, role)):
                raise DataError(f"Column {name!r} is the target and cannot be `{role}` as well.")
        if name in typed:
            raise DataError(
                f"Column {name!r} is the target, so `columns` cannot give its kind. Use "
                "`task` instead."
            )


def _names(given: Any) -> tuple[Any, ...]:
    """The columns of a role that may have none, one or several."""
    if given is None or given is False:
        return ()
    return given if isinstance(given, tuple) else (given,)


def weights_in(table: Table, name: str) -> Floats:
    """The weight of each row (N,). DataError: one that is missing, negative or no number."""
    values, _ = parse(table.columns[name], vague=True)
    bad = ~(np.isfinite(values) & (values >= 0))
    if bad.any():
        row = int(np.argmax(bad))
        raise DataError(
            f"Weight {name!r}, row {row + 1}: {texts(table.columns[name])[row]!r} is not a "
            "number of at least 0. Correct it, or leave the row out."
        )
    if not values.any():
        raise DataError(f"Weight {name!r}: every row has the weight 0. Choose another column.")
    return values
