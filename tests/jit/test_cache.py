"""Machine code is made once and kept under the digest of its sources: the next process only loads it."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sim.jit import available

if not available():
    pytest.skip("numba is an extra that is not installed", allow_module_level=True)

from sim.jit import cache  # after the skip

ROOT = Path(__file__).parents[2]
LOAD = """
from sim.engine.numba_engine.simulate import load_kernel
from sim.engine.numba_engine.kernel import run_kernel
load_kernel()
print(sum(run_kernel.stats.cache_hits.values()), sum(run_kernel.stats.cache_misses.values()))
"""


def load(**changed: str) -> subprocess.CompletedProcess[str]:
    """Have another process load the kernel."""
    surroundings = {**os.environ, **changed}
    return subprocess.run(
        [sys.executable, "-c", LOAD], cwd=ROOT, env=surroundings, capture_output=True, text=True, check=True
    )


@pytest.mark.slow
def test_the_second_process_finds_what_the_first_one_compiled(tmp_path: Path) -> None:
    first, second = (load(NUMBA_CACHE_DIR=str(tmp_path)) for _ in range(2))
    assert first.stdout.split() == ["0", "1"]
    assert second.stdout.split() == ["1", "0"]
    assert [path.name for path in tmp_path.iterdir()] == [cache.digest()]


@pytest.mark.slow
def test_without_a_folder_everything_is_compiled_and_one_sentence_says_so(tmp_path: Path) -> None:
    blocked = tmp_path / "a file"
    blocked.touch()
    done = load(NUMBA_CACHE_DIR=str(blocked))
    assert done.stdout.split()[0] == "0"
    assert done.stderr.count("cannot be kept") == 1
    assert "Traceback" not in done.stderr


def damage(path: Path, how: str) -> None:
    """Do to a file what a crash or a bad disk does."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 16
    path.write_bytes({"empty": b"", "torn": bytes(data[: len(data) // 3]), "flipped": bytes(data)}[how])


@pytest.mark.slow
@pytest.mark.parametrize("how", ["empty", "torn", "flipped"])
def test_rotten_machine_code_is_compiled_again_with_one_sentence(tmp_path: Path, how: str) -> None:
    load(NUMBA_CACHE_DIR=str(tmp_path))
    load(NUMBA_CACHE_DIR=str(tmp_path))  # looks at what the first one left
    for path in tmp_path.rglob("*run_kernel*" if how == "flipped" else "*.nb[ic]"):
        damage(path, how)
    done = load(NUMBA_CACHE_DIR=str(tmp_path))
    assert done.stdout.split() == ["0", "1"]
    assert done.stderr.count("compiled again") == 1
    assert "Traceback" not in done.stderr
    assert load(NUMBA_CACHE_DIR=str(tmp_path)).stdout.split() == ["1", "0"]


@pytest.mark.parametrize("how", ["empty", "torn", "flipped"])
@pytest.mark.parametrize("name", ["f.nbi", "f.1.nbc"])
def test_a_damaged_file_goes_with_what_belongs_to_it_and_nothing_else(tmp_path: Path, how: str, name: str) -> None:
    files = {file: tmp_path / "kernels_1" / file for file in ("f.nbi", "f.1.nbc", "f.2.nbc", "g.nbi", "g.1.nbc")}
    for path in files.values():
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(path.name.encode() * 9)
    assert cache.remove_damaged(tmp_path) == []
    damage(files[name], how)
    assert {path.name for path in cache.remove_damaged(tmp_path)} == {"f.nbi", "f.1.nbc", "f.2.nbc"}
    assert {file for file, path in files.items() if path.exists()} == {"g.nbi", "g.1.nbc"}
    assert cache.remove_damaged(tmp_path) == []


def test_a_note_that_cannot_be_read_is_written_anew(tmp_path: Path) -> None:
    (tmp_path / "f.nbi").write_bytes(b"index")
    (tmp_path / cache.FINGERPRINTS_FILE).write_bytes(b"\xff{")
    assert cache.remove_damaged(tmp_path) == []
    assert '"f.nbi"' in (tmp_path / cache.FINGERPRINTS_FILE).read_text()


def test_numba_that_is_switched_off_is_as_good_as_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")
    assert not available()


def imported(path: Path) -> set[str]:
    """The files of sim that a file imports from."""
    nodes = [node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.ImportFrom)]
    names = {f"{node.module}.{alias.name}" for node in nodes for alias in node.names} | {
        str(node.module) for node in nodes
    }
    files = {ROOT / f"{name.replace('.', '/')}.py" for name in names if name.startswith("sim.")}
    return {str(file.relative_to(ROOT / "sim")) for file in files if file.is_file()}


def compiled_files() -> list[Path]:
    """Files with functions that numba compiles."""
    return [path for path in cache.sources() if "from sim.jit.toolkit import" in path.read_text("utf-8")]


def test_whatever_a_kernel_imports_is_in_the_digest() -> None:
    known = {str(path.relative_to(ROOT / "sim")) for path in cache.sources()}
    assert len(compiled_files()) > 10
    # calendars and the two modules that start the kernel bring objects of Python, no constants of machine code
    python_only = {"world/working_time.py", "errors.py"}
    for path in compiled_files():
        if path.name != "simulate.py":
            assert imported(path) - python_only <= known, path.name


def test_every_compiled_function_stands_in_a_file_of_the_digest() -> None:
    known = set(cache.sources())
    with_code = [path for path in (ROOT / "sim").rglob("*.py") if "@entry_point" in path.read_text("utf-8")]
    assert with_code
    assert set(with_code) <= known


def test_a_changed_source_has_another_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    before = cache.digest()
    monkeypatch.setattr(cache, "CONSTANTS", cache.CONSTANTS[1:])
    assert cache.digest() != before


def test_two_old_folders_are_kept_and_nothing_that_is_not_ours(tmp_path: Path) -> None:
    for number in range(4):
        folder = tmp_path / f"{number:016x}"
        folder.mkdir()
        os.utime(folder, (number, number))
    (tmp_path / "something else").mkdir()
    cache._remove_old(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"{2:016x}", f"{3:016x}", "something else"]


def test_two_first_runs_that_start_together_both_keep_what_they_compile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Each may find no folder, and then find that the other has made it, or removed an old one."""
    name, is_directory = cache.digest(), Path.is_dir
    gone = [tmp_path / f"{number:016x}" for number in range(4)]
    (tmp_path / name).mkdir()
    monkeypatch.setattr("numba.config.CACHE_DIR", str(tmp_path))
    # before it is looked for the folder is not there yet, and old ones are no longer when their time is asked for
    first_look = iter([False])

    def is_dir(path: Path) -> bool:
        return next(first_look, is_directory(path)) if path.name == name else path in gone or is_directory(path)

    monkeypatch.setattr(Path, "is_dir", is_dir)
    monkeypatch.setattr(Path, "iterdir", lambda path: iter(gone if path == tmp_path else os.scandir(path)))
    assert cache.use_cache()
    assert not caplog.records


COLD = """
import sim
from sim.study import case as cases
made = cases.prepare_case(sim.load("one_block"), engine="compiled")
made.simulate_chunk(1, 0, 1)
from sim.metrics.kernels import capital, critical_chain, crew_weeks, late_dates, ledger, log
from sim.world import kernels as weather
from sim.engine.numba_engine.kernel import run_kernel
helped = [log.read, critical_chain.walk_back, capital.integrate, ledger.write_entries, weather.find_closures]
own = [run_kernel, crew_weeks.read_crews, late_dates.backward]
for kernels in (helped, own):
    print(*([sum(getattr(one.stats, how).values()) for one in kernels].count(0) for how in ("cache_hits", "cache_misses")))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="needs a fork")
def test_on_a_new_machine_another_process_compiles_what_measures_runs(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", COLD], capture_output=True, text=True, check=True, cwd=ROOT,
        env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)},
    )  # fmt: skip
    # of the helper's kernels all are loaded here and none is compiled; of those of engine and crew planning none is loaded
    assert done.stdout.splitlines() == ["0 5", "3 0"], done.stderr


WITHOUT = """
import sys
from sim.jit import load_numba
load_numba()
print("scipy.linalg" in sys.modules)
import numpy as np
from numba import njit
print(njit(lambda one, other: np.dot(one, other))(np.eye(2), np.full((2, 1), 3.0)).ravel())
"""


def test_numba_is_loaded_without_linear_algebra_and_finds_it_when_it_is_asked_for() -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.splitlines() == ["False", "[3. 3.]"], done.stderr


ALONE = """
import sys
from sim.jit import special_functions
found = special_functions()
print(found.ndtri(0.5), "scipy.linalg" in sys.modules, "scipy.special" in sys.modules)
import scipy.special
from scipy import stats
print(scipy.special.betaincinv is found.betaincinv, stats.norm.ppf(0.5), special_functions() is found)
"""


def test_special_functions_are_loaded_alone_and_are_those_of_their_package() -> None:
    done = subprocess.run([sys.executable, "-c", ALONE], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.splitlines() == ["0.0 False False", "True 0.0 True"], done.stderr


VERDICT = """
import sys
from sim.cli import main, run
shown = run.show_verdict
def show(result):
    shown(result)
    print("loaded:", [name for name in ("scipy.special", "scipy.linalg", "matplotlib") if name in sys.modules])
run.show_verdict = show
main(["run", "one_block", "--runs", "2", "--workers", "1", "--figures", "none", "--out", sys.argv[1]], standalone_mode=False)
"""


def test_a_run_to_its_verdict_loads_no_more_of_scipy_than_special_functions(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", VERDICT, str(tmp_path / "out")], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert "loaded: []" in done.stdout.splitlines(), done.stderr


KERNEL = """
import numpy as np
from sim.jit.toolkit import Floats, entry_point

@entry_point
def doubled(numbers: Floats) -> float:
    return 2 * numbers[0]
"""
CALLED = """
import sys
import numpy as np
from kernel import doubled
print(doubled(np.array([4.0])), sum(doubled.stats.cache_hits.values()), "numba.np.arraymath" in sys.modules)
"""


def test_machine_code_is_loaded_before_numba_gets_ready_to_compile(tmp_path: Path) -> None:
    (tmp_path / "kernel.py").write_text(KERNEL)
    places = {"NUMBA_CACHE_DIR": str(tmp_path / "kept"), "PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}"}
    told = [
        subprocess.run(
            [sys.executable, "-c", CALLED], capture_output=True, text=True, check=True, cwd=tmp_path,
            env={**os.environ, **places},
        ).stdout.split()
        for _ in range(2)
    ]  # fmt: skip
    assert told == [["8.0", "0", "True"], ["8.0", "1", "False"]]
