"""A cache on the disk that lasts from one command to the next: files of the user that can all be worked out again.

A file is named by a fingerprint of all that its content was worked out from, with the sources and libraries that work it
out: a change of any of them is another name, so that nothing stale can be read. What is read is what working it out anew
would give, and a damaged file is none.
"""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

import numpy as np

from sim import files
from sim.errors import SimError
from sim.jit import user_cache
from sim.world.distributions import DIGEST_BYTES, beta_quantiles
from sim.world.quantile_tables import SIDE
from sim.world.weather.climate import CLIMATES

FOLDER = "SIM_CACHE_DIR"
"""The variable that names the folder of the caches; nothing is kept where it is empty."""
LIBRARIES = ("simpy", "numpy", "scipy", "pydantic", "holidays", "astral")
"""Libraries whose versions decide about numbers."""
CHECKSUM_BYTES = 64
PLANNING = ("config", "engine", "jit", "metrics", "plan", "study/crew_planning", "world")
"""Folders of `sim` that crews are planned with. What needs a few of them takes all: a fingerprint is found once."""


@dataclass(frozen=True)
class DiskCache:
    """Files of one kind: the folder of the cache, what of `sim` their content is worked out by, how many newest stay."""

    name: str
    sources: tuple[str, ...]
    max_files: int

    def read(self, key: str) -> bytes | None:
        """Return what an earlier command wrote under a key; None where there is none, or it is damaged."""
        folder = self.folder()
        try:
            data = b"" if folder is None else files.read(self._file(folder, key))
        except SimError:
            return None
        checksum, content = data[:CHECKSUM_BYTES], data[CHECKSUM_BYTES:]
        if len(checksum) < CHECKSUM_BYTES or files.digest(content).encode() != checksum:
            return None
        return content

    def write(self, key: str, content: bytes) -> None:
        """Write content for later commands, and remove the oldest of the others; an error costs later commands time only."""
        folder = self.folder()
        if folder is None:
            return
        try:
            folder.mkdir(parents=True, exist_ok=True)
            files.write(self._file(folder, key), files.digest(content).encode() + content)
            newest_first = sorted(folder.glob("[!.]*"), key=lambda path: path.stat().st_mtime, reverse=True)
            for old in newest_first[self.max_files :]:
                files.remove(old)
        except (OSError, SimError):
            return

    def folder(self) -> Path | None:
        """Return the folder of these files; None where nothing is kept."""
        root = os.environ.get(FOLDER)
        if root == "":
            return None
        try:
            return (Path(root) if root else user_cache()) / self.name
        except RuntimeError:  # no home
            return None

    def _file(self, folder: Path, key: str) -> Path:
        return folder / sha256(f"{fingerprint_of(self.sources)} {key}".encode()).hexdigest()[:32]


@cache
def fingerprint_of(sources: tuple[str, ...]) -> str:
    """Return a digest of some folders of `sim`, of the built-in climates and of the libraries that decide about numbers.

    It reads some 150 files in a hundredth of a second.
    """
    digest = sha256(f"{sys.version} {platform.machine()} {[version(name) for name in LIBRARIES]}".encode())
    root = Path(__file__).parents[2]
    for folder in sources:
        for path in sorted((root / folder).rglob("*.py")):
            digest.update(files.read(path))
    for path in sorted(path for folder in CLIMATES for path in folder.glob("*.csv")):
        digest.update(files.read(path))
    return digest.hexdigest()


# --- quantiles of beta distributions ----------------------------------------------------------------------------------


ENTRY = np.dtype([("a", "<f8"), ("b", "<f8"), ("uniforms", f"V{DIGEST_BYTES}"), ("quantiles", "<f8", (SIDE,))])
"""The quantiles of one shape at the knots of half a table."""
QUANTILES = DiskCache("beta_quantiles", PLANNING, max_files=4)
"""One file of all shapes: a third of a megabyte for a project."""
KEY = "knots of tables"


@contextmanager
def kept_beta_quantiles() -> Iterator[None]:
    """Read what earlier commands have worked out, and write what this block adds to it.

    A plan has some dozens of shapes of estimates; the inverse of their distributions takes a twentieth of a second.
    """
    if not beta_quantiles:
        _read_quantiles()
    known = {*beta_quantiles}
    yield
    if beta_quantiles.keys() - known:
        _write_quantiles()


def _read_quantiles() -> None:
    """Take the quantiles from the disk, if there are any."""
    content = QUANTILES.read(KEY)
    if content is None or len(content) % ENTRY.itemsize:
        return
    for entry in np.frombuffer(content, ENTRY):
        beta_quantiles[float(entry["a"]), float(entry["b"]), entry["uniforms"].tobytes()] = entry["quantiles"]


def _write_quantiles() -> None:
    """Write all quantiles at the knots of tables."""
    entries = [(a, b, uniforms, values) for (a, b, uniforms), values in beta_quantiles.items() if len(values) == SIDE]
    QUANTILES.write(KEY, np.array(entries, ENTRY).tobytes())
