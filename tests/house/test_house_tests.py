"""The tests' own order: what several test modules share lies in `conformance`."""

import ast
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
MODULES = sorted(TESTS.rglob("test_*.py"))


def parsed(file: Path) -> ast.Module:
    return ast.parse(file.read_text())


def imported(tree: ast.Module) -> list[str]:
    """The last part of each module's name, and each name that is imported from one."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            found += [(node.module or "").rpartition(".")[2], *(x.name for x in node.names)]
        elif isinstance(node, ast.Import):
            found += [x.name.rpartition(".")[2] for x in node.names]
    return found


def test_no_test_module_imports_another() -> None:
    names = {file.stem for file in MODULES}
    wrong = {file.stem: names.intersection(imported(parsed(file))) for file in MODULES}
    assert {name: others for name, others in wrong.items() if others} == {}


def test_an_import_of_a_test_module_is_seen() -> None:
    for text in ("import test_fit", "from tests.train import test_fit", "from test_fit import X"):
        assert "test_fit" in imported(ast.parse(text))
