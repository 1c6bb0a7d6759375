from __future__ import annotations

import errno
import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from sim import files
from sim.errors import SimError
from sim.study.result import Result
from sim.study.runner import run
from sim.study.storage.output_directory import output_lock
from tests.study.toy_case import Toy, toy_manifest

DATA = ("manifest.json", "summary.json", "runs.parquet", "curves.parquet", "events.parquet")


def made(seed: int, **options: object) -> Result:
    sample = run(Toy(), seed=seed, runs=12, **options)  # type: ignore[arg-type]
    log = {
        "minute": np.array([0, 60]),
        "kind": np.array(["start", "finish"], dtype=object),
        "unit": np.array(["b1", "b1"], dtype=object),
    }
    return Result(toy_manifest(12, seed), sample, log)


@pytest.fixture(scope="module")
def old() -> Result:
    return made(1)


@pytest.fixture(scope="module")
def new() -> Result:
    return made(2)


def picture(directory: Path) -> None:
    (directory / "figures" / "mw.svg").write_text("<svg/>")


def contents(directory: Path) -> dict[str, bytes]:
    return {path.relative_to(directory).as_posix(): path.read_bytes() for path in files.listed(directory)}


def same(one: Result, other: Result) -> bool:
    return one.sample.runs.keys() == other.sample.runs.keys() and all(
        np.array_equal(column, other.sample.runs[name], equal_nan=column.dtype.kind == "f")
        for name, column in one.sample.runs.items()
    )


def refusal(attempt: Callable[[], object]) -> SimError | None:
    try:
        attempt()
    except SimError as error:
        return error
    return None


def test_what_is_saved_is_what_is_loaded(old: Result, tmp_path: Path) -> None:
    back = Result.load(old.save(tmp_path / "out" / "toy", picture))
    assert back.manifest == old.manifest
    assert same(back, old)
    assert back.numbers == old.numbers
    assert back.curves.equals(old.curves)
    assert back.turnovers().equals(old.turnovers())
    assert len(back.turnovers()) == 10
    assert back.events["kind"].tolist() == ["start", "finish"]
    assert set(contents(tmp_path / "out" / "toy")) == {*DATA, "ramp.parquet", "figures/mw.svg"}
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["toy"]


def test_summary_json_has_the_numbers(old: Result, tmp_path: Path) -> None:
    document = json.loads((old.save(tmp_path / "toy") / "summary.json").read_text())
    assert document["lead_time_full_days"]["p50"] == old.numbers["lead_time_full_days"]["p50"]
    assert document["lead_time_full_days"]["p80_high"] == "inf"
    assert set(document) == set(Toy().metrics)


def test_the_same_run_gives_the_same_bytes(old: Result, tmp_path: Path) -> None:
    first = contents(old.save(tmp_path / "a", picture))
    assert contents(made(1, chunk=5).save(tmp_path / "b", picture)) == first


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], Callable[[], int]]]:
    """Make the n-th operation on the disk fail; gives back a counter of operations."""

    def arrange(nth: int) -> Callable[[], int]:
        seen: list[str] = []

        def fail(operation: str, path: Path) -> None:
            seen.append(operation)
            if len(seen) == nth:
                raise OSError(errno.EIO, f"injected into {operation}", str(path))

        monkeypatch.setattr(files, "fault_point", fail)
        return lambda: len(seen)

    yield arrange
    monkeypatch.undo()


@pytest.mark.faults
def test_whichever_operation_fails_there_is_the_old_result_or_the_new_one(
    old: Result, new: Result, tmp_path: Path, failing: Callable[[int], Callable[[], int]]
) -> None:
    target, outcomes = tmp_path / "toy", list[bool]()
    for nth in range(1, 200):
        failing(0)
        if not outcomes or outcomes[-1]:
            old.save(target, picture)
        count = failing(nth)
        told = refusal(lambda: new.save(target, picture))
        if count() < nth:
            break
        failing(0)
        found = Result.load(target)
        assert told is None or "injected" in str(told)
        assert same(found, new) if told is None else same(found, old)
        outcomes.append(same(found, new))
    assert outcomes.count(False) > 30
    failing(0)
    assert [path.name for path in tmp_path.iterdir() if "lock" not in path.name] == ["toy"]


@pytest.mark.faults
def test_a_process_killed_between_two_renames_leaves_the_old_result(old: Result, new: Result, tmp_path: Path) -> None:
    target = old.save(tmp_path / "toy")
    target.rename(tmp_path / ".toy.old")
    assert same(Result.load(target), old)
    assert same(Result.load(new.save(target)), new)
    assert [path.name for path in tmp_path.iterdir()] == ["toy"]


@pytest.mark.faults
@pytest.mark.parametrize("name", DATA)
def test_a_changed_bit_anywhere_is_named_or_harmless(old: Result, tmp_path: Path, name: str) -> None:
    path = old.save(tmp_path / "toy") / name
    sound = path.read_bytes()
    for at in np.linspace(0, len(sound) - 1, 200).astype(int):
        flipped = bytearray(sound)
        flipped[at] ^= 1 << (at % 8)
        path.write_bytes(flipped)
        told = refusal(lambda: Result.load(tmp_path / "toy"))
        if told is None:
            # a blank for a line's end, say: the text says the same
            assert name == "manifest.json"
            assert same(Result.load(tmp_path / "toy"), old)
        else:
            assert told.exit_code == 2
            assert name in str(told)


@pytest.mark.faults
@pytest.mark.parametrize("name", DATA)
def test_a_torn_or_missing_file_is_named(old: Result, tmp_path: Path, name: str) -> None:
    path = old.save(tmp_path / "toy") / name
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(SimError, match=name):
        Result.load(tmp_path / "toy")
    path.unlink()
    with pytest.raises(SimError, match=name):
        Result.load(tmp_path / "toy")


def test_what_is_not_ours_is_not_replaced(old: Result, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(SimError, match="no result of ours") as caught:
        old.save(tmp_path)
    assert caught.value.exit_code == 2
    target = old.save(tmp_path / "toy")
    (target / "diary.txt").write_text("mine")
    with pytest.raises(SimError, match=r"diary\.txt"):
        old.save(target)
    assert (target / "diary.txt").read_text() == "mine"


def test_a_damaged_result_may_be_replaced(old: Result, tmp_path: Path) -> None:
    target = old.save(tmp_path / "toy", picture)
    (target / "manifest.json").write_bytes(b"{")
    assert same(Result.load(old.save(target)), old)


def test_the_directory_above_is_made_and_no_more(tmp_path: Path) -> None:
    with output_lock(tmp_path / "out" / "toy"):
        pass
    assert list((tmp_path / "out").iterdir()) == []
    with pytest.raises(SimError, match="there is no such folder") as caught:
        output_lock(tmp_path / "not" / "so" / "deep" / "toy").__enter__()
    assert caught.value.exit_code == 2
    with pytest.raises(SimError, match="there is no result here"):
        Result.load(tmp_path / "out" / "toy")


@pytest.mark.faults
@pytest.mark.skipif(not hasattr(os, "seteuid") or os.geteuid() != 0, reason="needs to become somebody else")
def test_a_place_that_may_not_be_written_is_refused_before_anything_is_done(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    place = tmp_path_factory.mktemp("readonly")
    place.chmod(0o555)
    os.seteuid(65534)
    try:
        with pytest.raises(SimError, match="Permission denied") as caught:
            output_lock(place / "toy").__enter__()
    finally:
        os.seteuid(0)
    assert caught.value.exit_code == 2


@pytest.mark.faults
def test_a_full_disk_is_told_with_path_and_bytes_and_leaves_the_old_result(old: Result, tmp_path: Path) -> None:
    target = old.save(tmp_path / "toy")
    before = contents(target)
    script = f"""
import signal
from pathlib import Path
from sim.errors import SimError
from sim.study.result import Result
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
try:
    Result.load({str(target)!r}).save({str(target)!r}, lambda d: (d / "figures" / "x").write_bytes(bytes(5)))
except SimError as error:
    print(error)
    raise SystemExit(error.exit_code)
"""
    ended = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000)),
        # a cache of byte code that is cut off at the limit would fail every later import
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3]), "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert ended.returncode == 1, ended.stderr
    assert "bytes are needed" in ended.stdout
    assert "toy" in ended.stdout
    assert ended.stderr == ""
    assert contents(target) == before
    assert [path.name for path in tmp_path.iterdir()] == ["toy"]
