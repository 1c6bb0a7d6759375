"""Everything that reads what a stranger wrote, by name: bytes in, and nothing but a SimError out.

Used by the property tests (`test_fuzzed_input`) and by the coverage-guided fuzzer (`make fuzz`).
"""

from __future__ import annotations

import json
import math
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from datetime import date, timedelta
from functools import cache
from pathlib import Path

from click.testing import CliRunner

from sim.cli import main
from sim.config.yaml_reader import read_text
from sim.errors import SimError
from sim.files import digest
from sim.report.exchange.formats import read_network
from sim.report.exchange.importers.into_config import fragment, read_trades, with_trades
from sim.study.analyses import baseline
from sim.study.analyses.design import StudyDesign, read_study
from sim.study.analyses.forecast.forecast_case import forecast_case
from sim.study.analyses.forecast.plan_steps import PlanSteps
from sim.study.analyses.forecast.sheet.status_checks import require_sound
from sim.study.analyses.forecast.sheet.status_sheet import GRAINS, status_sheet
from sim.study.analyses.forecast.status import read_status
from sim.study.analyses.forecast.status_file import csv_bytes
from sim.study.analyses.sensitivity import analyse
from sim.study.analyses.shards import merge_shards, run_shard
from sim.study.analyses.shards import parse as parse_shard
from sim.study.analyses.sweep import sweep_design
from sim.study.analyses.tuning import tune_design
from sim.study.api import load, run
from sim.study.case import prepare_case
from sim.study.result import Result
from sim.study.runner import parse as parse_precision
from sim.study.storage import sealed_files
from sim.study.storage.checkpoint import FINGERPRINT_LENGTH, RUN_DOCUMENT
from sim.world.weather.weather_files import read_year
from tests.tiny_project import TINY

ROOT = Path(__file__).parents[2]
METRICS = ("lead_time_full_days", "peak_workforce_onsite")


@cache
def place() -> Path:
    """A folder with the tiny project and its base, for the life of this process."""
    found = Path(tempfile.mkdtemp(prefix="fuzz"))
    (found / "base.yaml").write_text((ROOT / "configs" / "base.yaml").read_text())
    (found / "tiny.yaml").write_text(TINY.read_text().replace("../../configs/base.yaml", "base.yaml"))
    return found


def clear() -> None:
    """Remove the folder."""
    shutil.rmtree(place(), ignore_errors=True)
    place.cache_clear()


def _file(name: str, data: bytes) -> Path:
    path = place() / name
    path.write_bytes(data)
    return path


def _yaml(data: bytes) -> None:
    read_text(data.decode(errors="surrogateescape"), "f")


def _config(data: bytes) -> None:
    load(_file("x.yaml", data))


def _set(data: bytes) -> None:
    load(place() / "tiny.yaml", data.decode(errors="replace").splitlines()[:3])


@cache
def _result() -> Result:
    return run(load(place() / "tiny.yaml"), runs=2, workers=1)


def _baseline(data: bytes) -> None:
    baseline.check(_result(), _file("baseline.json", data))


@cache
def _year() -> bytes:
    """Rows of a whole year, which what is fuzzed stands before: a file of less than a year is refused at once."""
    return _hours(range(YEAR_FROM, 366))


def _weather(data: bytes) -> None:
    read_year(_file("x.csv", data + _year()))


def _study(data: bytes) -> None:
    read_study(_file("study.yaml", data))


def _design(data: bytes, *more: str) -> StudyDesign:
    """A study as it is run here: few points of small projects, a test of values and not of size."""
    design = read_study(_file("study.yaml", data), ["runs=2", "points=4", *more])
    study = design.study
    points = math.prod(max(1, len(varied.values)) for varied in study.inputs.values()) * len(design.bases)
    if points > MAX_POINTS or len(study.inputs) > MAX_INPUTS:
        raise SimError("more points than are run here")
    return design


def _sweep(data: bytes) -> None:
    sweep_design(_design(data), workers=1)


def _tune(data: bytes) -> None:
    tune_design(_design(data, "tune.trials=3", "tune.fresh_runs=2"), workers=1)


def _sensitivity(data: bytes) -> None:
    analyse(_design(data, "sensitivity.size=2"), workers=1)


def _steps() -> PlanSteps:
    case = prepare_case(load(place() / "tiny.yaml"))
    return PlanSteps.of(case)


_steps_once = cache(_steps)


def _status(data: bytes) -> None:
    steps = _steps_once()
    facts = read_status(_file("status.csv", data), steps.project.scale.start_date)
    require_sound(steps, facts)


def _forecast(data: bytes) -> None:
    loaded = load(place() / "tiny.yaml")
    facts = read_status(_file("status.csv", data), loaded.value.scale.start_date)
    forecast_case(loaded, facts, learning=True).simulate_chunk(1, 0, 2)


def _ask(data: bytes) -> None:
    str(_result().ask(data.decode(errors="replace")))


def _init(data: bytes) -> None:
    """`sim init` with a line an option; it writes its folder into one that is emptied each time."""
    words = [word for word in data.decode(errors="replace").split("\n") if word]
    shutil.rmtree(place() / "init", ignore_errors=True)
    (place() / "init").mkdir()
    if not words or words[0].startswith(("-", "/")) or ".." in words[0]:
        raise SimError("elsewhere than here")
    said = CliRunner().invoke(main, ["init", str(place() / "init" / words[0].replace("\0", "_")), *words[1:]])
    if said.exception is not None and not isinstance(said.exception, SystemExit):
        raise said.exception
    assert said.exit_code in {0, 1, 2}, said.output
    if said.exit_code:
        raise SimError(said.output)


def _trades(data: bytes) -> None:
    network = read_network(_file("sound.xml", XML))
    with_trades(network, read_trades(_file("trades.csv", data), _result_trades()))


@cache
def _result_trades() -> tuple[str, ...]:
    return tuple(load(place() / "tiny.yaml").value.labour.trades)


@cache
def _shards() -> tuple[Path, ...]:
    """Two sound parts of a run of four replications."""
    loaded, folder = load(place() / "tiny.yaml"), place() / "shards"
    return tuple(run_shard(loaded, f"{part}/2", folder / "tiny", runs=4, workers=1) for part in (1, 2))


def _merge(data: bytes) -> None:
    """Put two parts together: what they say of themselves is fuzzed, then numbers of one of them; both sealed anew."""
    told, _, numbers = data.partition(BETWEEN)
    shutil.rmtree(place() / "damaged", ignore_errors=True)
    parts = [shutil.copytree(shard, place() / "damaged" / shard.name) for shard in _shards()]
    for part in parts:
        _resealed(part / RUN_DOCUMENT, told)
    _renumbered(next(parts[0].glob("chunk-*")), numbers.decode(errors="replace"))
    merge_shards(parts)


def _resealed(path: Path, told: bytes) -> None:
    try:
        document = json.loads(told)
        sealed_files.write(path, document)
    except (ValueError, AttributeError, TypeError, RecursionError):
        path.write_bytes(told)


def _renumbered(chunk: Path, numbers: str) -> None:
    """Write numbers (a line each: column, row, number) into a chunk, named as a chunk of these bytes is."""
    columns = {name: kept.copy() for name, kept in sealed_files.from_bytes(chunk.read_bytes(), str(chunk)).items()}
    for line in numbers.splitlines():
        name, row, value = (line.split() + [""] * 3)[:3]
        with suppress(ValueError, OverflowError, IndexError, KeyError):
            columns[name][int(row)] = type(columns[name][0])(value)
    data = sealed_files.to_bytes(columns)
    chunk.unlink()
    name = "-".join([*chunk.stem.split("-")[:3], digest(data)[:FINGERPRINT_LENGTH]])
    chunk.with_name(f"{name}.parquet").write_bytes(data)


def _xml(data: bytes) -> None:
    fragment(read_network(_file("x.xml", data)), "site_works")


def _xer(data: bytes) -> None:
    fragment(read_network(_file("x.xer", data)), "site_works")


def _shard(data: bytes) -> None:
    parse_shard(data.decode(errors="replace"))


def _precision(data: bytes) -> None:
    parse_precision(data.decode(errors="replace"), METRICS)


PARSERS: dict[str, Callable[[bytes], None]] = {
    "yaml": _yaml,
    "config": _config,
    "set": _set,
    "baseline": _baseline,
    "weather": _weather,
    "study": _study,
    "xml": _xml,
    "xer": _xer,
    "shard": _shard,
    "precision": _precision,
    "status": _status,
    "ask": _ask,
    "trades": _trades,
    "init": _init,
    "merge": _merge,
    "sweep": _sweep,
    "tune": _tune,
    "sensitivity": _sensitivity,
    "forecast": _forecast,
}
EXECUTED = frozenset({"merge", "sweep", "tune", "sensitivity", "forecast"})
"""Those that simulate: some tenths of a second for each input."""


def survives(name: str, data: bytes) -> str:
    """Parse; "read" or the first line of the refusal. Anything but a SimError goes through."""
    try:
        PARSERS[name](data)
    except SimError as refused:
        text = str(refused)
        assert text.strip(), "a refusal without words"
        return text.splitlines()[0]
    return "read"


XML = b"""<?xml version="1.0"?><Project xmlns="x"><Calendars/><Tasks><Task><UID>1</UID><Name>a</Name>
<Duration>PT8H0M0S</Duration></Task></Tasks></Project>"""
XER = b"""ERMHDR\t1
%T\tPROJECT
%F\tproj_id\tclndr_id
%R\t1\t1
%T\tCALENDAR
%F\tclndr_id\tday_hr_cnt
%R\t1\t8
%T\tTASK
%F\ttask_id\ttask_name\ttask_type\ttarget_drtn_hr_cnt\tclndr_id
%R\t1\ta\tTT_Task\t8\t1
%E
"""
STUDY = b"""schema_version: 1
name: s
question: How late may the power be?
configs: [tiny.yaml]
runs: 2
inputs:
  week: {paths: [energization.units.first_week], values: [3, 4]}
  crews: {paths: [labour.trades.civil.crews], values: [1, 2]}
metrics: [lead_time_full_days]
"""
RANGES = b"""schema_version: 1
name: s
question: How many?
configs: [tiny.yaml]
design: sampled
inputs:
  week: {paths: [energization.units.first_week], low: 3, high: 6}
  hours: {paths: ["site_works.steps.*.days"], low: 0.9, high: 1.2, times: true}
metrics: [lead_time_full_days]
sensitivity: {method: METHOD, metric: lead_time_full_days, statistic: p80, size: 2}
tune:
  metric: idle_capital_months
  constraints: [{metric: lead_time_full_days, probability: 0.8, at_most: 60}]
"""
INIT = b"""mine
--mw
120
--place
ohio
--strategy
modular
--start
2027-01-04
"""
QUESTIONS = (
    b"mw >= 2.5 by 2026-06-30", b"finish by 2026-12-31", b"peak_workforce_onsite < 40", b"mw >= 2", b"lead_time_full_days",
)  # fmt: skip
BETWEEN = b"\n---- numbers ----\n"
YEAR_FROM = 8
"""Day of the year at which the part of a weather file that is not fuzzed begins."""
MAX_POINTS, MAX_INPUTS = 8, 4
OVER_THE_BASE = b"extends: base.yaml\nschema_version: 1\nname: x\n"
SEEDS: dict[str, tuple[bytes, ...]] = {
    "set": (
        b"logistics.cranes=2",
        b"shell.steps.slab.hours={low: 1, mode: 2, high: 3}",
        b"scale.start_date=2027-03-01\nhall.blocks=1",
    ),
    "study": (STUDY, *(RANGES.replace(b"METHOD", method) for method in (b"low_high", b"morris", b"sobol"))),
    "sweep": (STUDY, RANGES.replace(b"METHOD", b"morris")),
    "tune": (RANGES.replace(b"METHOD", b"morris"),),
    "sensitivity": tuple(RANGES.replace(b"METHOD", method) for method in (b"low_high", b"morris", b"sobol")),
    "ask": QUESTIONS,
    "init": (INIT, b"mine\n--mw\n30\n"),
    "trades": (b"resource,trade,crews\nElectrician,electricians,0.5\nRigger,riggers,1\nLabourer,civil,\n",),
    "xml": (XML,),
    "xer": (XER,),
    "shard": (b"2/4", b"17 / 120"),
    "precision": (b"1%@p80:lead_time_full_days", b"0.5%@p50:peak_workforce_onsite"),
}


@cache
def seeds(name: str) -> tuple[bytes, ...]:
    """Sound input to begin with."""
    if name in {"yaml", "config"}:
        return ((place() / "tiny.yaml").read_bytes(), OVER_THE_BASE)
    if name == "baseline":
        baseline.save(_result(), place() / "seed.json")
        return ((place() / "seed.json").read_bytes(),)
    if name in {"status", "forecast"}:
        steps, day = _steps_once(), date(2026, 1, 23)
        return tuple(csv_bytes(status_sheet(steps, day, grain)) for grain in GRAINS)
    if name == "merge":
        numbers = b"lead_time_full_days 0 30.5\nidle_capital_months 1 0.5\nstatus 1 ok\n"
        return ((_shards()[0] / RUN_DOCUMENT).read_bytes() + BETWEEN + numbers,)
    return (_head() + _hours(range(1, YEAR_FROM)),) if name == "weather" else SEEDS[name]


def _head() -> bytes:
    """The first lines of a TMY3 file."""
    names = "Date (MM/DD/YYYY),Time (HH:MM),Wspd (m/s),Dry-bulb (C),Lprecip depth (mm),PresWth (METAR code)"
    return f"723650,X,TX\n{names}\n".encode()


def _hours(days: range) -> bytes:
    """The hours of some days of a year."""
    dates = [date(1999, 1, 1) + timedelta(days=day - 1) for day in days]
    rows = [f"{day:%m/%d/%Y},{hour:02d}:00,3.1,12.0,{hour % 2},0\n" for day in dates for hour in range(1, 25)]
    return "".join(rows).encode()
