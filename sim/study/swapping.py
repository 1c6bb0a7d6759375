"""A result's directory is replaced as one thing: whoever looks finds the old result or the new one.

No file system renames a directory over a full one, so the old one steps aside for a moment as `.NAME.old`;
a process killed in that moment leaves it there, and both readers and writers know where to look.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from sim import files
from sim.errors import SimError


def replace_directory(target: Path, fill: Callable[[Path], None]) -> None:
    """Let `fill` write a new directory beside `target`, then put it in its place.

    If anything fails the old one stays, and what was half written is removed.
    """
    recover(target)
    new = target.with_name(f".{target.name}.new")
    files.remove(new)
    try:
        files.make_directory(new)
        fill(new)
        files.settle(new)
        _swap(new, target)
    except BaseException:
        with suppress(SimError):
            files.remove(new)
        raise


def _swap(new: Path, target: Path) -> None:
    """Put `new` in the place of `target`; on failure the old one goes back."""
    old = _aside(target)
    files.remove(old)
    if files.exists(target):
        files.rename(target, old)
    try:
        files.rename(new, target)
    except BaseException:
        recover(target)
        raise
    # the new result is in place; an old one that cannot be removed now goes with the next replacement
    with suppress(SimError):
        files.remove(old)


def _aside(target: Path) -> Path:
    """Where the old directory stands while the new one moves in."""
    return target.with_name(f".{target.name}.old")


def recover(target: Path) -> None:
    """Finish what a killed process left: an old directory that stepped aside comes back."""
    if files.exists(_aside(target)) and not files.exists(target):
        files.rename(_aside(target), target)


def present(target: Path) -> Path:
    """Where the result stands at this moment, for a reader, who changes nothing."""
    return target if files.exists(target) or not files.exists(_aside(target)) else _aside(target)


def probe(target: Path) -> None:
    """Make sure, before hours of simulation, that whoever holds `target` can write it; WrongPlace otherwise."""
    trial = target.with_name(f".{target.name}.probe")
    files.write(trial, b"may I write here?")
    files.remove(trial)
