"""Scores and ranks on the real tables, with significance, and the page docs/tables.md."""

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
NEAR_PERFECT = 0.95  # from this R2 or accuracy on, an equal score counts like a better one
QUIET = 2.5  # the load average up to which a fit had the two cores to itself
LEAST = 0.001  # smaller differences of R2 count as equal; for accuracy, one test row


def spread(numbers: Sequence[float]) -> float:
    """The standard deviation, or 0 for a single number."""
    return statistics.stdev(numbers) if len(numbers) > 1 else 0.0


@dataclass(frozen=True)
class Gap:
    """The mean difference of two scores over the splits, and how large chance can make it.

    noise = 2 * s * sqrt(1 / K + test / train), where s is the standard deviation of the K
    differences. Splits share rows, so 1 / K alone would be too small (Nadeau and Bengio, Inference
    for the generalization error, 2003). The noise is at least `least`.

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
        """'better', 'equal' or 'worse'."""
        if abs(self.mean) <= self.noise * (
            1 + 1e-9
        ):  # tolerates rounding where the gap is exactly one row
            return "equal"
        return "better" if self.mean > 0 else "worse"


class Standings:
    """Scores, ranks and costs of all contestants that have a score for every split."""

    def __init__(self, record: Record, splits: int) -> None:
        self.record, self.splits = record, [str(split) for split in range(splits)]
        self.tables = [table for table in TABLES if self._complete(table)]

    def has(self, name: str, table: str) -> bool:
        """Whether every split has a score."""
        fits = self.record.get(name, {}).get(table, {})
        return all("score" in fits.get(split, {}) for split in self.splits)

    def values(self, name: str, table: str, what: str = "score") -> list[float]:
        """A measured quantity, one number per split."""
        fits = self.record[name][table]
        return [fits[split][what] for split in self.splits if what in fits[split]]

    def gap(self, name: str, other: str, table: str) -> Gap:
        """The difference of the two contestants' scores."""
        held = self.record[name][table][self.splits[0]]["test_rows"]
        least = 1 / held if TABLES[table].task == "classification" else LEAST
        return Gap.of(self.values(name, table), self.values(other, table), least)

    def rank(self, name: str, table: str) -> float:
        """1 + the number that are better + half the number that are equal within noise."""
        others = [other for other in self._complete(table) if other != name]
        verdicts = [self.gap(name, other, table).verdict for other in others]
        return 1 + verdicts.count("worse") + verdicts.count("equal") / 2

    def plain_rank(self, name: str, table: str) -> float:
        """The rank by the mean score alone, without noise."""
        means = {other: self.mean(other, table) for other in self._complete(table)}
        gaps = [mean - means[name] for other, mean in means.items() if other != name]
        ties = sum(abs(gap) < 1e-9 for gap in gaps)
        return 1 + sum(gap >= 1e-9 for gap in gaps) + ties / 2

    def mean(self, name: str, table: str) -> float:
        """The mean score over the splits."""
        return statistics.fmean(self.values(name, table))

    def holds(self, table: str) -> bool:
        """Whether talweg's mean is higher than the MLP's, or equal if both are near perfect."""
        ours, theirs = self.mean(OURS, table), self.mean(PEER, table)
        equal = self.gap(OURS, PEER, table).verdict == "equal"
        return ours > theirs or (equal and min(ours, theirs) >= NEAR_PERFECT)

    def _complete(self, table: str) -> list[str]:
        return [name for name in CONTESTANTS if self.has(name, table)]


def page(record: Record, splits: int) -> str:
    """The page in Markdown."""
    standings = Standings(record, splits)
    halves = {
        "Tables used to choose the defaults": [t for t in standings.tables if _chosen(t)],
        "Tables used only to confirm them": [t for t in standings.tables if not _chosen(t)],
    }
    scores = [_scores(standings, title, names) for title, names in halves.items() if names]
    tables = [_summary(standings), *scores, _others(standings), _seconds(standings)]
    parts = [_BEFORE.format(splits=splits), _verdict(standings)]
    parts += [*(table.markdown() for table in tables), _AFTER, _versions(record)]
    return "\n\n".join(part.strip() for part in parts) + "\n"


_BEFORE = """
# The defaults on real tables

talweg with its default settings against scikit-learn's MLP, its histogram gradient boosting and
LightGBM, all untuned, on thirteen real tables. Each table has {splits} random splits with a
quarter of the rows held out for testing.

```sh
python -m pip install -e '.[bench]'
python -m benchmarks.default_tables                # everything, about fifteen minutes
python -m benchmarks.default_tables --only talweg  # talweg alone; the peers' results are kept
```
"""

_AFTER = f"""
## How to read the tables

- The score is R2 for regression and accuracy for classification, on the held-out rows: the mean
  over the splits, ± the standard deviation. All contestants get the same rows, and splits are
  stratified by class.
- The number in parentheses is the rank: 1, plus 1 for each contestant that is better, plus 0.5 for
  each that is equal within noise.
- Two scores are equal within noise if their mean difference, paired by split, is at most twice its
  standard error, corrected for splits that share rows (Nadeau and Bengio, 2003), or at most one
  test row, or {LEAST} of R2.
- Seconds are the time of `fit` with encoding and compilation, but not imports (`tw.TableModel`
  imports talweg's engine) or reading the file. Each fit runs in its own process with an empty
  compile cache. Memory is the peak of that process, and its memory before the contestant starts:
  Python, pandas and the table.
- talweg: `tw.TableModel(target=...).fit(frame)`. MLP: numbers imputed with the median and
  standardized, categories imputed with the most frequent and one-hot encoded, and the target
  standardized, without which the MLP does poorly. Trees: categories as pandas categories, missing
  cells as they are.
- All contestants get the same columns. `?` is missing. Identifiers and texts that are mostly unique
  are dropped (titanic: PassengerId, Name, Ticket, Cabin; auto-mpg: name), as are the columns of
  energy that are derived from its targets. Zeros that stand for missing cells (pima) are kept. The
  two files of adult are combined. energy has two targets, and its score is the mean of two: talweg
  and the MLP learn both at once, the trees one after the other.
"""


def _chosen(table: str) -> bool:
    return TABLES[table].chosen_on


def _verdict(standings: Standings) -> str:
    """How talweg compares with the MLP, in two sentences."""
    both = [t for t in standings.tables if standings.has(OURS, t) and standings.has(PEER, t)]
    verdicts = [standings.gap(OURS, PEER, table).verdict for table in both]
    better, equal, worse = (verdicts.count(word) for word in ("better", "equal", "worse"))
    ahead = sum(map(standings.holds, both))
    return (
        f"Of {len(both)} tables, talweg is better than scikit-learn's MLP on {better},\n"
        f"equal within noise on {equal}, and worse on {worse}. By the mean score alone, it is\n"
        f"ahead, or equal within noise if both reach {NEAR_PERFECT} or more, on {ahead}."
    )


def _summary(standings: Standings) -> Table:
    table = Table("Summary", ["", *CONTESTANTS])
    halves = {
        "all tables": standings.tables,
        "choosing": [table for table in standings.tables if _chosen(table)],
        "confirming": [table for table in standings.tables if not _chosen(table)],
    }
    for label, measure in (
        ("mean rank", standings.rank),
        ("mean rank by mean score", standings.plain_rank),
        ("mean score", standings.mean),
    ):
        for half, names in halves.items():
            cells = [_over(standings, measure, name, names) for name in CONTESTANTS]
            table.rows.append([f"{label}, {half}", *cells])
    for quantity, cost, label in _COSTS:
        cells = [cost(_all(standings, name, quantity)) for name in CONTESTANTS]
        table.rows.append([label, *cells])
    table.notes = ["± is the standard error of the mean over the tables"]
    return table


def _over(
    standings: Standings, rule: Callable[[str, str], float], name: str, tables: Sequence[str]
) -> str:
    """The mean of a rank or score over the tables, if the contestant has all of them."""
    if not tables or not all(standings.has(name, table) for table in tables):
        return "-"
    numbers = [rule(name, table) for table in tables]
    mean = statistics.fmean(numbers)
    if rule == standings.mean:
        return f"{mean:.4f}"
    return f"{mean:.2f} ± {spread(numbers) / math.sqrt(len(numbers)):.2f}"


def _all(standings: Standings, name: str, what: str) -> list[float]:
    tables = [table for table in standings.tables if standings.has(name, table)]
    return [value for table in tables for value in standings.values(name, table, what)]


def _formatted(reduce: Any, form: str) -> Any:
    return lambda values: format(reduce(values), form) if values else "-"


_COSTS = (
    ("seconds", _formatted(statistics.median, ".2f"), "fit, median seconds"),
    ("again", _formatted(statistics.median, ".2f"), "the same with a filled compile cache"),
    ("seconds", _formatted(max, ".1f"), "fit, longest, seconds"),
    ("megabytes", _formatted(max, ".0f"), "peak memory, MB"),
    ("before", _formatted(max, ".0f"), "memory before the contestant starts, MB"),
)


def _scores(standings: Standings, title: str, names: Iterable[str]) -> Table:
    table = Table(title, ["table", "rows", "score", *CONTESTANTS, "talweg and the MLP"])
    for name in names:
        kind = "R2" if TABLES[name].task == "regression" else "accuracy"
        cells = [_score(standings, contestant, name) for contestant in CONTESTANTS]
        table.rows.append([name, _rows(standings, name), kind, *cells, _beside(standings, name)])
    return table


def _rows(standings: Standings, table: str) -> str:
    name = next(name for name in CONTESTANTS if standings.has(name, table))
    fit = standings.record[name][table][standings.splits[0]]
    return f"{fit['train_rows'] + fit['test_rows']:,}"


def _score(standings: Standings, name: str, table: str) -> str:
    if not standings.has(name, table):
        return "failed" if standings.record.get(name, {}).get(table) else "-"
    values = standings.values(name, table)
    return (
        f"{statistics.fmean(values):.4f} ± {spread(values):.4f} ({standings.rank(name, table):.1f})"
    )


def _beside(standings: Standings, table: str) -> str:
    if not (standings.has(OURS, table) and standings.has(PEER, table)):
        return "-"
    gap = standings.gap(OURS, PEER, table)
    return f"{gap.verdict}: {gap.mean:+.4f}, noise {gap.noise:.4f}"


def _others(standings: Standings) -> Table:
    """RMSE in the target's unit, or log loss and, for two classes, the area under the ROC curve."""
    title = "Root mean squared error, or log loss and (for two classes) area under the ROC curve"
    table = Table(title, ["table", *CONTESTANTS])
    for name in standings.tables:
        cells = [_other(standings, contestant, name) for contestant in CONTESTANTS]
        table.rows.append([name, *cells])
    return table


def _other(standings: Standings, name: str, table: str) -> str:
    if not standings.has(name, table):
        return "-"
    measured = [standings.values(name, table, kind) for kind in ("error", "log_loss", "area")]
    return " / ".join(f"{statistics.fmean(values):.4g}" for values in measured if values)


def _seconds(standings: Standings) -> Table:
    table = Table("Seconds of fit (median over the splits) / peak MB", ["table", *CONTESTANTS])
    for name in standings.tables:
        table.rows.append(
            [name, *(_cost(standings, contestant, name) for contestant in CONTESTANTS)]
        )
    table.notes = [*_disturbed(standings)]
    return table


def _disturbed(standings: Standings) -> Iterator[str]:
    """The number of fits that ran beside other programs, whose seconds are too high."""
    counts = []
    for name in CONTESTANTS:
        loads = _all(standings, name, "load")
        fits = len(_all(standings, name, "seconds"))
        if others := fits - sum(load <= QUIET for load in loads):
            counts.append(f"{others} of {fits} of {name}")
    if counts:
        yield f"too high, because other programs ran at the same time: {', '.join(counts)}"


def _cost(standings: Standings, name: str, table: str) -> str:
    if not standings.has(name, table):
        return "-"
    seconds = statistics.median(standings.values(name, table, "seconds"))
    return f"{seconds:.2f} / {max(standings.values(name, table, 'megabytes')):.0f}"


def _versions(record: Record) -> str:
    """The version of each library in its last measurement, and the date."""
    versions = []
    for name in (name for name in CONTESTANTS if name in record):
        fits = [fit for table in record[name].values() for fit in table.values() if "when" in fit]
        if fits:
            last = max(fits, key=lambda fit: fit["when"])
            versions.append(f"{name} {last['version']} ({last['when']})")
    return f"Measured on two cores: {', '.join(versions)}."
