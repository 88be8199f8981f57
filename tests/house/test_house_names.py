"""The public names: one table says where each lives, and type checkers are told the same."""

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import talweg as tw

NAMES = {name: home for home, names in tw._HOMES.items() for name in names.split()}


def type_checked(source: Path) -> dict[str, str]:
    """name -> module, as the imports for type checkers in the front door say."""
    tree = ast.parse((source / "__init__.py").read_text())
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    assert len(imports) == len(block.body)
    assert all(alias.asname == alias.name for node in imports for alias in node.names)
    return {alias.name: str(node.module) for node in imports for alias in node.names}


def test_type_checkers_are_told_the_same(source: Path) -> None:
    assert type_checked(source) == NAMES


def test_no_name_has_two_homes() -> None:
    assert sum(len(names.split()) for names in tw._HOMES.values()) == len(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_each_name_is_where_it_is_said_to_be(name: str) -> None:
    assert getattr(tw, name) is getattr(import_module(NAMES[name]), name)


@pytest.mark.parametrize("folder", tw._FOLDERS)
def test_each_folder_can_be_reached(folder: str) -> None:
    assert getattr(tw, folder).__name__ == f"talweg.{folder}"


def test_dir_lists_them() -> None:
    assert dir(tw) == sorted([*NAMES, *tw._FOLDERS])
    assert tw.__all__ == sorted(NAMES)


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(AttributeError, match="'talweg' has no attribute 'tensr'"):
        tw.tensr  # noqa: B018


def test_import_talweg_imports_nothing_else() -> None:
    code = "import sys; import talweg; print(*[m for m in sys.modules if m[:3] in ('num', 'tal')])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in run.stdout.split()} - {"numbers"}
    assert loaded == {"talweg"} and "talweg.gates" not in run.stdout
