"""A Python for 64-bit ARM that runs under QEMU on an x86-64 Linux machine.

QEMU, Python and its shared libraries are packages of Debian, NumPy and llvmlite are wheels of the
package index. apt-get and pip fetch them as they are configured here and verify their checksums.
All of it is unpacked into one folder and nothing is installed, so this needs no root.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.processes import ROOT, as_installed

FOLDER = ROOT / ".arm64"
_CPU = "neoverse-n1"  # a server's processor: NEON, no SVE
_QEMU = "qemu-aarch64-static"
_DEBIAN = ("qemu-user-static:amd64", "python3", "libstdc++6")
_WHEELS = ("numpy", "llvmlite", "threadpoolctl")
_LIBC = ("manylinux_2_28", "manylinux_2_27", "manylinux_2_17", "manylinux2014")


def command() -> list[str]:
    """The start of a command line that runs Python under emulation; the first call fetches it."""
    system = _system()
    emulator = system / "usr" / "bin" / _QEMU
    return [str(emulator), "-cpu", _CPU, "-L", str(system), str(_python(system))]


def environment() -> dict[str, str]:
    """The environment of that Python: it imports this checkout, and has a cache of its own."""
    inherited = {
        name: value for name, value in as_installed().items() if not name.startswith("OPENBLAS_")
    }
    path = os.pathsep.join(map(str, (_site(), ROOT / "src", ROOT)))
    return {**inherited, "PYTHONPATH": path, "XDG_CACHE_HOME": str(FOLDER / "cache")}


def _system() -> Path:
    """The folder with Debian's packages."""
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        sys.exit(f"This needs Linux on x86-64; this is {platform.system()} {platform.machine()}.")
    return _filled("system", _unpack_packages)


def _site() -> Path:
    """The folder with the wheels, in the versions that are installed here."""
    versions = [f"{name}=={version(name)}" for name in _WHEELS]
    return _filled("-".join(versions).replace("==", "-"), lambda to: _unpack_wheels(versions, to))


def _filled(name: str, fill: Callable[[Path], None]) -> Path:
    """A folder that is filled once, and never left half full."""
    folder, partial = FOLDER / name, FOLDER / f"{name}.partial"
    if not folder.exists():
        print(f"fetching {name} for arm64 into {FOLDER.name}/", flush=True)
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        fill(partial)
        partial.rename(folder)
    return folder


def _python(system: Path) -> Path:
    """Debian's Python, by the name that has its version."""
    link = system / "usr" / "bin" / "python3"
    return link.with_name(link.readlink().name)


def _unpack_packages(folder: Path) -> None:
    """Fetch Debian's packages and what they depend on with package lists of their own.

    apt-get believes that the machine is an ARM one with nothing installed.
    """
    with TemporaryDirectory() as state:
        options = [
            *("APT::Architecture=arm64", "APT::Architectures::=arm64"),
            *("APT::Architectures::=amd64", "APT::Install-Recommends=0", "Debug::NoLocking=1"),
            *(f"Dir::State={state}/state", f"Dir::Cache={state}", "Dir::State::status=/dev/null"),
            "APT::Sandbox::User=root",  # else apt-get warns that its own user cannot write here
        ]
        for folder_of_apt in ("state/lists/partial", "archives/partial"):
            (Path(state) / folder_of_apt).mkdir(parents=True)
        apt = ["apt-get", "-qq", *(part for option in options for part in ("-o", option))]
        _call([*apt, "update"])
        _call([*apt, "install", "--yes", "--download-only", *_DEBIAN])
        for package in sorted(Path(state, "archives").glob("*.deb")):
            _call(["dpkg", "-x", str(package), str(folder)])
    for emulator in (folder / "usr" / "bin").glob("qemu-*"):
        if emulator.name != _QEMU:
            emulator.unlink()


def _unpack_wheels(versions: list[str], folder: Path) -> None:
    """Fetch wheels for Debian's Python on ARM."""
    python = _python(_system()).name.removeprefix("python")
    platforms = [part for libc in _LIBC for part in ("--platform", f"{libc}_aarch64")]
    options = ["--quiet", "--no-deps", "--no-compile", "--only-binary=:all:", *platforms]
    pip = [sys.executable, "-m", "pip", "install", *options, "--python-version", python]
    _call([*pip, "--target", str(folder), *versions])


def _call(arguments: list[str]) -> None:
    """Run a program; end this one with advice if it fails."""
    name = "pip" if "pip" in arguments else arguments[0]
    try:
        subprocess.run(arguments, check=True, stdout=subprocess.DEVNULL)
    except FileNotFoundError:
        sys.exit(f"{name} is missing. The emulation needs Debian's apt-get and dpkg.")
    except subprocess.CalledProcessError:
        sys.exit(
            f"{name} failed; its messages stand above. It needs the network, and from apt-get's "
            "sources packages for arm64 and amd64, which Debian's archive has."
        )
