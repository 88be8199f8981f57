"""The documentation is correct: its Python runs, its commands exist, its limits hold."""

import re
from pathlib import Path

import pytest

from talweg.cli.main import parser

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
LINK = re.compile(r"\]\(([^)#:]+)\)|(?:src|srcset)=\"([^\":]+)\"")
BLOCK = re.compile(r"(<!-- run: needs houses.csv -->\n)?```python\n(.*?)```", re.DOTALL)


@pytest.fixture
def houses(tmp_path, monkeypatch):
    """A folder with the tables that the pages speak of."""
    rows = [f"{40 + i % 90},{['north', 'south'][i % 2]},{1000 * (40 + i % 90)}" for i in range(200)]
    (tmp_path / "houses.csv").write_text("\n".join(["area,side,price", *rows]))
    (tmp_path / "new.csv").write_text("\n".join(["area,side", "50,north"]))
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_python_of_a_page_runs_from_top_to_bottom(page, houses):
    names: dict[str, object] = {}
    for _, code in BLOCK.findall(page.read_text()):
        exec(compile(code, str(page), "exec"), names)


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CONTRIBUTING.md"], ids=lambda page: page.name)
def test_every_link_to_a_file_leads_somewhere(page):
    targets = ["".join(groups) for groups in LINK.findall(page.read_text())]
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_the_files_that_the_design_names_exist():
    names = re.findall(r"`([a-z_/]+\.(?:py|md|json))`", (ROOT / "docs" / "design.md").read_text())
    folders = [ROOT / name for name in ("src", "tests", "examples", "benchmarks", "docs")]
    files = [file.as_posix() for folder in folders for file in folder.rglob("*.*")]
    assert [name for name in names if not any(file.endswith(f"/{name}") for file in files)] == []


def test_the_trace_in_the_readme_is_what_is_printed(capsys):
    readme = (ROOT / "README.md").read_text()
    code = next(code for _, code in BLOCK.findall(readme) if "tw.trace" in code)
    exec(compile(code, "README.md", "exec"), {})
    assert capsys.readouterr().out.strip() in readme


def test_every_talweg_command_in_the_readme_is_understood():
    readme = (ROOT / "README.md").read_text()
    commands = re.findall(
        r"(?:^|bin/)talweg ((?:train|predict|show|demo)\b.*)$", readme, re.MULTILINE
    )
    assert len(commands) >= 3
    for command in commands:
        parser().parse_args(command.split())


def test_each_of_the_two_commands_is_one_line():
    lines = [line for line in (ROOT / "README.md").read_text().splitlines() if "venv" in line]
    assert [line.split()[0] for line in lines] == ["python3", "python3"]
    assert lines[0].endswith("talweg demo")
    assert lines[1].endswith("pytest")


def test_ci_runs_the_second_command():
    assert "pip\" install -q -e '.[test]'" in (ROOT / ".ci" / "run").read_text()


def test_contributing_is_short():
    assert len((ROOT / "CONTRIBUTING.md").read_text().splitlines()) <= 50
