"""Model files: exact, written whole or not at all, and checked before they are used."""

import hashlib
import io
import json
import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from talweg.archive import digest_of
from talweg.data.model.model_file import read_model, write_model
from talweg.errors import DataError, ModelFileError
from talweg.version import VERSION

CONFIG = {"layers": [3, 4], "lr": 0.1, "note": "é", "best": float("inf"), "none": None}
ARRAYS = {"0.weight": np.arange(6.0).reshape(2, 3), "history/loss": np.float32([0.1, 0.2])}

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def members_of(file: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(file) as bundle:
        return {name: bundle.read(name) for name in bundle.namelist()}


def write_members(file: Path, members: dict[str, bytes]) -> None:
    with zipfile.ZipFile(file, "w") as bundle:
        for name, raw in members.items():
            bundle.writestr(name, raw)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    file = tmp_path / "rings.talweg"
    write_model(file, CONFIG, ARRAYS)
    return file


def assert_same(arrays: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    assert list(arrays) == list(expected)
    for name, array in arrays.items():
        assert array.dtype == expected[name].dtype
        np.testing.assert_array_equal(array, expected[name])


def test_round_trip(model: Path) -> None:
    config, arrays = read_model(model)
    assert config == CONFIG
    assert_same(arrays, ARRAYS)
    head = json.loads(members_of(model)["model.json"])
    assert (head["format"], head["version"], head["talweg"]) == ("talweg-model", 3, VERSION)
    assert os.listdir(model.parent) == [model.name]


@settings(max_examples=30)
@given(st.dictionaries(st.text(), JSON, max_size=3))
def test_any_config_round_trips(tmp_path_factory, config) -> None:
    file = tmp_path_factory.getbasetemp() / "any.talweg"
    write_model(file, config, {})
    assert read_model(file) == (config, {})


@pytest.mark.parametrize(
    "array",
    [
        np.array(3.5),
        np.zeros((0, 4), np.float32),
        np.asfortranarray(np.arange(6).reshape(2, 3)),
        np.array(["elm", "oak"]),
        np.array([True, False]),
        np.array([np.nan, -0.0, np.inf, 5e-324]),
        np.arange(10)[::3],
        np.arange(3, dtype=">i2"),
    ],
)
def test_any_array_round_trips(tmp_path: Path, array: np.ndarray) -> None:
    write_model(tmp_path / "a", {}, {"x": array})
    read = read_model(tmp_path / "a")[1]["x"]
    assert (read.dtype, read.shape, read.tobytes()) == (array.dtype, array.shape, array.tobytes())


def test_the_same_model_makes_the_same_bytes(model: Path) -> None:
    before = model.read_bytes()
    write_model(model, CONFIG, ARRAYS)
    assert model.read_bytes() == before
    with zipfile.ZipFile(model) as bundle:  # no time of day in it
        assert {member.date_time for member in bundle.infolist()} == {(1980, 1, 1, 0, 0, 0)}


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_failed_write_leaves_the_old_file_and_nothing_else(model, monkeypatch, call) -> None:
    def fail(*_: object) -> None:
        raise OSError("no space left")

    before = model.read_bytes()
    monkeypatch.setattr(os, call, fail)
    with pytest.raises(OSError, match="no space left"):
        write_model(model, {"new": 1}, {})
    assert model.read_bytes() == before
    assert os.listdir(model.parent) == [model.name]


@pytest.mark.parametrize(
    ("config", "arrays", "words"),
    [
        ({"x": np.zeros(2)}, {}, "JSON cannot hold its config"),
        ({"x": {1, 2}}, {}, "Use numbers, text, lists and dicts"),
        ({}, {"w": np.array([1, "a"], dtype=object)}, "array 'w' holds Python objects"),
    ],
)
def test_what_cannot_be_written(model: Path, config, arrays, words) -> None:
    before = model.read_bytes()
    with pytest.raises(ModelFileError, match=r"Cannot write .*rings\.talweg") as error:
        write_model(model, config, arrays)
    assert words in str(error.value)
    assert model.read_bytes() == before


def test_bad_paths_are_refused(model: Path) -> None:
    with pytest.raises(DataError, match=r"No such file: .*ring\.talweg.*mean 'rings\.talweg'"):
        read_model(model.with_name("ring.talweg"))
    with pytest.raises(DataError, match=r"there is no folder .*none"):
        write_model(model.parent / "none" / "a", {}, {})
    with pytest.raises(DataError, match=r"it is not a file\. Give a path"):
        write_model(model.parent, {}, {})


def changed_head(members: dict[str, bytes], **changes: object) -> dict[str, bytes]:
    """A file with another head and a correct digest."""
    head = {**json.loads(members["model.json"]), **changes}
    return {**members, "model.json": json.dumps({**head, "digest": digest_of(head)}).encode()}


def npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array(stream, array, allow_pickle=True)
    return stream.getvalue()


def with_array(members: dict[str, bytes], raw: bytes) -> dict[str, bytes]:
    """A file with one array and a correct digest."""
    head = {"model.json": members["model.json"]}
    arrays = {"0.weight": hashlib.sha256(raw).hexdigest()}
    return {**changed_head(head, arrays=arrays), "0.weight.npy": raw}


def unsigned(members: dict[str, bytes], **changes: object) -> dict[str, bytes]:
    """A file with another head and the digest of the old one."""
    head = {**json.loads(members["model.json"]), **changes}
    return {**members, "model.json": json.dumps(head).encode()}


def without_digest(members: dict[str, bytes]) -> dict[str, bytes]:
    head = json.loads(members["model.json"])
    del head["digest"]
    return {**members, "model.json": json.dumps(head).encode()}


def claiming(shape: str) -> bytes:
    """An array of nine numbers whose header claims another shape."""
    claim = f"{shape}, }}".encode()
    return npy(np.ones(9)).replace(b"(9,), }".ljust(len(claim)), claim)


class Trap:
    """An object that runs code when it is unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, ("trapped",)


ALTERED = [  # what, the altered members, words of the message
    ("foreign zip", lambda m: {"a.txt": b"a"}, "not a talweg model: it has no model.json"),
    ("foreign json", lambda m: {"model.json": b"[1]"}, "not a talweg model"),
    ("no json", lambda m: {"model.json": b"{"}, "Name a file that talweg saved"),
    ("format", lambda m: changed_head(m, format="other"), "of the format 'talweg-model'"),
    ("version", lambda m: changed_head(m, version="1"), "not a talweg model"),
    ("newer", lambda m: changed_head(m, version=4, talweg="9.1"), "newer talweg (9.1; this is"),
    ("newer, other parts", lambda m: changed_head(m, version=4, arrays=[]), "upgrade talweg"),
    ("older", lambda m: changed_head(m, version=2, talweg="0.0"), "an older talweg (0.0; this is"),
    ("no config", lambda m: changed_head(m, config=None), "without its config or its arrays"),
    ("lost array", lambda m: {"model.json": m["model.json"]}, "lacks its array '0.weight'"),
    (
        "other array",
        lambda m: {**m, "0.weight.npy": npy(np.ones(2))},
        "that was changed after saving",
    ),
    ("objects", lambda m: with_array(m, npy(np.array([Trap()]))), "'0.weight' that is refused"),
    ("a pickle", lambda m: with_array(m, pickle.dumps(Trap())), "'0.weight' that is refused"),
    ("a text", lambda m: with_array(m, b"{}"), "'0.weight' that is refused"),
    (
        "a header alone",
        lambda m: with_array(m, npy(np.ones(9))[:-72]),
        "does not fit its",
    ),
    ("bytes behind", lambda m: with_array(m, npy(np.ones(9)) + b"more"), "does not fit its 204"),
    ("a huge claim", lambda m: with_array(m, claiming("(9, 10000000000000)")), "does not fit its"),
    (
        "a negative claim",
        lambda m: with_array(m, claiming("(-1, 9)")),
        "'0.weight' that is refused",
    ),
    ("a claim of text", lambda m: with_array(m, claiming("'a'")), "'0.weight' that is refused"),
    ("no digest", lambda m: without_digest(m), "a model.json that was changed after saving"),
    (
        "another config",
        lambda m: unsigned(m, config={}),
        "a model.json that was changed after saving",
    ),
    (
        "another version",
        lambda m: unsigned(m, talweg="9"),
        "a model.json that was changed after saving",
    ),
    (
        "a part more",
        lambda m: changed_head(m, more=1),
        "a model.json that was changed after saving",
    ),
    ("nested too deep", lambda m: {**m, "model.json": b"[" * 200_000}, "not a talweg model"),
    ("not named", lambda m: {**m, "extra": b"a"}, "does not name ('extra')"),
]


@pytest.mark.parametrize(
    ("alter", "words"), [row[1:] for row in ALTERED], ids=[row[0] for row in ALTERED]
)
def test_altered_members_are_refused(model: Path, monkeypatch, alter, words) -> None:
    monkeypatch.chdir(model.parent)
    write_members(model, alter(members_of(model)))
    with pytest.raises(ModelFileError, match=r"rings\.talweg") as error:
        read_model(model)
    assert words in str(error.value)
    assert not Path("trapped").exists()


@pytest.mark.parametrize(
    ("way", "words"),
    [
        ("packed", "compressed members, which talweg never writes"),
        ("a packed member more", "compressed members, which talweg never writes"),
        ("two of one name", "two members of one name"),
        ("a false size", "compressed members, which talweg never writes"),
    ],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_members_that_could_unpack_to_any_size_are_refused(
    model: Path, way: str, words: str
) -> None:
    packed = {"packed": {"compression": zipfile.ZIP_DEFLATED}}.get(way, {})
    members = members_of(model)
    with zipfile.ZipFile(model, "w", **packed) as bundle:
        for name, raw in members.items():
            bundle.writestr(name, raw)
        if way == "a packed member more":
            bundle.writestr("extra", bytes(2**20), zipfile.ZIP_LZMA)
        if way == "two of one name":
            bundle.writestr("model.json", members["model.json"])
        if way == "a false size":
            bundle.infolist()[0].file_size = 2**40
    with pytest.raises(ModelFileError, match=words):
        read_model(model)


def test_a_file_that_is_no_whole_zip_is_refused(model: Path) -> None:
    whole = model.read_bytes()
    for raw in (b"", *(whole[:cut] for cut in range(0, len(whole), 7))):
        model.write_bytes(raw)
        with pytest.raises(ModelFileError, match=r"damaged, cut short or altered: copy it again"):
            read_model(model)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"rings\n1\n", "text, such as a CSV file"),
        (b"PAR1\x15\x04", "a Parquet file"),
        (b"\x80\x04\x95", "a pickle"),
        (b"\x00\x01\x02\x03", "a binary file"),
    ],
)
def test_another_file_is_named(model: Path, raw: bytes, words: str) -> None:
    model.write_bytes(raw)
    with pytest.raises(ModelFileError, match=f"is not a talweg model; it seems to be {words}"):
        read_model(model)


@pytest.mark.parametrize("step", [7, pytest.param(1, marks=pytest.mark.slow)])
def test_each_altered_byte_is_noticed_or_harmless(model: Path, step: int) -> None:
    write_model(model, {"lr": 0.1}, {"w": np.arange(2.0)})
    whole = model.read_bytes()
    for place in range(0, len(whole), step):
        altered = bytearray(whole)
        altered[place] ^= (0x01, 0x80, 0xFF)[place % 3]
        model.write_bytes(altered)
        try:
            config, arrays = read_model(model)
        except ModelFileError:
            continue
        assert config == {"lr": 0.1}
        assert arrays["w"].tolist() == [0, 1]
