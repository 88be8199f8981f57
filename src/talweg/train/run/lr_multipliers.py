"""Learning rates by part of a net: factors of the optimizer's rate, where 0 freezes the part."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from talweg.errors import SettingError, nearest
from talweg.settings import Number, plain

MULTIPLIER = Number(at_least=0)


def as_lr_multipliers(given: Any, parameters: Iterable[str]) -> dict[str, float]:
    """`fit`'s `lr_multipliers` by parameter, without those that are 1.

    A path such as "0" or "0.weight" names a part. The last part that holds a parameter counts.
    """
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise SettingError(
            "fit: lr_multipliers must be a mapping of parts to numbers, such as "
            f'{{"0": 0.1}}, not {given!r}'
        )
    names = [*parameters]
    multipliers: dict[str, float] = {}
    for part, value in given.items():
        multiplier = plain(value)
        held = [name for name in names if f"{name}.".startswith(f"{part}.")]
        if not held:
            known = sorted({*names, *(name.rpartition(".")[0] for name in names)})
            hint = nearest(str(part), known)
            raise SettingError(f"fit: lr_multipliers: the network has no part {part!r}. {hint}")
        if not MULTIPLIER.allows(multiplier):
            raise SettingError(
                f"fit: the multiplier of {part!r} must be {MULTIPLIER}, but {multiplier!r} was "
                "given"
            )
        multipliers |= dict.fromkeys(held, float(multiplier))
    if len(multipliers) == len(names) and not any(multipliers.values()):
        raise SettingError(
            "fit: lr_multipliers has only zeros, so no layer can learn; give at least one "
            "layer a multiplier above 0"
        )
    return {name: multiplier for name, multiplier in multipliers.items() if multiplier != 1}


def multiplier_settings(multipliers: Mapping[str, float]) -> dict[str, float]:
    """The multipliers as settings of a run; a frozen parameter needs none."""
    return {setting_of(name): multiplier for name, multiplier in multipliers.items() if multiplier}


def setting_of(parameter: str) -> str:
    """The name of a parameter's multiplier among the settings of a run."""
    return f"rate.{parameter}"
