"""However a run ends, it ends: in one line, with the exit code that says how, and with nobody left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sim.cli import main
from sim.study import result as sim_result
from sim.study.case import Case
from sim.study.chunk import Chunk
from tests.engine.test_rules_2_3_grants import crew, taken
from tests.faults.conftest import Observed
from tests.faults.processes import COMMAND, TINY, chunks, last_words, surroundings, wait_for_chunk, words
from tests.study.executors.test_worker_signals import gone

pytestmark = pytest.mark.faults


@pytest.fixture(autouse=True)
def no_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures are tested elsewhere and take longest."""
    monkeypatch.setattr("sim.report.html_report.run_report.write_run", lambda *_: None)


def said(*command: str | Path) -> Result:
    return CliRunner().invoke(main, [str(word) for word in command])


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="sends signals")
def test_ctrl_c_is_one_line_and_exit_code_130(tmp_path: Path, observed: Observed) -> None:
    out = tmp_path / "tiny"
    command = words(["run", TINY, "--runs", "20000", "--workers", "2", "--out", out])
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True, env=surroundings()
    )
    assert wait_for_chunk(process, out)
    os.killpg(process.pid, signal.SIGINT)
    printed, told = process.communicate(timeout=240)
    assert (process.returncode, printed) == (130, "")
    [line] = last_words(told)
    assert "--resume goes on from there" in line
    assert chunks(out)
    assert gone(process.pid)
    observed(f"exit code 130 after one line; {len(chunks(out))} chunks kept, no process left")


def test_ctrl_c_while_files_are_written_says_that_the_run_can_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, observed: Observed
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    command = ("run", TINY, "--runs", "4", "--workers", "1", "--figures", "none", "--out", tmp_path / "tiny")
    with monkeypatch.context() as patched:
        patched.setattr("sim.study.api.with_details", interrupted)
        told = said(*command)
    assert told.exit_code == 130
    assert told.output.rstrip().endswith("--resume goes on from there")
    assert chunks(tmp_path / "tiny")
    assert said(*command, "--resume").exit_code == 0
    observed("exit code 130 after the verdict and one line; --resume writes the files")


def test_a_project_that_never_finishes_is_a_stall_with_names(observed: Observed, tmp_path: Path) -> None:
    told = said(
        "run", TINY, "--set", "scale.horizon_days=30", "--set", "shell.steps.slab.hours=2000",
        "--runs", "2", "--workers", "1", "--out", tmp_path / "tiny",
    )  # fmt: skip
    assert told.exit_code == 3, told.output
    assert "stalled on day" in told.output
    assert "slab" in told.output
    assert "Traceback" not in told.output
    assert not (tmp_path / "tiny").exists()
    observed("exit code 3: " + " ".join(told.output.split())[:110] + "…")


def test_replications_that_fail_are_counted_and_no_p80_is_quoted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, observed: Observed
) -> None:
    replicate = Case.simulate_chunk

    def sometimes(case: Case, seed: int, first: int, count: int) -> Chunk:
        if any(replication % 10 == 7 for replication in range(first, first + count)):
            raise ZeroDivisionError("no crane")
        return replicate(case, seed, first, count)

    monkeypatch.setattr(Case, "simulate_chunk", sometimes)
    told = said("run", TINY, "--runs", "20", "--workers", "1", "--out", tmp_path / "tiny")
    assert told.exit_code == 4, told.output
    assert "2 of 20 replications failed; the first, 7: ZeroDivisionError: no crane" in told.output
    assert "Traceback" not in told.output
    kept = sim_result.Result.load(tmp_path / "tiny")
    assert kept.sample.notes == dict.fromkeys((7, 17), "ZeroDivisionError: no crane")
    assert kept.summary()["p80"].isna().all()
    assert kept.summary()["n"].max() == 18
    observed("exit code 4; 2 of 20 told as failed, with their reason; P80 withheld, nothing averaged away")


def test_nobody_starves_longer_than_his_patience_and_the_work_under_way(observed: Observed) -> None:
    """A pair waits for both crews of a trade that is busy to the last minute with single jobs."""

    def waited(patience: int | None) -> int:
        singles = {f"s{k}": crew(10, 5 * k) for k in range(200)}
        return taken({"pair": crew(5, 1, count=2, patience=patience), **singles}, {"crew": 2})["pair"] - 1

    for patience in (0, 60, 500):
        assert patience <= waited(patience) <= patience + 10
    assert waited(None) > 990
    observed(
        f"with a patience of 60 minutes served after {waited(60)}, without one after all others, at {waited(None)}"
    )


def test_a_full_standard_output_is_one_line() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("there is no device here that is always full")
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            words(["check", TINY]), stdout=full, stderr=subprocess.PIPE, text=True, timeout=120, check=False,
            env=surroundings(),
        )  # fmt: skip
    assert done.returncode == 1
    assert last_words(done.stderr) == ["standard output could not be written: No space left on device"]


@pytest.mark.skipif(os.name != "posix", reason="limits memory")
def test_too_little_address_space_is_one_line() -> None:
    code = f"import resource; resource.setrlimit(resource.RLIMIT_AS, (700_000_000,) * 2); {COMMAND}"
    done = subprocess.run(
        [sys.executable, "-c", code, "run", str(TINY), "--runs", "20", "--engine", "simpy"], capture_output=True,
        text=True, timeout=120, check=False, env=surroundings({"OPENBLAS_NUM_THREADS": "1"}),
    )  # fmt: skip
    assert done.returncode == 3, done.stderr
    assert len(last_words(done.stderr)) == 1, done.stderr


@pytest.mark.skipif(os.name != "posix", reason="limits memory")
@pytest.mark.parametrize("megabytes", [300, 600])
def test_address_space_in_which_libraries_cannot_be_loaded_is_refused_at_once(megabytes: int) -> None:
    """Was: `sim check` within 300 MB never ended (OpenBLAS asks for memory in a loop), within 400 MB 80 lines."""
    code = f"import resource; resource.setrlimit(resource.RLIMIT_AS, ({megabytes}_000_000,) * 2); {COMMAND}"
    done = subprocess.run(
        [sys.executable, "-c", code, "check", str(TINY)], capture_output=True, text=True, timeout=60, check=False,
        env=surroundings(),
    )  # fmt: skip
    assert done.returncode == 3, done.stderr
    [line] = done.stderr.splitlines()
    assert line.startswith(f"{megabytes} MB of address space are allowed")


def test_a_baseline_of_infinite_numbers_is_one_line(tmp_path: Path) -> None:
    """Was: a traceback of json."""
    file = tmp_path / "base.json"
    assert said("baseline", "save", TINY, file, "--runs", "2").exit_code == 0
    stated = json.loads(file.read_text())
    stated["planned"]["lead_time_full_days"] = float("-inf")
    file.write_text(json.dumps(stated))
    done = said("baseline", "check", TINY, file, "--runs", "2")
    assert done.exit_code == 2, done.output
    assert done.output.splitlines()[-1].endswith("not a baseline: -Infinity is no number")
    assert "Traceback" not in done.output


def test_a_compiler_that_is_switched_off_is_one_line() -> None:
    """Was: an AttributeError of a kernel that numba left in Python."""
    done = subprocess.run(
        words(["run", TINY, "--runs", "2", "--engine", "compiled"]), capture_output=True, text=True, timeout=120,
        check=False, env=surroundings({"NUMBA_DISABLE_JIT": "1"}),
    )  # fmt: skip
    assert (done.returncode, done.stderr.splitlines()) == (
        2, ["--engine compiled: numba is switched off by NUMBA_DISABLE_JIT"],
    )  # fmt: skip


@pytest.mark.parametrize("name", [f"{'x' * 300}.yaml", "~nobody-here/base.yaml", "a\0b.yaml"])
def test_a_base_that_cannot_be_a_file_is_one_line(name: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(f"schema_version: 1\nname: mine\nextends: {json.dumps(name)}\n")
    done = said("check", file)
    assert done.exit_code == 2, done.output
    assert len(done.output.splitlines()) == 1
