"""What the owner of a column of numbers should look at: odd cells, ambiguous marks, mixed units."""

from __future__ import annotations

import re
from collections.abc import Mapping

from talweg.data.columns import Cells, Words, is_missing, tally_of
from talweg.data.numerals import COMMA, Tally, numeral

_NAMED = 3  # odd cells that a sentence names
_NEARLY_ALL = 0.9  # of the cells of a column that looks like one of numbers
_MOST_LOOKED_AT = 2000  # texts that tell whether a column looks like one
_WITH_UNIT = re.compile(r"(?P<number>.*\d) ?(?P<unit>[^\W\d_]{1,12}[²³]?)")


def doubts_about(cells: Cells, mark: str) -> str:
    """Sentences about a column that is taken for numbers, read by this decimal mark."""
    tally = tally_of(cells)
    found = (_odd_cells(tally), _ambiguous(tally, mark), _mixed_units(tally))
    return " ".join(each for each in found if each)


def _odd_cells(tally: Tally) -> str:
    if not tally.odd:
        return ""
    are = "cell is no number and counts" if tally.others == 1 else "cells are no numbers and count"
    total = tally.numbers + tally.others
    return (
        f"{tally.others:,} of {total:,} {are} as unknown: {named(tally.odd)}. Correct or empty"
        f" {'it' if tally.others == 1 else 'them'}."
    )


def _ambiguous(tally: Tally, mark: str) -> str:
    if not tally.is_doubtful or (mark != COMMA and not tally.short[COMMA]):
        return ""
    found = numeral(tally.example)
    assert found is not None
    other = "decimal point" if mark == COMMA else "decimal comma"
    return (
        f"{tally.example!r} could be {found.by_point} or {found.by_comma}, and is read as"
        f" {found.by(mark)}. If that is wrong, ask for the kind {other!r}, or write it plainly."
    )


def _mixed_units(tally: Tally) -> str:
    has_bare = tally.looked_at > tally.units.total()
    if len(tally.units) < 2 and not ("%" in tally.units and has_bare):
        return ""
    shown = ", ".join([*map(repr, sorted(tally.units)), *(["no sign"] if has_bare else [])])
    return f"Its numbers have different signs ({shown}), which are left off: make them of one unit."


def named(counts: Mapping[str, int]) -> str:
    """The most frequent texts, and how often each occurs."""
    ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    shown = ", ".join(f"{text[:40]!r} ({count:,})" for text, count in ordered[:_NAMED])
    return shown + (f" and {len(ordered) - _NAMED:,} more" if len(ordered) > _NAMED else "")


def looks_like_numbers(words: Words) -> str:
    """A sentence about a column of words of which nearly all cells seem to be numbers; or ""."""
    if words.odd:
        return _TELL.format(f"All cells but these are numbers: {named(dict(words.odd))}")
    counts = {each: n for each, n in words.counts.items() if not is_missing(each, vague=True)}
    first = dict(list(counts.items())[:_MOST_LOOKED_AT])
    if not _is_near(*_split(first)):
        return ""
    numbers, units, odd = found = _split(counts)
    if not _is_near(*found):
        return ""
    if units:
        unit = max(units, key=units.__getitem__)
        return _TELL.format(f"Its numbers have the unit {unit!r} behind them")
    return _TELL.format(
        f"{numbers:,} of its {sum(counts.values()):,} cells are numbers, but not {named(odd)}"
    )


_TELL = "It looks like a column of numbers. {}. Correct these cells, and it is learned from."


def _split(counts: Mapping[str, int]) -> tuple[int, dict[str, int], dict[str, int]]:
    """How many cells are numbers, how many have which unit, and the texts that are neither."""
    numbers, units, odd = 0, dict[str, int](), dict[str, int]()
    for text, count in counts.items():
        match = _WITH_UNIT.fullmatch(text)
        if numeral(text):
            numbers += count
        elif match and numeral(match["number"]):
            units[match["unit"]] = units.get(match["unit"], 0) + count
        else:
            odd[text] = count
    return numbers, units, odd


def _is_near(numbers: int, units: Mapping[str, int], odd: Mapping[str, int]) -> bool:
    most = max(units.values(), default=0)
    total = numbers + sum(units.values()) + sum(odd.values())
    return numbers + most >= _NEARLY_ALL * total
