"""A run's output directory: one run at a time writes to it, and it is replaced as one thing.

A reader finds the old result or the new one, never a mixture. No file system renames a directory over a full one. So
the new directory is filled beside its place as `.NAME.new`, the old one steps aside as `.NAME.old` for as long as a
rename takes, and is removed once the new one is there. A process killed between the two renames leaves `.NAME.old`
behind: readers look there too (`readable_path`), and the next writer moves it back (`recover`).

`NAME.lock` beside the directory is locked while a run is at work. The lock is the operating system's (`flock`, on
Windows `LockFileEx`), by way of filelock: it ends with the process that holds it, however that ends, so there is
nothing to clean up by hand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from sim import files
from sim.errors import SimError

# --- replaced as one thing --------------------------------------------------------------------------------------------


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
    old_path = _old_path(target)
    files.remove(old_path)
    if files.exists(target):
        files.rename(target, old_path)
    try:
        files.rename(new, target)
    except BaseException:
        recover(target)
        raise
    # the new result is in place; an old one that cannot be removed now goes with the next replacement
    with suppress(SimError):
        files.remove(old_path)


def _old_path(target: Path) -> Path:
    """Name of the old directory between the two renames."""
    return target.with_name(f".{target.name}.old")


def recover(target: Path) -> None:
    """Rename an old directory back that a killed process left aside."""
    if files.exists(_old_path(target)) and not files.exists(target):
        files.rename(_old_path(target), target)


def readable_path(target: Path) -> Path:
    """Return where a reader finds the directory at this moment, without changing anything."""
    return target if files.exists(target) or not files.exists(_old_path(target)) else _old_path(target)


# --- one writer -------------------------------------------------------------------------------------------------------


# a run that is just ending may remove the file between our opening and locking it: long enough for another attempt
RETRY_SECONDS = 0.3


class Occupied(SimError):
    """Another run is writing to the same output directory."""

    exit_code = 2


@contextmanager
def output_lock(target: Path) -> Iterator[None]:
    """Hold the output directory `target` for one run, and make sure that it can be written.

    The parent of `target` is made if only that one is missing. Raises Occupied if another run holds `target`, also
    one of this process, and WrongPlace, before hours of simulation, if nothing can be written there.

    >>> with output_lock(Path("out/hybrid")):
    ...     ...
    """
    if not files.exists(target.parent):
        files.make_directory(target.parent)
    lock_path = target.with_name(f"{target.name}.lock")
    lock = FileLock(lock_path, timeout=RETRY_SECONDS)
    with files.os_errors_named(lock_path):
        files.fault_point("lock", lock_path)
        try:
            lock.acquire()
        except Timeout:  # an OSError, but not one of the disk
            raise Occupied(
                f"{target}: another run is writing to this directory; wait for it or choose another output directory"
            ) from None
    try:
        _probe(target)
        yield
    finally:
        # Removed while still held: a process that opened it meanwhile sees that its file has no name any more, and
        # tries again. Windows removes no open file; there filelock does it on release.
        with suppress(OSError):
            lock_path.unlink()
        lock.release()


def _probe(target: Path) -> None:
    """Write and remove a file beside `target`; WrongPlace if that is not allowed."""
    trial = target.with_name(f".{target.name}.probe")
    files.write(trial, b"can this place be written?")
    files.remove(trial)
