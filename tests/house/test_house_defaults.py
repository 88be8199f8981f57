"""Every public default and every tuning number, against a record.

`python tests/house/test_house_defaults.py` writes them anew; read what has changed before keeping
it: a default that changes changes what people get who said nothing.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import talweg as tw
from talweg import gates

pytest.importorskip("llvmlite")

HERE = Path(__file__).parent / "defaults"
SOURCE = Path(tw.__file__).parent
PACKAGES = [each.name for each in sorted(SOURCE.iterdir()) if (each / "__init__.py").exists()]
LAYOUT = {"talweg.engine.native.control_block"}
"""Modules whose numbers are places in memory."""


# The public face ----------------------------------------------------------------------------------


def public() -> str:
    """A line for each function, class and method of a class that has defaults."""
    lines = [line for name in tw.__all__ for line in lines_of(name, getattr(tw, name))]
    return "\n".join(sorted(set(lines))) + "\n"


def lines_of(name: str, found: Any) -> Iterator[str]:
    yield from line_of(name, found)
    if not isinstance(found, type):
        return
    for method, each in vars(found).items():
        if method[0] != "_" and callable(getattr(found, method)):
            yield from line_of(f"{name}.{method}", getattr(each, "__func__", each))


def line_of(name: str, found: Any) -> Iterator[str]:
    try:
        parameters = inspect.signature(found).parameters.values()
    except (TypeError, ValueError):  # no function, or written in C
        return
    given = [f"{each.name}={each.default!r}" for each in parameters if has_default(each)]
    if given:
        yield f"{name}({', '.join(given)})"


def has_default(parameter: inspect.Parameter) -> bool:
    return parameter.default is not parameter.empty


# Tuning numbers -----------------------------------------------------------------------------------


def numbers(package: str) -> str:
    """A line for each name in capitals, at the outermost level of a module, that is a number.

    The modules beside the packages stand under `talweg`.
    """
    lines = []
    files = SOURCE.glob("*.py") if package == "talweg" else (SOURCE / package).rglob("*.py")
    for file in sorted(files):
        module = ".".join(["talweg", *file.relative_to(SOURCE).with_suffix("").parts])
        if module not in LAYOUT and file.stem not in ("__init__", "__main__"):
            lines += numbers_of(file, module)
    return "\n".join(lines) + "\n"


def numbers_of(file: Path, module: str) -> Iterator[str]:
    found = import_module(module)
    for name in dict.fromkeys(named_in(ast.parse(file.read_text()))):
        value = getattr(found, name)
        if name.isupper() and is_number(value):
            yield f"{module}.{name} = {value!r}"


def named_in(tree: ast.Module) -> Iterator[str]:
    """The names that a module assigns."""
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else []
        targets = [node.target] if isinstance(node, ast.AnnAssign) and node.value else targets
        for target in targets:
            yield from (each.id for each in ast.walk(target) if isinstance(each, ast.Name))


def is_number(value: Any) -> bool:
    """A number, or a row of numbers."""
    if isinstance(value, tuple):
        return bool(value) and all(map(is_number, value))
    return type(value) in (int, float)


def costs() -> str:
    """A line for each gate whose cost is a number of operations an element."""
    found = {name: getattr(gate.cost, "args", ()) for name, gate in gates.GATES.items()}
    return "".join(f"{name} {args[0]}\n" for name, args in found.items() if args)


TEXTS = {"public": public, "costs": costs} | {
    name: lambda name=name: numbers(name) for name in [*PACKAGES, "talweg"]
}
WITH_NUMBERS = [name for name in TEXTS if TEXTS[name]().strip()]


@pytest.mark.parametrize("name", WITH_NUMBERS)
def test_a_default_is_what_it_was(name: str) -> None:
    file = HERE / f"{name}.txt"
    before = file.read_text().splitlines() if file.exists() else []
    now = TEXTS[name]().splitlines()
    changed = [f"- {each}" for each in before if each not in now]
    changed += [f"+ {each}" for each in now if each not in before]
    assert not changed, (
        "defaults have changed: `python tests/house/test_house_defaults.py` writes them anew\n"
        + "\n".join(changed)
    )
    assert before == now


def test_each_file_is_still_made() -> None:
    assert {file.stem for file in HERE.glob("*.txt")} == {*WITH_NUMBERS}


def test_the_table_has_what_people_rely_on() -> None:
    face = TEXTS["public"]()
    for words in ("fit(", "TableModel(", "Adam(lr=0.001", "Dropout(rate=0.5)", "TableModel.fit("):
        assert f"\n{words}" in f"\n{face}"
    assert "talweg.train.search.lr_find.SHARE = 3.0\n" in TEXTS["train"]()


if __name__ == "__main__":
    HERE.mkdir(exist_ok=True)
    for each in HERE.glob("*.txt"):
        each.unlink()
    for name in WITH_NUMBERS:
        (HERE / f"{name}.txt").write_text(TEXTS[name]())
