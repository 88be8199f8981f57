"""How a column writes its numbers: the decimal mark, and what stands between and around the digits.

A cell alone tells that 1.234,5 has a decimal comma, and that 1 234, 12 %, $5, (5) and 5- are
numbers. Only "1,234" and "1.234" need the whole column: each is either a thousand and more, or a
little above one.
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

UNREADABLE = 0.01  # a number column may hold less than this share of cells that are no numbers
MOST_WHOLE = 10  # whole numbers with more distinct values than this are measured, not chosen
REPEATED = 3  # cells, on average, of a text among numbers that marks what is not known
_SLIP = 0.1  # evidence from fewer of the ambiguous cells than this is a slip of the pen
_LONGEST = 60  # characters of a number; longer ones are text
_MOST_ODD = 1000  # different texts among numbers that are kept to be named

# Narrower than float(), which takes 1_000 and nan as well.
NUMERAL = re.compile(r"[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|inf(?:inity)?)", re.I | re.A)

# Other forms of the signs between and before digits, and digits of full width.
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
    """A number in a cell as Python writes it, by decimal points and by decimal commas; the mark in
    it, and the sign of money or share beside it.
    """

    by_point: str
    by_comma: str
    mark: str = ""
    unit: str = ""

    def by(self, mark: str) -> str:
        """As Python writes it, where the column has this decimal mark."""
        return self.by_comma if mark == COMMA else self.by_point

    @property
    def is_sure(self) -> bool:
        """Whether it is the same number by either mark."""
        return self.by_point == self.by_comma


def numeral(cell: str) -> Numeral | None:
    """The number that a cell writes; None where it writes none.

    >>> numeral("1.234,5 €")
    Numeral(by_point='1234.5', by_comma='1234.5', mark=',', unit='€')
    >>> numeral("(1,234)").by(","), numeral("(1,234)").by(".")
    ('-1.234', '-1234')
    """
    if NUMERAL.fullmatch(cell) and not _is_short(cell):
        return Numeral(cell, cell, POINT if POINT in cell else "")
    cell = cell if cell.isascii() else cell.translate(_PLAINER)
    found = _WHOLE.fullmatch(cell) if len(cell) <= _LONGEST else None
    if found is None or bool(found["open"]) != bool(found["close"]):
        return None
    signs = [each for each in found.group("sign", "inner", "behind", "open") if each]
    units = [each for each in found.group("outer", "before", "after") if each]
    digits = _digits(found["digits"].rstrip(" "), is_call=signs == ["+"])
    if digits is None or len(signs) > 1 or len(units) > 1:
        return None
    sign = "-" if signs and signs != ["+"] else ""
    return Numeral(sign + digits.by_point, sign + digits.by_comma, digits.mark, "".join(units))


def _is_short(text: str) -> bool:
    """Whether it is one such as 1,234, a thousand and more or a little above one."""
    return text[-4:-3] in (POINT, COMMA) and _SHORT.fullmatch(text) is not None


def _digits(text: str, *, is_call: bool) -> Numeral | None:
    """Digits with marks between them. A plus before spaced groups is that of a telephone number."""
    if _SPACED.fullmatch(text) and not is_call:
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
    """The number in a cell as Python writes it, where the column has this decimal mark; any other
    text as it is, and any in a column of words, which has the mark "".
    """
    if not mark or (NUMERAL.fullmatch(cell) and (mark == POINT or not _is_short(cell))):
        return cell
    found = numeral(cell)
    return cell if found is None or (keeps_unit and found.unit) else found.by(mark)


@dataclass
class Tally:
    """What the cells of a column tell of how its numbers are written; missing cells left out.

    `shown` counts the cells that show each decimal mark, `short` those such as 1,234 by the mark in
    them, `odd` the texts that are no numbers, and `units` the signs of money or share.
    """

    shown: Counter[str] = field(default_factory=Counter)
    short: Counter[str] = field(default_factory=Counter)
    units: Counter[str] = field(default_factory=Counter)
    odd: Counter[str] = field(default_factory=Counter)
    numbers: int = 0  # cells that are numbers
    looked_at: int = 0  # those of them that could have shown a mark
    others: int = 0  # cells that are none
    different: int = 0  # different texts that are numbers
    example: str = ""  # a number that is another one by the other decimal mark

    @staticmethod
    def of(counts: Iterable[tuple[str, int]], rows: float = math.inf) -> Tally:
        """The tally of texts, each as often as it occurs; of so many rows, it ends as soon as they
        cannot make a number column: a column of texts would take as long as to read it.
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
        """One more text, so many times."""
        found = numeral(text)
        if found is None:
            self.refuse(text, count)
            return
        self.numbers += count
        self.different += 1
        self.note(text, found, count)

    def note(self, text: str, found: Numeral, count: int = 1) -> None:
        """What one more number shows, so many times."""
        self.looked_at += count
        if found.unit:
            self.units[found.unit] += count
        if found.is_sure:
            self.shown[found.mark] += count
        else:
            self.short[found.mark] += count
            self.example = self.example or text

    def refuse(self, text: str, count: int = 1) -> None:
        """One more text that is no number."""
        self.others += count
        if text in self.odd or len(self.odd) < _MOST_ODD:
            self.odd[text] += count

    @property
    def is_sure(self) -> bool:
        """Whether the column itself tells its decimal mark; a few slips do not.

        One 0.025 tells that 1.125 has decimals too. That 1.125 is a thousand and more takes more
        than one 2,5, which may be a slip.
        """
        mark, other = (COMMA, POINT) if self.shown[COMMA] > self.shown[POINT] else (POINT, COMMA)
        if self.shown[mark] and not self.shown[other] and not self.short[other]:
            return True
        return self.shown[mark] - self.shown[other] > _SLIP * self.short.total()

    @property
    def is_doubtful(self) -> bool:
        """Whether its numbers would be others by the other decimal mark, and no cell tells."""
        return bool(self.short) and not self.is_sure

    def mark(self, habit: str = POINT) -> str:
        """The decimal mark: what the cells show, else the `habit` of the file.

        Without a habit ("") the mark in 1,234 or 1.234 is the decimal one, whichever it is.
        """
        if self.is_sure:
            return COMMA if self.shown[COMMA] > self.shown[POINT] else POINT
        return habit or (COMMA if self.short[COMMA] > self.short[POINT] else POINT)

    @property
    def is_numeric(self) -> bool:
        """Whether these are the cells of a number column: nearly all, or most beside a few texts
        that repeat, as "err" and "<0.5" do.
        """
        return self.is_nearly_all or self.is_mixed

    @property
    def is_nearly_all(self) -> bool:
        """Whether hardly any cell is no number."""
        few = self.others == 0 or self.others < UNREADABLE * (self.numbers + self.others)
        return self.numbers > 0 and few

    @property
    def is_mixed(self) -> bool:
        """Whether there are many different numbers, and fewer cells with texts that repeat."""
        return (
            self.different > MOST_WHOLE
            and self.others < self.numbers
            and len(self.odd) < _MOST_ODD
            and len(self.odd) * REPEATED <= self.others
        )


def habit_of(tallies: Iterable[Tally], delimiter: str) -> str:
    """The decimal mark of a file for the columns that do not tell their own; "" where it has none.

    A column has a say if a tenth of its numbers show their mark. Where commas part the cells, the
    mark is the point: one answer "2,5" must not turn the 1.125 of another column into 1125.
    """
    votes = Counter(
        each.mark()
        for each in tallies
        if each.is_sure and each.shown[each.mark()] >= _SLIP * each.looked_at
    )
    if votes[COMMA] > votes[POINT] and delimiter != ",":
        return COMMA
    return "" if delimiter == ";" and not votes[POINT] else POINT


def are_coded(counts: Mapping[str, int]) -> bool:
    """Whether nearly all texts are digits alone, and some begin with a zero, as 007 and 06E7 do."""
    codes = {each: count for each, count in counts.items() if _CODE.fullmatch(each)}
    if sum(codes.values()) < (1 - UNREADABLE) * sum(counts.values()):
        return False
    return any(each[0] == "0" and len(each) > 1 for each in codes)
