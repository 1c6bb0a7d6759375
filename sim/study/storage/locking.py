"""One run at a time in one place: a note on the door with the name of who is inside.

The note is a file made only if it is not there. Whoever finds one that belongs to a process of this machine
which no longer lives takes its place; whoever cannot know refuses, and says what to do.

A result's directory is replaced as one thing: whoever looks finds the old result or the new one.

No file system renames a directory over a full one, so the old one steps aside for a moment as `.NAME.old`;
a process killed in that moment leaves it there, and both readers and writers know where to look.
"""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from sim import files
from sim.errors import SimError

# --- locking ----------------------------------------------------------------------------------------------------------


# a note without a name is being written at this moment; after this long its writer was killed in between
WRITING_SECONDS = 10.0
NAMING_SECONDS = 1.0


class Occupied(SimError):
    """Another run is at work in the same place."""

    exit_code = 2


@dataclass(frozen=True)
class Owner:
    """Who holds a place: process, machine, and when that process began (numbers of processes come again)."""

    pid: int
    host: str
    began: str

    def gone(self) -> bool:
        """Whether that process certainly no longer lives."""
        return self.host == socket.gethostname() and os.name == "posix" and _began(self.pid) != self.began

    def __str__(self) -> str:
        """How a person would look for it."""
        return f"process {self.pid} on {self.host}"


def me() -> Owner:
    """This process."""
    return Owner(os.getpid(), socket.gethostname(), _began(os.getpid()))


def _began(pid: int) -> str:
    """When a process began, as the kernel counts; "gone" if there is none, "alive" if no more is known."""
    with suppress(OSError):
        # the second field, a name, may hold blanks and brackets; the count is the 20th after it
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[19]
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return "gone"
    except OSError:
        return "alive"
    return "alive"


@contextmanager
def held(target: Path) -> Iterator[None]:
    """Hold `target` (a result's directory) for this process; Occupied if another run has it.

    The directory that is to hold it is made if only that one is missing.
    """
    if not files.exists(target.parent):
        files.make_directory(target.parent)
    note = target.with_name(f"{target.name}.lock")
    came_in = _read(note) != me() and _take(note)
    try:
        yield
    finally:
        if came_in:
            with suppress(SimError):
                files.remove(note)


def _take(note: Path) -> bool:
    """Put our note up, in the place of a dead owner's if need be; False if it is ours that hangs there."""
    if _put(note):
        return True
    owner = _named(note)
    if owner == me():
        return False
    if not _stale(note, owner):
        raise Occupied(_refusal(note, owner))
    # of several that find the same dead note only one may take it down
    claim = note.with_name(f"{note.name}.claim")
    if _stale(claim, None):
        files.remove(claim)
    if not files.create_once(claim, b""):
        raise Occupied(_refusal(note, None))
    try:
        if _read(note) == owner:
            files.remove(note)
        taken = _put(note)
    finally:
        files.remove(claim)
    if not taken:
        raise Occupied(_refusal(note, _read(note)))
    return True


def _named(note: Path) -> Owner | None:
    """Whose note it is, once whoever is just putting it up has written the name; None if none comes in a while."""
    deadline = time.monotonic() + NAMING_SECONDS
    while (owner := _read(note)) is None and note.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    return owner


def _put(note: Path) -> bool:
    """Put our note up unless one hangs there."""
    return files.create_once(note, json.dumps(asdict(me())).encode())


def _read(note: Path) -> Owner | None:
    """Whose note it is; None if there is none, or nothing legible on it yet."""
    try:
        return Owner(**json.loads(files.read(note)))
    except (SimError, ValueError, TypeError):
        return None


def _stale(note: Path, owner: Owner | None) -> bool:
    """Whether a note certainly belongs to nobody any more."""
    if owner is not None:
        return owner.gone()
    try:
        return time.time() - note.stat().st_mtime > WRITING_SECONDS
    except OSError:
        return False


def _refusal(note: Path, owner: Owner | None) -> str:
    """Why we do not go in, and what to do if the other is long gone."""
    who = str(owner) if owner else "another run, just starting,"
    return (
        f"{note.with_suffix('')}: {who} is at work here. Choose another place for the results, or wait; "
        f"if that run is gone, remove {note} and start again."
    )


# --- swapping ---------------------------------------------------------------------------------------------------------


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
        files.sync_directory(new)
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
