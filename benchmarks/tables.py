"""Tables of what was measured, from the record that the JSON holds: for a terminal or a README."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Record = Mapping[str, Any]
_HEADS = {
    "torch.compile": ("torch.", "compile"),
    "JAX step": ("JAX", "step"),
    "JAX loop": ("JAX", "loop"),
    "scikit-learn": ("scikit-", "learn"),
    "ONNX Runtime": ("ONNX", "Runtime"),
    "talweg's interpreter": ("talweg's", "interpreter"),
    "talweg watching": ("talweg", "watching"),
}


@dataclass
class Table:
    """A title, a head, rows of words, and notes below."""

    title: str
    head: Sequence[str]
    rows: list[list[str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def text(self) -> str:
        """For a terminal: the first column to the left, numbers to the right."""
        heads = [_HEADS.get(each, ("", each)) for each in self.head]
        lines = [[over for over, _ in heads], [under for _, under in heads], *self.rows]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        shown = [_aligned(line, widths) for line in lines if any(line)]
        return "\n".join([self.title, *shown, *(f"  {note}" for note in self.notes)])

    def markdown(self) -> str:
        """For a README."""
        ruler = [":---", *["---:"] * (len(self.head) - 1)]
        lines = [f"| {' | '.join(line)} |" for line in [self.head, ruler, *self.rows]]
        lines = [line.replace("*", r"\*") for line in lines]
        return "\n".join([f"{self.title}.", "", *lines, "", *(f"- {note}" for note in self.notes)])


def _aligned(line: Sequence[str], widths: Sequence[int]) -> str:
    cells = [cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True)]
    return " ".join([line[0].ljust(widths[0]), *cells]).rstrip()


def tables(record: Record) -> list[Table]:
    """Every table that the record has the numbers for."""
    makers = {
        "training": _training,
        "first_epoch": _first_epoch,
        "sweep": _sweep,
        "prediction": _prediction,
        "watching": _watching,
        "imports": _imports,
    }
    return [make(record[key], record) for key, make in makers.items() if record.get(key)]


def _training(results: Sequence[Record], record: Record) -> Table:
    return _race_table("A training step", results, record)


def _prediction(results: Sequence[Record], record: Record) -> Table:
    return _race_table("A prediction of one row", results, record)


def _watching(results: Sequence[Record], record: Record) -> Table:
    return _race_table("A training step, and one that is watched", results, record)


def _race_table(what: str, results: Sequence[Record], record: Record) -> Table:
    title = f"{what}: microseconds, median of {record['rounds']} rounds; * two threads, else one"
    names = [each["name"] for each in results[0]["entries"]]
    table = Table(title, ["net", names[0], "ratio", *names[1:], "limit"])
    for result in results:
        ours, *others = map(_cell, result["entries"])
        ratio = "-" if result["ratio"] is None else f"{result['ratio']:.2f}"
        case, limit = result["case"], _digits(1e6 * result["limit"])
        label = f"{case['name']:<2} {case['title']}"
        table.rows.append([label, ours, ratio, *others, limit])
    table.notes = [
        "ratio: talweg / the best of the others, paired by round; below 1, talweg is faster"
    ]
    table.notes += ["limit: the step's matrix products at the best rate of NumPy's BLAS, measured"]
    table.notes += [_agreement(results), *_setups(results), *_reasons(results)]
    return table


def _cell(entry: Record) -> str:
    if entry["median"] is None:
        return "failed" if entry["failed"] else "-"
    return _digits(1e6 * entry["median"]) + ("*" if entry["threads"] > 1 else "")


def _digits(number: float) -> str:
    """Three digits that count: 0.512, 37.2, 19,500."""
    if number >= 1000:
        return f"{float(f'{number:.3g}'):,.0f}"
    return f"{number:#.3g}".rstrip(".") if number >= 0.01 else f"{number:.3f}"


def _agreement(results: Sequence[Record]) -> str:
    """How far the contestants that count are from the float64 reference."""
    found: dict[str, float] = {}
    for result in results:
        kind = result["case"]["dtype"]
        gaps = [each["deviation"] for each in result["entries"] if each["median"] is not None]
        found[kind] = max([found.get(kind, 0.0), *(gap for gap in gaps if gap is not None)])
    gaps_in_words = ", ".join(f"{gap:.0e} in {kind}" for kind, gap in found.items())
    return f"same start, same result as float64 NumPy: at most off by {gaps_in_words}"


def _setups(results: Sequence[Record]) -> Iterable[str]:
    times = [1e3 * result["entries"][0]["setup"] for result in results]
    if any(times):
        span = f"{min(times):.0f} to {max(times):.0f} ms"
        yield f"a call of talweg's fit also records its program or finds it: {span}, left out"


def _reasons(results: Sequence[Record]) -> Iterable[str]:
    """Why a number is missing, and on what talweg ran: a line a reason, with its rows."""
    places: dict[str, list[str]] = {}
    for result in results:
        for each in result["entries"]:
            why = f"failed: {each['failed']}" if each["failed"] else each["not_comparable"]
            for reason in filter(None, (why, each["remark"])):
                places.setdefault(f"{each['name']}: {reason}", []).append(result["case"]["name"])
    for reason, rows in places.items():
        yield _cut(f"{reason} ({', '.join(rows)})")


def _cut(text: str, width: int = 96) -> str:
    return text if len(text) <= width else text[: width - 3] + "..."


def _first_epoch(starts: Sequence[Record], record: Record) -> Table:
    title = "From the start of the process to the end of the first epoch of the digits: seconds"
    table = Table(title, ["contestant", "empty caches", "once more", "peak MB"])
    for each in starts:
        if each["failed"]:
            table.rows.append([each["name"], "failed", "-", "-"])
            table.notes.append(_cut(f"{each['name']} failed: {each['failed']}"))
            continue
        seconds = [f"{statistics.median(each[key]):.2f}" for key in ("empty", "again")]
        table.rows.append([each["name"], *seconds, f"{max(each['megabytes']):.0f}"])
    table.notes += ["64-100-10, batch 32, Adam; import, compiling and 45 steps on one thread"]
    table.notes += ["peak MB is the process's own memory, its compiler's processes left out"]
    return table


def _sweep(found: Sequence[Record], record: Record) -> Table:
    title = f"Thirteen lines, {record['sweep_title']}: seconds to the printed table"
    table = Table(title, ["contestant", "seconds", "beside NumPy"])
    judge = next(each for each in found if each["name"] == "NumPy")
    for each in found:
        if each["failed"]:
            table.rows.append([each["name"], "failed", "-"])
            table.notes.append(_cut(f"{each['name']} failed: {each['failed']}"))
            continue
        seconds = statistics.median(each["seconds"])
        share = seconds / statistics.median(judge["seconds"]) if judge["seconds"] else float("nan")
        table.rows.append([each["name"], f"{seconds:.2f}", f"{share:.2f}"])
    gap = max(each["deviation"] or 0.0 for each in found)
    agreement = f"NumPy's to {gap:.0e}" if gap else "NumPy's, digit for digit"
    table.notes.append(f"up to alpha 1 the printed errors are {agreement}")
    return table


def _imports(rows: Sequence[Record], record: Record) -> Table:
    table = Table("Until something happens: milliseconds", ["what", "all", "beyond Python's start"])
    for row in rows:
        beyond = 1e3 * (row["seconds"] - row["baseline"])
        table.rows.append([row["what"], f"{1e3 * row['seconds']:.0f}", f"{beyond:.0f}"])
    return table
