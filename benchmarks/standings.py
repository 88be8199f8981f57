"""Who is ahead on the real tables, told from noise; the page that shows it."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.contestants.by_default import CONTESTANTS
from benchmarks.real_tables import TABLES, TEST
from benchmarks.tables import Table

Record = dict[str, dict[str, dict[str, dict[str, Any]]]]  # contestant, table, split

OURS, PEER = "talweg", "MLP"
NEAR_PERFECT = 0.95  # from this R2 or accuracy on, an equal score is as good as a better one
QUIET = 2.5  # the load, of two cores, up to which a fit had them to itself
LEAST = 0.001  # of R2: less is no difference; of accuracy it is one row of the test


def spread(numbers: Sequence[float]) -> float:
    """The standard deviation; 0 of a single number, which tells of none."""
    return statistics.stdev(numbers) if len(numbers) > 1 else 0.0


@dataclass(frozen=True)
class Gap:
    """The mean over splits of one score less another, and how far it can be from chance alone.

    noise = 2 * s * sqrt(1 / K + test / train), s the standard deviation of the K differences:
    splits share rows, so that 1 / K alone is too little (Nadeau and Bengio, Inference for the
    generalization error, 2003). It is at least what counts as a difference at all.

    >>> Gap.of([0.90, 0.92, 0.91], [0.80, 0.83, 0.81], least=0.01).verdict
    'better'
    """

    mean: float
    noise: float

    @staticmethod
    def of(ours: Sequence[float], theirs: Sequence[float], least: float) -> Gap:
        gaps = [a - b for a, b in zip(ours, theirs, strict=True)]
        error = spread(gaps) * math.sqrt(1 / len(gaps) + TEST / (1 - TEST))
        return Gap(statistics.fmean(gaps), max(2 * error, least))

    @property
    def verdict(self) -> str:
        """better, equal or worse."""
        if abs(self.mean) <= self.noise * (1 + 1e-9):  # one row of 36 is one row of 36
            return "equal"
        return "better" if self.mean > 0 else "worse"


class Standings:
    """The record, read: scores, ranks and costs of all who have every split."""

    def __init__(self, record: Record, splits: int) -> None:
        self.record, self.splits = record, [str(each) for each in range(splits)]
        self.tables = [each for each in TABLES if self._standing(each)]

    def has(self, name: str, table: str) -> bool:
        """Whether each split has a score."""
        fits = self.record.get(name, {}).get(table, {})
        return all("score" in fits.get(split, {}) for split in self.splits)

    def values(self, name: str, table: str, what: str = "score") -> list[float]:
        """What was measured, one number a split."""
        fits = self.record[name][table]
        return [fits[split][what] for split in self.splits if what in fits[split]]

    def gap(self, name: str, other: str, table: str) -> Gap:
        """The first's score less the other's."""
        held = self.record[name][table][self.splits[0]]["test_rows"]
        least = 1 / held if TABLES[table].task == "classification" else LEAST
        return Gap.of(self.values(name, table), self.values(other, table), least)

    def rank(self, name: str, table: str) -> float:
        """1 + those who are better + half of those who are equal within noise."""
        gaps = [self.gap(name, each, table) for each in self._standing(table) if each != name]
        verdicts = [each.verdict for each in gaps]
        return 1 + verdicts.count("worse") + verdicts.count("equal") / 2

    def plain_rank(self, name: str, table: str) -> float:
        """The same by the mean score alone: only equal means are equal."""
        means = {each: self.mean(each, table) for each in self._standing(table)}
        gaps = [means[each] - means[name] for each in means if each != name]
        ties = sum(abs(gap) < 1e-9 for gap in gaps)
        return 1 + sum(gap >= 1e-9 for gap in gaps) + ties / 2

    def mean(self, name: str, table: str) -> float:
        """The mean score over the splits."""
        return statistics.fmean(self.values(name, table))

    def holds(self, table: str) -> bool:
        """Whether talweg's mean is higher than the MLP's, or equal where both are near perfect."""
        ours, theirs = self.mean(OURS, table), self.mean(PEER, table)
        equal = self.gap(OURS, PEER, table).verdict == "equal"
        return ours > theirs or (equal and min(ours, theirs) >= NEAR_PERFECT)

    def _standing(self, table: str) -> list[str]:
        return [each for each in CONTESTANTS if self.has(each, table)]


def page(record: Record, splits: int) -> str:
    """The page in Markdown."""
    found = Standings(record, splits)
    halves = {
        "Tables that the defaults were chosen on": [t for t in found.tables if _chosen(t)],
        "Tables that they were confirmed on": [t for t in found.tables if not _chosen(t)],
    }
    parts = [_BEFORE.format(splits=splits), _in_words(found), _summary(found).markdown()]
    parts += [_scores(found, title, names).markdown() for title, names in halves.items() if names]
    parts += [_others(found).markdown(), _seconds(found).markdown(), _AFTER, _versions(record)]
    return "\n\n".join(each.strip() for each in parts) + "\n"


_BEFORE = """
# Real tables, by default

Thirteen real tables, {splits} splits each, a quarter of the rows held out: talweg as it is beside
scikit-learn's MLP, its histogram gradient boosting and LightGBM, none of them tuned.

```sh
python -m pip install -e '.[bench]'
python -m benchmarks.default_tables                # everything: some fifteen minutes
python -m benchmarks.default_tables --only talweg  # talweg again, beside the peers' record
```
"""

_AFTER = f"""
## How to read it

- The score is R2 where the target is a number and accuracy where it is a class: the mean over the
  splits, ± the standard deviation over them, on rows that the contestant never saw. All contestants
  have the same rows; classes are held out in proportion.
- In brackets stands the rank on the table: 1, and one more for each contestant that is better, half
  of one for each that is equal within noise.
- Two scores are equal within noise if their mean difference, paired by split, is at most twice its
  standard error, which allows for splits sharing rows (Nadeau and Bengio, 2003), or at most one row
  of the test, or {LEAST} of R2.
- Seconds are those of `fit` alone, encoding and compiling included, imports (talweg's engine comes
  with `tw.TableModel`) and reading of the file left out, in a process of its own without compiled
  programs from before. Memory is the peak of that process, and what it held before the contestant
  came: Python, pandas and the table.
- talweg: `tw.TableModel(target=...).fit(frame)`. MLP: numbers filled with the median and
  standardised, words filled with the most frequent and one-hot, and its target standardised, as it
  is no good without. Trees: words as categories of pandas, missing cells as they are.
- All get the same columns: `?` is missing; identifiers and words that mostly occur once are dropped
  (titanic: PassengerId, Name, Ticket, Cabin; auto-mpg: name), and so are the columns of energy that
  were made from its targets. Zeros that stand for missing cells (pima) stay. adult is its two files
  in one. energy has two targets and the mean of two scores: talweg and the MLP learn them at once,
  the trees one after the other.
"""


def _chosen(table: str) -> bool:
    return TABLES[table].chosen_on


def _in_words(found: Standings) -> str:
    """Where talweg stands beside the MLP, in two sentences."""
    both = [each for each in found.tables if found.has(OURS, each) and found.has(PEER, each)]
    verdicts = [found.gap(OURS, PEER, each).verdict for each in both]
    counts = ", ".join(f"{each} on {verdicts.count(each)}" for each in ("better", "equal", "worse"))
    holding = sum(map(found.holds, both))
    return (
        f"Beside scikit-learn's MLP, talweg is {counts} of {len(both)} tables, told from noise.\n"
        "By the mean score alone it is ahead, or equal within noise where both are near perfect\n"
        f"({NEAR_PERFECT} or more), on {holding} of {len(both)}."
    )


def _summary(found: Standings) -> Table:
    table = Table("All of it", ["", *CONTESTANTS])
    halves = {
        "all": found.tables,
        "chosen on": [each for each in found.tables if _chosen(each)],
        "confirmed on": [each for each in found.tables if not _chosen(each)],
    }
    for what, rule in (
        ("mean rank", found.rank),
        ("mean rank by mean score", found.plain_rank),
        ("mean score", found.mean),
    ):
        for half, names in halves.items():
            cells = [_over(found, rule, each, names) for each in CONTESTANTS]
            table.rows.append([f"{what}, {half}", *cells])
    for what, cost, label in _COSTS:
        table.rows.append([label, *(cost(_all(found, each, what)) for each in CONTESTANTS)])
    table.notes = ["± is the standard error of the mean over the tables"]
    return table


def _over(
    found: Standings, rule: Callable[[str, str], float], name: str, tables: Sequence[str]
) -> str:
    """The mean of a rank or a score over tables, all of which the contestant must have."""
    if not tables or not all(found.has(name, each) for each in tables):
        return "-"
    numbers = [rule(name, each) for each in tables]
    mean = statistics.fmean(numbers)
    if rule == found.mean:
        return f"{mean:.4f}"
    return f"{mean:.2f} ± {spread(numbers) / math.sqrt(len(numbers)):.2f}"


def _all(found: Standings, name: str, what: str) -> list[float]:
    tables = [each for each in found.tables if found.has(name, each)]
    return [value for each in tables for value in found.values(name, each, what)]


def _worded(rule: Any, form: str) -> Any:
    return lambda values: format(rule(values), form) if values else "-"


_COSTS = (
    ("seconds", _worded(statistics.median, ".2f"), "median seconds of fit"),
    ("again", _worded(statistics.median, ".2f"), "with its program kept from an earlier fit"),
    ("seconds", _worded(max, ".1f"), "longest fit, seconds"),
    ("megabytes", _worded(max, ".0f"), "largest memory, MB"),
    ("before", _worded(max, ".0f"), "of it before the contestant came, MB"),
)


def _scores(found: Standings, title: str, names: Iterable[str]) -> Table:
    table = Table(title, ["table", "rows", "score", *CONTESTANTS, "talweg beside the MLP"])
    for name in names:
        kind = "R2" if TABLES[name].task == "regression" else "accuracy"
        cells = [_score(found, each, name) for each in CONTESTANTS]
        table.rows.append([name, _rows(found, name), kind, *cells, _beside(found, name)])
    return table


def _rows(found: Standings, table: str) -> str:
    name = next(each for each in CONTESTANTS if found.has(each, table))
    fit = found.record[name][table][found.splits[0]]
    return f"{fit['train_rows'] + fit['test_rows']:,}"


def _score(found: Standings, name: str, table: str) -> str:
    if not found.has(name, table):
        return "failed" if found.record.get(name, {}).get(table) else "-"
    values = found.values(name, table)
    return f"{statistics.fmean(values):.4f} ± {spread(values):.4f} ({found.rank(name, table):.1f})"


def _beside(found: Standings, table: str) -> str:
    if not (found.has(OURS, table) and found.has(PEER, table)):
        return "-"
    gap = found.gap(OURS, PEER, table)
    return f"{gap.verdict}: {gap.mean:+.4f}, noise {gap.noise:.4f}"


def _others(found: Standings) -> Table:
    """RMSE in the target's unit; or log loss and, for two classes, the area under the curve."""
    title = "Root mean squared error, or log loss and, for two classes, area under the ROC curve"
    table = Table(title, ["table", *CONTESTANTS])
    for name in found.tables:
        cells = [_other(found, each, name) for each in CONTESTANTS]
        table.rows.append([name, *cells])
    return table


def _other(found: Standings, name: str, table: str) -> str:
    if not found.has(name, table):
        return "-"
    measured = [found.values(name, table, each) for each in ("error", "log_loss", "area")]
    return " / ".join(f"{statistics.fmean(each):.4g}" for each in measured if each)


def _seconds(found: Standings) -> Table:
    table = Table("Seconds of fit, median over the splits, and peak MB", ["table", *CONTESTANTS])
    for name in found.tables:
        table.rows.append([name, *(_cost(found, each, name) for each in CONTESTANTS)])
    table.notes = [*_disturbed(found)]
    return table


def _disturbed(found: Standings) -> Iterator[str]:
    """How many fits of whom ran beside other programs: their seconds are too many."""
    counts = []
    for name in CONTESTANTS:
        loads = _all(found, name, "load")
        fits = len(_all(found, name, "seconds"))
        if others := fits - sum(load <= QUIET for load in loads):
            counts.append(f"{others} of {fits} of {name}")
    if counts:
        yield f"not to be relied on, other programs having run beside: {', '.join(counts)}"


def _cost(found: Standings, name: str, table: str) -> str:
    if not found.has(name, table):
        return "-"
    seconds = statistics.median(found.values(name, table, "seconds"))
    return f"{seconds:.2f} / {max(found.values(name, table, 'megabytes')):.0f}"


def _versions(record: Record) -> str:
    """Which version of each library was measured last, and when."""
    said = []
    for name in (each for each in CONTESTANTS if each in record):
        fits = [fit for table in record[name].values() for fit in table.values() if "when" in fit]
        if fits:
            last = max(fits, key=lambda fit: fit["when"])
            said.append(f"{name} {last['version']} ({last['when']})")
    return f"Measured on two cores: {', '.join(said)}."
