"""Bring everything that otpsup is compared with.

    python -m benchmarks.setup

PyPI's rivals go into a virtual environment and npm's beside it, both under `benchmarks/.rivals`;
Debian's packages are installed if this is root and something is missing (runit is only unpacked:
its installation makes users, and a folder of services). What cannot be had is named and left out.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from . import places
from .rivals import COMMANDS, versions
from .rivals.rival import path

PYPI = ("supervisor==4.3.0", "circus==0.19.0", "honcho==2.0.0")
NPM = "pm2@7.0.4"
DEBIAN = {
    "cc": ("gcc", "libc6-dev"),
    "npm": ("npm",),
    "erlc": ("erlang-base",),
    "s6-svscan": ("s6",),
    "execlineb": ("execline",),
}
"""Which packages bring a program; asked for in one go."""
NATIVE = ("child", "limit")


class Unavailable(Exception):
    """Something could not be had, for this reason."""


def ask(*argv: str, cwd: Path | None = None) -> None:
    """Run a command that brings something.

    Raises:
        Unavailable: it is not there, or it failed; with the end of what it said.
    """
    try:
        done = subprocess.run(
            argv, cwd=cwd, env={**os.environ, "PATH": path()}, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
        )  # fmt: skip
    except OSError as error:
        raise Unavailable(f"{argv[0]}: {error.strerror}") from None
    if done.returncode:
        last = " ".join(done.stdout.split())[-300:]
        raise Unavailable(f"`{' '.join(argv[:4])} ...` has failed: {last}")


def is_there(program: str) -> bool:
    """Whether the rivals would find this program."""
    return shutil.which(program, path=path()) is not None


def debian() -> None:
    """What Debian has, in one call."""
    missing = [name for name in DEBIAN if not is_there(name)]
    if not missing:
        return
    packages = [package for name in missing for package in DEBIAN[name]]
    if os.geteuid() != 0:
        raise Unavailable(f"only root can install {' '.join(packages)}")
    _refreshed("apt-get", "install", "--no-install-recommends", "-y", "-qq", *packages)


def runit() -> None:
    """Unpacked, not installed; for this one need not be root."""
    if is_there("runsvdir"):
        return
    place = places.RIVALS / "debian"
    place.mkdir(parents=True, exist_ok=True)
    _refreshed("apt-get", "download", "-qq", "runit", cwd=place)
    ask("dpkg-deb", "-x", str(next(place.glob("runit_*.deb"))), str(place))


def _refreshed(*argv: str, cwd: Path | None = None) -> None:
    """Run an apt-get command; if that fails, once more with fresh lists."""
    try:
        ask(*argv, cwd=cwd)
    except Unavailable:
        ask("apt-get", "update", "-qq")
        ask(*argv, cwd=cwd)


def pypi() -> None:
    """Python's, in an environment of their own."""
    place = places.RIVALS / "venv"
    if all((place / "bin" / program).exists() for program in ("supervisord", "circusd", "honcho")):
        return
    ask(sys.executable, "-m", "venv", str(place))
    ask(str(place / "bin/python"), "-m", "pip", "install", "-q", *PYPI)


def npm() -> None:
    """Node's."""
    if (places.RIVALS / "node_modules/.bin/pm2").exists():
        return
    places.RIVALS.mkdir(parents=True, exist_ok=True)
    ask("npm", "install", "--no-audit", "--no-fund", "--prefix", str(places.RIVALS), NPM)


def native() -> None:
    """The programs in C."""
    for name in NATIVE:
        try:
            places.compiled(name)
        except FileNotFoundError:
            raise Unavailable("there is no C compiler, and without one nothing runs") from None


STEPS: tuple[Callable[[], None], ...] = (debian, runit, pypi, npm, native)


def bring(steps: Sequence[Callable[[], None]] = STEPS) -> Iterator[str]:
    """Bring everything; yields what could not be had, and why."""
    for step in steps:
        print(f"{step.__name__} ...", file=sys.stderr, flush=True)
        try:
            step()
        except Unavailable as error:
            yield f"{step.__name__}: {error}"


def main() -> None:
    """Bring everything, and say who can take part."""
    for complaint in bring():
        print(f"left out: {complaint}", file=sys.stderr)
    for name, version in versions(COMMANDS).items():
        print(f"{name:24}{version}")


if __name__ == "__main__":
    main()
