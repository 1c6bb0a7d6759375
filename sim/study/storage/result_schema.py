"""What a stored result must be: a result folder may come from anybody, and is input like any other.

A seal says that nothing was changed since it was made, not who made it. So names, types and sizes are checked before
anything is used: the size of a table is checked before it is decompressed, and a name never leads out of its folder.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from sim.config.sections.base import Name
from sim.errors import CONTROL
from sim.files import Damaged
from sim.study.chunk import STATUS, Columns, not_finite

MAX_RUNS = 1_000_000
MAX_BYTES, MAX_GROWTH = 256_000_000, 300
"""Bytes that a table may take once decompressed; more where it is no more than so many times its file."""
TEXTS = {
    "runs": {"status"},
    "curves": {"curve"},
    "events": {
        "date",
        "kind",
        "activity",
        "unit",
        "resource",
        "mechanism",
        "unit_kind",
        "place",
        "part",
        "step",
        "note",
    },
    "chain": {"unit", "activity", "mechanism", "waiting", "waiting_for"},
    "drivers": {"id", "kind", "name"},
    "spread": {"place", "unit", "activity"},
    "bindings": {"cause", "what"},
    "levers": {"id", "cause", "what", "name"},
}
"""Columns of text by table."""
NUMBERS_ONLY = {"runs", "curves", "ramp", "hours", "controls"}
"""Tables whose other columns are all numbers; those of the others may be either."""
REQUIRED = {"runs": ("replication", "status"), "curves": ("curve", "day", "p10", "p50", "p80", "p90", "mean")}

Number = Annotated[float, Field(strict=True)]
Infinite = Literal["inf", "-inf"]
"""A day on which a plan never reaches something: JSON has no word for it, and `json_value` writes this text."""
Whole = Annotated[int, Field(strict=True)]
_NAME: TypeAdapter[str] = TypeAdapter(Name)


class ForecastOrigin(BaseModel):
    """What a forecast goes on from: its status, by name and fingerprint, and how that is read."""

    model_config = ConfigDict(extra="allow", strict=True)

    data_date: str
    status: str
    status_digest: str
    learning: bool
    logic: str


class Manifest(BaseModel):
    """The keys of a manifest that are read; it may have more."""

    model_config = ConfigDict(extra="allow", strict=True)

    name: Name
    strategy: str = ""
    seed: Whole
    runs: Annotated[Whole, Field(ge=0, le=MAX_RUNS)]
    start_date: Annotated[date, Field(strict=False)]
    target_days: Annotated[float, Field(allow_inf_nan=False)]
    working_weekdays: list[Annotated[Whole, Field(ge=0, le=6)]]
    holidays: list[Annotated[date, Field(strict=False)]]
    limits: dict[str, Number]
    planned: dict[str, Number | Infinite | None]
    most_likely: dict[str, Number | Infinite | None] = {}
    planned_blocks: dict[str, Number | Infinite | None]
    crews: dict[str, Whole]
    versions: dict[str, str]
    config: dict[str, Any]
    notes: dict[Annotated[str, Field(pattern=r"^[0-9]{1,7}$")], str]
    remark: str
    sampling: dict[str, Any]
    files: dict[str, Any]
    forecast: ForecastOrigin | None = None


class Stratification(BaseModel):
    """How random numbers were sampled, as a manifest keeps it."""

    model_config = ConfigDict(strict=True)

    method: str
    size: Annotated[Whole, Field(ge=1, le=MAX_RUNS)]


class Origin(BaseModel):
    """The identity of the run that a shard belongs to."""

    model_config = ConfigDict(extra="allow", strict=True)

    seed: Annotated[Whole, Field(ge=0, lt=2**63)]
    metrics: list[str]
    sampling: Stratification | None = None
    forecast: ForecastOrigin | None = None


class Part(BaseModel):
    """The document of a shard; a case that is not a project's (a test's) needs no configuration."""

    model_config = ConfigDict(extra="allow", strict=True)

    identity: Origin
    about: dict[str, Annotated[Whole, Field(ge=1, le=100 * MAX_RUNS)]]


def require_part(identity: Any, about: Any, source: str) -> None:
    """Raise Damaged where the document of a shard lacks a key, or has one of another type."""
    try:
        Part.model_validate({"identity": identity, "about": about})
        if "runs" not in about:
            raise Damaged(f"{source}: is no part of a run: about.runs: is missing")
    except ValidationError as error:
        first = error.errors()[0]
        raise Damaged(f"{source}: is no part of a run: {'.'.join(map(str, first['loc']))}: {first['msg']}") from error


def require_rows(runs: Columns, metrics: Sequence[str], count: int, source: str) -> None:
    """Raise Damaged where a chunk of a shard has other columns than its run, or invalid numbers."""
    if set(runs) != {"status", *metrics} or any(len(column) != count for column in runs.values()):
        raise Damaged(f"{source}: other columns or rows than the run that it is part of")
    status = runs["status"]
    if status.dtype.kind not in "iu" or not ((status >= 0) & (status < len(STATUS))).all():
        raise Damaged(f"{source}: a replication that is neither {', '.join(STATUS)}")
    if any(runs[name].dtype.kind != "f" for name in metrics) or not_finite(runs, metrics):
        raise Damaged(f"{source}: a metric of a finished replication is no finite number")


def is_name(text: str) -> bool:
    """Return whether a text is a name that a folder of ours can have."""
    try:
        return bool(_NAME.validate_python(text))
    except ValidationError:
        return False


def is_inside(name: str) -> bool:
    """Return whether a file's name stays within the folder that lists it."""
    path = PurePosixPath(name)
    return (
        not path.is_absolute() and ".." not in path.parts and "\\" not in name and ":" not in name and "\0" not in name
    )


def require_result(manifest: Mapping[str, Any], parts: Mapping[str, Columns], source: str) -> None:
    """Raise Damaged, with the key or the column, unless this is the manifest and the tables of a result."""
    try:
        read = Manifest.model_validate(dict(manifest))
    except ValidationError as error:
        problems = [
            f"{'.'.join(map(str, detail['loc']))}: {detail['msg'].lower()}"
            for detail in error.errors(include_url=False)
        ]
        raise Damaged(f"{source}: not the manifest of a result: {'; '.join(problems[:5])}") from error
    if unprintable := next(_not_printable(dict(manifest)), None):
        raise Damaged(f"{source}: not the manifest of a result: {unprintable!r} has control characters")
    if outside := [name for name in read.files if not is_inside(name)]:
        raise Damaged(f"{source}: lists a file outside its folder: {outside[0]!r}")
    for name, columns in parts.items():
        _require_table(name, columns, source)
    _require_runs(parts["runs"], read.runs, source)


def _not_printable(value: Any) -> Iterator[str]:
    """Yield the texts of a document that have terminal control characters; line breaks and tabs are allowed."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield from _not_printable(key)
            yield from _not_printable(part)
    elif isinstance(value, list):
        for part in value:
            yield from _not_printable(part)
    elif isinstance(value, str) and CONTROL.search(value):
        yield value


def _require_table(name: str, columns: Columns, source: str) -> None:
    """Raise Damaged unless a table's columns are of one length and have their types."""
    for column in REQUIRED.get(name, ()):
        if column not in columns:
            raise Damaged(f"{source}: {name}.parquet has no column {column}")
    lengths = {len(values) for values in columns.values()}
    for column, values in columns.items():
        dtype_kinds = "O" if column in TEXTS.get(name, ()) else "iufb" if name in NUMBERS_ONLY else "iufbO"
        # an empty table has no kinds: Parquet keeps none for it
        if values.ndim != 1 or len(lengths) > 1 or (len(values) and values.dtype.kind not in dtype_kinds):
            expected = "text" if dtype_kinds == "O" else "numbers"
            raise Damaged(f"{source}: {name}.parquet: {column} is not a column of {expected}, as long as the others")
        if values.dtype.kind == "O" and not all(isinstance(text, str) and not CONTROL.search(text) for text in values):
            raise Damaged(f"{source}: {name}.parquet: column {column} has gaps, or control characters")


def _require_runs(runs: Columns, count: int, source: str) -> None:
    """Raise Damaged unless there is a row for every replication, in order, each with a known status."""
    if runs["replication"].tolist() != list(range(count)):
        raise Damaged(f"{source}: runs.parquet does not hold replications 0 to {count - 1} in order")
    if unknown := set(runs["status"].tolist()) - set(STATUS.tolist()):
        raise Damaged(f"{source}: runs.parquet: status {min(unknown)!r} is none of {', '.join(STATUS)}")
