"""What a column is: numbers, words of some kind, or nothing that a network could use."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Literal, NamedTuple, Self, cast

import numpy as np

from talweg.data.columns.cells import (
    Cells,
    Floats,
    Mask,
    Moments,
    Numbers,
    Readings,
    Words,
    are_numbers,
    as_words,
    is_missing,
    mark_of,
    missing_in,
    parse,
    parse_numbers,
    plain,
    tally_of,
    under,
)
from talweg.data.columns.column_builder import MOST_WORDS
from talweg.data.columns.counters import FEWEST_COUNTED, why_only_counts
from talweg.data.columns.dates import (
    STYLES,
    are_compact_dates,
    are_dotted_months,
    is_ambiguous,
    may_be_versions,
    seconds,
    style_of,
)
from talweg.data.columns.doubts import doubts_about, looks_like_numbers
from talweg.data.columns.labels import named_marks
from talweg.data.columns.numerals import MARKS, are_coded
from talweg.data.columns.scales import scale_of
from talweg.data.columns.table import Table
from talweg.errors import DataError, nearest

Kind = Literal[
    "number",
    "boolean",
    "ordinal",
    "category",
    "date",
    "constant",
    "identifier",
    "text",
    "copy",
    "left out",
]
Asked = str | Sequence[str]  # a kind by name, a style of dates, or the words of a scale in order

LEAVE_OUT = "leave out"
USED = ("number", "boolean", "ordinal", "category", "date")
RARE = 3  # a level seen in fewer rows counts as unknown, so that the unknown place is trained
NEARLY = 0.999  # a correlation, or a share of rows, from which a column all but tells the target

TRUE = frozenset({"true", "t", "yes", "y", "on", "1"})
FALSE = frozenset({"false", "f", "no", "n", "off", "0"})

_IDS = r"(?:^|[\W_])(?i:id|uuid|guid|key"
_NAMES_THINGS = re.compile(
    _IDS + r"|code|zip|plz|(?:zip|post|postal)code)$|[a-z](?:I[dD]|Code|Key)$"
)
# What pandas calls an index and a column without a name when it writes or reads a file.
_NAMELESS = re.compile(r"Unnamed: \d+|__index_level_\d+__")


@dataclass(frozen=True)
class ColumnType:
    """What a column holds; where a network cannot use it, a sentence that says why.

    `note` is a doubt that its owner should look at; `detail` the style of dates, the decimal mark
    of numbers that was asked for, or the words of a scale in order. `missing` counts cells.
    """

    name: str
    kind: Kind
    why: str = ""
    note: str = ""
    detail: tuple[str, ...] = ()
    missing: int = field(default=0, compare=False)

    @property
    def used(self) -> bool:
        return self.kind in USED


def type_columns(
    table: Table,
    targets: Sequence[str],
    asked: Mapping[str, Asked] | None = None,
    *,
    learnt: int = 1,
    whole: Table | None = None,
) -> list[ColumnType]:
    """What each column but the targets is, in the order of the table.

    Kinds that are `asked` for by name are taken as they are. A copy of an earlier column or of
    one of the first `learnt` targets is left out; what nearly tells such a target gets a note.
    Where `table` has only some rows of a file, row numbers are looked for in the `whole` of it.
    """
    chosen = {table.find(name): kind for name, kind in (asked or {}).items()}
    wanted = [_Wanted.of(table.columns[name]) for name in targets[:learnt]]
    seen = {_digest(target.cells): "the target" for target in wanted}
    found = []
    for name in (each for each in table.names if each not in targets):
        cells = table.columns[name]
        if name in chosen:
            found.append(as_asked(name, cells, chosen[name]))
            continue
        each, digest = describe(name, cells), _digest(cells)
        if each.kind in ("number", "identifier") and whole is not None and whole is not table:
            each = _unless_counting(each, whole.columns[name])
        if each.used and digest in seen:
            each = ColumnType(name, "copy", f"It equals {seen[digest]}, cell by cell.")
        elif each.used and any(_tells(cells, target) for target in wanted):
            each = replace(each, note=f"{each.note} {_LEAK}".strip())
        seen.setdefault(digest, f"the column {name!r}")
        found.append(each)
    return [_counted(each, table.columns[each.name]) for each in found]


def _counted(found: ColumnType, cells: Cells) -> ColumnType:
    """With its missing cells; among categories, a vague word is a level."""
    return replace(found, missing=missing_in(cells, vague=found.kind not in ("category", "text")))


def _unless_counting(found: ColumnType, cells: Cells) -> ColumnType:
    """A column of numbers, or an identifier if all its cells only number the rows."""
    why = why_only_counts(found.name, parse_numbers(cells)[0])
    return ColumnType(found.name, "identifier", why) if why else found


_LEAK = "It nearly tells the target. Will it be known when you predict? If not, leave it out."


def as_asked(name: str, cells: Cells, asked: Asked) -> ColumnType:
    """The type that was asked for by name. DataError: no such kind, or cells that are not it."""
    if not isinstance(asked, str):
        return ColumnType(name, "ordinal", detail=tuple(map(str, asked)))
    if asked == LEAVE_OUT:
        return ColumnType(name, "left out", "As asked for.")
    if asked in STYLES:
        if isinstance(cells, Moments) and asked not in cells.readings:
            raise DataError(
                f"Column {name!r} cannot be read with the {asked}: its dates are written with the"
                f" {cells.style}."
            )
        if not isinstance(cells, Moments) and not _has_dates(cells, asked):
            raise _is_not(name, cells, asked)
        return ColumnType(name, "date", detail=(asked,))
    if asked not in USED and asked not in MARKS:
        known = (*USED, LEAVE_OUT, "day first", "month first", *MARKS)
        raise DataError(f"Column {name!r}: there is no kind {asked!r}. {nearest(asked, known)}")
    detail = _detail(asked, cells)
    if detail is None:
        raise _is_not(name, cells, asked)
    return ColumnType(name, "number" if asked in MARKS else cast(Kind, asked), detail=detail)


def _has_dates(cells: Cells, style: str) -> bool:
    """Whether any cell is a date in this style."""
    return any(math.isfinite(seconds(each, style)) for each in as_words(cells).levels)


def _is_not(name: str, cells: Cells, asked: str) -> DataError:
    return DataError(
        f"Column {name!r} cannot be of the kind {asked!r}: {_why_not(asked)} Its first cells are"
        f" {', '.join(map(repr, as_words(cells[:3]).tolist()))}."
    )


def _why_not(asked: str) -> str:
    return {
        "boolean": "its words are not yes and no, true and false, or 1 and 0.",
        "ordinal": "no known scale has its words. Give them in order, as in ['low', 'high'].",
        "date": "its cells are in no known style of dates.",
        **dict.fromkeys(STYLES, "none of its cells is a date in that style."),
    }.get(asked, "none of its cells is a number.")


def _detail(kind: str, cells: Cells) -> tuple[str, ...] | None:
    """What such a column needs to know of its cells; None if they are not of that kind."""
    if kind == "category":
        return ()
    if kind == "number" or kind in MARKS:
        mark = MARKS.get(kind) or mark_of(cells) or tally_of(cells).mark()
        if not has_numbers(under(cells, mark)):
            return None
        return () if mark == mark_of(cells) else (mark,)
    if isinstance(cells, Moments):
        return (cells.style,) if kind == "date" else None
    present = _present(as_words(cells))
    if kind == "boolean":
        return () if _are_truths(present) else None
    if kind == "ordinal":
        return scale_of(present)
    style = style_of(present)
    return style and (style,)  # type: ignore[return-value]


def has_numbers(cells: Cells) -> bool:
    """Whether any cell is a finite number."""
    return bool(np.isfinite(parse(cells)[0]).any())


def describe(name: str, cells: Cells) -> ColumnType:
    """What the column holds, judged by its cells, and by its name where that is no name."""
    if isinstance(cells, Words) and cells.why:
        return ColumnType(name, "text", cells.why)
    if _NAMELESS.fullmatch(name) and _number_rows(cells):
        return ColumnType(name, "identifier", "It names the rows, as a column without a name does.")
    values, missing = parse_numbers(cells)
    present = cells[~missing]
    if len(present) == 0:
        return ColumnType(name, "constant", "Every cell is missing.")
    if isinstance(present, Moments):
        return _date(name, present.style, is_doubtful=len(present.readings) > 1)
    if not missing.any() and (alone := _only(present)) is not None:
        return ColumnType(name, "constant", f"Every cell holds {alone!r}.")
    if are_numbers(values[~missing]):
        return _describe_numbers(name, values, cells)
    found = _describe_words(name, as_words(present))
    marks = named_marks(cells.counts) if isinstance(cells, Words) else frozenset[str]()
    return replace(found, note=_MARK.format(min(marks))) if marks and not found.note else found


_MARK = "{!r} is one of its words, as the others are written like it; if not, empty its cells."


def _number_rows(cells: Cells) -> bool:
    """Whether cells are whole numbers, or words that all differ."""
    values, missing = parse(cells)
    values = values[~missing]
    if are_numbers(values):
        return bool((values == np.rint(values)).all())
    return isinstance(cells, Words) and len(cells.counts) == len(cells)


def _only(cells: Floats | Words | Numbers) -> str | None:
    """The one value that all cells hold, if there is but one."""
    if isinstance(cells, Words):
        counts = cells.counts
        return next(iter(counts)) if len(counts) == 1 and not cells.full else None
    values = cells.values if isinstance(cells, Numbers) else cells
    return plain(float(values[0])) if values.min() == values.max() else None


def _present(words: Words) -> dict[str, int]:
    return {each: count for each, count in words.counts.items() if not is_missing(each, vague=True)}


def _describe_words(name: str, words: Words) -> ColumnType:
    counts, rows = words.counts, len(words)
    present = _present(words)
    if _are_truths(present):
        return ColumnType(name, "boolean")
    if order := scale_of(counts) or scale_of(present):
        return ColumnType(name, "ordinal", detail=order)
    if not words.full and (style := style_of(present)):
        found = _date(name, style, is_doubtful=is_ambiguous(present, style))
        return replace(found, note=_VERSIONS) if may_be_versions(present) else found
    if 2 * sum(count for count in counts.values() if count >= RARE) >= rows and not words.full:
        return ColumnType(name, "category")
    if words.tally.is_mixed:
        return ColumnType(name, "number", note=doubts_about(words, words.mark))
    note = looks_like_numbers(words)
    many = f"more than {len(counts) - 1}" if words.full else str(len(counts))
    if len(counts) == rows >= FEWEST_COUNTED and not any(" " in each for each in counts):
        return ColumnType(name, "identifier", f"Each of its {rows} cells is another word.", note)
    return ColumnType(name, "text", f"It is text: {many} different values in {rows} cells.", note)


_VERSIONS = "Versions look like these dates; if they are versions, ask for the kind category."


def _date(name: str, style: str, *, is_doubtful: bool) -> ColumnType:
    doubt = f"Days and months could be swapped; it is read with the {style}."
    return ColumnType(name, "date", note=doubt if is_doubtful else "", detail=(style,))


def _are_truths(counts: Mapping[str, int]) -> bool:
    folded = {each.lower() for each in counts}
    return (
        bool(folded) and folded <= TRUE | FALSE and len(folded - TRUE) <= 1 >= len(folded - FALSE)
    )


def truth_of(word: str) -> str:
    """ "true" or "false" for a word that says so; any other as it is."""
    low = word.lower()
    return "true" if low in TRUE else "false" if low in FALSE else word


def _describe_numbers(name: str, values: Floats, cells: Cells) -> ColumnType:
    """A number column, codes such as 007, or what only says which row it is."""
    if are_compact_dates(values):
        return _date(name, "year first", is_doubtful=False)
    present = _present(cells) if isinstance(cells, Words) else {}
    if are_dotted_months(present) and (style := style_of(present)):
        return _date(name, style, is_doubtful=False)
    if why := why_only_counts(name, values):
        return ColumnType(name, "identifier", why)
    if isinstance(cells, Words) and _are_codes(cells):
        return ColumnType(name, "category")
    if _NAMES_THINGS.search(name) and _are_repeated(values):
        return ColumnType(name, "category", note=_NOT_AMOUNTS)
    return ColumnType(name, "number", note=doubts_about(cells, mark_of(cells)))


_NOT_AMOUNTS = "By its name, its numbers are codes; if they are amounts, ask for the kind number."


def _are_repeated(values: Floats) -> bool:
    """Whether whole numbers are few, and repeated enough to be learnt one by one."""
    values = values[~np.isnan(values)]
    if not (np.isfinite(values) & (values == np.rint(values))).all():
        return False
    _, counts = np.unique(values, return_counts=True)
    return len(counts) <= MOST_WORDS and 2 * counts[counts >= RARE].sum() >= len(values)


def _are_codes(words: Words) -> bool:
    """Whether whole numbers begin with zeros, as codes do, and are repeated enough to be learnt."""
    counts = _present(words)
    if not are_coded(counts):
        return False
    return 2 * sum(each for each in counts.values() if each >= RARE) >= sum(counts.values())


def _digest(cells: Cells) -> bytes:
    """The same for columns that are equal cell by cell."""
    if isinstance(cells, Words):
        return blake2b(cells.codes.tobytes(), key=_key(repr(cells.levels).encode())).digest()
    values = cells.values if isinstance(cells, Readings) else cells
    return blake2b(values.tobytes()).digest()


def _key(raw: bytes) -> bytes:
    return blake2b(raw).digest()


# Leaks ----------------------------------------------------------------------------------------


class _Wanted(NamedTuple):
    """A target's cells, and as numbers (N,), read once for all columns; which of them are finite,
    and which missing.
    """

    cells: Cells
    values: Floats
    finite: Mask
    missing: Mask

    @classmethod
    def of(cls, cells: Cells) -> Self:
        values, missing = parse_numbers(cells)
        return cls(cells, values, np.isfinite(values), missing)


def _tells(cells: Cells, target: _Wanted) -> bool:
    """Whether the column alone nearly gives the target, on rows that have both."""
    values, missing = parse_numbers(cells)
    both = np.isfinite(values) & target.finite
    a, b = values[both], target.values[both]
    if len(a) > len(values) / 2 and len(np.unique(b[:10_000])) > 10:
        return _correlation(a, b) >= NEARLY
    if _many(cells) or _many(target.cells):
        return False
    rows = ~missing & ~target.missing
    return _named_share(as_words(cells)[rows], as_words(target.cells)[rows]) >= NEARLY


def _many(cells: Cells) -> bool:
    """Whether numbers name no groups: as words, ten million of them would be as many texts."""
    if isinstance(cells, Readings):
        return True
    return not isinstance(cells, Words) and len(np.unique(cells[:10_000])) > 200


def _correlation(a: Floats, b: Floats) -> float:
    """Of numbers (N,), which are used up: they become their distances from the mean."""
    a -= a.mean()
    b -= b.mean()
    spread = float(np.sqrt((a @ a) * (b @ b)))
    return abs(float(a @ b)) / spread if spread > 0 else 0.0


def _named_share(words: Words, labels: Words) -> float:
    """The share of rows whose label is the most frequent one beside their word; 0 if words or
    labels are rarely repeated, so that each would name its own row.
    """
    few = len(labels.levels) <= 100 and 2 <= len(words.counts) <= max(2 * len(labels.counts), 10)
    few = few and 2 * len(words.counts) <= len(words)
    if not few or len(labels.counts) < 2 or len(words) < FEWEST_COUNTED:
        return 0.0
    pairs = words.codes.astype(np.int64) * len(labels.levels) + labels.codes
    table = np.bincount(pairs, minlength=len(words.levels) * len(labels.levels))
    table = table.reshape(len(words.levels), len(labels.levels))
    best = table.max(axis=1).sum() / table.sum()
    trivial = table.sum(axis=0).max() / table.sum()
    return float(best) if trivial < NEARLY else 0.0
