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
from sim.study.sample import plain
from sim.study.storage import sealed_files
from sim.study.storage.output_directory import atomic_replace, readable_path
from sim.study.storage.result_schema import is_inside

if TYPE_CHECKING:
    import pandas as pd

FORMAT_VERSION = 1
MANIFEST = "manifest.json"
SUMMARY = "summary.json"
TABLES = ("runs", "curves", "events")
CHAIN, DRIVERS, RAMP = "chain", "drivers", "ramp"
MORE = ("spread", "hours", "indices", "bindings", "levers", "controls")
SOMETIMES = (CHAIN, DRIVERS, RAMP, *MORE)
"""The driving chain of the representative run, what each cause costs (if asked), when each tenth of the MW was online
in every run, and what a closer look found. Older results have fewer of them."""
FIGURES = "figures"
_STARTS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\N{MINUS SIGN}")

Extras = Callable[[Path], object]
"""Adds figures and reports to the directory that is being filled."""


@dataclass(frozen=True)
class Contents:
    """What a sealed directory holds: its name in messages, its `format`, the files it must and may have."""

    name: str
    format: str
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()


RESULT = Contents(
    "result",
    "hybrid-dc-sim result",
    (SUMMARY, *(f"{name}.parquet" for name in TABLES)),
    tuple(f"{name}.parquet" for name in SOMETIMES),
)
STUDY = Contents("study", "hybrid-dc-sim study")


def write_result(
    target: Path,
    manifest: dict[str, Any],
    summary: dict[str, Any],
    parts: Mapping[str, Columns],
    extras: Extras | None = None,
) -> None:
    """Replace the result in `target` with a new one, or leave it as it is; the caller holds its lock.

    `parts` are the columns of TABLES and of those of SOMETIMES that are known. `extras` is called with the directory
    being filled, which already has an empty `figures/`. Raises WrongPlace where something lies that is not a result.
    """

    def fill(directory: Path) -> None:
        for name, columns in parts.items():
            files.write(directory / f"{name}.parquet", sealed_files.to_bytes(columns))
        files.write(directory / SUMMARY, sealed_files.readable(plain(summary)))
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
    target: Path, contents: Contents, manifest: dict[str, Any], fill: Callable[[Path], None], extras: Extras | None
) -> None:
    """Fill a new directory, seal it and put it in the place of `target`."""
    require_place(target, contents)

    def write(directory: Path) -> None:
        fill(directory)
        if extras is not None:
            extras(directory)
        # the manifest comes last, for it names all others
        listed = {path.relative_to(directory).as_posix(): _entry(path) for path in files.listed(directory)}
        head = {"format": contents.format, "format_version": FORMAT_VERSION}
        sealed_files.write(directory / MANIFEST, {**head, **manifest, "files": listed})

    atomic_replace(target, write)


def _entry(path: Path) -> dict[str, Any]:
    """What the manifest says of a file."""
    data = files.read(path)
    return {"sha256": files.digest(data), "bytes": len(data)}


def read_result(target: Path) -> tuple[dict[str, Any], dict[str, Columns]]:
    """Manifest and columns of a result, every table checked against its fingerprint."""
    return _read(target, RESULT)


def read_study(target: Path, kind: str) -> tuple[dict[str, Any], dict[str, pd.DataFrame]]:
    """Manifest and tables of a study of this kind, every table checked against its fingerprint."""
    import pandas as pd

    manifest, parts = _read(target, STUDY)
    if manifest.get("kind") != kind:
        raise WrongPlace(f"{target}: a {manifest.get('kind')}, not a {kind}")
    return manifest, {name: pd.DataFrame(columns) for name, columns in parts.items()}


def _read(target: Path, contents: Contents) -> tuple[dict[str, Any], dict[str, Columns]]:
    """Manifest and tables of a sealed directory; WrongPlace if there is none, Damaged if it is not sound."""
    directory = readable_path(target)
    if not files.exists(directory / MANIFEST):
        raise WrongPlace(f"{target}: there is no {contents.name} here (no {MANIFEST})")
    manifest = _manifest(directory, contents)
    # what `extras` added lies deeper or has other endings; it is for people and not read back
    if not isinstance(manifest.get("files"), dict):
        raise Damaged(f"{directory / MANIFEST}: files: not a list of files with their fingerprints")
    tables = [name for name in manifest["files"] if name.endswith(".parquet") and "/" not in name]
    parts = {}
    for name in dict.fromkeys([*contents.required, *tables]):
        data = _checked(directory, name, manifest)
        if name.endswith(".parquet"):
            parts[name.removesuffix(".parquet")] = sealed_files.from_bytes(data, str(directory / name))
    return {key: value for key, value in manifest.items() if key not in {"format", "format_version"}}, parts


def _manifest(directory: Path, contents: Contents) -> dict[str, Any]:
    """The manifest in a directory; Damaged if it is not one of these contents."""
    manifest = sealed_files.read(directory / MANIFEST)
    if manifest.get("format") != contents.format:
        raise Damaged(f"{directory / MANIFEST}: not the manifest of a {contents.name}")
    if manifest.get("format_version") != FORMAT_VERSION:
        raise Damaged(
            f"{directory / MANIFEST}: written in format {manifest.get('format_version')}, "
            f"this program reads {FORMAT_VERSION}"
        )
    return manifest


def _checked(directory: Path, name: str, manifest: dict[str, Any]) -> bytes:
    """A file's bytes if they are those the manifest lists."""
    entry = manifest["files"].get(name, {})
    # studies written by earlier versions list the fingerprint alone
    fingerprint = entry.get("sha256") if isinstance(entry, dict) else entry
    if not is_inside(name):
        raise Damaged(f"{directory / MANIFEST}: lists a file outside its folder: {name!r}")
    data = files.read(directory / name)
    if files.digest(data) != fingerprint:
        raise Damaged(f"{directory / name}: changed or damaged since it was written")
    return data


def require_place(target: Path, contents: Contents) -> None:
    """Refuse a place that a result must not take, before hours are spent on it: WrongPlace says why.

    That is a link, a file, the current folder or one above it, or a folder with files that no manifest of ours lists.
    """
    with files.os_errors_named(target):
        _require_free(target, contents)


def _require_free(target: Path, contents: Contents) -> None:
    """Refuse a place, with what is wrong with it; what the operating system complains of comes through."""
    if target.is_symlink():
        raise WrongPlace(f"{target}: is a link, which a result would replace; name the folder that it points to")
    if target in {Path.cwd(), *Path.cwd().parents}:
        raise WrongPlace(f"{target}: is the current folder or above it, which a result would replace; name one in it")
    if not files.exists(target):
        return
    if not target.is_dir():
        raise WrongPlace(f"{target}: a file stands where the directory of the {contents.name} would be")
    there = {path.relative_to(target).as_posix() for path in files.listed(target)}
    if not there:
        return
    if MANIFEST not in there:
        raise WrongPlace(f"{target}: holds files and is no {contents.name} of ours; choose another directory")
    if foreign := sorted(there - {MANIFEST} - set(_listed(target, contents))):
        raise WrongPlace(
            f"{target}: holds files that are not part of the {contents.name} and would be lost: "
            f"{', '.join(foreign[:5])}; move them or choose another directory"
        )


def _listed(target: Path, contents: Contents) -> list[str]:
    """The files the manifest lists; the usual names where a damaged one cannot tell."""
    try:
        return list(_manifest(target, contents)["files"])
    except Damaged:
        figures = [path for path in files.listed(target) if path.relative_to(target).parts[0] == FIGURES]
        names = [path.relative_to(target).as_posix() for path in figures]
        return [*contents.required, *contents.optional, *names]


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
