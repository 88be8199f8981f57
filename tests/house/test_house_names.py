"""The public names: one stub lists them, for type checkers and for `talweg/__init__.py`."""

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import talweg as tw

LISTED = ast.parse(Path(tw.__file__).with_suffix(".pyi").read_text()).body
IMPORTS = [node for node in LISTED if isinstance(node, ast.ImportFrom)]
NAMES = {alias.name: str(node.module) for node in IMPORTS for alias in node.names}


def test_the_table_of_modules_is_the_stub() -> None:
    assert tw._MODULE_OF == NAMES


def test_the_stub_lists_each_name_once_and_re_exports_it() -> None:
    names = [alias.name for node in IMPORTS for alias in node.names]
    assert len(set(names)) == len(names) == len(NAMES)
    assert all(alias.asname == alias.name for node in IMPORTS for alias in node.names)


def test_the_stub_holds_nothing_but_imports_and_the_version() -> None:
    (rest,) = [node for node in LISTED if node not in IMPORTS]
    assert ast.unparse(rest) == "__version__: str"
    assert tw.__version__ == import_module("talweg.version").VERSION


@pytest.mark.parametrize("name", tw.__all__)
def test_a_name_is_the_one_of_its_module(name: str) -> None:
    assert getattr(tw, name) is getattr(import_module(NAMES[name]), name)


@pytest.mark.parametrize("folder", tw._FOLDERS)
def test_a_folder_is_an_attribute(folder: str) -> None:
    assert getattr(tw, folder).__name__ == f"talweg.{folder}"


def test_dir_lists_names_and_folders() -> None:
    assert dir(tw) == sorted(NAMES)
    assert tw.__all__ == sorted(set(NAMES) - set(tw._FOLDERS))


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(AttributeError, match=r"no attribute 'tensr'\. Did you mean"):
        tw.tensr  # noqa: B018


def test_import_talweg_imports_nothing_else() -> None:
    code = "import sys; import talweg; print(*[m for m in sys.modules if m[:3] in ('num', 'tal')])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {*run.stdout.split()} - {"numbers"} == {"talweg", "talweg.version"}
