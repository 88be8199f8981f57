"""Nothing but the records of column kinds knows a kind by its name."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from talweg.data.columns.kinds.registry import KINDS

NAMES = {kind.name for kind in KINDS}


def comparisons(text: str) -> Iterator[int]:
    """The lines that compare something called `kind` with the name of a kind of column."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Compare):
            parts = [*ast.walk(node)]
            is_kind = any("kind" in (getattr(p, "attr", ""), getattr(p, "id", "")) for p in parts)
            if is_kind and any(isinstance(p, ast.Constant) and p.value in NAMES for p in parts):
                yield node.lineno


def test_no_other_code_compares_kinds_by_name(source: Path) -> None:
    home = source / "data" / "columns" / "kinds"
    folders = [source / name for name in ("data", "insight", "draw", "cli")]
    files = [file for folder in folders for file in folder.rglob("*.py")]
    others = [file for file in files if home not in file.parents]
    found = {str(file): [*comparisons(file.read_text())] for file in others}
    assert len(others) > 80
    assert {file: lines for file, lines in found.items() if lines} == {}


@pytest.mark.parametrize(
    "text",
    [
        "x.kind == 'date'",
        "if kind in ('number', 'x'):\n    pass",
        "[k for k in a if k.kind != 'text']",
    ],
)
def test_a_comparison_is_seen(text: str) -> None:
    assert [*comparisons(text)] == [1]
    assert not [*comparisons("x.kind == kind.name or x.name == 'date'")]
