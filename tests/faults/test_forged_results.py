"""A result from somebody else, its seal made anew by hand: a sentence, and nothing outside its folder is touched."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from click.testing import CliRunner
from pyarrow import parquet

from sim import files
from sim.cli import main
from sim.errors import SimError
from sim.study.analyses.shards import merge_shards, run_shard
from sim.study.api import load, run
from sim.study.storage import sealed_files
from sim.study.storage.checkpoint import FINGERPRINT_LENGTH, RUN_DOCUMENT
from tests.tiny_project import TINY

WRONG: tuple[Any, ...] = (None, -1, "x", [], {}, [None], {"a": None}, 1e400, True)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sound result."""
    target = tmp_path_factory.mktemp("sound") / "tiny"
    run(load(TINY), runs=4, seed=1, workers=0, out=target, engine="simpy")
    return target


def manifest_of(directory: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((directory / "manifest.json").read_text())
    return found


def sealed(directory: Path, manifest: dict[str, Any]) -> None:
    """Write a manifest with a seal that holds, as anybody can."""
    listed = manifest.get("files")
    for path in directory.glob("*.parquet"):
        if isinstance(listed, dict):
            listed[path.name] = {"sha256": files.digest(path.read_bytes()), "bytes": path.stat().st_size}
    manifest.pop("digest", None)
    text = json.dumps(manifest, sort_keys=True, ensure_ascii=True)
    manifest["digest"] = files.digest(text.encode())
    (directory / "manifest.json").write_text(json.dumps(manifest))


READERS = ("report", "export")


def refused(directory: Path, readers: Sequence[str] = READERS, *, also_fine: bool = False) -> str:
    """What `sim report` and `sim export` say of it: words and exit code 2, never an error of Python."""
    told = ""
    export = ["export", "--to", "csv", "--looked-at", "1", "--out", f"{directory}_csv"]
    for command in (export if reader == "export" else [reader] for reader in readers):
        done = CliRunner().invoke(main, [command[0], str(directory), *command[1:]])
        assert done.exception is None or isinstance(done.exception, SystemExit), repr(done.exception)
        assert done.exit_code in ({0, 2, 3} if also_fine else {2}), done.output
        told += done.output
    return told


@pytest.fixture
def forged(sound: Path, tmp_path: Path) -> Path:
    """A copy to be forged."""
    return Path(shutil.copytree(sound, tmp_path / "tiny"))


@pytest.mark.parametrize(
    "key", ["name", "seed", "runs", "start_date", "limits", "planned", "config", "files", "notes", "sampling"]
)
@pytest.mark.parametrize("all_readers", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_keys_that_are_missing_or_of_the_wrong_type_are_named(
    forged: Path, key: str, monkeypatch: pytest.MonkeyPatch, *, all_readers: bool
) -> None:
    """Each value is read by one of the commands in turn, without figures' files; in the slow tests by all with all."""
    if not all_readers:
        monkeypatch.setattr("sim.report.figures.style.save", lambda ax, directory, name: [])
    whole = manifest_of(forged)
    for number, value in enumerate(WRONG):
        try:
            sealed(forged, {**whole, key: value})
        except ValueError:  # no seal can be made of it
            continue
        refused(forged, READERS if all_readers else READERS[number % 2 :][:1], also_fine=True)
    sealed(forged, {name: value for name, value in whole.items() if name != key})
    assert "manifest" in refused(forged)


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/../../x"])
def test_a_name_does_not_lead_out_of_the_folder(forged: Path, name: str) -> None:
    whole = manifest_of(forged)
    sealed(forged, {**whole, "files": {**whole["files"], f"{name}.parquet": "0"}})
    assert "outside its folder" in refused(forged)
    sealed(forged, {**whole, "name": name})
    assert "name" in refused(forged)


def test_differences_name_results_of_this_folder_only(sound: Path, tmp_path: Path) -> None:
    outside = Path(shutil.copytree(sound, tmp_path / "outside"))
    before = {path: path.stat().st_mtime_ns for path in outside.rglob("*")}
    inside = tmp_path / "compare"
    inside.mkdir()
    for text in (
        "base,case\n../outside,../outside\n",
        "base,case\n",
        "a,b\n1,2\n",
        "\xff",
        'base,case\n"x\n',
        "base,case\ntiny\n",
    ):
        (inside / "differences.csv").write_text(text, encoding="latin-1")
        done = CliRunner().invoke(main, ["report", str(inside)])
        assert done.exit_code == 2, done.output
    assert {path: path.stat().st_mtime_ns for path in outside.rglob("*")} == before


def table(change: Callable[[dict[str, Any]], None]) -> Callable[[Path], None]:
    """Change the table of runs."""

    def changed(directory: Path) -> None:
        columns: dict[str, Any] = dict(sealed_files.from_bytes((directory / "runs.parquet").read_bytes(), "runs"))
        change(columns)
        parquet.write_table(pa.table(columns), directory / "runs.parquet")

    return changed


def bomb(directory: Path) -> None:
    """A megabyte that would become gigabytes."""
    size = 40_000_000
    columns = {name: np.zeros(size) for name in ("a", "b")}
    parquet.write_table(pa.table({"replication": np.zeros(size, np.int64), **columns}), directory / "runs.parquet")


@pytest.mark.parametrize(
    "forge",
    [
        table(lambda columns: columns.pop("status")),
        table(lambda columns: columns.update(status=[1, 2, 3, 4])),
        table(lambda columns: columns.update(status=["ok", "ok", "ok", "fine"])),
        table(lambda columns: columns.update(status=["ok", None, "ok", "ok"])),
        table(lambda columns: columns.update(replication=[0, 0, 0, 0])),
        table(lambda columns: columns.update(lead_time_full_days=["a"] * 4)),
        table(lambda columns: columns.update(lead_time_full_days=[[1.0], [1.0, 2.0], [], [3.0]])),
        table(lambda columns: columns.update(lead_time_full_days=[{"a": 1}] * 4)),
        bomb,
        lambda directory: (directory / "runs.parquet").write_bytes(b"PAR1 is not all"),
        lambda directory: (directory / "curves.parquet").write_bytes((directory / "events.parquet").read_bytes()),
    ],
)
def test_tables_that_are_not_ours_are_named(forged: Path, forge: Callable[[Path], None]) -> None:
    forge(forged)
    sealed(forged, manifest_of(forged))
    assert ".parquet" in refused(forged)


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ...]:
    """Two parts of a run of four replications."""
    out = tmp_path_factory.mktemp("parts") / "tiny"
    return tuple(run_shard(load(TINY), f"{number}/2", out, runs=4, workers=1) for number in (1, 2))


def merged(parts: tuple[Path, ...], place: Path, told: dict[str, Any], numbers: dict[str, float] | None = None) -> str:
    """What `sim merge` says of two parts whose heads say this, and of which one has such numbers in its first row."""
    copies = [shutil.copytree(part, place / part.name) for part in parts]
    for copy in copies:
        sealed_files.write(copy / RUN_DOCUMENT, told)
    chunk = next(copies[0].glob("chunk-*"))
    columns = {name: kept.copy() for name, kept in sealed_files.from_bytes(chunk.read_bytes(), "").items()}
    for name, value in (numbers or {}).items():
        columns[name][0] = value
    data = sealed_files.to_bytes(columns)
    chunk.unlink()
    seal = files.digest(data)[:FINGERPRINT_LENGTH]
    chunk.with_name(f"{'-'.join([*chunk.stem.split('-')[:3], seal])}.parquet").write_bytes(data)
    try:
        merge_shards(copies)
    except SimError as error:
        return str(error)
    return "merged"


@pytest.mark.parametrize("key", ["identity", "about", "identity.seed", "identity.metrics", "identity.sampling",
                                 "identity.config", "about.runs"])  # fmt: skip
def test_parts_whose_heads_are_forged_are_told(parts: tuple[Path, ...], key: str, tmp_path: Path) -> None:
    """Was: KeyError, TypeError, ValueError or OverflowError, in 40 of 90 cases."""
    sound = sealed_files.read(parts[0] / RUN_DOCUMENT)
    for number, value in enumerate((None, -1, "x", [], {}, [None], 1e300, "gone")):
        told = json.loads(json.dumps(sound))
        above = told["identity"] if key.startswith("identity.") else told["about"] if "." in key else told
        above[key.rpartition(".")[2]] = value
        if value == "gone":
            del above[key.rpartition(".")[2]]
        (tmp_path / str(number)).mkdir()
        assert merged(parts, tmp_path / str(number), told) != "merged" or (key, value) == ("identity.sampling", "gone")


@pytest.mark.parametrize(
    "numbers",
    [{"status": 9}, {"status": -1}, {"lead_time_full_days": float("nan")}, {"capital_total_usd": float("inf")}],
)
def test_parts_with_numbers_that_no_run_has_are_told(
    parts: tuple[Path, ...], numbers: dict[str, float], tmp_path: Path
) -> None:
    """Was: put together without a word."""
    sound = sealed_files.read(parts[0] / RUN_DOCUMENT)
    (tmp_path / "as it was").mkdir()
    assert merged(parts, tmp_path / "as it was", sound) == "merged"
    assert "replication" in merged(parts, tmp_path, sound, numbers)
