"""The help is correct: each default that it names is the one that training uses."""

import argparse
import inspect
import re
from dataclasses import fields

import pytest

from talweg.cli.main import parser
from talweg.data.model.recipe import Recipe, recipe_for
from talweg.data.model.table_model import TableModel
from talweg.optim.schedules import CosineDecay

(COMMANDS,) = (each for each in parser()._actions if isinstance(each, argparse._SubParsersAction))
TRAIN = {each.dest: each for each in COMMANDS.choices["train"]._actions}
SIGNATURE = inspect.signature(TableModel).parameters
DEFAULTS = {name: each.default for name, each in SIGNATURE.items()}
DEFAULTS |= {"seed": inspect.signature(TableModel.fit).parameters["seed"].default}
SIZES = [(50, 3), (900, 9), (20_000, 13), (500_000, 30), (3_000_000, 100)]  # rows, inputs
NAMED = {name: re.search(r"default: (\S+)$", each.help or "") for name, each in TRAIN.items()}


def as_typed(value: object) -> str:
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return "none" if value is None else str(value)


def used(name: str) -> set[str]:
    """What tables of all sizes are learned with where nothing is asked for."""
    if DEFAULTS.get(name) is not None or name == "time_budget":
        return {as_typed(DEFAULTS[name])}
    recipes = [recipe_for(rows, inputs, {}, has_classes=False) for rows, inputs in SIZES]
    if name == "lr":
        assert all(isinstance(each.optimizer.lr, CosineDecay) for each in recipes)
        return {as_typed(each.optimizer.lr.start) for each in recipes}
    return {as_typed(getattr(each, name)) for each in recipes}


@pytest.mark.parametrize("name", [name for name, found in NAMED.items() if found])
def test_defaults(name: str) -> None:
    assert used(name) == {NAMED[name][1]}


BY_SIZE = [name for name, each in TRAIN.items() if "the size of the table" in (each.help or "")]


def test_what_follows_from_the_size_of_the_table_is_said_so() -> None:
    asked = TRAIN.keys() & {each.name for each in fields(Recipe)} - {"bins"}
    assert {name for name in asked if len(used(name)) > 1} <= {*BY_SIZE} <= asked


def test_every_setting_of_a_table_model_is_an_option() -> None:
    settings = DEFAULTS.keys() - {"optimizer"} | {"lr"}
    assert settings == TRAIN.keys() - {"help", "data", "out", "header", "json"}
    assert all(TRAIN[name].default in (None, argparse.SUPPRESS) for name in settings)
    assert len([each for each in NAMED.values() if each]) >= 5


@pytest.mark.parametrize("command", ["", *COMMANDS.choices])
def test_it_fits_into_80_columns(talweg, monkeypatch, command: str) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    said = talweg(*filter(None, [command]), "--help")
    assert (said.status, said.err) == (0, "")
    assert max(map(len, said.out.splitlines())) <= 80


def test_every_command_and_status_is_explained(talweg) -> None:
    said = talweg("--help").out
    assert all(f"\n    {name} " in said for name in COMMANDS.choices)
    assert "exit status: 0 for success, 2 for an error" in said
    assert "Ctrl-C while it trains" in talweg("train", "--help").out
