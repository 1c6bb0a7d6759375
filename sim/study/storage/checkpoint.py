"""Checkpoints: each finished chunk is stored at once in `NAME.partial/`, so that an interrupted run loses only seconds.

A run of a few seconds need not write its chunks at all: for `hold` seconds they wait in memory, and are written if
anything but a kill ends the run by then.

A chunk is a file whose name says which replications it holds and the fingerprint of its content; one whose
content differs is discarded and its replications are run again. `run.json` identifies the run.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from sim import files
from sim.errors import SimError
from sim.study.chunk import Chunk, Column, Columns, InMemoryStore
from sim.study.storage import sealed_files
from sim.study.storage.output_directory import output_lock
from sim.study.storage.sealed_files import json_value

RUN_DOCUMENT = "run.json"
FINGERPRINT_LENGTH = 16
CURVE = "curve:"
_NAME = re.compile(rf"chunk-(\d+)-(\d+)-([0-9a-f]{{{FINGERPRINT_LENGTH}}})\.parquet")
_LISTED_CHANGES = 20
HELD_BYTES = 128_000_000
"""Bytes of chunks that stay in memory besides their files, so that the sample of some thousand runs needs no reading."""


class Changed(SimError):
    """The checkpoint belongs to another run."""

    exit_code = 2


class Checkpoint:
    """A chunk store on the disk: the finished chunks of one run."""

    def __init__(self, directory: Path, identity: dict[str, Any], about: dict[str, Any], hold: float = 0.0) -> None:
        """Find what is there; chunks of the next `hold` seconds wait in memory, and stay there while there is room."""
        self._in_memory, self._hold_until = InMemoryStore(), time.monotonic() + hold
        self._unwritten: list[range] = []
        self.directory = directory
        self.identity = identity
        self.about = about
        self.damaged: list[range] = []
        self._files = {span: path for span, path in _chunk_files(directory) if self._is_intact(span, path)}
        # a run that is resumed is read from the disk in any case, and written to it at once
        self._room = HELD_BYTES if hold and not self._files else 0

    def put(self, chunk: Chunk) -> None:
        """Store a chunk: on the disk, or in memory during the first `hold` seconds."""
        self._room -= sum(column.nbytes for column in (*chunk.runs.values(), *chunk.curves.values()))
        is_waiting = time.monotonic() < self._hold_until and self._room > 0
        if is_waiting or self._room > 0:
            self._in_memory.put(chunk)
        if is_waiting:
            self._unwritten.append(chunk.span)
            return
        self.flush()
        self._write(chunk)

    def flush(self) -> None:
        """Write the chunks that have waited in memory; those that there is no room for are read from the disk then."""
        for span in self._unwritten:
            self._write(self._in_memory.rows(span))
        self._unwritten = []
        if self._room < 0:
            self._in_memory = InMemoryStore()

    def _write(self, chunk: Chunk) -> None:
        """Write a chunk to a file."""
        replications = np.arange(chunk.first, chunk.first + chunk.count)
        columns: Columns = {"replication": replications, **chunk.runs}
        columns["note"] = np.array(
            [chunk.notes.get(int(replication), "") for replication in replications], dtype=object
        )
        columns |= {CURVE + name: curve for name, curve in chunk.curves.items()}
        data = sealed_files.to_bytes(columns)
        fingerprint = files.digest(data)[:FINGERPRINT_LENGTH]
        path = self.directory / f"chunk-{chunk.first:07d}-{chunk.count:05d}-{fingerprint}.parquet"
        files.write(path, data)
        self._files[chunk.span] = path

    def ranges(self) -> list[range]:
        """Which stretches of replications are here."""
        return sorted({*self._files, *self._in_memory.ranges()}, key=lambda span: span.start)

    def rows(self, replications: range) -> Chunk:
        """Return the chunk of these replications without its curves: status, metrics and notes."""
        if replications in self._in_memory.ranges():
            return self._in_memory.rows(replications)
        data, path = self._bytes(replications), str(self._files[replications])
        row_columns = [name for name in sealed_files.names(data, path) if not name.startswith(CURVE)]
        columns = sealed_files.from_bytes(data, path, row_columns)
        notes = dict(zip(columns.pop("replication").tolist(), columns.pop("note").tolist(), strict=True))
        return Chunk(
            replications.start, columns, {}, {replication: note for replication, note in notes.items() if note}
        )

    def curve_names(self) -> list[str]:
        """Return the names of the curves, sorted."""
        written = {name for span in self._files for name in self._curves(span)}
        return sorted({*written, *self._in_memory.curve_names()})

    def curve(self, span: range, name: str) -> Column | None:
        """Return one curve of a stretch; None where every replication of it failed."""
        if span in self._in_memory.ranges():
            return self._in_memory.curve(span, name)
        return sealed_files.from_bytes(self._bytes(span), str(self._files[span]), [CURVE + name]).get(CURVE + name)

    def discard(self) -> None:
        """Remove it all, once the result is in its place; what cannot be removed goes with the next run."""
        self._in_memory, self._unwritten = InMemoryStore(), []
        _remove(self.directory)

    def _curves(self, span: range) -> list[str]:
        """Return the names of the curves that a stored chunk has."""
        names = sealed_files.names(self._bytes(span), str(self._files[span]))
        return [name.removeprefix(CURVE) for name in names if name.startswith(CURVE)]

    def _bytes(self, span: range) -> bytes:
        """Return a chunk's file; Damaged if it is not what was written."""
        data = files.read(self._files[span])
        if not self._files[span].stem.endswith(files.digest(data)[:FINGERPRINT_LENGTH]):
            raise files.Damaged(f"{self._files[span]}: changed or damaged since it was written")
        return data

    def _is_intact(self, span: range, path: Path) -> bool:
        """Return whether a chunk is what was written; one that is not is removed."""
        if path.stem.endswith(files.digest(files.read(path))[:FINGERPRINT_LENGTH]):
            return True
        self.damaged.append(span)
        files.remove(path)
        return False


def _chunk_files(directory: Path) -> Iterator[tuple[range, Path]]:
    """The chunks by their names."""
    for path in files.listed(directory):
        if match := _NAME.fullmatch(path.name):
            first, count = int(match[1]), int(match[2])
            yield range(first, first + count), path


def checkpoint_directory(target: Path) -> Path:
    """Return where the chunks of the run that is to become `target` lie."""
    return target.with_name(f"{target.name}.partial")


def remove_checkpoint(target: Path) -> None:
    """Remove what an interrupted run has left beside a result that is complete, if anything."""
    _remove(checkpoint_directory(target))


def _remove(directory: Path) -> None:
    """Remove a directory of chunks; what cannot be removed goes with the next run."""
    with suppress(SimError):
        files.remove(directory)


@contextmanager
def open_checkpoint(
    target: Path,
    identity: dict[str, Any],
    *,
    resume: bool = False,
    about: dict[str, Any] | None = None,
    hold: float = 0.0,
) -> Iterator[Checkpoint]:
    """Hold `target` for one run and open the chunk store beside it, with what an interrupted run left if `resume`.

    `identity` is all that must be the same for two runs to be one (case, seed, versions, resolved config);
    the number of replications is not part of it. `about`, as it is now, is kept for a later merge. Chunks of the
    first `hold` seconds are written when these have passed, or when the block ends.
    Raises WrongPlace if nothing can be written there, Occupied if another run is at work, Changed if
    what lies there has another identity. Once the result is saved, call `discard` on what is yielded.
    """
    with output_lock(target):
        directory = checkpoint_directory(target)
        if not (resume and files.exists(directory / RUN_DOCUMENT)):
            files.remove(directory)
            files.make_directory(directory)
            sealed_files.write(directory / RUN_DOCUMENT, {"identity": identity, "about": about or {}})
        store = read_checkpoint(directory, identity, about, hold)
        if about is not None:  # a part that is gone on with may be one of more replications now
            sealed_files.write(directory / RUN_DOCUMENT, {"identity": store.identity, "about": about})
        try:
            yield store
        finally:
            store.flush()


def read_checkpoint(
    directory: Path,
    identity: dict[str, Any] | None = None,
    about: dict[str, Any] | None = None,
    hold: float = 0.0,
) -> Checkpoint:
    """Return the chunk store in a directory; Changed, with the differences, if it does not have that identity."""
    document = sealed_files.read(directory / RUN_DOCUMENT)
    stored_identity = document.get("identity", {})
    if identity is not None and (changes := differences(stored_identity, json_value(identity))):
        more = f"\n  … and {len(changes) - _LISTED_CHANGES} more" if len(changes) > _LISTED_CHANGES else ""
        text = "".join(f"\n  {change}" for change in changes[:_LISTED_CHANGES])
        raise Changed(f"{directory} is part of another run; run without resuming, or undo the change:{text}{more}")
    return Checkpoint(directory, stored_identity, document.get("about", {}) if about is None else about, hold)


def differences(stored: Any, current: Any, path: str = "") -> list[str]:
    """Return what changed between two identities, a line a value: "config.site.cranes: 2, now 3"."""
    if isinstance(stored, dict) and isinstance(current, dict):
        keys = [*stored, *(key for key in current if key not in stored)]
        return [
            line
            for key in keys
            for line in differences(stored.get(key), current.get(key), f"{path}.{key}" if path else str(key))
        ]
    return [] if stored == current else [f"{path}: {_short(stored)}, now {_short(current)}"]


def _short(value: Any) -> str:
    """Return a value in few characters."""
    text = "nothing" if value is None else str(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
