"""Columns as Parquet bytes and back: the format in which results and chunks are stored.

A column is one-dimensional, or has a row a replication (a curve) and is kept as lists of one length. Every
page carries a checksum that is verified when it is read: without them most flipped bits would pass unseen.

JSON documents that know their own fingerprint, so that a changed digit does not pass for the original.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np

from sim import files
from sim.files import Damaged
from sim.study.chunk import Column, Columns
from sim.study.storage.result_schema import MAX_BYTES, MAX_GROWTH

# --- tables -----------------------------------------------------------------------------------------------------------


def to_bytes(columns: Mapping[str, Column]) -> bytes:
    """Return the columns as one Parquet file; the same columns give the same bytes."""
    import pyarrow as pa
    from pyarrow import parquet

    table = pa.table({name: _to_arrow(column) for name, column in columns.items()})
    buffer = pa.BufferOutputStream()
    # days of a curve hardly repeat: a dictionary of them takes as long again to build, and 70 % more bytes than it saves
    repeating = [name for name, column in columns.items() if column.ndim == 1]
    parquet.write_table(
        table, buffer, compression="zstd", use_dictionary=repeating, write_page_checksum=True, store_schema=False
    )
    return bytes(buffer.getvalue())


def _to_arrow(column: Column) -> Any:
    """Return one column in Arrow's form."""
    import pyarrow as pa

    if column.ndim == 1:
        return pa.array(_of_one_type(column.tolist()) if column.dtype.kind == "O" else column)
    return pa.FixedSizeListArray.from_arrays(pa.array(column.ravel()), column.shape[1])


def _of_one_type(values: list[Any]) -> list[Any]:
    """Return the values of a column of settings as one type, None where there is none: text where they are of several.

    A point that leaves an input as configured has no setting, which pandas marks by a float, not-a-number, beside text too.
    """
    types = set(map(type, values))  # by type, not by value: an event log has half a million texts
    if any(issubclass(one, float) for one in types):
        values = [None if isinstance(value, float) and math.isnan(value) else value for value in values]
        types = set(map(type, values))
    kinds = {_kind(one) for one in types if one is not type(None)}
    return values if len(kinds) <= 1 else [None if value is None else str(value) for value in values]


def _kind(of_value: type) -> type:
    """Return the kind of a type, numbers of any type as one kind."""
    return Real if issubclass(of_value, Real) and not issubclass(of_value, bool) else of_value


def from_bytes(data: bytes, source: str, column_names: Sequence[str] | None = None) -> Columns:
    """Return the columns of a Parquet file, all or some by name; Damaged (with `source`) if the file is invalid."""
    import pyarrow as pa
    from pyarrow import parquet

    try:
        file = parquet.ParquetFile(pa.BufferReader(data), page_checksum_verification=True)
        _require_size(file.metadata, len(data), source)
        table = file.read(columns=list(column_names) if column_names is not None else None, use_threads=False)
        return {name: _to_numpy(table.column(name)) for name in table.column_names}
    except (pa.ArrowException, OSError, ValueError, TypeError, MemoryError) as error:
        raise Damaged(f"{source}: not a sound Parquet file: {error}") from error


def _require_size(metadata: Any, size: int, source: str) -> None:
    """Refuse a file that says it would take far more memory than anything of ours, before it is decompressed."""
    groups = [metadata.row_group(index) for index in range(metadata.num_row_groups)]
    columns = [group.column(index) for group in groups for index in range(group.num_columns)]
    bytes_needed = sum(max(8 * column.num_values, column.total_uncompressed_size) for column in columns)
    if bytes_needed > max(MAX_BYTES, MAX_GROWTH * size):
        raise Damaged(f"{source}: {size:,} bytes would become {bytes_needed:,}, far more than a table of ours does")


def _to_numpy(column: Any) -> Column:
    """Return one column as an array; text becomes an array of Python strings."""
    import pyarrow as pa

    combined = column.combine_chunks()
    if pa.types.is_string(combined.type):
        return np.array(combined.to_pylist(), dtype=object)
    if pa.types.is_list(combined.type) or pa.types.is_fixed_size_list(combined.type):
        flat = combined.flatten().to_numpy(zero_copy_only=False)
        return np.asarray(flat.reshape(len(combined), -1))
    return np.asarray(combined.to_numpy(zero_copy_only=False))


def names(data: bytes, source: str) -> list[str]:
    """Return the names of the columns of a Parquet file."""
    import pyarrow as pa
    from pyarrow import parquet

    try:
        return [str(name) for name in parquet.ParquetFile(pa.BufferReader(data)).schema_arrow.names]
    except (pa.ArrowException, OSError, ValueError) as error:
        raise Damaged(f"{source}: not a sound Parquet file: {error}") from error


# --- sealed JSON ------------------------------------------------------------------------------------------------------


def json_value(value: Any) -> Any:
    """Return a value as JSON can hold it: not-a-number is null, the infinite are the texts "inf" and "-inf"."""
    if isinstance(value, dict):
        return {str(key): json_value(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [json_value(inner) for inner in value]
    if isinstance(value, np.generic):
        return json_value(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    return value


def number(value: float | str | None) -> float:
    """Return the number behind what `json_value` wrote."""
    return math.nan if value is None else float(value)


SEAL = "digest"


def write(path: Path, document: dict[str, Any]) -> None:
    """Write a document as indented JSON, sealed: with a digest (SHA-256) of its content, by which `read` sees any change."""
    plainly = json_value({key: value for key, value in document.items() if key != SEAL})
    files.write(path, readable({**plainly, SEAL: _fingerprint(plainly)}))


def read(path: Path) -> dict[str, Any]:
    """Read a sealed JSON document; Damaged if its digest is not that of its content, WrongPlace if there is none."""
    try:
        document = json.loads(files.read(path))
    except json.JSONDecodeError as error:
        raise files.Damaged(
            f"{path}:{error.lineno}: not JSON from here on: damaged or changed since it was written"
        ) from error
    except (ValueError, RecursionError) as error:
        raise files.Damaged(f"{path}: not JSON: {error}") from error
    if not isinstance(document, dict) or SEAL not in document:
        raise files.Damaged(f"{path}: not written by this program")
    seal = document.pop(SEAL)
    try:
        is_intact = seal == _fingerprint(document)
    except ValueError as error:  # infinity and not-a-number have no seal
        raise files.Damaged(f"{path}: not written by this program: {error}") from error
    if not is_intact:
        raise files.Damaged(f"{path}: changed or damaged since it was written")
    return document


def readable(document: dict[str, Any]) -> bytes:
    """Return a document as a person reads it, in JSON."""
    return (json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _fingerprint(document: dict[str, Any]) -> str:
    """Fingerprint of the content, whatever its layout or the order of its keys."""
    return files.digest(json.dumps(document, sort_keys=True, ensure_ascii=True, allow_nan=False).encode())
