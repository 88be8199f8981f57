"""How a column writes its numbers: decimal mark, thousands separators, signs and units.

A single cell shows that 1.234,5 has a decimal comma, and that 1 234, 12 %, $5, (5) and 5- are
numbers. Only "1,234" and "1.234" depend on the column: either may be above a thousand or just
above one.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

POINT, COMMA = ".", ","
MARKS = {"decimal point": POINT, "decimal comma": COMMA}

UNREADABLE = 0.01  # a number column has less than this share of cells that are not numbers
MOST_WHOLE = 10  # with more distinct values, whole numbers are amounts, not classes
REPEATED = 3  # cells, on average, of each text among numbers that marks a missing value
_SLIP = 0.1  # evidence from a smaller share of the ambiguous cells may be a typing error
_LONGEST = 60  # characters of a number; anything longer is text
_MOST_ODD = 1000  # distinct texts among numbers that are kept for messages

# Narrower than float(), which also accepts 1_000 and nan.
NUMERAL = re.compile(r"[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|inf(?:inity)?)", re.I | re.A)

# Variants of the signs between and before digits, and full-width digits.
_FORMS = {
    " ": "\u00a0\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u3000",
    "-": "\u2010\u2011\u2012\u2013\u2014\u2212\ufe63",
    "'": "\u2018\u2019\u02bc\u2032",
}
_PLAINER = {ord(form): sign for sign, forms in _FORMS.items() for form in forms} | {
    code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)
}

_CODES = (
    "USD EUR GBP JPY CHF AUD CAD NZD CNY RMB HKD SGD SEK NOK DKK ISK PLN CZK HUF RON BGN TRY RUB"
    " UAH ILS INR IDR KRW THB MYR PHP VND BRL MXN ARS CLP COP ZAR AED SAR EGP NGN KES"
)
_SIGNS = r"[A-Z]{0,3}\$|[€£¥¢\u0e3f\u20a0-\u20cf]|[Kk]r\.?|Kč|zł|Ft|Rs\.?|S?Fr\."
_MONEY = rf"(?:{_SIGNS}|{_CODES.replace(' ', '|')})"
_WHOLE = re.compile(
    rf"(?P<outer>{_MONEY})? ?(?P<open>\()? ?(?P<sign>[+-])? ?(?P<before>{_MONEY}|%)? ?(?P<inner>-)?"
    r"(?P<digits>[\d.,][\d.,' ]*(?:[eE][+-]?\d+)?) ?"
    rf"(?P<after>{_MONEY}|[%‰])?(?P<behind>-)? ?(?P<close>\))?",
    re.A,
)
_SPACED = re.compile(r"[1-9]\d{0,2}([ '])\d{3}(?:\1\d{3})*(?:[.,]\d*)?", re.A)
_SHORT = re.compile(r"[+-]?[1-9]\d{0,2}[.,]\d{3}", re.A)
_SURE = {
    mark: re.compile(
        rf"\d*{d}\d+(?:[eE][+-]?\d+)?|\d{{1,3}}(?:{g}\d{{3}})+{d}\d*"
        rf"|[1-9]\d{{0,2}}(?:{g}\d{{3}}){{2,}}",
        re.A,
    )
    for mark, d, g in ((POINT, r"\.", ","), (COMMA, ",", r"\."))
}
_CODE = re.compile(r"\d+(?:[eE]\d+)?", re.A)
_INDIAN = re.compile(r"[1-9]\d?(?:,\d\d)+,\d{3}(?:\.\d*)?", re.A)


class Numeral(NamedTuple):
    """The number in a cell as Python writes it, read with a decimal point and with a decimal comma;
    the mark that it contains, and its unit of money or share.
    """

    by_point: str
    by_comma: str
    mark: str = ""
    unit: str = ""

    def by(self, mark: str) -> str:
        """The number as Python writes it, if the column has this decimal mark."""
        return self.by_comma if mark == COMMA else self.by_point

    @property
    def is_sure(self) -> bool:
        """Whether both readings are the same number."""
        return self.by_point == self.by_comma


def numeral(cell: str) -> Numeral | None:
    """The number in a cell; None if there is none.

    >>> numeral("1.234,5 €")
    Numeral(by_point='1234.5', by_comma='1234.5', mark=',', unit='€')
    >>> numeral("(1,234)").by(","), numeral("(1,234)").by(".")
    ('-1.234', '-1234')
    """
    if NUMERAL.fullmatch(cell) and not _is_short(cell):
        return Numeral(cell, cell, POINT if POINT in cell else "")
    cell = cell if cell.isascii() else cell.translate(_PLAINER)
    parts = _WHOLE.fullmatch(cell) if len(cell) <= _LONGEST else None
    if parts is None or bool(parts["open"]) != bool(parts["close"]):
        return None
    signs = [sign for sign in parts.group("sign", "inner", "behind", "open") if sign]
    units = [unit for unit in parts.group("outer", "before", "after") if unit]
    digits = _digits(parts["digits"].rstrip(" "), is_phone=signs == ["+"])
    if digits is None or len(signs) > 1 or len(units) > 1:
        return None
    sign = "-" if signs and signs != ["+"] else ""
    return Numeral(sign + digits.by_point, sign + digits.by_comma, digits.mark, "".join(units))


def _is_short(text: str) -> bool:
    """Whether it is one such as 1,234, above a thousand or just above one."""
    return text[-4:-3] in (POINT, COMMA) and _SHORT.fullmatch(text) is not None


def _digits(text: str, *, is_phone: bool) -> Numeral | None:
    """Digits with marks between them; groups with spaces after a plus are a phone number."""
    if _SPACED.fullmatch(text) and not is_phone:
        text = text.replace(" ", "").replace("'", "")
    if text.isdigit():
        return Numeral(text, text)
    if _is_short(text):
        mark = COMMA if COMMA in text else POINT
        whole, decimal = text.replace(mark, ""), text.replace(mark, POINT)
        return Numeral(decimal, whole, mark) if mark == POINT else Numeral(whole, decimal, mark)
    if _SURE[POINT].fullmatch(text) or _INDIAN.fullmatch(text):
        plain = text.replace(COMMA, "")
        return Numeral(plain, plain, POINT)
    if _SURE[COMMA].fullmatch(text):
        plain = text.replace(POINT, "").replace(COMMA, POINT)
        return Numeral(plain, plain, COMMA)
    return None


def cleaned(cell: str, mark: str, *, keeps_unit: bool = False) -> str:
    """The number in a cell as Python writes it, if the column has this decimal mark; other text as
    it is, and so all cells of a column of words, which has the mark "".
    """
    if not mark or (NUMERAL.fullmatch(cell) and (mark == POINT or not _is_short(cell))):
        return cell
    written = numeral(cell)
    return cell if written is None or (keeps_unit and written.unit) else written.by(mark)


@dataclass
class Tally:
    """Counts of how the numbers in a column are written, without missing cells.

    `shown` counts cells that show each decimal mark, `short` ambiguous cells such as 1,234 by their
    mark, `odd` texts that are not numbers, and `units` the units of money or share.
    """

    shown: Counter[str] = field(default_factory=Counter)
    short: Counter[str] = field(default_factory=Counter)
    units: Counter[str] = field(default_factory=Counter)
    odd: Counter[str] = field(default_factory=Counter)
    numbers: int = 0  # cells that are numbers
    looked_at: int = 0  # cells that were checked for a mark
    others: int = 0  # cells that are not numbers
    different: int = 0  # distinct texts that are numbers
    example: str = ""  # an ambiguous number

    @staticmethod
    def of(counts: Iterable[tuple[str, int]], rows: float = math.inf) -> Tally:
        """The tally of texts with their counts. Given `rows`, it stops as soon as they cannot be a
        number column, since parsing a column of free text is slow.
        """
        tally, plain, points = Tally(), 0, 0
        for text, count in counts:
            if NUMERAL.fullmatch(text) and not _is_short(text):  # 1 us a text instead of 3
                tally.different += 1
                plain += count
                points += count if POINT in text else 0
                continue
            tally.add(text, count)
            if tally.others >= UNREADABLE * rows and len(tally.odd) == _MOST_ODD:
                break
        tally.numbers += plain
        tally.looked_at += plain
        tally.shown[POINT] += points
        return tally

    def add(self, text: str, count: int = 1) -> None:
        """Count a text."""
        written = numeral(text)
        if written is None:
            self.refuse(text, count)
            return
        self.numbers += count
        self.different += 1
        self.note(text, written, count)

    def note(self, text: str, written: Numeral, count: int = 1) -> None:
        """Count what a number shows."""
        self.looked_at += count
        if written.unit:
            self.units[written.unit] += count
        if written.is_sure:
            self.shown[written.mark] += count
        else:
            self.short[written.mark] += count
            self.example = self.example or text

    def refuse(self, text: str, count: int = 1) -> None:
        """Count a text that is not a number."""
        self.others += count
        if text in self.odd or len(self.odd) < _MOST_ODD:
            self.odd[text] += count

    @property
    def is_sure(self) -> bool:
        """Whether the column shows its decimal mark, beyond what typing errors may show.

        A single 0.025 shows that 1.125 has decimals, too. A single 2,5 may be a typing error, and
        does not show that 1.125 is above a thousand.
        """
        mark, other = (COMMA, POINT) if self.shown[COMMA] > self.shown[POINT] else (POINT, COMMA)
        if self.shown[mark] and not self.shown[other] and not self.short[other]:
            return True
        return self.shown[mark] - self.shown[other] > _SLIP * self.short.total()

    @property
    def is_doubtful(self) -> bool:
        """Whether the other decimal mark would give other numbers, and no cell decides."""
        return bool(self.short) and not self.is_sure

    def mark(self, habit: str = POINT) -> str:
        """The decimal mark that the cells show, or else the `habit` of the file.

        Without a habit ("") the mark in 1,234 or 1.234 is read as a decimal mark.
        """
        if self.is_sure:
            return COMMA if self.shown[COMMA] > self.shown[POINT] else POINT
        return habit or (COMMA if self.short[COMMA] > self.short[POINT] else POINT)

    @property
    def is_numeric(self) -> bool:
        """Whether this is a number column: nearly all cells are numbers, or most are and the others
        are a few texts that repeat, such as "err" and "<0.5".
        """
        return self.is_nearly_all or self.is_mixed

    @property
    def is_nearly_all(self) -> bool:
        """Whether nearly all cells are numbers."""
        few = self.others == 0 or self.others < UNREADABLE * (self.numbers + self.others)
        return self.numbers > 0 and few

    @property
    def is_mixed(self) -> bool:
        """Whether there are many distinct numbers, and fewer cells with texts that repeat."""
        return (
            self.different > MOST_WHOLE
            and self.others < self.numbers
            and len(self.odd) < _MOST_ODD
            and len(self.odd) * REPEATED <= self.others
        )


def habit_of(tallies: Iterable[Tally], delimiter: str) -> str:
    """The decimal mark of a file for columns that do not show their own; "" if it has none.

    A column votes if a tenth of its numbers show their mark. If commas separate the cells, the mark
    is the point: one answer "2,5" must not turn the 1.125 of another column into 1125.
    """
    votes = Counter(
        tally.mark()
        for tally in tallies
        if tally.is_sure and tally.shown[tally.mark()] >= _SLIP * tally.looked_at
    )
    if votes[COMMA] > votes[POINT] and delimiter != ",":
        return COMMA
    return "" if delimiter == ";" and not votes[POINT] else POINT


def are_coded(counts: Mapping[str, int]) -> bool:
    """Whether nearly all texts are plain digits, and some begin with a zero, as 007 and 06E7 do."""
    codes = {text: count for text, count in counts.items() if _CODE.fullmatch(text)}
    if sum(codes.values()) < (1 - UNREADABLE) * sum(counts.values()):
        return False
    return any(text[0] == "0" and len(text) > 1 for text in codes)
