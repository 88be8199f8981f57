"""A trained model in one file: a zip of `model.json` and one .npy for each array, no pickle."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import IO, Any

from talweg.archive import Array, Kind, read_bundle, write_bundle
from talweg.data.io.files import existing_file

MODEL = Kind("talweg-model", 3, "model", "copy it again from where it was saved, or train again")


def write_model(
    target: str | os.PathLike[str] | IO[bytes],
    config: Mapping[str, Any],
    arrays: Mapping[str, Array],
) -> None:
    """Write a model whole or not at all; an old file stays until the new one is complete.

    ModelFileError: a config that JSON cannot hold, or an array of Python objects.
    DataError: a folder that does not exist.
    """
    write_bundle(target, MODEL, config, arrays)


def read_model(path: str | os.PathLike[str]) -> tuple[dict[str, Any], dict[str, Array]]:
    """The config and the arrays of a model file, each array checked against its SHA-256.

    ModelFileError: a file that is foreign, damaged, or from a newer talweg.
    """
    return read_bundle(existing_file(path), MODEL)
