"""Bad input: one message that says what, where and what to do; status 2; nothing left behind."""

import json
import os
import zipfile
from pathlib import Path

import pytest

from talweg.archive import digest_of
from talweg.version import VERSION

NUMBERS = [(row % 7, row * 0.5) for row in range(30)]


def table(*rows: tuple[object, ...]) -> bytes:
    return "".join(",".join(map(str, row)) + "\n" for row in [("alpha", "beta"), *rows]).encode()


FILES = {
    "good.csv": table(*NUMBERS),
    "empty.csv": b"",
    "blank.csv": b"\n\n  \n",
    "header.csv": table(),
    "ragged.csv": table(*NUMBERS[:3], (1,), *NUMBERS[3:]),
    "binary.csv": bytes(range(256)) * 9,
    "twice.csv": b"a,a,b\n" + b"1,2,3\n" * 20,
    "quote.csv": b'a,b\n1,"2\n' + b"3,4\n" * 20,
    "one.csv": table(*((row % 7, 5) for row in range(30))),
    "missing.csv": table(*((row % 7, "?") for row in range(30))),
    "labels.csv": table(*((row % 7, f"x{row}") for row in range(30))),
    "few.csv": table(*NUMBERS[:4]),
    "gaps.csv": table(*((1, "") for _ in range(25)), *NUMBERS[:9]),
    "text.csv": table(*((row % 7, "hello" if row == 13 else row * 0.5) for row in range(30))),
    "constant.csv": table(*((1, row * 0.5) for row in range(30))),
    "infinite.csv": table(*NUMBERS[:-1], (1, "inf")),
    "open.csv": b'alpha,beta\n1,"2\n' + b"3,4\n" * 40_000,
    "names.csv": b"alhpa,gamma\n1,2\n3,4\n",
    "taken": b"a file",
}

TRAIN = [  # what, the table, options, words of the message
    ("no file", "goood.csv", "", "No such file: goood.csv. Did you mean 'good.csv'?"),
    ("no folder", "nowhere/a.csv", "", "There is no folder nowhere: check the path."),
    ("a folder", "folder", "", "folder is a folder, but a file is needed. Give a file in it"),
    ("no column", "good.csv", "--target betta", "good.csv has no column 'betta'. Did you mean"),
    ("no position", "good.csv", "--target 9", "no column '9'. Give a position from 0 to 1"),
    ("no dropped", "good.csv", "--drop alfa", "no column 'alfa'. Did you mean 'alpha'?"),
    ("drop target", "good.csv", "--drop beta", "Column 'beta' is the target and cannot be dropped"),
    ("drop all", "good.csv", "--drop alpha", "good.csv has no column to learn from"),
    ("constant", "constant.csv", "", "Column 'alpha': Every cell holds '1'. Add a column"),
    ("empty", "empty.csv", "", "empty.csv is empty. Give a file with at least one row."),
    ("blank", "blank.csv", "", "blank.csv is empty."),
    ("header only", "header.csv", "", "header.csv has a header but no rows: alpha, beta. Add rows"),
    ("ragged", "ragged.csv", "", "ragged.csv, line 5: 1 cell"),
    (
        "binary",
        "binary.csv",
        "",
        "binary.csv is not plain text: line 1 has the byte 0x00. Save it as CSV in UTF-8",
    ),
    ("no kind", "good.csv", "--column alpha=numbr", "no kind 'numbr'. Did you mean 'number'?"),
    ("kind of none", "good.csv", "--column alhpa=number", "no column 'alhpa'. Did you mean"),
    ("not that kind", "good.csv", "--column alpha=date", "'alpha' cannot be of the kind 'date'"),
    ("kind alone", "good.csv", "--column alpha", "a column and its kind such as zip=category"),
    ("two of one name", "twice.csv", "", "2 columns named 'a'. Give each column its own name."),
    ("open quote", "quote.csv", "", "quote.csv, line 2: the file ends inside a cell."),
    (
        "one value",
        "one.csv",
        "",
        "Target 'beta': every row holds '5', so there is nothing to learn",
    ),
    ("no value", "missing.csv", "", "Target 'beta': every cell is missing. Choose another column."),
    ("all differ", "labels.csv", "", "30 different labels in 30 rows are too many to learn."),
    ("few rows", "few.csv", "", "few.csv: too few rows with a target (4) to train"),
    ("few targets", "gaps.csv", "", "gaps.csv: too few rows with a target (9) to train"),
    ("text", "text.csv", "--task regression", "row 14: 'hello' is not a finite number. Correct it"),
    ("infinite", "infinite.csv", "", "row 30: 'inf' is not a finite number. Correct it or"),
    ("an open quote", "open.csv", "", "open.csv, line 2: the file ends inside a cell"),
    ("rate", "good.csv", "--lr -0.1", "AdamW: lr must be a number above 0, but -0.1 was given."),
    ("infinite rate", "good.csv", "--lr inf", "lr must be a number above 0, but inf was given."),
    ("epochs", "good.csv", "--epochs 0", "epochs must be an integer of at least 1 or None, but 0"),
    (
        "patience",
        "good.csv",
        "--patience 0",
        "patience must be an integer of at least 1 or None, but",
    ),
    (
        "members",
        "good.csv",
        "--n-estimators 9",
        "integer of at least 1 and at most 8 or None, but 9",
    ),
    (
        "no member",
        "good.csv",
        "--n-estimators 0",
        "integer of at least 1 and at most 8 or None, but 0",
    ),
    ("bins", "good.csv", "--bins -1", "bins must be an integer of at least 0 or None, but -1 was"),
    ("dropout", "good.csv", "--dropout 1", "dropout must be a number of at least 0 and below 1 or"),
    ("no weights", "good.csv", "--weight beta", "Column 'beta' is the target and cannot be"),
    (
        "no times",
        "text.csv",
        "--time beta --target alpha",
        "Time 'beta', row 14: 'hello' is neither",
    ),
    ("twice", "good.csv", "--target beta --target 1", "Column 'beta' is given as a target twice"),
    ("two targets", "good.csv", "--target beta --target gamma", "good.csv has no column 'gamma'"),
    ("no groups", "good.csv", "--groups alpa", "no column 'alpa'. Did you mean 'alpha'?"),
    ("two ways", "good.csv", "--groups alpha --time alpha", "define different splits"),
    ("batch", "good.csv", "--batch-size -2", "batch_size must be an integer of at least 1 or"),
    ("time", "good.csv", "--time-budget 0", "time_budget must be a number above 0 or None, but"),
    ("seed", "good.csv", "--seed -1", "seed must be an integer of at least 0 and below"),
    ("activation", "good.csv", "--activation rleu", "but 'rleu' was given. Did you mean 'relu'?"),
    (
        "no unit",
        "good.csv",
        "--hidden 8,0",
        "hidden must be sizes of layers such as (128, 64), or None, but",
    ),
    ("words", "good.csv", "--hidden a,b", "--hidden: expected layer sizes such as 128,64"),
    ("no number", "good.csv", "--epochs many", "argument --epochs: invalid int value: 'many'"),
    ("task", "good.csv", "--task guess", "argument --task: invalid choice: 'guess'"),
    ("out", "good.csv", "--out taken", "--out taken: taken is a file. Give a folder."),
    ("out below", "good.csv", "--out taken/x/y", "taken is a file. Give a folder."),
]

PREDICT = [  # what, the model, the table, options, words of the message
    ("no model", "modle.talweg", "good.csv", "", "No such file: modle.talweg. Did you mean"),
    ("no model in it", "folder", "good.csv", "", "No such file: folder/model.talweg."),
    ("foreign", "good.csv", "good.csv", "", "good.csv is not a talweg model; it seems to be text"),
    ("foreign zip", "zip.talweg", "good.csv", "", "zip.talweg is not a talweg model"),
    (
        "cut short",
        "cut.talweg",
        "good.csv",
        "",
        "It is damaged, cut short or altered: copy it again",
    ),
    (
        "altered",
        "altered.talweg",
        "good.csv",
        "",
        "altered.talweg has an array 'weights' that was changed",
    ),
    ("a part lost", "lost.talweg", "good.csv", "", "lost.talweg has a missing or invalid part"),
    ("another size", "size.talweg", "good.csv", "", "'weights' is float32"),
    ("another kind", "kind.talweg", "good.csv", "", "kind.talweg holds no table model. Train one"),
    ("newer", "newer.talweg", "good.csv", "", f"a newer talweg (9.9; this is {VERSION}): upgrade"),
    ("no rows", "model.talweg", "header.csv", "", "header.csv has a header but no rows: alpha"),
    ("no rows for a file", "model.talweg", "header.csv", "--out new.csv", "a header but no rows"),
    ("no table", "model.talweg", "gut.csv", "", "No such file: gut.csv. Did you mean"),
    (
        "no column",
        "model.talweg",
        "names.csv",
        "",
        "names.csv: 1 of 1 columns of training is missing: 'alpha' (did you mean 'alhpa'?)",
    ),
    ("numbers", "model.talweg", "good.csv", "--probabilities", "as a number, which has no prob"),
    ("no folder", "model.talweg", "good.csv", "--out no/p.csv", "there is no folder no. Create it"),
    (
        "a folder",
        "model.talweg",
        "good.csv",
        "--out folder",
        "--out folder: this is not a regular file.",
    ),
    (
        "a pipe",
        "model.talweg",
        "good.csv",
        "--out pipe",
        "--out pipe: this is not a regular file. Give a",
    ),
    ("itself", "model.talweg", "good.csv", "--out good.csv", "this is the table to read. Give"),
]


TRAINED: dict[str, bytes] = {}
"""What the first test that asks for a model makes, for all of them."""


def head_of(file: str) -> dict[str, object]:
    with zipfile.ZipFile(file) as bundle:
        return dict(json.loads(bundle.read("model.json")))


def copy_with(name: str, change) -> None:
    """A copy of model.talweg with its model.json changed, and signed again."""
    head = head_of("model.talweg")
    change(head)
    head["digest"] = digest_of(head)
    with zipfile.ZipFile("model.talweg") as old, zipfile.ZipFile(name, "w") as new:
        for member in old.namelist():
            raw = old.read(member)
            new.writestr(member, json.dumps(head) if member == "model.json" else raw)


@pytest.fixture
def files(talweg) -> None:
    for name, content in FILES.items():
        Path(name).write_bytes(content)
    Path("folder").mkdir()
    os.mkfifo("pipe")


@pytest.fixture
def models(files, talweg) -> None:
    """A model, and all that may have become of it."""
    if not TRAINED:
        quick = ("--epochs", 1, "--hidden", 2, "--n-estimators", 1)
        talweg("train", "good.csv", "--target", "beta", "--out", ".", *quick)
        names = ("model.talweg", "history.csv", "report.html")
        TRAINED.update({name: Path(name).read_bytes() for name in names})
    for name, content in TRAINED.items():
        Path(name).write_bytes(content)
    whole = TRAINED["model.talweg"]
    Path("cut.talweg").write_bytes(whole[: len(whole) // 2])
    with zipfile.ZipFile("zip.talweg", "w") as bundle:
        bundle.writestr("letter.txt", "hello")
    copy_with("lost.talweg", lambda head: head["config"].pop("encoder"))
    copy_with("kind.talweg", lambda head: head["config"].update(kind="tree"))
    copy_with("size.talweg", lambda head: head["config"]["network"].update(hidden=[10**6]))
    copy_with("newer.talweg", lambda head: head.update(version=99, talweg="9.9"))
    copy_with("altered.talweg", lambda head: head["arrays"].update(weights="0" * 64))


def everything() -> dict[Path, bytes]:
    return {file: file.read_bytes() for file in Path().rglob("*") if file.is_file()}


def assert_refused(said, words: str) -> None:
    assert said.status == 2
    assert words in said.err
    assert "Traceback" not in said.err
    assert said.err.startswith(("talweg: ", "usage: talweg "))


@pytest.mark.parametrize(
    ("data", "options", "words"), [row[1:] for row in TRAIN], ids=[row[0] for row in TRAIN]
)
def test_train(talweg, files, data: str, options: str, words: str) -> None:
    before = everything()
    target = () if "--target" in options else ("--target", "beta")
    arguments = (*target, "--out", "out", *options.split())
    assert_refused(talweg("train", data, *arguments), words)
    assert everything() == before
    assert not Path("out").exists()


@pytest.mark.parametrize(
    ("model", "data", "options", "words"),
    [row[1:] for row in PREDICT],
    ids=[row[0] for row in PREDICT],
)
def test_predict(talweg, models, model: str, data: str, options: str, words: str) -> None:
    before = everything()
    said = talweg("predict", model, data, *options.split())
    assert_refused(said, words)
    assert said.out == ""
    assert everything() == before


@pytest.mark.parametrize("model", ["cut.talweg", "good.csv", "none"])
def test_show(talweg, models, model: str) -> None:
    assert_refused(talweg("show", model), model)


@pytest.mark.parametrize("arguments", [(), ("trian",), ("train", "good.csv"), ("predict", "a")])
def test_a_command_line_that_lacks_something(talweg, files, arguments) -> None:
    assert_refused(talweg(*arguments), "error: ")


def test_demo(talweg) -> None:
    assert_refused(talweg("demo", "--seeds", 0), "seeds must be an integer of at least 1")
    assert list(Path().iterdir()) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write to every folder")
def test_a_folder_that_cannot_be_written_to(talweg, files) -> None:
    Path("folder").chmod(0o500)
    said = talweg("train", "good.csv", "--target", "beta", "--out", "folder")
    assert_refused(said, "--out folder: folder cannot be written to (Permission denied). Name")


def test_a_write_that_fails_leaves_the_old_files(talweg, models, monkeypatch) -> None:
    before = everything()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    quick = ("--epochs", 1, "--hidden", 2, "--n-estimators", 1)
    arguments = ("train", "good.csv", "--target", "beta", *quick, "--out")
    for out in (".", "new/folder"):
        assert_refused(talweg(*arguments, out), f"--out {out}: No space left on device.")
        assert everything() == before
        assert not Path("new").exists()
