"""A result on the disk, `out/NAME/`: manifest, summary, runs, curves, one run's events, figures.

`manifest.json` lists the fingerprint of every file, and is sealed itself; reading checks them, so that a
changed or torn file is named instead of believed.

The answer of a study on the disk: a sealed manifest, and each table as Parquet and as CSV.

A sweep, a sensitivity analysis and a tuning each leave one; like a result, an answer is replaced as a whole.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim import files
from sim.files import Damaged, WrongPlace
from sim.study.chunk import Columns
from sim.study.sample import plain
from sim.study.storage import sealed_files as digested
from sim.study.storage import sealed_files as tables
from sim.study.storage.atomic_directory import atomic_replace, readable_path
from sim.study.storage.locking import output_lock

if TYPE_CHECKING:
    import pandas as pd


# --- store ------------------------------------------------------------------------------------------------------------


FORMAT = "hybrid-dc-sim result"
FORMAT_VERSION = 1
MANIFEST = "manifest.json"
SUMMARY = "summary.json"
TABLES = ("runs", "curves", "events")
CHAIN, DRIVERS, RAMP = "chain", "drivers", "ramp"
MORE = ("spread", "hours", "indices")
SOMETIMES = (CHAIN, DRIVERS, RAMP, *MORE)
"""The driving chain of the representative run, what each cause costs (if asked), when each tenth of the MW was online
in every run, and what a closer look found. Older results have fewer of them."""
FIGURES = "figures"

Extras = Callable[[Path], None]


def write_result(
    target: Path,
    manifest: dict[str, Any],
    summary: dict[str, Any],
    parts: dict[str, Columns],
    extras: Extras | None = None,
) -> None:
    """Replace the result in `target` with a new one, or leave it as it is; the caller holds its lock.

    `parts` are the columns of "runs", "curves", "events" and those of SOMETIMES that are known. `extras` is called
    with the directory being filled, which already has an empty `figures/`, to add figures and reports.
    Raises WrongPlace where nothing may be written or where something lies that is not a result.
    """
    refuse_foreign(target)
    atomic_replace(target, lambda new: _fill(new, manifest, summary, parts, extras))


def _fill(
    directory: Path,
    manifest: dict[str, Any],
    summary: dict[str, Any],
    parts: dict[str, Columns],
    extras: Extras | None,
) -> None:
    """Write a result's files; the manifest, which names all others, comes last."""
    for name, columns in parts.items():
        files.write(_table(directory, name), tables.to_bytes(columns))
    files.write(directory / SUMMARY, digested.readable(plain(summary)))
    files.make_directory(directory / FIGURES)
    if extras is not None:
        extras(directory)
    listed = {path.relative_to(directory).as_posix(): _entry(path) for path in files.listed(directory)}
    head = {"format": FORMAT, "format_version": FORMAT_VERSION}
    digested.write(directory / MANIFEST, {**head, **manifest, "files": listed})


def _table(directory: Path, name: str) -> Path:
    """Where a table lies."""
    return directory / f"{name}.parquet"


def _entry(path: Path) -> dict[str, Any]:
    """What the manifest says of a file."""
    data = files.read(path)
    return {"sha256": files.digest(data), "bytes": len(data)}


def read_manifest(directory: Path) -> dict[str, Any]:
    """The manifest of a result; WrongPlace if there is no result, Damaged if it is not sound."""
    manifest = digested.read(directory / MANIFEST)
    if manifest.get("format") != FORMAT:
        raise Damaged(f"{directory / MANIFEST}: not the manifest of a result")
    if manifest.get("format_version") != FORMAT_VERSION:
        raise Damaged(
            f"{directory / MANIFEST}: written in format {manifest.get('format_version')}, "
            f"this program reads {FORMAT_VERSION}"
        )
    return manifest


def read_result(target: Path) -> tuple[dict[str, Any], dict[str, Columns]]:
    """Manifest and columns of a result, every file checked against its fingerprint."""
    directory = readable_path(target)
    if not files.exists(directory / MANIFEST):
        raise WrongPlace(f"{target}: there is no result here (no {MANIFEST})")
    manifest = read_manifest(directory)
    _checked(directory, SUMMARY, manifest)
    parts = {}
    there = [name for name in SOMETIMES if _table(directory, name).name in manifest["files"]]
    for name in [*TABLES, *there]:
        data = _checked(directory, _table(directory, name).name, manifest)
        parts[name] = tables.from_bytes(data, str(_table(directory, name)))
    return {key: value for key, value in manifest.items() if key not in {"format", "format_version"}}, parts


def _checked(directory: Path, name: str, manifest: dict[str, Any]) -> bytes:
    """A file's bytes if they are those the manifest tells of."""
    data = files.read(directory / name)
    if files.digest(data) != manifest["files"].get(name, {}).get("sha256"):
        raise Damaged(f"{directory / name}: changed or damaged since it was written")
    return data


def refuse_foreign(target: Path) -> None:
    """Refuse to replace a directory that has no manifest, or files that its manifest does not list."""
    if not files.exists(target):
        return
    if not target.is_dir():
        raise WrongPlace(f"{target}: a file stands where the result's directory would be")
    there = {path.relative_to(target).as_posix() for path in files.listed(target)}
    if not there:
        return
    if MANIFEST not in there:
        raise WrongPlace(f"{target}: holds files and is no result of ours; choose another directory")
    foreign = sorted(there - {MANIFEST} - set(_listed(target)))
    if foreign:
        raise WrongPlace(
            f"{target}: holds files that are not part of the result and would be lost: "
            f"{', '.join(foreign[:5])}; move them or choose another directory"
        )


def _listed(target: Path) -> list[str]:
    """The files the manifest lists; the usual names where a damaged one cannot tell."""
    try:
        return list(read_manifest(target)["files"])
    except Damaged:
        usual = [SUMMARY, *(f"{name}.parquet" for name in (*TABLES, *SOMETIMES))]
        figures = [path for path in files.listed(target) if path.relative_to(target).parts[0] == FIGURES]
        return usual + [path.relative_to(target).as_posix() for path in figures]


# --- answers ----------------------------------------------------------------------------------------------------------


STUDY_FORMAT = "hybrid-dc-sim study"
_STARTS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\N{MINUS SIGN}")

Tables = Mapping[str, "pd.DataFrame"]
AnswerExtras = Callable[[Path], object]


def write_answer(
    target: Path, kind: str, manifest: dict[str, Any], parts: Tables, extras: AnswerExtras | None = None
) -> None:
    """Replace the answer in `target`, or leave it as it is; `extras` is called with the directory being filled."""
    with output_lock(target):
        put_answer(target, kind, manifest, parts, extras)


def put_answer(
    target: Path, kind: str, manifest: dict[str, Any], parts: Tables, extras: AnswerExtras | None = None
) -> None:
    """As `write_answer`, for whoever holds `target` already."""
    _refuse_foreign(target)
    atomic_replace(target, lambda new: _fill_answer(new, {**manifest, "kind": kind}, parts, extras))


def _fill_answer(directory: Path, manifest: dict[str, Any], parts: Tables, extras: AnswerExtras | None) -> None:
    """Write the tables and what `extras` adds; the manifest, which names all others, comes last."""
    for name, table in parts.items():
        columns = {str(column): table[column].to_numpy() for column in table.columns}
        files.write(directory / f"{name}.parquet", tables.to_bytes(columns))
        files.write(directory / f"{name}.csv", csv_bytes(table))
    if extras is not None:
        extras(directory)
    listed = {p.relative_to(directory).as_posix(): files.digest(files.read(p)) for p in files.listed(directory)}
    head = {"format": STUDY_FORMAT, "format_version": FORMAT_VERSION}
    digested.write(directory / MANIFEST, {**head, **manifest, "files": listed})


def read_answer(target: Path, kind: str) -> tuple[dict[str, Any], dict[str, pd.DataFrame]]:
    """Manifest and tables of an answer, every table checked against its fingerprint."""
    import pandas as pd

    directory = readable_path(target)
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
    if manifest.get("format") != STUDY_FORMAT or manifest.get("format_version") != FORMAT_VERSION:
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
