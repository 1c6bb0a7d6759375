"""Where machine code is kept between processes: a folder of the user's cache that belongs to these sources alone.

numba notices a change only in the file in which a compiled function stands, not in the files whose functions and
constants it has inlined. So the folder is named after a digest of all sources that end up in machine code: when one
of them changes, everything is compiled again, and nothing stale can be loaded.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Iterator
from hashlib import blake2b, sha256
from pathlib import Path
from shutil import rmtree
from typing import Any

import numba

from sim.jit import user_cache

log = logging.getLogger(__name__)

COMPILED = ("jit", "engine/numba_engine", "metrics/kernels", "world/kernels.py")
"""Files and folders of `sim` with compiled functions."""
CONSTANTS = (
    "engine/initial_state.py",
    "plan/compile.py",
    "plan/copies.py",
    "plan/draws.py",
    "plan/vocabulary.py",
    "world/roads.py",
    "world/quantile_tables.py",
    "world/streams.py",
)
"""Files of `sim` whose constants are compiled in."""
NOTED = "fingerprints.json"
"""What the files of a folder were when they were last looked at."""
KEPT = 2
"""Folders that stay: that of the present sources and the one before, so that two branches do not evict each other."""


def sources() -> Iterator[Path]:
    """Yield the files that end up in machine code, in order."""
    root = Path(__file__).parents[1]
    for name in sorted((*COMPILED, *CONSTANTS)):
        path = root / name
        yield from sorted(path.rglob("*.py")) if path.is_dir() else [path]


def digest() -> str:
    """Return what identifies these sources under this numba; reading some 30 files takes about two milliseconds."""
    # machine code of another numba or Python must not be loaded either
    found = sha256(f"{numba.__version__} {sys.version}".encode())
    for path in sources():
        found.update(path.read_bytes())
    return found.hexdigest()[:16]


def use_cache() -> bool:
    """Have numba keep machine code under the digest of its sources; return whether it is kept at all.

    Where `NUMBA_CACHE_DIR` names a folder the digest is a folder in that one. Without a folder that can be written,
    every process compiles for itself and warns once.
    """
    config: Any = numba.config
    try:
        kept = Path(config.CACHE_DIR) if config.CACHE_DIR else user_cache() / "numba"
        folder = kept / digest()
        # old folders go only when a new one is made: most starts then read a directory and nothing else
        if not folder.is_dir():
            folder.mkdir(parents=True)
            _remove_old(kept)
        remove_rotten(folder)
        # numba would find out at the first compilation, with an error instead of a warning
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(folder)
    except (OSError, RuntimeError) as refused:  # no home is a RuntimeError
        log.warning("compiled code cannot be kept for the next run (%s): every process compiles for itself", refused)
        return False
    config.CACHE_DIR = str(folder)
    return True


def is_empty() -> bool:
    """Return whether there is no machine code of these sources yet: something is going to be compiled, and kept."""
    config: Any = numba.config
    return _is_ours() and not any(Path(config.CACHE_DIR).rglob("*.nbi"))


def _is_ours() -> bool:
    """Return whether the folder of machine code is the one of these sources."""
    config: Any = numba.config
    return bool(config.CACHE_DIR) and _is_hexadecimal(Path(config.CACHE_DIR))


def remove_rotten(folder: Path) -> list[Path]:
    """Remove machine code that is no longer what was once found here, and note what there is; return what went.

    numba believes what it reads: a flipped bit is an error of LLVM, or a wrong jump. What is removed is compiled again.
    """
    noted = _fingerprints(folder)
    there = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*.nb[ic]")) if path.is_file()}
    found = {name: _fingerprint(path) for name, path in there.items()}
    # a file of no bytes is what a crash of the machine leaves
    rotten = [name for name, mark in found.items() if noted.get(name, mark) != mark or not there[name].stat().st_size]
    # an index and the code it lists belong together: one without the other would be half a truth
    gone = [name for name in found if any(_stem(name) == _stem(other) for other in rotten)]
    if gone:
        log.warning("%d files of compiled code were damaged or changed: they are compiled again", len(gone))
    for name in gone:
        there[name].unlink(missing_ok=True)
    kept = {name: mark for name, mark in found.items() if name not in gone}
    if kept != noted:
        new = folder / f".{NOTED}.{os.getpid()}"
        new.write_text(json.dumps(kept), encoding="utf-8")
        new.replace(folder / NOTED)
    return [there[name] for name in gone]


def discard() -> None:
    """Remove all machine code of these sources: what numba could not read it would fail over again."""
    config: Any = numba.config
    if _is_ours():
        for path in Path(config.CACHE_DIR).rglob("*.nb[ic]"):
            path.unlink(missing_ok=True)


def _fingerprints(folder: Path) -> dict[str, str]:
    """Return what was noted of the files of a folder; nothing where the note itself cannot be read."""
    try:
        noted = json.loads((folder / NOTED).read_bytes())
    except (OSError, ValueError):
        return {}
    return noted if isinstance(noted, dict) else {}


def _fingerprint(path: Path) -> str:
    return blake2b(path.read_bytes(), digest_size=16).hexdigest()


def _stem(name: str) -> str:
    """Return what an index (f.nbi) and its code (f.1.nbc) have in common."""
    return name.removesuffix(".nbi") if name.endswith(".nbi") else name.rsplit(".", 2)[0]


def _remove_old(kept: Path) -> None:
    """Remove all but the newest folders named by a digest; other files in there are not ours."""
    length = len(digest())
    # the folder may be one that the user shares with other programs: only names that a digest can have are touched
    ours = [path for path in kept.iterdir() if path.is_dir() and len(path.name) == length and _is_hexadecimal(path)]
    for path in sorted(ours, key=lambda one: one.stat().st_mtime, reverse=True)[KEPT:]:
        rmtree(path, ignore_errors=True)


def _is_hexadecimal(path: Path) -> bool:
    return set(path.name) <= set("0123456789abcdef")
