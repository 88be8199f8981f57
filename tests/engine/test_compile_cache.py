"""The compile cache: entries that it loads are complete, unaltered, ours and the right ones."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from talweg.engine.native.llvm import cache as module
from talweg.engine.native.llvm.cache import Cache, key_of, user_folder

posix = pytest.mark.skipif(sys.platform == "win32", reason="permissions of POSIX")

KEY, OTHER = key_of("one"), key_of("other")
CODE = bytes(range(32))
HEADER = 84  # magic 8, format 4, key 32, length 8, digest 32


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "talweg")


def entry(cache: Cache, key: bytes = KEY) -> Path:
    assert cache.folder is not None
    return cache.folder / f"{key.hex()}.code"


def files(cache: Cache) -> list[str]:
    assert cache.folder is not None
    return sorted(each.name for each in cache.folder.iterdir())


def test_an_entry_is_loaded_by_its_key_and_by_no_other(cache: Cache) -> None:
    assert cache.load(KEY) is None
    cache.store(KEY, CODE)
    assert cache.load(KEY) == CODE
    assert cache.load(OTHER) is None
    assert files(cache) == [entry(cache).name]


def test_a_second_store_replaces_the_first(cache: Cache) -> None:
    cache.store(KEY, CODE)
    cache.store(KEY, b"new")
    assert cache.load(KEY) == b"new"


def test_code_may_be_empty(cache: Cache) -> None:
    cache.store(KEY, b"")
    assert cache.load(KEY) == b""


def test_each_part_of_a_key_counts_and_parts_do_not_run_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    keys = [
        key_of("ab", "c"),
        key_of("a", "bc"),
        key_of("abc"),
        key_of("abc", ""),
        key_of("", "abc"),
    ]
    monkeypatch.setattr(module, "FORMAT", module.FORMAT + 1)
    assert len({*keys, key_of("ab", "c")}) == len(keys) + 1


# Entries that must not be loaded ----------------------------------------------------------------


def refused(cache: Cache) -> bool:
    """Whether the entry is not loaded, is deleted, and can be stored again."""
    loaded, left = cache.load(KEY), entry(cache).exists()
    cache.store(KEY, CODE)
    return loaded is None and not left and cache.load(KEY) == CODE


@pytest.mark.parametrize("mask", [0x01, 0x80, 0xFF])
def test_a_change_of_any_byte_is_detected(cache: Cache, mask: int) -> None:
    cache.store(KEY, CODE)
    whole = entry(cache).read_bytes()
    assert len(whole) == HEADER + len(CODE)
    for place in range(len(whole)):
        damaged = bytearray(whole)
        damaged[place] ^= mask
        entry(cache).write_bytes(damaged)
        assert refused(cache), f"byte {place}"


def test_an_entry_cut_anywhere_is_detected(cache: Cache) -> None:
    cache.store(KEY, CODE)
    whole = entry(cache).read_bytes()
    for length in range(len(whole)):
        entry(cache).write_bytes(whole[:length])
        assert refused(cache), f"{length} bytes"


def test_extra_bytes_behind_an_entry_are_detected(cache: Cache) -> None:
    cache.store(KEY, CODE)
    entry(cache).write_bytes(entry(cache).read_bytes() + b"\0")
    assert refused(cache)


def test_an_entry_under_another_name_is_detected(cache: Cache) -> None:
    cache.store(OTHER, b"what the other does")
    shutil.copy(entry(cache, OTHER), entry(cache))
    assert refused(cache)
    assert cache.load(OTHER) == b"what the other does"


def test_an_entry_of_another_format_is_detected(
    cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(module, "FORMAT", module.FORMAT + 1)
        cache.store(KEY, CODE)
    assert refused(cache)


@posix
@pytest.mark.parametrize("mode", [0o620, 0o602])
def test_an_entry_that_others_may_write_is_not_loaded(cache: Cache, mode: int) -> None:
    cache.store(KEY, CODE)
    entry(cache).chmod(mode)
    assert refused(cache)


@posix
def test_an_entry_of_another_owner_is_not_loaded(
    cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.store(KEY, CODE)
    with monkeypatch.context() as patch:
        patch.setattr(module, "_is_ours", Path.is_dir)  # the folder is ours, the entry is not
        patch.setattr(os, "geteuid", lambda: os.getuid() + 1)
        assert cache.load(KEY) is None


@posix
def test_a_link_is_not_followed(cache: Cache, tmp_path: Path) -> None:
    cache.store(KEY, CODE)
    aside = tmp_path / "aside"
    entry(cache).rename(aside)
    whole = aside.read_bytes()
    entry(cache).symlink_to(aside)
    assert cache.load(KEY) is None
    cache.store(KEY, b"new")
    assert cache.load(KEY) == b"new"
    assert not entry(cache).is_symlink()
    assert aside.read_bytes() == whole


@posix
def test_a_pipe_in_place_of_an_entry_neither_blocks_nor_is_read(cache: Cache) -> None:
    cache.store(KEY, CODE)
    whole = entry(cache).read_bytes()
    entry(cache).unlink()
    os.mkfifo(entry(cache))
    assert refused(cache)
    entry(cache).unlink()
    os.mkfifo(entry(cache))
    with open(os.open(entry(cache), os.O_RDWR | os.O_NONBLOCK), "wb") as writer:
        writer.write(whole)
        writer.flush()
        assert refused(cache)


def test_a_folder_in_place_of_an_entry_is_left_alone(cache: Cache) -> None:
    cache.store(OTHER, CODE)
    entry(cache).mkdir()
    cache.store(KEY, CODE)
    assert cache.load(KEY) is None
    assert files(cache) == sorted([entry(cache).name, entry(cache, OTHER).name])


# Folders that must not be used ------------------------------------------------------------------


def is_off(cache: Cache) -> bool:
    cache.store(OTHER, CODE)
    cache.prune()
    return cache.load(OTHER) is None and cache.load(KEY) is None


def test_without_a_folder_the_cache_is_off() -> None:
    assert is_off(Cache(None))


@posix
def test_only_this_user_may_read_the_folder_and_its_entries(cache: Cache) -> None:
    before = os.umask(0)
    try:
        cache.store(KEY, CODE)
    finally:
        os.umask(before)
    assert cache.folder is not None
    assert stat.S_IMODE(cache.folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(entry(cache).stat().st_mode) == 0o600


def test_missing_parent_folders_are_made(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "a" / "b" / "talweg")
    cache.store(KEY, CODE)
    assert cache.load(KEY) == CODE


@posix
@pytest.mark.parametrize("mode", [0o770, 0o720, 0o702, 0o777])
def test_a_folder_that_others_may_write_turns_the_cache_off(cache: Cache, mode: int) -> None:
    cache.store(KEY, CODE)
    assert cache.folder is not None
    cache.folder.chmod(mode)
    assert is_off(cache)
    assert files(cache) == [entry(cache).name]
    cache.folder.chmod(0o755)
    assert cache.load(KEY) == CODE


@posix
def test_a_folder_of_another_owner_turns_the_cache_off(
    cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.store(KEY, CODE)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    assert is_off(cache)
    assert files(cache) == [entry(cache).name]


@posix
def test_a_folder_that_is_a_link_turns_the_cache_off(cache: Cache, tmp_path: Path) -> None:
    cache.store(KEY, CODE)
    assert cache.folder is not None
    link = tmp_path / "link"
    link.symlink_to(cache.folder)
    assert is_off(Cache(link))
    assert files(cache) == [entry(cache).name]


def test_a_file_in_place_of_the_folder_turns_the_cache_off(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    assert is_off(Cache(tmp_path / "file"))
    assert is_off(Cache(tmp_path / "file" / "talweg"))
    assert (tmp_path / "file").read_text() == "mine"


@posix
def test_a_read_only_folder_is_still_read(cache: Cache) -> None:
    cache.store(KEY, CODE)
    assert cache.folder is not None
    cache.folder.chmod(0o500)
    try:
        assert cache.load(KEY) == CODE
        written = os.access(cache.folder, os.W_OK)  # root may write even there
        cache.store(OTHER, CODE)
        assert cache.load(OTHER) == (CODE if written else None)
    finally:
        cache.folder.chmod(0o700)


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs a folder that nobody can write")
def test_a_folder_that_nobody_can_write_turns_the_cache_off() -> None:
    assert is_off(Cache(Path("/proc/self").resolve()))
    assert is_off(Cache(Path("/proc/self").resolve() / "talweg"))


@posix
def test_a_full_disk_leaves_nothing_behind(cache: Cache) -> None:
    script = (
        "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))\n"
        "cache.store(key_of('small'), bytes(5_000))\n"
        "cache.store(key_of('large'), bytes(50_000))\n"
        "assert cache.load(key_of('small')) == bytes(5_000)\n"
        "assert cache.load(key_of('large')) is None\n"
    )
    start(cache, script).wait_well()
    assert files(cache) == [entry(cache, key_of("small")).name]


# The user's folder ------------------------------------------------------------------------------


def on(monkeypatch: pytest.MonkeyPatch, platform: str, **variables: str | None) -> Path | None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(Path, "home", lambda: Path("/home/someone"))
    for name, value in variables.items():
        if value is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, value)
    return user_folder()


@posix
def test_the_user_folder_of_each_system(monkeypatch: pytest.MonkeyPatch) -> None:
    home = Path("/home/someone")
    assert on(monkeypatch, "linux", XDG_CACHE_HOME=None) == home / ".cache/talweg"
    assert on(monkeypatch, "linux", XDG_CACHE_HOME="/fast") == Path("/fast/talweg")
    assert on(monkeypatch, "linux", XDG_CACHE_HOME="") == home / ".cache/talweg"
    assert on(monkeypatch, "linux", XDG_CACHE_HOME="fast") == home / ".cache/talweg"
    assert on(monkeypatch, "darwin", XDG_CACHE_HOME="/fast") == home / "Library/Caches/talweg"
    assert on(monkeypatch, "win32", LOCALAPPDATA="/local") == Path("/local/talweg")
    assert on(monkeypatch, "win32", LOCALAPPDATA=None) is None


def test_a_user_without_a_home_has_no_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError("no home")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(Path, "home", homeless)
    assert user_folder() is None


# Size -------------------------------------------------------------------------------------------


def total(cache: Cache) -> int:
    assert cache.folder is not None
    return sum(each.stat().st_size for each in cache.folder.iterdir())


def test_the_size_is_bounded_and_used_entries_stay(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "talweg", limit=40_000)
    cache.store(KEY, CODE)
    sizes = []
    for number in range(300):
        cache.store(key_of(str(number)), bytes(500 + number))
        age(entry(cache, key_of(str(number))), 1000 - number)
        assert cache.load(KEY) == CODE
        sizes.append(total(cache))
    assert 30_000 < max(sizes) <= 40_000
    assert min(sizes[100:]) > 30_000  # no more is deleted than necessary
    assert cache.load(key_of("299")) == bytes(799)
    assert cache.load(key_of("0")) is None


def test_a_process_that_writes_once_prunes_too(tmp_path: Path) -> None:
    for number in range(30):
        Cache(tmp_path / "talweg", limit=10_000).store(key_of(str(number)), bytes(900))
    assert total(Cache(tmp_path / "talweg")) <= 10_000


def age(path: Path, seconds: float) -> None:
    then = time.time() - seconds
    os.utime(path, (then, then))


def test_the_least_recently_used_entries_go_first(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "talweg")
    for number in range(4):
        cache.store(key_of(str(number)), bytes(1000))
        age(entry(cache, key_of(str(number))), 100 - number)
    assert cache.load(key_of("0")) is not None
    Cache(cache.folder, limit=2400).prune()
    assert [cache.load(key_of(str(number))) is not None for number in range(4)] == [1, 0, 0, 1]


def test_temporary_files_of_killed_processes_go_and_other_files_stay(cache: Cache) -> None:
    cache.store(KEY, CODE)
    assert cache.folder is not None
    for name in ("old.part", "new.part", "old.txt"):
        (cache.folder / name).write_text("?")
    for name in ("old.part", "old.txt"):
        age(cache.folder / name, 100_000)
    Cache(cache.folder, limit=0).prune()
    assert files(cache) == ["new.part", "old.txt"]


def test_not_every_write_prunes(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = []
    monkeypatch.setattr(Cache, "prune", lambda self: looks.append(self))
    for number in range(50):
        cache.store(key_of(str(number)), CODE)
    assert len(looks) == 1


# Several processes ------------------------------------------------------------------------------


class Script(subprocess.Popen[str]):
    """A Python process that uses the cache."""

    def wait_well(self) -> str:
        output, errors = self.communicate(timeout=60)
        assert self.returncode == 0, errors
        return output


def start(cache: Cache, script: str) -> Script:
    head = (
        "from pathlib import Path\n"
        "from talweg.engine.native.llvm.cache import Cache, key_of\n"
        f"cache = Cache(Path({str(cache.folder)!r}), {cache.limit})\n"
    )
    command = [sys.executable, "-c", head + script]
    return Script(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


WRITER = """
print("ready", flush=True)
while True:
    for number in range(8):
        cache.store(key_of(str(number)), bytes([number]) * (40_000 + 1000 * number))
"""


@pytest.mark.slow
@posix
def test_no_reader_sees_half_an_entry_while_writers_are_killed(cache: Cache) -> None:
    assert cache.folder is not None
    codes = {key_of(str(n)): bytes([n]) * (40_000 + 1000 * n) for n in range(8)}
    seen = 0
    for _ in range(3):
        writers = [start(cache, WRITER) for _ in range(2)]
        for writer in writers:
            assert writer.stdout is not None
            writer.stdout.readline()
        stop = time.monotonic() + 0.3
        while time.monotonic() < stop:
            for key, code in codes.items():
                if not entry(cache, key).exists():
                    continue  # only before the first write: nothing is deleted here
                assert cache.load(key) == code
                seen += 1
        for writer in writers:
            writer.send_signal(signal.SIGKILL)
            writer.communicate()
    assert seen > 100
    assert all(cache.load(key) == code for key, code in codes.items())
    for name in files(cache):
        age(cache.folder / name, 10_000)
    cache.prune()
    assert files(cache) == sorted(entry(cache, key).name for key in codes)


@pytest.mark.slow
def test_writers_and_pruners_do_not_disturb_each_other(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "talweg", limit=60_000)
    script = (
        "for number in range(400):\n"
        "    key, code = key_of(str(number % 50)), bytes([number % 50]) * 4000\n"
        "    cache.store(key, code)\n"
        "    assert cache.load(key) in (None, code)\n"
    )
    for each in [start(cache, script) for _ in range(3)]:
        each.wait_well()
    cache.prune()
    assert total(cache) <= 60_000
    assert all(name.endswith(".code") for name in files(cache))
