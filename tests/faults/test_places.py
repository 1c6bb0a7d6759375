"""A place that cannot be written, or is full, or fails in the middle: told in one line, and nothing is lost."""

from __future__ import annotations

import errno
import os
import shlex
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import sim
from sim import files
from sim.engine.backends import AUTO
from sim.errors import SimError
from sim.study.case import prepare_case
from sim.study.result import Result
from tests.faults.conftest import Observed
from tests.faults.processes import STUDY, TINY, given, last_words, surroundings, words

pytestmark = pytest.mark.faults
OPERATIONS = 400


def contents(directory: Path) -> dict[str, bytes]:
    return {p.relative_to(directory).as_posix(): p.read_bytes() for p in directory.rglob("*") if p.is_file()}


@pytest.mark.slow
def test_whichever_operation_fails_the_place_holds_the_old_result_or_the_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, observed: Observed
) -> None:
    """Every N-th operation of a whole run fails, from reading the configuration to the last rename."""
    target, outcomes, kinds = tmp_path / "tiny", list[str](), set[str]()
    seen: list[str] = []
    case = prepare_case(sim.load(TINY).value, engine=AUTO)
    # sizing crews reads and writes nothing, and takes longest
    monkeypatch.setattr("sim.study.api.prepare_case", lambda *_, **__: replace(case))

    def perform(seed: int, failing: int) -> SimError | None:
        """Load and run; the N-th operation fails, and the disk works again for those who look afterwards."""
        seen.clear()

        def fail(operation: str, path: Path) -> None:
            seen.append(operation)
            if len(seen) == failing:
                kinds.add(operation)
                raise OSError(errno.EIO, f"injected into {operation}", str(path))

        with monkeypatch.context() as patched:
            patched.setattr(files, "fault_point", fail)
            try:
                sim.run(sim.load(TINY), runs=2, seed=seed, workers=1, out=target)
            except SimError as error:
                return error
            return None

    assert perform(1, 0) is None
    old = contents(target)
    for failing in range(1, OPERATIONS):
        told = perform(2, failing)
        if len(seen) < failing:
            break
        assert told is None or "injected" in str(told)
        found = Result.load(target)
        assert found.manifest["seed"] == (1 if told else 2)
        assert told is None or contents(target) == old
        outcomes.append("old" if told else "new")
        if told is None:
            # the failing operation was one that tidies up; the old result comes back for the next round
            assert perform(1, 0) is None
            old = contents(target)
    assert len(seen) < failing
    assert outcomes.count("old") > 40
    assert {"read", "create", "write", "fsync", "replace", "mkdir", "list"} <= kinds
    assert {path.name for path in tmp_path.iterdir()} == {"tiny"}
    observed(f"{len(outcomes)} operations failed one after the other: {outcomes.count('old')} times the old result, "
             f"{outcomes.count('new')} times the new one, never a mixture")  # fmt: skip


def _can_mount() -> bool:
    """Whether a small file system of one's own can be had."""
    if shutil.which("unshare") is None:
        return False
    tried = subprocess.run(
        ["unshare", "-rm", "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True, timeout=20, check=False
    )
    return tried.returncode == 0


@pytest.mark.slow
@pytest.mark.skipif(not _can_mount(), reason="needs to mount a small file system")
def test_a_full_disk_is_told_with_path_and_bytes(tmp_path: Path, observed: Observed) -> None:
    """A file system of 900 kB is full before the third result; the first stays whole, later ones have room again."""
    script = f"""
mount -t tmpfs -o size=900k none {tmp_path}
set -- {shlex.join(given(tmp_path / "tiny", 30))}
python -c "$STUDY" "$@" || exit 90
sha256sum {tmp_path}/tiny/*.* > /dev/shm/before.$$
head -c 600000 /dev/zero > {tmp_path}/ballast
python -c "$STUDY" "$@"; echo "code $?"
sha256sum --quiet -c /dev/shm/before.$$ || exit 91
rm {tmp_path}/ballast
python -c "$STUDY" "$@" || exit 92
rm /dev/shm/before.$$
ls -A {tmp_path}
"""
    path = f"{Path(words([])[0]).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["unshare", "-rm", "bash", "-c", script],
        capture_output=True, text=True, timeout=900, check=False, env=surroundings({"STUDY": STUDY, "PATH": path}),
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.split() == ["code", "1", "tiny"]
    [line] = last_words(done.stderr)
    assert "No space left on device" in line
    assert "bytes are needed" in line
    assert str(tmp_path) in line
    observed(f"exit code 1: …{line[line.index('could not') :]}; the earlier result was whole")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs to become somebody else")
def test_a_place_that_may_not_be_written_is_refused_before_the_simulation(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, observed: Observed
) -> None:
    place = tmp_path_factory.mktemp("readonly")
    place.chmod(0o555)
    config = sim.load(TINY)
    # somebody else may not be able to read this interpreter, so all that is needed is imported before
    sim.run(config, runs=1, workers=1)

    def simulated(*_: object) -> None:
        raise AssertionError("simulated before asking whether the result can be written")

    monkeypatch.setattr("sim.study.case.Case.simulate_chunk", simulated)
    os.seteuid(65534)
    try:
        with pytest.raises(SimError, match="Permission denied") as caught:
            sim.run(config, runs=5, workers=1, out=place / "tiny")
    finally:
        os.seteuid(0)
    assert caught.value.exit_code == 2
    observed(f"exit code 2 before the first replication: {str(caught.value).rpartition('/')[2]}")


def test_what_never_ends_is_not_read(tmp_path: Path, observed: Observed) -> None:
    (tmp_path / "large").write_bytes(bytes(1001))
    assert files.read(tmp_path / "large") == files.read(tmp_path / "large", 1001)
    with pytest.raises(SimError, match="larger than 1,000 bytes"):
        files.read(tmp_path / "large", 1000)
    for never in (Path("/dev/zero"), tmp_path):
        with pytest.raises(SimError, match="is not a file"):
            files.read(never)
    observed("a device, a folder and a file beyond the limit: exit code 2")


@pytest.mark.slow
def test_two_workers_without_a_folder_for_compiled_code_give_the_same(tmp_path: Path, observed: Observed) -> None:
    blocked = tmp_path / "a file"
    blocked.touch()
    done = subprocess.run(
        words(["run", TINY, "--runs", "20", "--workers", "2", "--figures", "none", "--out", tmp_path / "out"]),
        capture_output=True, text=True, timeout=600, check=False, env=surroundings({"NUMBA_CACHE_DIR": str(blocked)}),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.count("cannot be kept") == 1
    usual = sim.run(sim.load(TINY), runs=20, workers=1)
    assert np.array_equal(
        Result.load(tmp_path / "out").sample.runs["lead_time_full_days"], usual.sample.runs["lead_time_full_days"]
    )
    observed("two workers, no folder for compiled code: one sentence, the same numbers")
