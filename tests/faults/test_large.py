"""Large projects and many replications: memory that does not grow with the work, and time that grows with it only."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from sim import files
from sim.cli import main
from sim.study.analyses.shards import run_shard
from sim.study.api import load
from sim.study.executors.memory_estimate import TooLarge, free_bytes, memory_needed, require_memory
from sim.study.runner import run
from sim.study.storage import sealed_files as tables
from sim.study.storage.checkpoint import open_checkpoint
from sim.world.streams import Sampling
from tests.faults.conftest import Observed
from tests.faults.processes import surroundings
from tests.faults.test_hostile_configs import config as config_in
from tests.study.toy_case import Toy

pytestmark = pytest.mark.faults
# Performs a number of replications of a toy, keeps them on disk and gathers them; prints the most memory it had.
MANY = """
import sys
from pathlib import Path
from sim.study.storage import sealed_files
from sim.study.storage.checkpoint import open_checkpoint
from sim.study.runner import run
from tests.study.toy_case import Toy
case = Toy(days=int(sys.argv[3]))
with open_checkpoint(Path(sys.argv[1]), {"metrics": case.metrics}) as store:
    sample = run(case, seed=1, runs=int(sys.argv[2]), store=store)
# not ru_maxrss, which a process takes over from whoever started it
most = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:"))
print(sample.size, int(most.split()[1]) * 1024)
"""


def most_memory(place: Path, runs: int, days: int) -> int:
    """Bytes that a run had at its most."""
    done = subprocess.run(
        [sys.executable, "-c", MANY, str(place), str(runs), str(days)],
        capture_output=True, text=True, check=True, timeout=300, env=surroundings(),
    )  # fmt: skip
    size, most = done.stdout.split()
    assert int(size) == runs
    return int(most)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="memory is counted otherwise elsewhere")
def test_memory_is_what_was_asked_for_before_the_run(tmp_path: Path, observed: Observed) -> None:
    few, many, days = 1_000, 40_000, 400
    grown = most_memory(tmp_path / "many", many, days) - most_memory(tmp_path / "few", few, days)
    asked = memory_needed(Toy(days=days), many, 1) - memory_needed(Toy(days=days), few, 1)
    assert grown < asked
    observed(
        f"{many:,} replications took {grown / 1e6:.0f} MB more than {few:,}; {asked / 1e6:.0f} MB were reckoned with"
    )


def test_what_cannot_fit_is_refused_before_it_begins(observed: Observed, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TooLarge, match=r"GB of memory") as caught:
        require_memory(Toy(days=14_600), 1_000_000, 1, on_disk=False)
    assert caught.value.exit_code == 3
    require_memory(Toy(days=14_600), 1_000_000, 1, on_disk=True)
    observed(f"exit code 3: {caught.value}")


STUDY = """schema_version: 1
name: x
question: x
configs: [x.yaml]
inputs:
  cranes: {paths: [logistics.cranes], values: [1, 2]}
"""


def test_every_command_asks_for_room_before_it_simulates(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, observed: Observed
) -> None:
    config = config_in(tmp_path)
    (tmp_path / "study.yaml").write_text(STUDY)
    run_shard(load(config), "1/1", tmp_path / "tiny", runs=2, workers=1)

    def simulated(*_: object) -> None:
        raise AssertionError("simulated before asking whether it fits")

    monkeypatch.setattr("sim.study.executors.memory_estimate.free_bytes", lambda: 1_000_000)
    monkeypatch.setattr("sim.study.case.Case.simulate_chunk", simulated)
    monkeypatch.setattr("sim.study.analyses.shards.gather", simulated)
    study = tmp_path / "study.yaml"
    for words in (["run", config], ["drivers", config], ["sweep", study], ["merge", tmp_path / "tiny.shard-1-of-1"]):
        told = CliRunner().invoke(main, [*map(str, words), "--out", str(tmp_path / "out")])
        assert told.exit_code == 3, told.output
        assert "GB of memory" in told.output
        observed(f"sim {words[0]}: exit code 3: {told.output.strip()}")


@pytest.mark.parametrize("room", [1, 4 * 30 * 7, 4 * 30 * 400])
def test_how_many_days_are_looked_at_together_never_shows(room: int, monkeypatch: pytest.MonkeyPatch) -> None:
    case, sampling = Toy(raises=frozenset({3})), Sampling("lhs", 16)
    whole = [run(case, seed=1, runs=31), run(case, seed=1, runs=128, sampling=sampling)]
    monkeypatch.setattr("sim.study.sample.SLICE_BYTES", room)
    sliced = [run(case, seed=1, runs=31), run(case, seed=1, runs=128, sampling=sampling)]
    for one, other in zip(whole, sliced, strict=True):
        assert tables.to_bytes(one.curves) == tables.to_bytes(other.curves)


@pytest.mark.skipif(sys.platform != "linux", reason="limits on memory are kept otherwise elsewhere")
def test_a_limit_on_memory_is_seen() -> None:
    before = resource.getrlimit(resource.RLIMIT_AS)
    limit = 1 << 43
    resource.setrlimit(resource.RLIMIT_AS, (limit, before[1]))
    try:
        seen = free_bytes()
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
    assert seen is not None
    assert 0 < seen <= limit


@pytest.mark.slow
def test_time_grows_with_the_replications_and_no_faster(
    tmp_path: Path, observed: Observed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counted in operations of the disk and calls of the case, not in seconds: both are proportional."""
    counts, seen = list[int](), list[str]()
    monkeypatch.setattr(files, "fault_point", lambda operation, path: seen.append(operation))
    for runs in (1_000, 2_000, 4_000):
        seen.clear()
        with open_checkpoint(tmp_path / str(runs), {"metrics": Toy().metrics}) as store:
            run(Toy(), seed=1, runs=runs, chunk=50, store=store)
        counts.append(len(seen))
    one, two, four = counts
    assert two < 2.1 * one
    assert four < 2.1 * two
    observed(f"operations of the disk for 1, 2 and 4 thousand replications: {one:,}, {two:,}, {four:,}")


ONCE = """
import os, sys
from pathlib import Path
Path(sys.argv[1], "cgroup.procs").write_text(str(os.getpid()))
import numpy as np
from sim.study.runner import run
from tests.study.toy_case import Hungry, Toy
found = run(Hungry(mark=sys.argv[2]), seed=1, runs=60, workers=2, chunk=5)
plain = run(Toy(), seed=1, runs=60)
lead = "lead_time_full_days"
print((found.runs["status"] == "ok").all(), np.array_equal(found.runs[lead], plain.runs[lead]))
"""


@pytest.fixture
def little_memory() -> Iterator[Path]:
    """A control group of 1 GB: beyond, the kernel kills a process of it."""
    top = Path("/sys/fs/cgroup")
    place = (
        next((p for p in (top / "memory", top) if (p / "cgroup.procs").exists()), top) / f"hybrid-dc-sim-{os.getpid()}"
    )
    try:
        place.mkdir()
    except OSError:
        pytest.skip("no control group can be made here")
    try:
        limit = next(
            (place / name for name in ("memory.limit_in_bytes", "memory.max") if (place / name).exists()), None
        )
        if limit is None:
            pytest.skip("control groups here limit no memory")
        limit.write_text("1000000000")
        yield place
    finally:
        time.sleep(0.5)
        place.rmdir()


@pytest.mark.slow
def test_a_worker_that_the_kernel_kills_for_its_memory_is_replaced(
    little_memory: Path, tmp_path: Path, observed: Observed
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", ONCE, str(little_memory), str(tmp_path / "mark")], capture_output=True, text=True,
        timeout=300, check=False, env=surroundings(),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["True", "True"]
    assert (tmp_path / "mark").exists()
    observed(
        "in a control group of 1 GB: the worker that took it was killed by the kernel, its chunk repeated, same numbers"
    )
