"""Every folder has a docstring of one paragraph, and every file is short."""

import ast
from pathlib import Path

LONGEST_FILE = 420


def test_each_folder_says_what_lives_there(source: Path) -> None:
    for folder in {file.parent for file in source.rglob("*.py")}:
        said = ast.get_docstring(ast.parse((folder / "__init__.py").read_text()))
        assert said, f"{folder.name} has no docstring"
        *heading, _ = said.split("\n\n")
        assert len(heading) <= 1 and "\n" not in "".join(heading), f"{folder.name}: more than one"
        assert len(said.split()) >= 20, f"{folder.name}: too short to be of use"


def test_each_file_says_what_it_is(source: Path) -> None:
    files = [file for file in source.rglob("*.py") if file.stat().st_size]
    assert len(files) > 40
    silent = [str(file) for file in files if not ast.get_docstring(ast.parse(file.read_text()))]
    assert silent == []


def test_files_stay_short(source: Path) -> None:
    lengths = {str(file): len(file.read_text().splitlines()) for file in source.rglob("*.py")}
    assert {file: length for file, length in lengths.items() if length > LONGEST_FILE} == {}
