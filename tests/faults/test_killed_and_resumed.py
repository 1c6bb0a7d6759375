"""Killed at any moment, a run goes on where it was; its result is that of a run nobody touched."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

import sim
from sim.study.result import Result
from sim.study.runner import run
from sim.study.storage import sealed_files as tables
from sim.study.storage.checkpoint import open_checkpoint
from tests.faults.conftest import Observed
from tests.faults.processes import TINY, chunks, ended, study, surroundings, wait_for_chunk
from tests.study.executors.test_worker_signals import at_work, gone
from tests.study.executors.test_worker_signals import study as toy_study
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


def at_some_moment(process: subprocess.Popen[str], out: Path, how: random.Random) -> None:
    """Wait for a chance moment: while it starts, while it performs, or while the result takes its place."""
    moment, had = how.choice(["start", "work", "work", "end"]), len(chunks(out))
    if moment == "start":
        time.sleep(how.uniform(0, 3))
        return
    while process.poll() is None:
        if moment == "end" and out.with_name(".tiny.new").exists():
            time.sleep(how.uniform(0, 0.05))
            return
        if moment == "work" and len(chunks(out)) > had:
            time.sleep(how.uniform(0, 0.4))
            return
        time.sleep(0.005)


def run_through_kills(out: Path, kills: int, how: random.Random) -> tuple[int, int]:
    """Kill a run several times at chance moments, damage chunks between; how often it was killed and damaged.

    Each life has one worker or two and its own size of chunk; the whole family is killed, or the parent alone.
    """
    killed = damaged = 0
    while True:
        workers, chunk = how.choice([1, 2]), how.choice([3, 10, 17, 37, 64])
        process = study(out, RUNS, workers=workers, resume=True, more=[str(chunk)])
        if killed < kills:
            at_some_moment(process, out, how)
            with suppress(ProcessLookupError):  # it may have ended by itself meanwhile
                os.killpg(process.pid, signal.SIGKILL) if how.random() < 0.5 else process.kill()
        code, told = ended(process)
        assert code in {0, -signal.SIGKILL}, told
        assert gone(process.pid)
        killed += code == -signal.SIGKILL
        if code == 0 and out.exists():
            return killed, damaged
        left = chunks(out)
        if left and how.random() < 0.4:
            damage(how.choice(left), how)
            damaged += 1


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
    with open_checkpoint(tmp_path / "toy", {"metrics": Toy().metrics}, resume=True) as store:
        kept = store.ranges()
        runs = max(span.stop for span in kept) + 5
        resumed = run(Toy(), seed=1, runs=runs, store=store)
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
@pytest.mark.parametrize("round_", range(10))
def test_a_hundred_kills_leave_no_trace(
    round_: int, undisturbed: dict[str, bytes], tmp_path: Path, observed: Observed
) -> None:
    """Ten kills a round, in as many runs as that takes."""
    how, killed, damaged, runs = random.Random(11 + round_), 0, 0, 0
    while killed < 10:
        out = tmp_path / str(runs) / "tiny"
        out.parent.mkdir()
        more, torn = run_through_kills(out, 10 - killed, how)
        killed, damaged, runs = killed + more, damaged + torn, runs + 1
        assert contents(out) == undisturbed
        assert [path.name for path in out.parent.iterdir()] == ["tiny"]
    observed(f"{killed} kills in {runs} runs, {damaged} damaged chunks: all results identical, none orphaned")


def test_a_forecast_that_was_killed_goes_on_and_is_the_same(tmp_path: Path) -> None:
    status = tmp_path / "status.csv"
    status.write_text("kind,what,date\ndata_date,,2026-01-23\n")
    whole, killed = tmp_path / "whole" / "tiny", tmp_path / "killed" / "tiny"
    for out in (whole, killed):
        out.parent.mkdir()
    sim.run(sim.load(TINY, status=status), runs=60, workers=1, out=whole)
    process = study(killed, 60, status=status, more=["10"])
    assert wait_for_chunk(process, killed)
    process.kill()
    ended(process)
    assert chunks(killed)
    assert ended(study(killed, 60, status=status, resume=True, more=["10"])) == (0, "")
    assert contents(killed) == contents(whole)


# Fifty times two processes begin a run in one place, at the same moment; who gets in goes on once the other has ended.
RACE = """
import os, sys, time
from pathlib import Path
import sim
from sim.errors import SimError
from sim.study.case import prepare_case
config, place = sim.load(sys.argv[1]), Path(sys.argv[2])
case = prepare_case(config.value)
sim.study.api.prepare_case = lambda *_, **__: case
def begin(out, me, start):
    os.read(start, 1)
    def until_the_other_has_ended(done, total, left):
        deadline = time.monotonic() + 30
        while not list(out.parent.glob("refused-*")) and time.monotonic() < deadline:
            time.sleep(0.001)
    try:
        sim.run(config, runs=3, workers=1, out=out, engine="simpy", progress=until_the_other_has_ended)
    except SimError as error:
        (out.parent / f"refused-{me}").write_text(str(error))
        return error.exit_code
    return 0
for number in range(50):
    (place / str(number)).mkdir()
    start, go = os.pipe()
    children = []
    for me in range(2):
        child = os.fork()
        if child == 0:
            os._exit(begin(place / str(number) / "tiny", me, start))
        children.append(child)
    os.write(go, b"12")
    codes = {child: os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children}
    [message] = [path.read_text() for path in (place / str(number)).glob("refused-*")]
    print(*sorted(codes.values()), "another run is writing to this directory" in message)
"""


@pytest.mark.slow
def test_fifty_times_two_at_once_in_one_place(tmp_path: Path, observed: Observed) -> None:
    done = subprocess.run(
        [sys.executable, "-c", RACE, str(TINY), str(tmp_path)],
        capture_output=True, text=True, check=False, timeout=900, env=surroundings(),
    )  # fmt: skip
    assert done.stdout.splitlines() == ["0 2 True"] * 50, done.stderr
    results = [Result.load(tmp_path / str(number) / "tiny") for number in range(50)]
    assert {tables.to_bytes(found.sample.runs) for found in results} == {tables.to_bytes(results[0].sample.runs)}
    assert not [*tmp_path.rglob("*.lock"), *tmp_path.rglob("*.partial")]
    observed("50 of 50 times one run got in, the other ended with exit code 2 and said why; 50 results whole")


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
