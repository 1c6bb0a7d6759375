"""JSON documents that know their own fingerprint, so that a changed digit does not pass for the original."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sim import files
from sim.study.summary import plain

SEAL = "digest"


def write(path: Path, document: dict[str, Any]) -> None:
    """Write a document, readable and sealed with the fingerprint of what it says."""
    plainly = plain({key: value for key, value in document.items() if key != SEAL})
    files.write(path, readable({**plainly, SEAL: _fingerprint(plainly)}))


def read(path: Path) -> dict[str, Any]:
    """Read a document; Damaged if it is not what was written, WrongPlace if there is none."""
    try:
        document = json.loads(files.read(path))
    except (ValueError, RecursionError) as error:
        raise files.Damaged(f"{path}: not JSON: {error}") from error
    if not isinstance(document, dict) or SEAL not in document:
        raise files.Damaged(f"{path}: not written by this program")
    seal = document.pop(SEAL)
    if seal != _fingerprint(document):
        raise files.Damaged(f"{path}: changed or damaged since it was written")
    return document


def readable(document: dict[str, Any]) -> bytes:
    """A document as a person reads it, in JSON."""
    return (json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _fingerprint(document: dict[str, Any]) -> str:
    """Fingerprint of the content, whatever its layout or the order of its keys."""
    return files.digest(json.dumps(document, sort_keys=True, ensure_ascii=True, allow_nan=False).encode())
