"""Killed at any moment, a run goes on where it was; its result is that of a run nobody touched."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

import pytest

from sim.study import tables
from sim.study.resume import keeping, left_behind
from sim.study.runner import run
from tests.faults.conftest import Observed
from tests.faults.processes import chunks, ended, study, wait_for_chunk
from tests.study.test_interrupting import at_work, gone
from tests.study.test_interrupting import study as toy_study
from tests.study.test_locking import ended as holder_ended
from tests.study.test_locking import holder
from tests.study.toy_case import Toy

pytestmark = [pytest.mark.faults, pytest.mark.skipif(os.name != "posix", reason="kills processes")]
RUNS = 240
DATA = ("manifest.json", "summary.json", "runs.parquet", "curves.parquet", "events.parquet")


def contents(out: Path) -> dict[str, bytes]:
    return {name: (out / name).read_bytes() for name in DATA}


def damage(path: Path, how: random.Random) -> str:
    """Flip a bit of a file, or tear off its end."""
    data = bytearray(path.read_bytes())
    if how.random() < 0.5:
        path.write_bytes(data[: how.randrange(len(data))])
        return "torn"
    data[how.randrange(len(data))] ^= 1 << how.randrange(8)
    path.write_bytes(data)
    return "flipped"


def run_through_kills(out: Path, kills: int, how: random.Random) -> tuple[int, int]:
    """Kill a run several times at chance moments, damage chunks between; how often it was killed and damaged."""
    killed = damaged = 0
    while True:
        process = study(out, RUNS, workers=how.choice([1, 2]), resume=True)
        if killed < kills and wait_for_chunk(process, out, len(chunks(out)) if killed else 0):
            time.sleep(how.uniform(0, 0.4))
            os.killpg(process.pid, signal.SIGKILL) if how.random() < 0.5 else process.kill()
            code, _ = ended(process)
            assert gone(process.pid)
            killed += code == -signal.SIGKILL
            left = chunks(out)
            if left and how.random() < 0.4:
                damage(how.choice(left), how)
                damaged += 1
            if code == 0:
                return killed, damaged
            continue
        code, told = ended(process)
        assert code == 0, told
        return killed, damaged


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    out = tmp_path_factory.mktemp("whole") / "tiny"
    code, told = ended(study(out, RUNS, workers=1))
    assert code == 0, told
    return contents(out)


def test_a_run_killed_for_good_is_finished_by_another(tmp_path: Path, observed: Observed) -> None:
    process = toy_study(tmp_path / "toy", 2)
    at_work(process)
    process.kill()
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    kept = left_behind(tmp_path / "toy")
    runs = max(span.stop for span in kept) + 5
    with keeping(tmp_path / "toy", {"metrics": Toy().metrics}, resume=True) as shelf:
        resumed = run(Toy(), seed=1, runs=runs, shelf=shelf)
    whole = run(Toy(), seed=1, runs=runs)
    assert tables.to_bytes(resumed.runs) == tables.to_bytes(whole.runs)
    assert tables.to_bytes(resumed.curves) == tables.to_bytes(whole.curves)
    observed(f"{sum(map(len, kept))} replications were kept, the result is identical to the byte")


@pytest.mark.slow
def test_killed_and_resumed_is_the_same_to_the_last_byte(
    undisturbed: dict[str, bytes], tmp_path: Path, observed: Observed
) -> None:
    killed, damaged = run_through_kills(tmp_path / "tiny", 3, random.Random(7))
    assert killed >= 1
    assert contents(tmp_path / "tiny") == undisturbed
    assert [path.name for path in tmp_path.iterdir()] == ["tiny"]
    observed(f"{killed} kills, {damaged} damaged chunks: five files identical to the byte, nobody left behind")


@pytest.mark.slow
def test_a_hundred_kills_leave_no_trace(undisturbed: dict[str, bytes], tmp_path: Path, observed: Observed) -> None:
    how, killed, damaged, round_ = random.Random(11), 0, 0, 0
    while killed < 100:
        out = tmp_path / str(round_) / "tiny"
        out.parent.mkdir()
        more, torn = run_through_kills(out, 10, how)
        killed, damaged, round_ = killed + more, damaged + torn, round_ + 1
        assert contents(out) == undisturbed
    observed(f"{killed} kills in {round_} runs, {damaged} damaged chunks: all results identical, none orphaned")


@pytest.mark.slow
def test_fifty_times_two_at_once_in_one_place(tmp_path: Path, observed: Observed) -> None:
    for number in range(50):
        two = [holder(tmp_path / f"toy{number}", 1.0) for _ in range(2)]
        assert sorted(holder_ended(process)[0] for process in two) == [0, 2]
    observed("50 of 50 times one got in and the other was refused")


@pytest.mark.slow
def test_another_config_is_refused_with_the_difference(tmp_path: Path, observed: Observed) -> None:
    out = tmp_path / "tiny"
    process = study(out, 5000)
    assert wait_for_chunk(process, out)
    process.kill()
    ended(process)
    code, told = ended(study(out, 5000, resume=True, more=["logistics.cranes=2"]))
    assert code == 2
    assert "config.logistics.cranes: 1, now 2" in told
    assert chunks(out)
    observed(f"exit code 2: {told.splitlines()[-1].strip()}")
