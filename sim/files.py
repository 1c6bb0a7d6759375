"""Files on disk: every file is read and written through this module, from the configuration to the last figure.

A file or a directory appears whole or not at all: it is written under a temporary name in the same directory, synced to
the disk and then renamed. `fault_point` is called ahead of every single operation; a test that wants the seventh one to fail
puts a function there that raises an OSError at its seventh call.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sim.errors import SimError


def _no_fault(operation: str, path: Path) -> None:
    """Do nothing: no operation fails."""


fault_point: Callable[[str, Path], None] = _no_fault
"""Called ahead of every operation of the disk, with its name; tests of faults replace it to make one fail."""

_DISK_FULL_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_WRONG_PLACE_ERRORS = {
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.ENOENT,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.ENAMETOOLONG,
}


class WrongPlace(SimError):
    """A file or directory that is missing, may not be written, or was not written by this program."""

    exit_code = 2


class Damaged(SimError):
    """A file whose content is not what was written there."""

    exit_code = 2


class DiskFull(SimError):
    """The disk has no space for what has to be written."""


@contextmanager
def os_errors_named(path: Path, size: int = 0) -> Iterator[None]:
    """Turn errors of the operating system into one line with the path and, if the disk is full, the bytes needed."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        if error.errno in _DISK_FULL_ERRORS:
            size_note = f"; {size:,} bytes are needed" if size else ""
            raise DiskFull(f"{path}: could not be written: {reason}{size_note}{_free(path)}") from error
        if plain := _missing_or_in_a_file(path, error):
            raise WrongPlace(plain) from error
        if error.errno in _WRONG_PLACE_ERRORS:
            raise WrongPlace(f"{path}: {reason}") from error
        raise SimError(f"{path}: {reason}") from error


def _missing_or_in_a_file(path: Path, error: OSError) -> str:
    """Return what is missing, or which part of a path is a file, in plain words; empty where the error is another one."""
    if error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.EEXIST):
        return ""
    with suppress(OSError):
        for parent in reversed(path.parents):
            if not parent.is_dir():
                return f"{parent}: is a file, not a folder" if parent.exists() else f"{parent}: there is no such folder"
        if error.errno == errno.ENOENT and not path.exists():
            return f"{path}: there is no such file"
    return ""


def _free(path: Path) -> str:
    """Return how many bytes are free, as text; empty where that cannot be known."""
    with suppress(OSError):
        return f", {shutil.disk_usage(path.parent).free:,} are free"
    return ""


def digest(data: bytes) -> str:
    """Return the fingerprint by which a damaged file is recognised (SHA-256, hexadecimal)."""
    return hashlib.sha256(data).hexdigest()


def read(path: Path, max_bytes: int | None = None) -> bytes:
    """Return the bytes of a file; WrongPlace if it is missing, no regular file (a device never ends), or too large."""
    with os_errors_named(path):
        fault_point("read", path)
        if not path.is_file() and path.exists():
            raise WrongPlace(f"{path}: is not a file")
        if max_bytes is None:
            return path.read_bytes()
    with os_errors_named(path):
        data = read_at_most(path, max_bytes + 1)
    if len(data) > max_bytes:
        raise WrongPlace(f"{path}: is larger than {max_bytes:,} bytes, the most that is read")
    return data


def read_at_most(path: Path, max_bytes: int) -> bytes:
    """Return at most so many first bytes of a file; errors of the operating system are not reworded.

    A caller that asks for one byte more than it allows sees that a file is too large without reading it all.
    """
    fault_point("read some", path)
    with path.open("rb") as file:
        return file.read(max_bytes)


def write(path: Path, data: bytes) -> None:
    """Write a file, whole or not at all."""
    new = path.with_name(f".{path.name}.new")
    with os_errors_named(path, len(data)), _removed_on_error(new):
        fault_point("create", new)
        with new.open("wb") as file:
            fault_point("write", new)
            file.write(data)
            file.flush()
            fault_point("fsync", new)
            os.fsync(file.fileno())
        fault_point("replace", path)
        new.replace(path)
        _sync_entry(path.parent)


def require_writable(path: Path) -> None:
    """Raise WrongPlace where a file could not be written, before its content is worked out."""
    if path.is_dir():
        raise WrongPlace(f"{path}: is a folder, not a file")
    if exists(path.parent):
        trial = path.with_name(f".{path.name}.probe")
        write(trial, b"can this place be written?")
        remove(trial)


@contextmanager
def _removed_on_error(path: Path) -> Iterator[None]:
    """Remove a half-written file when writing it fails."""
    try:
        yield
    except BaseException:
        with suppress(OSError):
            path.unlink(missing_ok=True)
        raise


def exists(path: Path) -> bool:
    """Return whether a path exists; WrongPlace if its directory may not be read."""
    with os_errors_named(path):
        return path.exists()


def listed(directory: Path) -> list[Path]:
    """Return every file below a directory, sorted, without hidden ones and those in hidden directories."""
    with os_errors_named(directory):
        fault_point("list", directory)
        visible = []
        for path in directory.rglob("*"):
            hidden = any(part.startswith(".") for part in path.relative_to(directory).parts)
            if path.is_file() and not hidden:
                visible.append(path)
        return sorted(visible)


def make_directory(path: Path) -> None:
    """Make a directory unless it exists; its parent must exist."""
    with os_errors_named(path):
        fault_point("mkdir", path)
        path.mkdir(exist_ok=True)


def remove(path: Path) -> None:
    """Remove a file or a whole directory; nothing happens if it does not exist."""
    with os_errors_named(path):
        fault_point("remove", path)
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def sync_directory(directory: Path) -> None:
    """Sync every file below a directory, and the directory, to the disk, whoever wrote them."""
    for path in [*listed(directory), directory]:
        _sync_entry(path)


def _sync_entry(path: Path) -> None:
    """Sync one file, or the entries of one directory, to the disk."""
    with os_errors_named(path):
        fault_point("fsync", path)
        if os.name != "posix" and path.is_dir():
            return
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def rename(path: Path, target: Path) -> None:
    """Move a file or directory within its directory."""
    with os_errors_named(target):
        fault_point("replace", target)
        path.replace(target)
