"""Imports run downward only, in no circle, and need NumPy alone."""

import ast
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest

FLOORS = (
    *("errors", "atomic_write", "settings", "schema", "forks", "lazy", "pool"),
    *("memory_limits", "version", "cores", "parallel", "numerics"),
    *("random", "scratch", "archive"),
    *("gates", "graph", "engine"),
    *("nn", "optim", "train", "data", "insight", "draw", "cli"),
)
FLOORS_WITHIN = {
    "talweg.engine": (("run", "expansion"), ("replicas",), ("numpy", "native"), ("registry",)),
    "talweg.engine.native": (
        ("llvm",),
        ("processor", "control_block"),
        ("ir",),
        ("plan",),
        ("emit",),
        ("lowering",),
        ("driver", "stopping_graph"),
        ("build", "function"),
        ("runtime",),
        ("engine",),
        ("checker",),
    ),
    "talweg.train": (("run", "methods"), ("search",)),
    "talweg.data": (("columns",), ("io",), ("split",), ("model",)),
    "talweg.draw": (("markup", "style"), ("charts",), ("pages",), ("notebook",)),
}
"""The order within a folder, from the bottom up; the longest prefix of a module's name counts."""
FRONT_DOOR = len(FLOORS)  # `import talweg` itself: above everything, so forbidden inside
ALLOWED = {"numpy": FLOORS, "llvmlite": ("engine",), "threadpoolctl": ("engine",)}


IMPORT = (ast.Import, ast.ImportFrom)
parsed = cache(ast.parse)


def imported(node: ast.AST, module: list[str]) -> Iterator[str]:
    """The full names that a statement in `module` imports."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = module[: -node.level] if node.level else []
        home = ".".join([*base, *filter(None, [node.module])])
        yield from ([f"{home}.{a.name}" for a in node.names] if home == "talweg" else [home])


def floor_of(name: str) -> int:
    part = name.partition(".")[2].partition(".")[0]
    return FLOORS.index(part) if part in FLOORS else FRONT_DOOR


def at_import(node: ast.AST) -> Iterator[ast.AST]:
    """What runs when a module is imported: all but the bodies of functions."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield child
            yield from at_import(child)


def upward(text: str, name: str) -> list[str]:
    """The imports that climb, anywhere in a module; those for type checkers count."""
    imports = [node for node in ast.walk(parsed(text)) if isinstance(node, IMPORT)]
    found = {each for node in imports for each in imported(node, name.split("."))}
    inside = [each for each in found if each.split(".")[0] == "talweg"]
    return sorted(each for each in inside if floor_of(each) > floor_of(name))


def foreign(text: str, name: str) -> list[str]:
    """What is imported with the module, neither talweg nor Python's own nor allowed here."""
    imports = [node for node in at_import(parsed(text)) if isinstance(node, IMPORT)]
    found = {each for node in imports for each in imported(node, name.split("."))}
    roots = {each.split(".")[0] for each in found} - {"talweg", *sys.stdlib_module_names}
    return sorted(each for each in roots if name.split(".")[1] not in ALLOWED.get(each, ()))


def imported_modules(text: str, name: str, known: Iterable[str]) -> set[str]:
    """The modules that a module imports anywhere, of the known ones; type checking counts."""
    found: set[str] = set()
    for node in ast.walk(parsed(text)):
        if isinstance(node, IMPORT):
            for home in imported(node, name.split(".")):
                parts = {f"{home}.{alias.name}" for alias in node.names} & set(known)
                found |= parts or {home}
    return found & set(known) - {name}


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """The groups of modules that import each other (strongly connected components)."""

    def reach(name: str) -> set[str]:
        seen, waiting = set[str](), [name]
        while waiting:
            new = graph[waiting.pop()] - seen
            seen |= new
            waiting += new
        return seen

    reached = {name: reach(name) for name in graph}
    groups = {
        tuple(sorted(other for other in graph if name in reached[other] and other in reached[name]))
        for name in graph
    }
    return [list(group) for group in sorted(groups) if group]


def floor_within(folder: str, name: str) -> int:
    """The floor of a module in its folder, by the longest prefix of its name."""
    path = f"{name.removeprefix(folder)[1:]}."
    lengths = {
        len(prefix): floor
        for floor, prefixes in enumerate(FLOORS_WITHIN[folder])
        for prefix in prefixes
        if path.startswith(f"{prefix}.")
    }
    assert lengths, f"{name} needs a place in FLOORS_WITHIN"
    return lengths[max(lengths)]


def modules(source: Path) -> Iterator[tuple[str, str]]:
    """Each module's full name and text, but for the front door."""
    for file in sorted(source.rglob("*.py")):
        if file != source / "__init__.py":
            yield ".".join(file.relative_to(source.parent).with_suffix("").parts), file.read_text()


def test_imports_run_downward(source: Path) -> None:
    climbing = {name: upward(text, name) for name, text in modules(source)}
    assert {name: each for name, each in climbing.items() if each} == {}


@cache
def import_graph(source: Path) -> dict[str, set[str]]:
    texts = {name.removesuffix(".__init__"): (text, name) for name, text in modules(source)}
    return {name: imported_modules(*given, texts) - {name} for name, given in texts.items()}


@pytest.mark.parametrize("folder", FLOORS_WITHIN)
def test_imports_run_downward_within_a_folder(source: Path, folder: str) -> None:
    climbing = {
        (name, other)
        for name, others in import_graph(source).items()
        for other in others
        if name.startswith(f"{folder}.") and other.startswith(f"{folder}.")
        if floor_within(folder, other) > floor_within(folder, name)
    }
    assert climbing == set()


def test_no_modules_import_each_other(source: Path) -> None:
    assert circles(import_graph(source)) == []


def test_a_circle_is_seen() -> None:
    graph = {"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a"}}
    assert circles(graph) == [["b", "c"]]


def test_only_numpy_is_needed(source: Path) -> None:
    needed = {name: foreign(text, name) for name, text in modules(source)}
    assert {name: each for name, each in needed.items() if each} == {}


def test_every_folder_has_a_floor(source: Path) -> None:
    parts = {each.relative_to(source).parts[0] for each in source.rglob("*.py")}
    assert {part.removesuffix(".py") for part in parts} - {"__init__", "__main__"} <= set(FLOORS)


def test_the_front_door_imports_nothing_but_python_and_the_version(source: Path) -> None:
    imports = [
        node
        for node in at_import(parsed((source / "__init__.py").read_text()))
        if isinstance(node, IMPORT)
    ]
    names = {name for node in imports for name in imported(node, ["talweg"])} - {"talweg.version"}
    assert {name.split(".")[0] for name in names} <= sys.stdlib_module_names


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("talweg.gates.exp", "from talweg.graph import Tensor"),
        ("talweg.gates.exp", "from talweg import graph"),
        ("talweg.gates.exp", "from ..graph import Tensor"),
        ("talweg.gates.exp", "import talweg"),
        ("talweg.gates.exp", "from talweg import tensor"),
        ("talweg.errors", "import talweg.settings"),
        ("talweg.nn.dense", "def f():\n    from talweg.optim import SGD"),
        ("talweg.nn.dense", "if TYPE_CHECKING:\n    from talweg.train import Run"),
    ],
)
def test_a_climbing_import_is_seen(name: str, text: str) -> None:
    assert upward(text, name)
    assert not upward("from talweg import errors\nfrom talweg.errors import TalwegError", name)


def test_a_foreign_import_is_seen() -> None:
    assert foreign("try:\n    import pandas\nexcept ImportError: ...", "talweg.data.io.read")
    assert foreign("import llvmlite", "talweg.nn.dense")
    assert not foreign("import llvmlite, numpy.linalg", "talweg.engine.native")
    assert not foreign("def f():\n    import pandas", "talweg.data.io.read")
