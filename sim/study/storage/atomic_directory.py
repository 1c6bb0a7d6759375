"""A result's directory is replaced as one thing: a reader finds the old result or the new one, never a mixture.

No file system renames a directory over a full one. So the new directory is filled beside its place as `.NAME.new`,
the old one steps aside as `.NAME.old` for as long as a rename takes, and is removed once the new one is there. A
process killed between the two renames leaves `.NAME.old` behind: readers look there too (`readable_path`), and the
next writer moves it back (`recover`).
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from sim import files
from sim.errors import SimError


def atomic_replace(target: Path, fill: Callable[[Path], None]) -> None:
    """Have `fill` write a new directory beside `target`, then rename it into place; the caller holds the lock.

    If anything fails, the old directory stays and the half-written one is removed. SimError as raised by `fill`.
    """
    recover(target)
    new = target.with_name(f".{target.name}.new")
    files.remove(new)
    try:
        files.make_directory(new)
        fill(new)
        files.sync_directory(new)
        _swap(new, target)
    except BaseException:
        with suppress(SimError):
            files.remove(new)
        raise


def _swap(new: Path, target: Path) -> None:
    """Rename `new` to `target`; on failure the old directory goes back."""
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
    """Name of the old directory between the two renames."""
    return target.with_name(f".{target.name}.old")


def recover(target: Path) -> None:
    """Rename an old directory back that a killed process left aside."""
    if files.exists(_aside(target)) and not files.exists(target):
        files.rename(_aside(target), target)


def readable_path(target: Path) -> Path:
    """Where a reader finds the directory at this moment, without changing anything."""
    return target if files.exists(target) or not files.exists(_aside(target)) else _aside(target)
