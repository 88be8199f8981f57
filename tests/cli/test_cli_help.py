"""The help says what is so: each default that it names is the one of TableModel."""

import argparse
import inspect
import re

import pytest

from talweg.cli.main import parser
from talweg.data.table_model import TableModel
from talweg.optim import AdamW

(COMMANDS,) = (each for each in parser()._actions if isinstance(each, argparse._SubParsersAction))
TRAIN = {each.dest: each for each in COMMANDS.choices["train"]._actions}
SIGNATURE = inspect.signature(TableModel).parameters
DEFAULTS = {name: each.default for name, each in SIGNATURE.items()}
DEFAULTS |= {"seed": inspect.signature(TableModel.fit).parameters["seed"].default, "lr": AdamW().lr}
NAMED = {name: re.search(r"default: (\S+)$", each.help or "") for name, each in TRAIN.items()}


def as_typed(value: object) -> str:
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return "none" if value is None else str(value)


@pytest.mark.parametrize("name", [name for name, found in NAMED.items() if found])
def test_defaults(name: str) -> None:
    assert NAMED[name][1] == as_typed(DEFAULTS[name])


def test_every_setting_of_a_table_model_is_an_option() -> None:
    settings = DEFAULTS.keys() - {"optimizer"}
    assert settings == TRAIN.keys() - {"help", "data", "out", "header"}
    assert all(TRAIN[name].default in (None, argparse.SUPPRESS) for name in settings)
    assert len([each for each in NAMED.values() if each]) >= 6
    assert DEFAULTS["optimizer"] == "adamw"


@pytest.mark.parametrize("command", ["", *COMMANDS.choices])
def test_it_fits_into_80_columns(talweg, monkeypatch, command: str) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    said = talweg(*filter(None, [command]), "--help")
    assert (said.status, said.err) == (0, "")
    assert max(map(len, said.out.splitlines())) <= 80


def test_every_command_and_status_is_explained(talweg) -> None:
    said = talweg("--help").out
    assert all(f"\n    {name} " in said for name in COMMANDS.choices)
    assert "exit status: 0 when done, 2 for an error, 130 when interrupted" in said
    assert "Ctrl-C while it trains" in talweg("train", "--help").out
