"""A file that replaces another: its permissions, its links, and what killed writers leave."""

import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import talweg as tw
from talweg.archive import Kind, write_bundle
from talweg.atomic_write import atomic_write, leftovers
from talweg.cli.main import main

pytest.importorskip("fcntl", reason="this system has no permissions of POSIX")

ROWS = [[each, 2 * each] for each in range(60)]
KIND = Kind("talweg-test", 1, "test", "write it again")


def write(path: Path, content: bytes = b"new") -> None:
    with atomic_write(path) as stream:
        stream.write(content)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def umask():
    """Sets the umask for a test."""
    before = os.umask(0o022)
    yield os.umask
    os.umask(before)


# Permissions ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kept", [0o600, 0o640, 0o400, 0o666, 0o755, 0o604])
def test_the_permissions_of_the_old_file_are_kept(tmp_path, umask, kept: int) -> None:
    file = tmp_path / "a"
    file.write_text("old")
    file.chmod(kept)
    write(file)
    assert (mode(file), file.read_bytes()) == (kept, b"new")


@pytest.mark.parametrize(("given", "expected"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_a_new_file_follows_the_umask(tmp_path, umask, given: int, expected: int) -> None:
    umask(given)
    write(tmp_path / "a")
    assert mode(tmp_path / "a") == expected


def test_the_new_content_is_private_before_it_is_in_its_place(tmp_path, umask) -> None:
    file = tmp_path / "a"
    file.write_text("old")
    with atomic_write(file):
        (beside,) = leftovers(file)
        assert mode(beside) == 0o600
    assert mode(file) == 0o644


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_owner_and_group_are_kept(tmp_path) -> None:
    file = tmp_path / "a"
    file.write_text("old")
    os.chown(file, 1234, 5678)
    write(file)
    assert (file.stat().st_uid, file.stat().st_gid) == (1234, 5678)


def test_what_a_group_was_allowed_is_not_for_another(tmp_path, monkeypatch) -> None:
    file = tmp_path / "a"
    file.write_text("old")
    file.chmod(0o664)
    facts = list(file.stat())
    facts[5] += 1  # the group
    monkeypatch.setattr("talweg.atomic_write._stat", lambda _: os.stat_result(facts))
    monkeypatch.setattr(os, "chown", refused)
    write(file)
    assert mode(file) == 0o604


def refused(*_: object) -> None:
    raise PermissionError(1, "Operation not permitted")


def test_attributes_are_kept_and_times_are_not(tmp_path) -> None:
    file = tmp_path / "a"
    file.write_text("old")
    os.utime(file, (0, 0))
    write(file)
    assert file.stat().st_mtime > 1e9


# Each writer ----------------------------------------------------------------------------------


def model() -> tw.TableModel:
    return tw.TableModel(-1, n_estimators=1, epochs=1, hidden=(2,), bins=0).fit(ROWS)


def checkpoint(file: Path) -> None:
    X, y = np.zeros((4, 1)), np.zeros((4, 1))
    tw.fit(tw.Sequential(tw.Dense(1)), X, y, epochs=1, checkpoint=file)


def swept(file: Path) -> None:
    X, y = np.zeros((4, 1)), np.zeros((4, 1))
    over = {"lr": [0.1, 0.2]}
    tw.sweep(lambda: tw.Sequential(tw.Dense(1)), X, y, over=over, epochs=1, checkpoint=file)


def command(*words: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(list(words))
    assert ended.value.code == 0


def table(folder: Path) -> str:
    file = folder / "t.csv"
    file.write_text("".join(f"{x},{y}\n" for x, y in ROWS))
    return str(file)


def train(file: Path) -> None:
    quick = ("--n-estimators", "1", "--epochs", "1", "--hidden", "2", "--bins", "0")
    command("train", table(file.parent), "--target", "-1", "--out", str(file.parent), *quick)


def predict(file: Path) -> None:
    model().save(file.parent / "m")
    command("predict", str(file.parent / "m"), table(file.parent), "--out", str(file))


def compare(file: Path) -> None:
    model().save(file.parent / "m")
    command("compare", str(file.parent / "m"), str(file.parent / "m"), "--out", str(file))


WRITERS: list[tuple[str, str, Callable[[Path], object]]] = [
    ("save", "a.talweg", lambda file: model().save(file)),
    ("report", "a.html", lambda file: tw.report(model(), file)),
    ("bundle", "a.bundle", lambda file: write_bundle(file, KIND, {}, {})),
    ("checkpoint", "a.run", checkpoint),
    ("sweep", "a.sweep", swept),
    ("train", "model.talweg", train),
    ("train's report", "report.html", train),
    ("train's history", "history.csv", train),
    ("predict", "p.csv", predict),
    ("compare", "c.html", compare),
]


@pytest.mark.parametrize(
    ("name", "writer"), [each[1:] for each in WRITERS], ids=[each[0] for each in WRITERS]
)
def test_a_private_file_stays_private(tmp_path, umask, name: str, writer) -> None:
    file = tmp_path / name
    file.touch(0o600)
    writer(file)
    assert file.stat().st_size > 0
    assert mode(file) == 0o600
    file.unlink()
    writer(file)
    assert mode(file) == 0o644


@pytest.mark.parametrize("size", [1000, 100_000])
def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path, size: int) -> None:
    resource = pytest.importorskip("resource")
    file = tmp_path / "a"
    file.write_text("old")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            write(file, b"x" * size)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert file.read_text() == "old" and os.listdir(tmp_path) == ["a"]


# Links ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("exists", [True, False])
def test_a_link_is_followed(tmp_path, exists: bool) -> None:
    (tmp_path / "far").mkdir()
    far, link = tmp_path / "far" / "b", tmp_path / "a"
    if exists:
        far.touch(0o600)
    link.symlink_to(far)
    write(link)
    assert link.is_symlink() and far.read_bytes() == b"new"
    assert not exists or mode(far) == 0o600
    assert os.listdir(far.parent) == ["b"] and sorted(os.listdir(tmp_path)) == ["a", "far"]


def test_the_other_name_of_a_file_keeps_the_old_content(tmp_path) -> None:
    (tmp_path / "a").write_text("old")
    os.link(tmp_path / "a", tmp_path / "b")
    write(tmp_path / "a")
    assert (tmp_path / "b").read_text() == "old"


# Leftovers ------------------------------------------------------------------------------------


def test_a_writer_clears_away_only_what_nobody_writes(tmp_path) -> None:
    file = tmp_path / "a"
    left = tmp_path / ".a.01234567"
    other = tmp_path / ".b.01234567"
    left.touch()
    other.touch()
    with atomic_write(file) as slow:
        slow.write(b"slow")
        assert not left.exists()
        write(file, b"quick")
        assert len(leftovers(file)) == 1
        assert file.read_bytes() == b"quick"
    assert file.read_bytes() == b"slow"
    assert sorted(os.listdir(tmp_path)) == [".b.01234567", "a"]


def test_a_link_in_the_place_of_a_leftover_is_not_followed(tmp_path) -> None:
    (tmp_path / "precious").write_text("kept")
    (tmp_path / ".a.01234567").symlink_to(tmp_path / "precious")
    os.mkfifo(tmp_path / ".a.89abcdef")
    write(tmp_path / "a")
    assert (tmp_path / "precious").read_text() == "kept"


def test_many_writers_of_one_file_leave_one_of_theirs(tmp_path) -> None:
    file, faults = tmp_path / "a", []

    def often(content: bytes) -> None:
        try:
            for _ in range(30):
                write(file, content * 100)
        except OSError as error:
            faults.append(error)

    threads = [threading.Thread(target=often, args=(each,)) for each in (b"a", b"b", b"c")]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert faults == [] and os.listdir(tmp_path) == ["a"]
    assert file.read_bytes() in [each * 100 for each in (b"a", b"b", b"c")]
