"""A result from somebody else, its seal made anew by hand: a sentence, and nothing outside its folder is touched."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from click.testing import CliRunner
from pyarrow import parquet

from sim import files
from sim.cli import main
from sim.study.api import load, run
from sim.study.storage import sealed_files
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


def refused(directory: Path, *, also_fine: bool = False) -> str:
    """What `sim report` and `sim export` say of it: words and exit code 2, never an error of Python."""
    told = ""
    for command in (["report"], ["export", "--to", "csv", "--looked-at", "1", "--out", f"{directory}_csv"]):
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
def test_keys_that_are_missing_or_of_the_wrong_type_are_named(forged: Path, key: str) -> None:
    whole = manifest_of(forged)
    for value in WRONG:
        try:
            sealed(forged, {**whole, key: value})
        except ValueError:  # no seal can be made of it
            continue
        refused(forged, also_fine=True)
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
