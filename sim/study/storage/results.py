"""A result or a study on the disk: one sealed directory with a list of tables, replaced as a whole.

`manifest.json` lists the fingerprint of every file and is sealed itself; reading checks them, so that a changed or
torn file is named instead of believed. A result (`out/NAME` of `sim run`) holds its tables as Parquet, summary.json
and figures/; a study (sweep, sensitivity analysis, tuning) holds each table as Parquet and as CSV.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim import files
from sim.files import Damaged, WrongPlace
from sim.study.chunk import Columns
from sim.study.storage import sealed_files
from sim.study.storage.output_directory import atomic_replace, readable_path
from sim.study.storage.result_schema import is_inside
from sim.study.storage.sealed_files import json_value

if TYPE_CHECKING:
    import pandas as pd

FORMAT_VERSION = 1
MANIFEST = "manifest.json"
SUMMARY = "summary.json"
TABLES = ("runs", "curves", "events")
CHAIN, DRIVERS, RAMP = "chain", "drivers", "ramp"
DIAGNOSTIC_TABLES = ("spread", "hours", "indices", "bindings", "levers", "controls")
OPTIONAL_TABLES = (CHAIN, DRIVERS, RAMP, *DIAGNOSTIC_TABLES)
"""The driving chain of the representative run, what each cause costs (if asked), when each tenth of the MW was online
in every run, and tables that are worked out after the run. Older results have fewer of them."""
FIGURES = "figures"
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\N{MINUS SIGN}")

Extras = Callable[[Path], object]
"""A function that adds figures and reports to the directory that is being filled."""


@dataclass(frozen=True)
class DirectoryFormat:
    """The format of a sealed directory: its name in messages, its `format`, the files it must have and may have."""

    name: str
    format: str
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()


RESULT = DirectoryFormat(
    "result",
    "hybrid-dc-sim result",
    (SUMMARY, *(f"{name}.parquet" for name in TABLES)),
    tuple(f"{name}.parquet" for name in OPTIONAL_TABLES),
)
STUDY = DirectoryFormat("study", "hybrid-dc-sim study")


def write_result(
    target: Path,
    manifest: dict[str, Any],
    summary: dict[str, Any],
    parts: Mapping[str, Columns],
    extras: Extras | None = None,
) -> None:
    """Replace the result in `target` with a new one, or leave it as it is; the caller holds its lock.

    `parts` are the columns of TABLES and of those of OPTIONAL_TABLES that are known. `extras` is called with the directory
    being filled, which already has an empty `figures/`. Raises WrongPlace where something lies that is not a result.
    """

    def fill(directory: Path) -> None:
        for name, columns in parts.items():
            files.write(directory / f"{name}.parquet", sealed_files.to_bytes(columns))
        files.write(directory / SUMMARY, sealed_files.readable(json_value(summary)))
        files.make_directory(directory / FIGURES)

    _replace(target, RESULT, manifest, fill, extras)


def write_study(
    target: Path, kind: str, manifest: dict[str, Any], parts: Mapping[str, pd.DataFrame], extras: Extras | None = None
) -> None:
    """Replace the study in `target`, as `write_result`; `kind` is sweep, sensitivity or tuning."""

    def fill(directory: Path) -> None:
        for name, table in parts.items():
            columns = {str(column): table[column].to_numpy() for column in table.columns}
            files.write(directory / f"{name}.parquet", sealed_files.to_bytes(columns))
            files.write(directory / f"{name}.csv", csv_bytes(table))

    _replace(target, STUDY, {**manifest, "kind": kind}, fill, extras)


def _replace(
    target: Path,
    expected: DirectoryFormat,
    manifest: dict[str, Any],
    fill: Callable[[Path], None],
    extras: Extras | None,
) -> None:
    """Fill a new directory, seal it and replace `target` with it in one step."""
    require_place(target, expected)

    def write(directory: Path) -> None:
        fill(directory)
        if extras is not None:
            extras(directory)
        # the manifest comes last, for it names all others
        entries = {path.relative_to(directory).as_posix(): _entry(path) for path in files.listed(directory)}
        header = {"format": expected.format, "format_version": FORMAT_VERSION}
        sealed_files.write(directory / MANIFEST, {**header, **manifest, "files": entries})

    atomic_replace(target, write)


def _entry(path: Path) -> dict[str, Any]:
    """Return what the manifest says of a file."""
    data = files.read(path)
    return {"sha256": files.digest(data), "bytes": len(data)}


def read_result(target: Path) -> tuple[dict[str, Any], dict[str, Columns]]:
    """Manifest and columns of a result, every table checked against its fingerprint."""
    return _read(target, RESULT)


def read_study(target: Path, kind: str) -> tuple[dict[str, Any], dict[str, pd.DataFrame]]:
    """Return manifest and tables of a study of this kind, every table checked against its fingerprint."""
    import pandas as pd

    manifest, parts = _read(target, STUDY)
    if manifest.get("kind") != kind:
        raise WrongPlace(f"{target}: a {manifest.get('kind')}, not a {kind}")
    return manifest, {name: pd.DataFrame(columns) for name, columns in parts.items()}


def _read(target: Path, expected: DirectoryFormat) -> tuple[dict[str, Any], dict[str, Columns]]:
    """Return manifest and tables of a sealed directory; WrongPlace if there is none, Damaged if it is not intact."""
    directory = readable_path(target)
    if not files.exists(directory / MANIFEST):
        raise WrongPlace(f"{target}: there is no {expected.name} here (no {MANIFEST})")
    manifest = _manifest(directory, expected)
    # what `extras` added lies deeper or has other endings; it is for people and not read back
    if not isinstance(manifest.get("files"), dict):
        raise Damaged(f"{directory / MANIFEST}: files: not a list of files with their fingerprints")
    tables = [name for name in manifest["files"] if name.endswith(".parquet") and "/" not in name]
    parts = {}
    for name in dict.fromkeys([*expected.required, *tables]):
        data = _verified_bytes(directory, name, manifest)
        if name.endswith(".parquet"):
            parts[name.removesuffix(".parquet")] = sealed_files.from_bytes(data, str(directory / name))
    return {key: value for key, value in manifest.items() if key not in {"format", "format_version"}}, parts


def _manifest(directory: Path, expected: DirectoryFormat) -> dict[str, Any]:
    """Return the manifest in a directory; Damaged if it is of another format or version."""
    manifest = sealed_files.read(directory / MANIFEST)
    if manifest.get("format") != expected.format:
        raise Damaged(f"{directory / MANIFEST}: not the manifest of a {expected.name}")
    if manifest.get("format_version") != FORMAT_VERSION:
        raise Damaged(
            f"{directory / MANIFEST}: written in format {manifest.get('format_version')}, "
            f"this program reads {FORMAT_VERSION}"
        )
    return manifest


def _verified_bytes(directory: Path, name: str, manifest: dict[str, Any]) -> bytes:
    """Return the bytes of a file; Damaged if they do not have the fingerprint in the manifest."""
    entry = manifest["files"].get(name, {})
    # studies written by earlier versions list the fingerprint alone
    fingerprint = entry.get("sha256") if isinstance(entry, dict) else entry
    if not is_inside(name):
        raise Damaged(f"{directory / MANIFEST}: lists a file outside its folder: {name!r}")
    data = files.read(directory / name)
    if files.digest(data) != fingerprint:
        raise Damaged(f"{directory / name}: changed or damaged since it was written")
    return data


def require_place(target: Path, expected: DirectoryFormat) -> None:
    """Refuse a place that a result must not take, before hours are spent on it: WrongPlace says why.

    That is a link, a file, the current folder or one above it, or a folder with files that no manifest of ours lists.
    """
    with files.os_errors_named(target):
        _require_free(target, expected)


def _require_free(target: Path, expected: DirectoryFormat) -> None:
    """Raise WrongPlace where `target` cannot be replaced by a result without losing other files."""
    if target.is_symlink():
        raise WrongPlace(f"{target}: is a link, which a result would replace; name the folder that it points to")
    if target in {Path.cwd(), *Path.cwd().parents}:
        raise WrongPlace(f"{target}: is the current folder or above it, which a result would replace; name one in it")
    if not files.exists(target):
        return
    if not target.is_dir():
        raise WrongPlace(f"{target}: a file stands where the directory of the {expected.name} would be")
    present = {path.relative_to(target).as_posix() for path in files.listed(target)}
    if not present:
        return
    if MANIFEST not in present:
        raise WrongPlace(f"{target}: holds files and is no {expected.name} of ours; choose another directory")
    if unlisted := sorted(present - {MANIFEST} - set(_listed_files(target, expected))):
        raise WrongPlace(
            f"{target}: holds files that are not part of the {expected.name} and would be lost: "
            f"{', '.join(unlisted[:5])}; move them or choose another directory"
        )


def _listed_files(target: Path, expected: DirectoryFormat) -> list[str]:
    """Return the files that the manifest lists; the usual names where the manifest is damaged."""
    try:
        return list(_manifest(target, expected)["files"])
    except Damaged:
        figures = [path for path in files.listed(target) if path.relative_to(target).parts[0] == FIGURES]
        names = [path.relative_to(target).as_posix() for path in figures]
        return [*expected.required, *expected.optional, *names]


def csv_bytes(table: pd.DataFrame) -> bytes:
    """Return a table as CSV in which no text is taken for a formula by a spreadsheet."""
    safe = table.copy()
    for column in safe.columns:
        if safe[column].dtype == object or str(safe[column].dtype).startswith("str"):
            safe[column] = safe[column].map(without_formula)
    safe.columns = [without_formula(str(column)) for column in safe.columns]
    return str(safe.to_csv(index=False)).encode()


def without_formula(value: Any) -> Any:
    """Return a text that a spreadsheet would take for a formula, with an apostrophe before it; all else as it is."""
    if not isinstance(value, str):
        return value
    # a bare carriage return ends the row for some readers, and what follows would begin the next
    return ("'" if value.startswith(_FORMULA_STARTS) else "") + value.replace("\r", " ")
