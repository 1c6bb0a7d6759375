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
    "plan/compiled_plan.py",
    "plan/identical_units.py",
    "plan/draws.py",
    "plan/vocabulary.py",
    "world/roads.py",
    "world/quantile_tables.py",
    "world/streams.py",
)
"""Files of `sim` whose constants are compiled in."""
FINGERPRINTS_FILE = "fingerprints.json"
"""File of a cache folder: the checksum of each of its files when they were last checked."""
FOLDERS_TO_KEEP = 2
"""Cache folders that are kept: the present sources' and the previous one's, so that two branches do not evict each other."""


def sources() -> Iterator[Path]:
    """Yield the files that end up in machine code, in order."""
    root = Path(__file__).parents[1]
    for name in sorted((*COMPILED, *CONSTANTS)):
        path = root / name
        yield from sorted(path.rglob("*.py")) if path.is_dir() else [path]


def digest() -> str:
    """Return 16 hexadecimal digits of a hash of these sources and of the versions of numba and Python.

    Reading some 30 files takes about two milliseconds.
    """
    # machine code of another numba or Python must not be loaded either
    source_hash = sha256(f"{numba.__version__} {sys.version}".encode())
    for path in sources():
        source_hash.update(path.read_bytes())
    return source_hash.hexdigest()[:16]


def use_cache() -> bool:
    """Set numba's cache folder to one named after the digest of the sources; return whether it can be written.

    It lies in the folder that `NUMBA_CACHE_DIR` names, or else in the user's cache. Where it cannot be written, every
    process compiles for itself and warns once.
    """
    config: Any = numba.config
    try:
        all_folders = Path(config.CACHE_DIR) if config.CACHE_DIR else user_cache() / "numba"
        folder = all_folders / digest()
        # old folders are removed only when a new one is made: most starts then read one directory and nothing else
        if not folder.is_dir():
            # two first runs may start together: what one has made or removed is no error for the other
            folder.mkdir(parents=True, exist_ok=True)
            _remove_old(all_folders)
        remove_damaged(folder)
        # numba would find out at the first compilation, with an error instead of a warning
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(folder)
    except (OSError, RuntimeError) as error:  # a user without a home folder is a RuntimeError
        log.warning("compiled code cannot be kept for the next run (%s): every process compiles for itself", error)
        return False
    config.CACHE_DIR = str(folder)
    return True


def is_empty() -> bool:
    """Return whether the cache holds no machine code of these sources yet, so that kernels will be compiled and saved."""
    config: Any = numba.config
    return _uses_digest_folder() and not any(Path(config.CACHE_DIR).rglob("*.nbi"))


def _uses_digest_folder() -> bool:
    """Return whether numba's cache folder is one that `use_cache` has set: its name is a digest."""
    config: Any = numba.config
    return bool(config.CACHE_DIR) and _is_hexadecimal(Path(config.CACHE_DIR))


def remove_damaged(folder: Path) -> list[Path]:
    """Remove files of machine code whose checksum has changed since the last check; return the removed files.

    The checksums of the others are saved for the next check. numba trusts the files it reads: a flipped bit would be an
    error of LLVM, or a wrong jump. Removed functions are compiled again.
    """
    saved_sums = _saved_checksums(folder)
    files = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*.nb[ic]")) if path.is_file()}
    checksums = {name: _checksum(path) for name, path in files.items()}
    # a file can be empty after a crash of the machine
    damaged_functions = {
        _function_of(name)
        for name, checksum in checksums.items()
        if saved_sums.get(name, checksum) != checksum or not files[name].stat().st_size
    }
    # the index of a function and the code files it lists are removed together
    removed = [name for name in checksums if _function_of(name) in damaged_functions]
    if removed:
        log.warning("%d files of compiled code were damaged or changed: they are compiled again", len(removed))
    for name in removed:
        files[name].unlink(missing_ok=True)
    remaining_sums = {name: checksum for name, checksum in checksums.items() if name not in removed}
    if remaining_sums != saved_sums:
        new_file = folder / f".{FINGERPRINTS_FILE}.{os.getpid()}"
        new_file.write_text(json.dumps(remaining_sums), encoding="utf-8")
        new_file.replace(folder / FINGERPRINTS_FILE)
    return [files[name] for name in removed]


def discard() -> None:
    """Remove all machine code of these sources, after numba failed to load some: the next run would fail on it again."""
    config: Any = numba.config
    if _uses_digest_folder():
        for path in Path(config.CACHE_DIR).rglob("*.nb[ic]"):
            path.unlink(missing_ok=True)


def _saved_checksums(folder: Path) -> dict[str, str]:
    """Return the checksums saved at the last check, by file name; none where they cannot be read."""
    try:
        saved_sums = json.loads((folder / FINGERPRINTS_FILE).read_bytes())
    except (OSError, ValueError):
        return {}
    return saved_sums if isinstance(saved_sums, dict) else {}


def _checksum(path: Path) -> str:
    return blake2b(path.read_bytes(), digest_size=16).hexdigest()


def _function_of(name: str) -> str:
    """Return the function that a cache file belongs to: `f` for its index (f.nbi) and its code (f.1.nbc)."""
    return name.removesuffix(".nbi") if name.endswith(".nbi") else name.rsplit(".", 2)[0]


def _remove_old(parent: Path) -> None:
    """Remove the folders named after a digest, except the newest; other files in `parent` are left alone."""
    length = len(digest())
    # other programs may use the parent folder too: only folders whose name can be a digest are touched
    folders = [
        path for path in parent.iterdir() if path.is_dir() and len(path.name) == length and _is_hexadecimal(path)
    ]
    for path in sorted(folders, key=_modified, reverse=True)[FOLDERS_TO_KEEP:]:
        rmtree(path, ignore_errors=True)


def _modified(folder: Path) -> float:
    """Return when a folder was modified last, in seconds; 0 where another process has removed it."""
    try:
        return folder.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _is_hexadecimal(path: Path) -> bool:
    return set(path.name) <= set("0123456789abcdef")
