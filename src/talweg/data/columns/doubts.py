"""Notes on a column of numbers: cells that are not numbers, ambiguous marks, mixed units."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping

from talweg.data.columns.cells import Cells, Words, is_missing, tally_of
from talweg.data.columns.numerals import COMMA, Tally, numeral

_NAMED = 3  # texts that a note names
_NEARLY_ALL = 0.9  # share of numbers in a column that looks like one of numbers
_MOST_LOOKED_AT = 2000  # texts that are checked first
_WITH_SIGN = re.compile(
    r"(?P<before>[~≈<>≤≥]=?)? ?(?P<number>.*\d) ?(?P<after>[^\s\d.,;:()/-]{0,12})"
)
_MULTIPLES = frozenset(["k", "m", "b", "t", "bn", "mio"])  # count as one unit


def doubts_about(cells: Cells, mark: str) -> str:
    """Notes on a column that is taken for numbers and read by this decimal mark."""
    tally = tally_of(cells)
    notes = (_odd_cells(tally), _ambiguous(tally, mark), _mixed_units(tally))
    return " ".join(note for note in notes if note)


def _odd_cells(tally: Tally) -> str:
    if not tally.odd:
        return ""
    one = tally.others == 1
    are = "is not a number and counts" if one else "are not numbers and count"
    return (
        f"{tally.others:,} of {tally.numbers + tally.others:,} cells {are} as unknown:"
        f" {named(tally.odd)}. Correct or empty {'it' if one else 'them'}."
    )


def _ambiguous(tally: Tally, mark: str) -> str:
    if not tally.is_doubtful or (mark != COMMA and not tally.short[COMMA]):
        return ""
    example = numeral(tally.example)
    assert example is not None
    other = "decimal point" if mark == COMMA else "decimal comma"
    return (
        f"{tally.example!r} could be {example.by_point} or {example.by_comma}; it is read as"
        f" {example.by(mark)}. If that is wrong, ask for the kind {other!r}, or write"
        " numbers without separators."
    )


def _mixed_units(tally: Tally) -> str:
    has_bare = tally.looked_at > tally.units.total()
    if len(tally.units) < 2 and not ("%" in tally.units and has_bare):
        return ""
    shown = ", ".join([*map(repr, sorted(tally.units)), *(["none"] if has_bare else [])])
    return (
        f"Its numbers have different units ({shown}), which are ignored. Convert them to one unit."
    )


def named(counts: Mapping[str, int]) -> str:
    """The most frequent texts with their counts."""
    ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    shown = ", ".join(f"{text[:40]!r} ({count:,})" for text, count in ordered[:_NAMED])
    return shown + (f" and {len(ordered) - _NAMED:,} more" if len(ordered) > _NAMED else "")


def looks_like_numbers(words: Words) -> str:
    """A note on a column of words of which nearly all seem to be numbers; else ""."""
    if words.odd:
        return _told(dict(words.odd), len(words))
    counts = {text: n for text, n in words.counts.items() if not is_missing(text, vague=True)}
    first = dict(list(counts.items())[:_MOST_LOOKED_AT])
    if not (_are_nearly_numbers(first) and _are_nearly_numbers(counts)):
        return ""
    odd = {text: n for text, n in counts.items() if not numeral(text)}
    return _told(odd, sum(counts.values()))


def _told(odd: Mapping[str, int], total: int) -> str:
    return (
        f"It looks like a column of numbers, but {sum(odd.values()):,} of its {total:,} cells are"
        f" not numbers: {named(odd)}. Write plain numbers there to use the column."
    )


def _are_nearly_numbers(counts: Mapping[str, int]) -> bool:
    """Whether nearly all cells are numbers, alone or with the same unit."""
    plain, units = 0, Counter[str]()
    for text, count in counts.items():
        match = _WITH_SIGN.fullmatch(text)
        if numeral(text):
            plain += count
        elif match and numeral(match["number"]):
            unit = match["before"] or match["after"]
            units["k" if unit.lower() in _MULTIPLES else unit] += count
    return plain + max(units.values(), default=0) >= _NEARLY_ALL * sum(counts.values())
