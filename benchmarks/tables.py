"""Tables of the measurements in the JSON record, for a terminal or as Markdown."""

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
    """A title, column heads, rows of text, and notes below."""

    title: str
    head: Sequence[str]
    rows: list[list[str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def text(self) -> str:
        """The table for a terminal: first column left-aligned, the others right-aligned."""
        heads = [_HEADS.get(name, ("", name)) for name in self.head]
        lines = [[upper for upper, _ in heads], [lower for _, lower in heads], *self.rows]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        shown = [_aligned(line, widths) for line in lines if any(line)]
        return "\n".join([self.title, *shown, *(f"  {note}" for note in self.notes)])

    def markdown(self) -> str:
        """The table as Markdown."""
        ruler = [":---", *["---:"] * (len(self.head) - 1)]
        lines = [f"| {' | '.join(line)} |" for line in [self.head, ruler, *self.rows]]
        lines = [line.replace("*", r"\*") for line in lines]
        return "\n".join([f"{self.title}.", "", *lines, "", *(f"- {note}" for note in self.notes)])


def _aligned(line: Sequence[str], widths: Sequence[int]) -> str:
    cells = [cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True)]
    return " ".join([line[0].ljust(widths[0]), *cells]).rstrip()


def tables(record: Record) -> list[Table]:
    """All tables for which the record has numbers."""
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
    return _race_table("A training step, without and with watch=True", results, record)


def _race_table(what: str, results: Sequence[Record], record: Record) -> Table:
    title = f"{what}: microseconds, median of {record['rounds']} rounds; * two threads"
    names = [entry["name"] for entry in results[0]["entries"]]
    table = Table(title, ["network", names[0], "ratio", *names[1:], "limit", "of fma"])
    for result in results:
        ours, *others = map(_cell, result["entries"])
        ratio = "-" if result["ratio"] is None else f"{result['ratio']:.2f}"
        case, limit = result["case"], _digits(1e6 * result["limit"])
        label = f"{case['name']:<2} {case['title']}"
        table.rows.append([label, ours, ratio, *others, limit, _share(result, record)])
    table.notes = [
        "ratio: talweg / best peer, the median over rounds; below 1, talweg is faster",
        "peers have the better of one and two threads; talweg chooses while it trains",
        "limit: the matrix products of the step at the best measured rate of NumPy's BLAS",
        "of fma: talweg's rate of operations in products, of the peak of fma on all cores",
    ]
    table.notes += [_agreement(results), *_setups(results), *_reasons(results)]
    return table


def _share(result: Record, record: Record) -> str:
    """The operations of a step in its products, of those that fma could do meanwhile."""
    seconds = result["entries"][0]["median"]
    if seconds is None:
        return "-"
    peak = record["fma_peak"][result["case"]["dtype"]] * record["machine"]["cores"]
    return f"{result['operations_a_step'] / seconds / peak:.0%}"


def _cell(entry: Record) -> str:
    if entry["median"] is None:
        return "failed" if entry["failed"] else "-"
    return _digits(1e6 * entry["median"]) + ("*" if entry["threads"] > 1 else "")


def _digits(number: float) -> str:
    """Three significant digits: 0.512, 37.2, 19,500."""
    if number >= 1000:
        return f"{float(f'{number:.3g}'):,.0f}"
    return f"{number:#.3g}".rstrip(".") if number >= 0.01 else f"{number:.3f}"


def _agreement(results: Sequence[Record]) -> str:
    """The largest difference of the compared contestants from the float64 reference."""
    worst: dict[str, float] = {}
    for result in results:
        dtype = result["case"]["dtype"]
        gaps = [entry["deviation"] for entry in result["entries"] if entry["median"] is not None]
        worst[dtype] = max([worst.get(dtype, 0.0), *(gap for gap in gaps if gap is not None)])
    differences = ", ".join(f"{gap:.0e} in {dtype}" for dtype, gap in worst.items())
    return f"same initial weights; losses differ from float64 NumPy by at most {differences}"


def _setups(results: Sequence[Record]) -> Iterable[str]:
    times = [1e3 * result["entries"][0]["setup"] for result in results]
    if any(times):
        span = f"{min(times):.0f} to {max(times):.0f} ms"
        yield f"preparing the program in talweg's fit takes {span} more, which is not included"


def _reasons(results: Sequence[Record]) -> Iterable[str]:
    """Reasons for missing numbers and remarks, each with its rows."""
    reasons: dict[str, list[str]] = {}
    for result in results:
        for entry in result["entries"]:
            why = f"failed: {entry['failed']}" if entry["failed"] else entry["not_comparable"]
            for reason in filter(None, (why, entry["remark"])):
                reasons.setdefault(f"{entry['name']}: {reason}", []).append(result["case"]["name"])
    for reason, rows in reasons.items():
        yield _cut(f"{reason} ({', '.join(rows)})")


def _cut(text: str, width: int = 96) -> str:
    return text if len(text) <= width else text[: width - 3] + "..."


def _first_epoch(starts: Sequence[Record], record: Record) -> Table:
    title = "Process start to the end of the first epoch on the digits: seconds"
    table = Table(title, ["contestant", "empty cache", "filled cache", "peak MB"])
    for start in starts:
        if start["failed"]:
            table.rows.append([start["name"], "failed", "-", "-"])
            table.notes.append(_cut(f"{start['name']} failed: {start['failed']}"))
            continue
        seconds = [f"{statistics.median(start[key]):.2f}" for key in ("empty", "again")]
        table.rows.append([start["name"], *seconds, f"{max(start['megabytes']):.0f}"])
    table.notes += ["64-100-10, batch 32, Adam: import, compilation and 45 steps on one thread"]
    table.notes += ["peak MB is the memory of the process, without the processes of its compiler"]
    return table


def _sweep(sweeps: Sequence[Record], record: Record) -> Table:
    title = f"Thirteen lines, {record['sweep_title']}: seconds to the printed table"
    table = Table(title, ["contestant", "seconds", "/ NumPy"])
    judge = next(sweep for sweep in sweeps if sweep["name"] == "NumPy")
    for sweep in sweeps:
        if sweep["failed"]:
            table.rows.append([sweep["name"], "failed", "-"])
            table.notes.append(_cut(f"{sweep['name']} failed: {sweep['failed']}"))
            continue
        seconds = statistics.median(sweep["seconds"])
        share = seconds / statistics.median(judge["seconds"]) if judge["seconds"] else float("nan")
        table.rows.append([sweep["name"], f"{seconds:.2f}", f"{share:.2f}"])
    gap = max(sweep["deviation"] or 0.0 for sweep in sweeps)
    agreement = f"agree with NumPy's to {gap:.0e}" if gap else "equal NumPy's, digit for digit"
    table.notes.append(f"up to alpha 1 the printed errors {agreement}")
    return table


def _imports(rows: Sequence[Record], record: Record) -> Table:
    table = Table("Start-up: milliseconds", ["", "total", "beyond an empty Python"])
    for row in rows:
        beyond = 1e3 * (row["seconds"] - row["baseline"])
        table.rows.append([row["what"], f"{1e3 * row['seconds']:.0f}", f"{beyond:.0f}"])
    return table
