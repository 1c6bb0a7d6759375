"""The answer of a study on the disk: a sealed manifest, and each table as Parquet and as CSV.

A sweep, a sensitivity analysis and a tuning each leave one; like a result, an answer is replaced as a whole.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim import files
from sim.files import Damaged, WrongPlace
from sim.study import digested, tables
from sim.study.locking import held
from sim.study.swapping import present, probe, replace_directory

if TYPE_CHECKING:
    import pandas as pd

FORMAT = "hybrid-dc-sim study"
FORMAT_VERSION = 1
MANIFEST = "manifest.json"
_STARTS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\N{MINUS SIGN}")

Tables = Mapping[str, "pd.DataFrame"]
Extras = Callable[[Path], object]


def write_answer(
    target: Path, kind: str, manifest: dict[str, Any], parts: Tables, extras: Extras | None = None
) -> None:
    """Replace the answer in `target`, or leave it as it is; `extras` is called with the directory being filled."""
    with held(target):
        probe(target)
        put_answer(target, kind, manifest, parts, extras)


def put_answer(target: Path, kind: str, manifest: dict[str, Any], parts: Tables, extras: Extras | None = None) -> None:
    """As `write_answer`, for whoever holds `target` already."""
    _refuse_foreign(target)
    replace_directory(target, lambda new: _fill(new, {**manifest, "kind": kind}, parts, extras))


def _fill(directory: Path, manifest: dict[str, Any], parts: Tables, extras: Extras | None) -> None:
    """Write the tables and what `extras` adds; the manifest, which names all others, comes last."""
    for name, table in parts.items():
        columns = {str(column): table[column].to_numpy() for column in table.columns}
        files.write(directory / f"{name}.parquet", tables.to_bytes(columns))
        files.write(directory / f"{name}.csv", csv_bytes(table))
    if extras is not None:
        extras(directory)
    listed = {p.relative_to(directory).as_posix(): files.digest(files.read(p)) for p in files.listed(directory)}
    head = {"format": FORMAT, "format_version": FORMAT_VERSION}
    digested.write(directory / MANIFEST, {**head, **manifest, "files": listed})


def read_answer(target: Path, kind: str) -> tuple[dict[str, Any], dict[str, pd.DataFrame]]:
    """Manifest and tables of an answer, every table checked against its fingerprint."""
    import pandas as pd

    directory = present(target)
    if not files.exists(directory / MANIFEST):
        raise WrongPlace(f"{target}: there is no {kind} here (no {MANIFEST})")
    manifest = _manifest(directory)
    if manifest.get("kind") != kind:
        raise WrongPlace(f"{target}: a {manifest.get('kind')}, not a {kind}")
    found = {}
    for name, fingerprint in manifest["files"].items():
        if name.endswith(".parquet"):
            data = files.read(directory / name)
            if files.digest(data) != fingerprint:
                raise Damaged(f"{directory / name}: changed or damaged since it was written")
            found[name.removesuffix(".parquet")] = pd.DataFrame(tables.from_bytes(data, str(directory / name)))
    return manifest, found


def _manifest(directory: Path) -> dict[str, Any]:
    """The manifest in a directory; Damaged if it is not that of a study."""
    manifest = digested.read(directory / MANIFEST)
    if manifest.get("format") != FORMAT or manifest.get("format_version") != FORMAT_VERSION:
        raise Damaged(f"{directory / MANIFEST}: not the manifest of a study that this program reads")
    return manifest


def _refuse_foreign(target: Path) -> None:
    """Refuse to replace anything that is not an answer, or that holds files which are not part of it."""
    if not files.exists(target):
        return
    if not target.is_dir():
        raise WrongPlace(f"{target}: a file stands where the answer's directory would be")
    there = {path.relative_to(target).as_posix() for path in files.listed(target)}
    if not there:
        return
    if MANIFEST not in there:
        raise WrongPlace(f"{target}: holds files and is no study of ours; choose another directory")
    if foreign := sorted(there - {MANIFEST} - set(_manifest(target)["files"])):
        raise WrongPlace(f"{target}: holds files that would be lost: {', '.join(foreign[:5])}; move them")


def csv_bytes(table: pd.DataFrame) -> bytes:
    """A table as CSV that a spreadsheet reads as what it says: no text begins a formula."""
    safe = table.copy()
    for column in safe.columns:
        if safe[column].dtype == object or str(safe[column].dtype).startswith("str"):
            safe[column] = safe[column].map(harmless)
    safe.columns = [harmless(str(column)) for column in safe.columns]
    return str(safe.to_csv(index=False)).encode()


def harmless(value: Any) -> Any:
    """A text that a spreadsheet would take for a formula, with an apostrophe before it; all else as it is."""
    if not isinstance(value, str):
        return value
    # a bare carriage return ends the row for some readers, and what follows would begin the next
    return ("'" if value.startswith(_STARTS_A_FORMULA) else "") + value.replace("\r", " ")
