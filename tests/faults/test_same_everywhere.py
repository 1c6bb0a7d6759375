"""The same project gives the same bytes wherever, whenever and by whomever it is run."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pytest

from sim.study.case import prepare_case
from tests.faults.conftest import Observed
from tests.faults.processes import ROOT, STUDY, TINY, given, surroundings
from tests.tiny_project import tiny

pytestmark = [pytest.mark.faults, pytest.mark.skipif(os.name != "posix", reason="sets time zones by environment")]
DATA = ("manifest.json", "summary.json", "runs.parquet", "curves.parquet", "events.parquet")
# weekends, holidays, a night shift and the summer time of two continents
DATED = ("calendars.site.days=[mon, tue, wed, thu, fri]", "calendars.site.holidays={country: US}")
Surroundings = Mapping[str, str | None]
MATRIX: dict[str, Surroundings] = {
    "UTC": {"TZ": "UTC"},
    "New York": {"TZ": "America/New_York"},
    "Kolkata, an odd half hour": {"TZ": "Asia/Kolkata"},
    "Apia, which skipped a day": {"TZ": "Pacific/Apia"},
    "German numbers and dates": {"LC_ALL": "de_DE.UTF-8", "LANG": "de_DE.UTF-8"},
    "Turkish letters": {"LC_ALL": "tr_TR.UTF-8"},
    "no locale at all": {"LC_ALL": "C", "LANG": None, "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "hash seed 0": {"PYTHONHASHSEED": "0"},
    "hash seed 1": {"PYTHONHASHSEED": "1"},
    "hash seed by chance": {"PYTHONHASHSEED": "random"},
    "optimised": {"PYTHONOPTIMIZE": "1"},
    "no home": {"HOME": "/nonexistent", "USER": None, "LOGNAME": None},
    "two threads": {"OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2", "NUMBA_NUM_THREADS": "2"},
}
FEW = ("Apia, which skipped a day", "Turkish letters")


def performed(out: Path, env: Surroundings, cwd: Path, umask: int = 0o022, config: Path = TINY) -> dict[str, str]:
    """Digests of the files of a run in these surroundings."""
    done = subprocess.run(
        [sys.executable, "-c", STUDY, *given(out, 6, more=DATED, config=config)],
        cwd=cwd, env=surroundings(env), capture_output=True, text=True, check=False, timeout=300,
        preexec_fn=lambda: os.umask(umask) and None,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return {name: hashlib.sha256((out / name).read_bytes()).hexdigest() for name in DATA}


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return performed(tmp_path_factory.mktemp("usual") / "tiny", {}, ROOT)


@pytest.mark.slow
@pytest.mark.parametrize("name", FEW)
def test_the_odd_ones_first(name: str, usual: dict[str, str], tmp_path: Path) -> None:
    assert performed(tmp_path / "tiny", MATRIX[name], tmp_path) == usual


@pytest.mark.slow
def test_every_place_gives_the_same_bytes(usual: dict[str, str], tmp_path: Path, observed: Observed) -> None:
    for number, env in enumerate(MATRIX.values()):
        assert performed(tmp_path / str(number), env, tmp_path) == usual
    observed(f"{len(MATRIX)} surroundings, five files each: {len(DATA) * len(MATRIX)} digests, one for each file")


@pytest.mark.slow
def test_where_it_is_started_and_who_may_read_it_do_not_matter(
    usual: dict[str, str], tmp_path: Path, observed: Observed
) -> None:
    deep = tmp_path / "a b" / "ü"
    deep.mkdir(parents=True)
    config = Path(os.path.relpath(TINY, deep))
    for umask in (0o000, 0o077):
        assert performed(tmp_path / f"umask{umask}", {}, deep, umask, config) == usual
    mode = (tmp_path / "umask63" / "runs.parquet").stat().st_mode & 0o777
    assert mode == 0o600
    observed("from another folder, by a relative path, with umask 000 and 077 (files then 600): identical")


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs to become somebody else")
def test_another_user_gets_the_same(usual: dict[str, str], tmp_path: Path, observed: Observed) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as place:
        Path(place).chmod(0o777)
        script = f"import os; os.setuid(65534)\n{STUDY}"
        done = subprocess.run(
            [sys.executable, "-c", script, *given(f"{place}/tiny", 6, more=DATED)],
            env=surroundings({"HOME": "/nonexistent"}), cwd="/", capture_output=True, text=True, check=False, timeout=300,
        )  # fmt: skip
        if "ModuleNotFoundError" in done.stderr or ("Permission denied" in done.stderr and "tiny.yaml" in done.stderr):
            pytest.skip("another user may not read this checkout or this interpreter")
        assert done.returncode == 0, done.stderr
        found = {name: hashlib.sha256(Path(place, "tiny", name).read_bytes()).hexdigest() for name in DATA}
    assert found == usual
    observed("as user 65534 without a home: identical")


COLUMNS = """
import json, sys
sys.path.insert(0, sys.argv[2])
import numpy
import sim
found = sim.run(sim.load(sys.argv[1]), runs=2, seed=1, workers=1, engine="simpy").sample.runs
numbers = {name: [float(x).hex() for x in column] for name, column in found.items() if column.dtype.kind in "fi"}
print(json.dumps({"numpy": numpy.__version__, "columns": numbers}))
"""


@pytest.mark.slow
@pytest.mark.parametrize("libraries", ["oldest", "newest"])
def test_other_versions_of_libraries_give_the_same_columns(libraries: str, tmp_path: Path, observed: Observed) -> None:
    """Was: wages by a matrix product, whose last bit is the library's choice, moved a cent to another week (14 columns)."""
    other = ROOT / f".venv-{libraries}" / "bin" / "python"
    if not other.exists():
        pytest.skip(f"there is no environment of the {libraries} libraries here: make test-{libraries}")
    here, there = (
        json.loads(subprocess.run(
            [interpreter, "-c", COLUMNS, str(TINY), str(ROOT)], cwd=tmp_path, capture_output=True, text=True, check=True,
            timeout=600, env=surroundings({"NUMBA_CACHE_DIR": str(tmp_path)}),
        ).stdout) for interpreter in (sys.executable, str(other))
    )  # fmt: skip
    differing = [name for name, column in here["columns"].items() if there["columns"][name] != column]
    assert not differing
    observed(f"{len(here['columns'])} columns by numpy {here['numpy']} and {there['numpy']}: the same bits")


@pytest.mark.parametrize(
    ("start", "over"),
    [("2028-02-25", "a leap day"), ("2026-03-05", "clocks going forward"), ("2026-10-29", "clocks going back"),
     ("2026-12-28", "a new year"), ("2100-02-25", "a century without a leap day")],
)  # fmt: skip
def test_a_day_is_always_1440_minutes(start: str, over: str, observed: Observed) -> None:
    """Round the clock, every duration known: whatever the calendar does meanwhile, it takes as long."""
    case = prepare_case(tiny(f"scale.start_date={start}"))
    metrics, _ = case.measured(case.planned, case.simulate(case.planned))
    plain = prepare_case(tiny("scale.start_date=2026-06-01"))
    expected, _ = plain.measured(plain.planned, plain.simulate(plain.planned))
    assert metrics["lead_time_full_days"] == expected["lead_time_full_days"]
    observed(f"across {over} from {start}: {metrics['lead_time_full_days']:.4f} days, as in June")


def test_a_day_that_does_not_exist_is_refused() -> None:
    from sim.errors import ConfigError

    with pytest.raises(ConfigError, match="2026-02-29"):
        tiny("scale.start_date=2026-02-29")
    assert tiny("scale.start_date=2028-02-29").scale.start_date == date(2028, 2, 29)
