"""Learning rates by part of a net: multiples of the rule's, where 0 freezes the part."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from talweg.errors import SettingError, nearest
from talweg.settings import Number, plain

RATE = Number(at_least=0)
_PREFIX = "rate."


def as_rates(given: Any, parameters: Iterable[str]) -> dict[str, float]:
    """The multiple for each parameter that has one but 1, from `fit`'s `rates`.

    A part is named by its path, as "0" or "0.weight"; the last that holds a parameter counts.
    """
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise SettingError(
            f'fit: rates must be a mapping of parts to numbers, as {{"0": 0.1}}, not {given!r}'
        )
    names = [*parameters]
    found: dict[str, float] = {}
    for part, each in given.items():
        rate = plain(each)
        meant = [name for name in names if f"{name}.".startswith(f"{part}.")]
        if not meant:
            known = sorted({*names, *(name.rpartition(".")[0] for name in names)})
            hint = nearest(str(part), known)
            raise SettingError(f"fit: rates: the net has no part {part!r}. {hint}")
        if not RATE.allows(rate):
            raise SettingError(f"fit: the rate of {part!r} must be {RATE}, but {rate!r} was given")
        found |= dict.fromkeys(meant, float(rate))
    if len(found) == len(names) and not any(found.values()):
        raise SettingError("fit: rates freezes all of the net, so there is nothing to learn")
    return {name: rate for name, rate in found.items() if rate != 1}


def rate_settings(rates: Mapping[str, float]) -> dict[str, float]:
    """The inputs of a run for them: frozen parameters need none."""
    return {_PREFIX + name: rate for name, rate in rates.items() if rate}


def rates_of(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The multiples among the settings of a run, by the names of their parameters."""
    return {
        name.removeprefix(_PREFIX): each
        for name, each in settings.items()
        if name.startswith(_PREFIX)
    }
