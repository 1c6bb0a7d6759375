"""One run at a time writes to an output directory: `NAME.lock` beside it is locked while a run is at work.

The lock is the operating system's (`flock`, on Windows `LockFileEx`), by way of filelock: it ends with the process
that holds it, however that ends, so there is nothing to clean up by hand.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from sim import files
from sim.errors import SimError

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
    path = target.with_name(f"{target.name}.lock")
    lock = FileLock(path, timeout=RETRY_SECONDS)
    with files.os_errors_named(path):
        files.before("lock", path)
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
            path.unlink()
        lock.release()


def _probe(target: Path) -> None:
    """Write and remove a file beside `target`; WrongPlace if that is not allowed."""
    trial = target.with_name(f".{target.name}.probe")
    files.write(trial, b"can this place be written?")
    files.remove(trial)
