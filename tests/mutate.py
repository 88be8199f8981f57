"""Mutation testing: break the code in random places, and see whether a test notices.

python tests/mutate.py [--places 150] [--seed 0] [--only draw,data/encode.py] [--jobs 2]

Needs the extra `mutate`. The fast and slow tests run once, and coverage notes which test executes
which line. Then each mutant, one changed operator, constant, condition or statement, meets the
tests that execute its line, the quick ones first, in a copy of the tree. A mutant that no test
fails on has survived: read it, and either write the test that it asks for, or see that the change
makes no difference. Nothing in CI runs this: 150 mutants take about an hour on two cores.
"""

from __future__ import annotations

import argparse
import ast
import copy
import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryDirectory
from typing import Any

from talweg.cores import cores

ROOT = Path(__file__).parents[1]
COVERAGE = ROOT / "build" / "mutate.coverage"
COPIED = (
    *("src", "tests", "examples", "benchmarks", "docs", ".ci"),
    *("conftest.py", "pyproject.toml", "Makefile", "LICENSE"),
    *("README.md", "CONTRIBUTING.md", "CHANGELOG.md"),
)
FIRST = 60  # quick tests that meet a mutant before all others do: most are killed by one of these
PATIENCE = 300  # seconds for the tests of one mutant; one that takes longer hangs, and is noticed
PASSED, UNUSABLE, EMPTY = 0, 4, 5  # exit statuses of pytest; a crash has one of its own

SWAPPED: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}


@dataclass(frozen=True)
class Mutant:
    """A file with one node changed."""

    file: Path
    node: Any
    after: str
    is_at_import: bool

    @property
    def text(self) -> str:
        """The whole file. Columns of nodes count bytes."""
        raw = self.file.read_bytes()
        lines = raw.splitlines(keepends=True)
        start = sum(map(len, lines[: self.node.lineno - 1])) + self.node.col_offset
        end = sum(map(len, lines[: self.node.end_lineno - 1])) + self.node.end_col_offset
        return (raw[:start] + self.after.encode() + raw[end:]).decode()

    @property
    def compiles(self) -> bool:
        try:
            compile(self.text, "mutant", "exec")
        except SyntaxError:  # a constant inside of an f-string, say
            return False
        return True

    def __str__(self) -> str:
        before = _short(ast.unparse(self.node))
        place = f"{self.file.relative_to(ROOT)}:{self.node.lineno}"
        return f"{place}: {before}  ->  {_short(self.after)}"


def main() -> None:
    """Make the mutants, run the tests on each, and list those that survived."""
    given = _options()
    chosen = _mutants(given.only.split(","), given.places, given.seed)
    contexts, quick = _contexts(), _quick_tests()
    survived = []
    with TemporaryDirectory(prefix="mutants-") as folder, ThreadPoolExecutor(given.jobs) as pool:
        trees: SimpleQueue[Path] = SimpleQueue()
        for place in range(given.jobs):
            trees.put(_copied(Path(folder, str(place))))
        tests = [_ordered(each, contexts, quick) for each in chosen]
        fates = pool.map(_tried, chosen, tests, [trees] * len(chosen))
        for mutant, fate in zip(chosen, fates, strict=True):
            print(f"{fate:9} {mutant}", flush=True)
            survived += [mutant] if fate != "killed" else []
    print(f"\n{len(survived)} of {len(chosen)} mutants survived or met no test.")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python tests/mutate.py")
    parser.add_argument("--places", type=int, default=150)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="parts of files' names, with commas")
    parser.add_argument("--jobs", type=int, default=cores())
    return parser.parse_args()


# Mutants --------------------------------------------------------------------------------------


def _mutants(parts: Sequence[str], count: int, seed: int) -> list[Mutant]:
    files = sorted(ROOT.glob("src/talweg/**/*.py"))
    asked = (each for each in files if any(part in str(each.relative_to(ROOT)) for part in parts))
    found = [mutant for file in asked for mutant in _mutants_of(file)]
    random.Random(seed).shuffle(found)
    return list(islice((each for each in found if each.compiles), count))


def _mutants_of(file: Path) -> Iterator[Mutant]:
    for node, changed, is_at_import in _changes(ast.parse(file.read_text()), is_at_import=True):
        after = ast.unparse(changed)
        is_expression = isinstance(changed, ast.expr) and not isinstance(changed, ast.Constant)
        yield Mutant(file, node, f"({after})" if is_expression else after, is_at_import)


def _changes(node: ast.AST, *, is_at_import: bool) -> Iterator[tuple[Any, ast.AST, bool]]:
    """Each node below this one that can be changed, what it becomes, and when it is executed."""
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns"):
            continue
        inside = is_at_import and not (name == "body" and isinstance(node, ast.FunctionDef))
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and not _is_for_type_checkers(child):
                yield from ((child, each, inside) for each in _changed(child))
                if name == "test" and isinstance(child, ast.Name | ast.Attribute | ast.Call):
                    yield child, ast.UnaryOp(ast.Not(), child), inside
                yield from _changes(child, is_at_import=inside)


def _is_for_type_checkers(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def _changed(node: ast.AST) -> Iterator[ast.AST]:
    """What a node could become."""
    if isinstance(node, ast.Constant) and isinstance(node.value, bool | int | float):
        yield ast.Constant(_other(node.value))
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield node.operand
    elif isinstance(node, ast.BinOp | ast.BoolOp) and type(node.op) in SWAPPED:
        yield _with(node, op=SWAPPED[type(node.op)]())
    elif isinstance(node, ast.Compare) and type(node.ops[0]) in SWAPPED:
        yield _with(node, ops=[SWAPPED[type(node.ops[0])](), *node.ops[1:]])
    elif isinstance(node, ast.Raise) or (
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
    ):
        yield ast.Pass()


def _other(value: float) -> float:
    if isinstance(value, bool):
        return not value
    return value + 1 if isinstance(value, int) else (value * 2 or 1.0)


def _with(node: ast.AST, **fields: Any) -> ast.AST:
    changed = copy.copy(node)
    for name, value in fields.items():
        setattr(changed, name, value)
    return changed


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 70 else f"{line[:67]}..."


# Tests ----------------------------------------------------------------------------------------


def _contexts() -> Any:
    """Which tests execute which lines, measured anew where there is no measurement."""
    from coverage import CoverageData

    if not COVERAGE.exists():
        COVERAGE.parent.mkdir(exist_ok=True)
        environment = {**os.environ, "COVERAGE_FILE": str(COVERAGE)}
        _pytest(ROOT, "--cov=talweg", "--cov-context=test", "--cov-report=", env=environment)
    data = CoverageData(str(COVERAGE))
    data.read()
    return data


def _quick_tests() -> set[str]:
    told = subprocess.run(
        [sys.executable, "-m", "pytest", "-n0", "-qq", "--collect-only", "-m", "not slow"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return {line for line in told.stdout.splitlines() if "::" in line}


def _ordered(mutant: Mutant, contexts: Any, quick: set[str]) -> list[str]:
    """The tests that execute its line, quick ones first, those of one folder mixed."""
    by_line = contexts.contexts_by_lineno(str(mutant.file))
    lines = by_line if mutant.is_at_import else [mutant.node.lineno]
    names = {each for line in lines for each in by_line.get(line, ()) if each}
    tests = sorted({name.split("|")[0] for name in names})
    random.Random(0).shuffle(tests)
    return sorted(tests, key=lambda each: each not in quick)


def _tried(mutant: Mutant, tests: Sequence[str], trees: SimpleQueue[Path]) -> str:
    """What became of a mutant: killed, survived, or not met by any test."""
    if not tests:
        return "unmet"
    tree = trees.get()
    file, original = tree / mutant.file.relative_to(ROOT), mutant.file.read_text()
    try:
        file.write_text(mutant.text)
        is_killed = any(_fails(tree, some) for some in (tests[:FIRST], tests[FIRST:]) if some)
    finally:
        file.write_text(original)
        trees.put(tree)
    return "killed" if is_killed else "survived"


def _fails(tree: Path, tests: Sequence[str]) -> bool:
    asked = tree / "asked.txt"
    asked.write_text("\n".join(tests))
    environment = {**os.environ, "PYTHONPATH": str(tree / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
    status = _pytest(tree, "-n0", "-x", "-p", "no:cacheprovider", f"@{asked}", env=environment)
    return status not in (PASSED, UNUSABLE, EMPTY)


def _pytest(tree: Path, *options: str, env: dict[str, str]) -> int | None:
    """The exit status; None for tests that hang, whose processes are ended."""
    run = subprocess.Popen(
        [sys.executable, "-m", "pytest", *options],
        cwd=tree,
        env=env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        return run.wait(None if tree == ROOT else PATIENCE)
    except subprocess.TimeoutExpired:
        os.killpg(run.pid, signal.SIGKILL)
        run.wait()
        return None


def _copied(tree: Path) -> Path:
    """A copy of all that tests read; data beside the tree is beside the copy too."""
    tree.mkdir()
    for name in COPIED:
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, tree / name)
    beside = tree.parent / "shared"
    if (ROOT.parent / "shared").exists() and not beside.exists():
        beside.symlink_to(ROOT.parent / "shared")
    return tree


if __name__ == "__main__":
    main()
